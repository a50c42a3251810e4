"""Who trains and who tests, and with which clips."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import WindowTable

__all__ = ["Fold", "FoldRows", "random_folds", "released_folds", "with_unseen_clips"]


@dataclass(frozen=True, slots=True)
class Fold:
    """One split."""

    name: str
    """Of the split: "fold 1" and so on."""
    # Subjects; none is in both.
    train: tuple[str, ...]
    test: tuple[str, ...]
    train_clips: frozenset[str] | None = None
    """Clips that the head is trained on; it is tested on the others. None: all, for both."""

    def rows(self, table: WindowTable) -> FoldRows:
        """Return which windows are for what; those without a label are for nothing.

        Raises DatasetError: nothing is left to train or to test on.
        """
        labelled = table.label >= 0
        train, test = table.of_subjects(self.train), table.of_subjects(self.test)
        if self.train_clips is None:
            rows = FoldRows(train & labelled, test & labelled, None)
        else:
            known = np.isin(table.stimulus, sorted(self.train_clips))
            rows = FoldRows(
                train & known & labelled, test & ~known & labelled, test & known & labelled
            )
        if not (rows.train.any() and rows.test.any()):
            raise DatasetError(
                f"{table.dataset}: {self.name} has no labelled window to train or to test on"
            )
        return rows


@dataclass(frozen=True, slots=True)
class FoldRows:
    """Windows of a fold."""

    # What the head is trained and tested on. Shape (n_windows,).
    train: NDArray[np.bool_]
    test: NDArray[np.bool_]
    seen_clips: NDArray[np.bool_] | None
    """Windows of the test subjects watching clips that it was trained on: the control."""


def random_folds(
    subjects: Sequence[str], n_folds: int = 6, train_share: float = 0.25, seed: int = 0
) -> list[Fold]:
    """Draw subjects to train on, anew for each fold; at least one trains and one tests.

    Raises DatasetError: there are fewer than two subjects. Raises ValueError: a parameter is out of
    range.
    """
    if n_folds < 1 or not 0 < train_share < 1:
        raise ValueError(f"need n_folds >= 1, 0 < train_share < 1: got {n_folds}, {train_share}")
    if len(subjects) < 2:
        raise DatasetError("few-shot needs two subjects, one to train and one to test on")
    n_train = min(max(round(train_share * len(subjects)), 1), len(subjects) - 1)
    rng = np.random.default_rng(seed)
    draws = [rng.permutation(len(subjects))[:n_train] for _ in range(n_folds)]
    return [_fold(k, subjects, np.sort(draw).tolist()) for k, draw in enumerate(draws, 1)]


def released_folds(dataset: str, subjects: Sequence[str]) -> list[Fold]:
    """Return the six splits of the released configuration for a dataset's short name.

    The subjects come in their natural order; FACED's figures are of the first 20.

    Raises DatasetError: no splits were published for it, or it has another number of subjects.
    """
    published = _published()
    if dataset not in published:
        raise DatasetError(
            f"the released code has no splits for {dataset!r}, only for {', '.join(published)}: "
            "use --protocol honest"
        )
    n = published[dataset]["n_subjects"]
    if len(subjects) != n and not (dataset == "faced" and len(subjects) > n):
        raise DatasetError(
            f"the released splits of {dataset} are for {n} subjects, the store has "
            f"{len(subjects)}: prepare all of them, or use --protocol honest"
        )
    folds = published[dataset]["folds"]
    return [_fold(k, subjects[:n], places) for k, places in enumerate(folds, 1)]


def with_unseen_clips(folds: Sequence[Fold], table: WindowTable, seed: int = 0) -> list[Fold]:
    """Give each fold clips to train on: a random half of each class's.

    Raises DatasetError: a class has one clip only, or it is not known which clip somebody saw.
    """
    if not all(table.stimulus):
        raise DatasetError(f"{table.dataset}: it is not known who saw which clip: use --clips any")
    by_class = _clips_by_class(table)
    rng = np.random.default_rng([seed, 1])
    return [replace(fold, train_clips=_half_of_each(by_class, rng)) for fold in folds]


def _fold(number: int, subjects: Sequence[str], places: Sequence[int]) -> Fold:
    train = tuple(subjects[k] for k in places)
    test = tuple(name for name in subjects if name not in train)
    return Fold(f"fold {number}", train, test)


def _clips_by_class(table: WindowTable) -> list[NDArray[np.str_]]:
    """Return the clips of each class; one that has several labels belongs to its commonest."""
    clips: dict[int, list[str]] = {}
    for rows in table.groups("stimulus"):
        labels = table.label[rows]
        if (labels >= 0).any():
            commonest = int(np.bincount(labels[labels >= 0]).argmax())
            clips.setdefault(commonest, []).append(str(table.stimulus[rows[0]]))
    for label, names in sorted(clips.items()):
        if len(names) < 2:
            raise DatasetError(
                f"{table.dataset}: class {table.class_names[label]!r} has one clip only, so none "
                "is left to test on: use --clips any"
            )
    return [np.array(sorted(names)) for _, names in sorted(clips.items())]


def _half_of_each(by_class: list[NDArray[np.str_]], rng: np.random.Generator) -> frozenset[str]:
    chosen: set[str] = set()
    for clips in by_class:
        # Odd ones go now to one half, now to the other.
        n = (len(clips) + int(rng.integers(2))) // 2
        chosen.update(rng.permutation(clips)[: min(max(n, 1), len(clips) - 1)].tolist())
    return frozenset(chosen)


@cache
def _published() -> dict[str, Any]:
    text = files(__package__).joinpath("released_splits.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content
