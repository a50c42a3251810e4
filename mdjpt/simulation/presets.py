"""Simulated stand-ins for the public emotion datasets: their caps, labels and designs.

Clips are shorter than the real ones (30 to 60 s) so that a corpus is made in minutes; subjects are
as many as a test needs and can be changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mdjpt.datasets.electrodes import DEAP_32, EMOTIV_14, FACED_32, SEED_62
from mdjpt.simulation.artefacts import ArtefactLevels
from mdjpt.simulation.corpus import DatasetConfig
from mdjpt.simulation.emotion import class_set

__all__ = ["PRESETS", "preset_corpus"]

_CLEANED = ArtefactLevels(blinks=0.15, saccades=0.3, bursts=0.7, drift=0.3)
_LOOSE = ArtefactLevels(bursts=1.5, pops=3.0, drift=1.5, sensor=1.0, mains_uv=2.0)


def _seed_like(name: str, n_classes: int, **design: Any) -> DatasetConfig:
    """Return an experiment of the SEED family: its cap, one order for all, three long sessions."""
    common: dict[str, Any] = {
        "n_sessions": 3,
        "n_trials": 15,
        "trial_s": (45.0, 60.0),
        "order": "fixed",
    }
    return DatasetConfig(name, SEED_62, 200.0, class_set(n_classes), **common | design)


_MASTOIDS = ("M1", "M2")
_VERTEX = ("CZ", "CPZ")

PRESETS: dict[str, DatasetConfig] = {
    dataset.name: dataset
    for dataset in (
        _seed_like("SEED-like", 3, reference=_VERTEX),
        _seed_like(
            "SEED-IV-like",
            4,
            reference=_VERTEX,
            n_trials=24,
            trial_s=(30.0, 45.0),
            new_clips=True,
            gain=1.2,
        ),
        _seed_like("SEED-V-like", 5, reference=_MASTOIDS, new_clips=True, noise_uv=0.8),
        _seed_like(
            "SEED-VII-like",
            7,
            reference=_MASTOIDS,
            n_sessions=4,
            n_trials=20,
            new_clips=True,
            class_weights=(12, 8, 12, 12, 12, 12, 12),
        ),
        DatasetConfig(
            name="FACED-like",
            ch_names=FACED_32,
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
            ch_names=DEAP_32,
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
            ch_names=EMOTIV_14,
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
) -> tuple[DatasetConfig, ...]:
    """Return the datasets of a corpus.

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
    tuple of DatasetConfig
        To be changed further with :func:`dataclasses.replace`.

    Raises
    ------
    ValueError
        If a name is unknown or given twice.
    """
    chosen = names or ("SEED-like", "SEED-VII-like", "FACED-like", "DEAP-like", "EPOC-like")
    if unknown := [name for name in chosen if name not in PRESETS]:
        raise ValueError(f"unknown dataset {unknown[0]!r}; known: {', '.join(PRESETS)}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"the datasets of a corpus must differ, got {', '.join(chosen)}")
    datasets = (replace(PRESETS[name], seed=seed, difficulty=difficulty) for name in chosen)
    return tuple(
        one if n_subjects is None else replace(one, n_subjects=n_subjects) for one in datasets
    )
