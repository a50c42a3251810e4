"""Corpora of simulated emotion experiments: several datasets as different as the real ones.

Datasets differ in cap, reference, rate, gain, noise, label set, clips, class balance and in how
many subjects, sessions and trials they have. What they share is the brain: emotions of every label
set are points of one latent space (:mod:`mdjpt.simulation.emotion`), so that what is learned from
one dataset can help another. Subjects who watch the same clip share its course of the latent
emotion and its evoked potentials.

The presets stand in for the public datasets: their caps, labels and designs. Clips are shorter than
the real ones (30 to 60 s) so that a corpus is made in minutes; subjects are as many as a test needs
and can be changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal
from zlib import crc32

from mdjpt.datasets.electrodes import DEAP_32, EMOTIV_14, FACED_32, SEED_62
from mdjpt.simulation.artefacts import ArtefactLevels
from mdjpt.simulation.emotion import check_classes, class_set
from mdjpt.simulation.schedule import TRANSITION_S

__all__ = ["PRESETS", "DatasetConfig", "preset_corpus"]


@dataclass(frozen=True)
class DatasetConfig:
    """One simulated experiment.

    Raises ValueError if a value is out of range.
    """

    name: str
    """Datasets of another name have other subjects and clips."""
    ch_names: tuple[str, ...]
    """Electrodes, as :class:`~mdjpt.simulation.SimulatedParticipant` takes them."""
    sfreq: float
    """Sampling rate in Hz, at least 100."""
    classes: tuple[str, ...]
    """The label set; a trial's label is the index in it."""
    reference: str | tuple[str, ...] = "FCz"
    """Electrode(s), "average" or "infinity"."""
    # Subjects, sessions of each, trials of each session.
    n_subjects: int = 12
    n_sessions: int = 1
    n_trials: int = 15
    trial_s: tuple[float, float] = (60.0, 90.0)
    """Shortest and longest clip, seconds; each clip has a length of its own."""
    rest_s: float = 5.0
    """Rest before each clip, seconds, at least 2."""
    class_weights: tuple[float, ...] = ()
    """Relative frequency of each class among the clips; empty: equal."""
    order: Literal["fixed", "random"] = "random"
    """The same presentation order for every subject, or another one for each."""
    new_clips: bool = False
    """Whether each session shows clips of its own; else all sessions show the same."""
    disagreement: float = 0.0
    """Share of trials in which the person feels another class than the label says."""
    stimulus_strength: float = 1.0
    """Factor of all that is the clip's own (:class:`mdjpt.simulation.Stimulus`)."""
    gain: float = 1.0
    """Factor of the samples, as of an amplifier that is off."""
    noise_uv: float = 0.5
    """Standard deviation of the sensor noise, microvolts."""
    artefacts: ArtefactLevels = field(default_factory=ArtefactLevels)
    """How much of what."""
    difficulty: float = 0.5
    """0 (easiest) to 1 (emotions leave no trace)."""
    seed: int = 0
    """Another seed, other subjects and clips."""

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if min(self.n_subjects, self.n_sessions, self.n_trials) < 1:
            raise ValueError(f"{self.name}: needs at least one subject, session and trial")
        shortest, longest = self.trial_s
        if min(self.rest_s, shortest) < TRANSITION_S or shortest > longest:
            raise ValueError(f"{self.name}: rest_s and trial_s must be at least {TRANSITION_S} s")
        if self.class_weights and len(self.class_weights) != len(self.classes):
            raise ValueError(f"{self.name}: class_weights must be one a class")
        if not 0 <= self.disagreement < 1:
            raise ValueError(f"{self.name}: disagreement must be 0 or more and below 1")

    @property
    def key(self) -> int:
        """A number that tells this dataset's random numbers from those of any other."""
        return (self.seed << 32) | crc32(self.name.encode())


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
