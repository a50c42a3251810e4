"""Corpora of simulated emotion experiments: several datasets as different as the real ones.

Datasets differ in cap, reference, rate, gain, noise, label set, clips, class balance and in how
many subjects, sessions and trials they have. What they share is the brain: emotions of every label
set are points of one latent space (:mod:`mdjpt.simulation.emotion`), so that what is learned from
one dataset can help another. Subjects who watch the same clip share its course of the latent
emotion and its evoked potentials.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

from mdjpt.simulation.artefacts import ArtefactLevels
from mdjpt.simulation.emotion import check_classes
from mdjpt.simulation.schedule import TRANSITION_S

__all__ = ["DatasetConfig"]


@dataclass(frozen=True)
class DatasetConfig:
    """One simulated experiment.

    Attributes
    ----------
    name : str
        Datasets of another name have other subjects and clips.
    ch_names : tuple of str
        Electrodes, as :class:`~mdjpt.simulation.SimulatedParticipant` takes them.
    sfreq : float
        Sampling rate in Hz, at least 100.
    classes : tuple of str
        The label set; a trial's label is the index in it.
    reference : str or tuple of str
        Electrode(s), "average" or "infinity".
    n_subjects, n_sessions, n_trials : int
        Subjects, sessions of each, trials of each session.
    trial_s : tuple of float
        Shortest and longest clip, seconds; each clip has a length of its own.
    rest_s : float
        Rest before each clip, seconds, at least 2.
    class_weights : tuple of float
        Relative frequency of each class among the clips; empty: equal.
    order : {"fixed", "random"}
        The same presentation order for every subject, or another one for each.
    new_clips : bool
        Whether each session shows clips of its own; else all sessions show the same.
    disagreement : float
        Share of trials in which the person feels another class than the label says.
    stimulus_strength : float
        Factor of all that is the clip's own (:class:`mdjpt.simulation.Stimulus`).
    gain : float
        Factor of the samples, as of an amplifier that is off.
    noise_uv : float
        Standard deviation of the sensor noise, microvolts.
    artefacts : ArtefactLevels
        How much of what.
    difficulty : float
        0 (easiest) to 1 (emotions leave no trace).
    seed : int
        Another seed, other subjects and clips.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    name: str
    ch_names: tuple[str, ...]
    sfreq: float
    classes: tuple[str, ...]
    reference: str | tuple[str, ...] = "FCz"
    n_subjects: int = 12
    n_sessions: int = 1
    n_trials: int = 15
    trial_s: tuple[float, float] = (60.0, 90.0)
    rest_s: float = 5.0
    class_weights: tuple[float, ...] = ()
    order: Literal["fixed", "random"] = "random"
    new_clips: bool = False
    disagreement: float = 0.0
    stimulus_strength: float = 1.0
    gain: float = 1.0
    noise_uv: float = 0.5
    artefacts: ArtefactLevels = field(default_factory=ArtefactLevels)
    difficulty: float = 0.5
    seed: int = 0

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
