"""What an evaluation found: by arm, fold and level. Plain data, which JSON can hold."""

from __future__ import annotations

import json
from dataclasses import asdict, field
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.guard.schema import STRICT, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "LEVELS",
    "FoldOutcome",
    "LevelOutcome",
    "Outcome",
    "level_name",
    "read_outcomes",
    "write_outcomes",
]

MAX_BYTES = 256 << 20

LEVELS = {
    "window": "causal, by window",
    "clip": "causal, by clip",
    "smoothed": "smoothed over the clip, by window (the paper's measure)",
    "smoothed clip": "smoothed over the clip, by clip",
}
"""What is measured, and what a report calls it. A smoothed window has seen its whole clip."""

_AS_WRITTEN = STRICT | ConfigDict(allow_inf_nan=True)  # a metric that cannot be had is NaN


def level_name(level: str) -> str:
    """Return what a level is called in a report."""
    name, _, control = level.partition(", ")
    return LEVELS[name] + (f", {control}" if control else "")


@dataclass(frozen=True, slots=True, config=_AS_WRITTEN)
class LevelOutcome:
    """Measures of one level."""

    scores: dict[str, float]
    """By key of :data:`mdjpt.evaluation.metrics.METRICS`."""
    confusion: list[list[int]]
    """Rows are the labels, columns the predictions."""
    subject_accuracy: dict[str, float]
    """Accuracy within each test subject."""


@dataclass(frozen=True, slots=True, config=_AS_WRITTEN)
class FoldOutcome:
    """One split of the subjects, or one subject where nothing is split."""

    name: str
    """Of the fold."""
    # Subjects.
    n_train: int
    n_test: int
    levels: dict[str, LevelOutcome]
    """By key of :data:`LEVELS`, with ", seen clips" behind it for the control of an evaluation on
    unseen clips."""
    n_epochs: dict[str, int] = field(default_factory=dict)
    """Epochs that were chosen for the head of each kind of features."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_AS_WRITTEN)
class Outcome:
    """One arm of an evaluation."""

    arm: str
    """Short name: a model or a baseline."""
    protocol: str
    """One of "few-shot", "zero-shot" and "transfer"."""
    dataset: str
    """What it was tested on."""
    class_names: tuple[str, ...]
    """Rows of the confusion matrices."""
    unit: str
    """What a fold is: "fold" or "subject"."""
    choices: dict[str, str]
    """Every choice that moves the figures, in words."""
    folds: tuple[FoldOutcome, ...]
    """At least one."""
    simulated: bool = False
    """True when data or model are simulated."""
    notes: tuple[str, ...] = ()
    """What the reader must know."""

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels that were measured."""
        return tuple(self.folds[0].levels)

    def values(self, level: str, metric: str) -> NDArray[np.float64]:
        """Return a metric of every fold, NaN where it has none."""
        return np.array([fold.levels[level].scores[metric] for fold in self.folds])

    def mean_std(self, level: str, metric: str) -> tuple[float, float]:
        """Return mean and standard deviation (n - 1) over the folds that have the metric."""
        values = self.values(level, metric)
        known = values[np.isfinite(values)]
        if not len(known):
            return float("nan"), float("nan")
        return float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else float("nan")

    def confusion(self, level: str) -> NDArray[np.int64]:
        """Return the confusion matrix added over the folds."""
        matrices = [fold.levels[level].confusion for fold in self.folds]
        total: NDArray[np.int64] = np.sum(matrices, axis=0, dtype=np.int64)
        return total

    def subject_means(self, level: str) -> dict[str, float]:
        """Return each subject's accuracy, averaged over the folds that test it."""
        found: dict[str, list[float]] = {}
        for fold in self.folds:
            for subject, value in fold.levels[level].subject_accuracy.items():
                found.setdefault(subject, []).append(value)
        return {subject: float(np.mean(values)) for subject, values in found.items()}


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes as JSON, whole or not at all.

    Raises MdjptError when the file cannot be written.
    """
    write_file(path, json.dumps([asdict(one) for one in outcomes], indent=1).encode())


def read_outcomes(path: Path) -> list[Outcome]:
    """Read what :func:`write_outcomes` wrote.

    Raises MdjptError: the file is missing or damaged.
    """
    content = regular_bytes(path, MAX_BYTES, MdjptError, "list of outcomes")
    return parsed(
        list[Outcome], content, path, MdjptError, "no outcomes of an evaluation: run it again"
    )
