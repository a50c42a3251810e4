"""Simulated stand-ins for the public emotion datasets: their caps, labels and designs.

Clips are shorter than the real ones (30 to 60 s) so that a corpus is made in minutes; subjects are
as many as a test needs and can be changed.
"""

from __future__ import annotations

from dataclasses import replace

from mdjpt.signal.montage import STANDARD_CHANNELS
from mdjpt.simulation.artefacts import ArtefactLevels
from mdjpt.simulation.caps import CAPS, DEFAULT_CH_NAMES
from mdjpt.simulation.corpus import CorpusConfig, DatasetConfig
from mdjpt.simulation.emotion import class_set

__all__ = ["PRESETS", "preset_corpus"]

_SEED_CAP = (*STANDARD_CHANNELS[:57], "CB1", *STANDARD_CHANNELS[57:], "CB2")
_FACED_CAP = (
    *("FP1", "FP2", "FZ", "F3", "F4", "F7", "F8", "FC1", "FC2", "FC5", "FC6", "CZ", "C3", "C4"),
    *("T7", "T8", "CP1", "CP2", "CP5", "CP6", "PZ", "P3", "P4", "P7", "P8", "PO3", "PO4", "OZ"),
    *("O1", "O2", "A2", "A1"),
)
_CLEANED = ArtefactLevels(blinks=0.15, saccades=0.3, bursts=0.7, drift=0.3)
_LOOSE = ArtefactLevels(bursts=1.5, pops=3.0, drift=1.5, sensor=1.0, mains_uv=2.0)

PRESETS: dict[str, DatasetConfig] = {
    dataset.name: dataset
    for dataset in (
        DatasetConfig(
            name="SEED-like",
            ch_names=_SEED_CAP,
            sfreq=200.0,
            classes=class_set(3),
            reference=("CZ", "CPZ"),
            n_sessions=3,
            n_trials=15,
            trial_s=(45.0, 60.0),
            order="fixed",
        ),
        DatasetConfig(
            name="SEED-IV-like",
            ch_names=_SEED_CAP,
            sfreq=200.0,
            classes=class_set(4),
            reference=("CZ", "CPZ"),
            n_sessions=3,
            n_trials=24,
            trial_s=(30.0, 45.0),
            order="fixed",
            new_clips=True,
            gain=1.2,
        ),
        DatasetConfig(
            name="SEED-V-like",
            ch_names=_SEED_CAP,
            sfreq=200.0,
            classes=class_set(5),
            reference=("M1", "M2"),
            n_sessions=3,
            n_trials=15,
            trial_s=(45.0, 60.0),
            order="fixed",
            new_clips=True,
            noise_uv=0.8,
        ),
        DatasetConfig(
            name="SEED-VII-like",
            ch_names=_SEED_CAP,
            sfreq=200.0,
            classes=class_set(7),
            reference=("M1", "M2"),
            n_sessions=4,
            n_trials=20,
            trial_s=(45.0, 60.0),
            order="fixed",
            new_clips=True,
            class_weights=(12, 8, 12, 12, 12, 12, 12),
        ),
        DatasetConfig(
            name="FACED-like",
            ch_names=_FACED_CAP,
            sfreq=250.0,
            classes=class_set(9),
            reference="FCZ",
            n_trials=28,
            trial_s=(30.0, 30.0),
            class_weights=(3, 3, 3, 3, 4, 3, 3, 3, 3),
            gain=0.8,
            noise_uv=1.0,
        ),
        DatasetConfig(
            name="DEAP-like",
            ch_names=tuple(name.upper() for name in DEFAULT_CH_NAMES),
            sfreq=128.0,
            classes=("low valence", "high valence"),
            reference="average",
            n_trials=40,
            trial_s=(60.0, 60.0),
            class_weights=(0.43, 0.57),
            disagreement=0.15,
            artefacts=_CLEANED,
        ),
        DatasetConfig(
            name="EPOC-like",
            ch_names=CAPS[14],
            sfreq=128.0,
            classes=class_set(4),
            reference="M1",
            n_trials=18,
            trial_s=(45.0, 60.0),
            class_weights=(1, 1, 1, 2),
            gain=1.5,
            noise_uv=1.5,
            artefacts=_LOOSE,
        ),
    )
}


def preset_corpus(
    *names: str, seed: int = 0, difficulty: float = 0.5, n_subjects: int | None = None
) -> CorpusConfig:
    """Return a corpus of preset datasets.

    Parameters
    ----------
    *names : str
        Keys of :data:`PRESETS`; none: SEED-like, SEED-VII-like, FACED-like, DEAP-like and
        EPOC-like.
    seed : int
        Of all subjects and clips.
    difficulty : float
        0 (easiest) to 1 (emotions leave no trace).
    n_subjects : int or None
        Subjects of each dataset; None: as preset, 12.

    Returns
    -------
    CorpusConfig
        To be changed further with :func:`dataclasses.replace`.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    chosen = names or ("SEED-like", "SEED-VII-like", "FACED-like", "DEAP-like", "EPOC-like")
    unknown = [name for name in chosen if name not in PRESETS]
    if unknown:
        raise ValueError(f"unknown dataset {unknown[0]!r}; known: {', '.join(PRESETS)}")
    return CorpusConfig(
        tuple(
            replace(
                PRESETS[name],
                seed=seed,
                difficulty=difficulty,
                n_subjects=PRESETS[name].n_subjects if n_subjects is None else n_subjects,
            )
            for name in chosen
        )
    )
