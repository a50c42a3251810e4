"""Zero-shot as the paper has it: the label of the nearest neighbour in the same dataset.

Every window takes the label of the window whose features have the largest cosine with its own. The
labels are the target dataset's, so nothing is transferred between datasets; for that see
:mod:`mdjpt.evaluation.transfer`. Which neighbours count is not said in the paper and decides much:
windows of one trial overlap, and all who watch a clip share its course.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.evaluation.metrics import subject_folds
from mdjpt.evaluation.outcome import Outcome
from mdjpt.evaluation.postprocessing import TRACKS, Priors, feature_priors, normalised, smoothed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import FeatureSet, WindowTable

__all__ = ["Excluded", "ZeroShotSettings", "neighbour_scores", "zero_shot"]

Excluded = Literal["trial", "subject", "stimulus"]
_IN_WORDS = {"trial": "the same trial", "subject": "the same subject", "stimulus": "the same clip"}
_BLOCK = 512  # windows whose similarities to all others are in memory at a time
_NO_NEIGHBOUR = -1.0  # the least cosine, for a class without a neighbour that counts


@dataclass(frozen=True, slots=True)
class ZeroShotSettings:
    """How neighbours are chosen."""

    exclude: tuple[Excluded, ...] = ("subject",)
    """Neighbours of the same one do not count; empty: only the window itself does not."""

    @property
    def in_words(self) -> str:
        """What a report says."""
        if not self.exclude:
            return "only the window itself (overlapping windows of its trial count)"
        return " and ".join(_IN_WORDS[name] for name in self.exclude)


def zero_shot(
    features: FeatureSet,
    settings: ZeroShotSettings,
    *,
    arm: str,
    priors: Priors | None = None,
    simulated: bool = False,
) -> Outcome:
    """Evaluate a dataset's features, one fold a subject.

    The priors are of the pre-training's features; None: of the dataset itself, all subjects.
    `simulated` tells how the encoder `arm` was trained.

    Raises DatasetError: nobody is left to be a neighbour, or clips are to be left out and are not
    known.
    """
    if "stimulus" in settings.exclude and not all(features.stimulus):
        raise DatasetError(
            f"{features.dataset}: it is not known who saw which clip: --exclude stimulus "
            "cannot be had"
        )
    normal = normalised(features, feature_priors(features) if priors is None else priors)
    found = {}
    for track, how in TRACKS.items():
        ready = smoothed(normal, how).select(features.label >= 0)
        found[track] = ready, neighbour_scores(ready, settings.exclude)
    source = "of the dataset itself" if priors is None else "of the pre-training"
    return Outcome(
        arm=arm,
        protocol="zero-shot",
        dataset=features.dataset,
        class_names=features.class_names,
        unit="subject",
        choices={
            "protocol": "nearest neighbour by cosine among the target dataset's own windows",
            "features": features.made_by,
            "neighbours left out": settings.in_words,
            "running normalisation": f"priors {source}, order of presentation",
        },
        folds=subject_folds(found, len(features.subjects) - 1),
        simulated=simulated or features.simulated,
        notes=(
            "The labels are the target dataset's own: nothing is transferred between datasets.",
        ),
    )


def neighbour_scores(features: FeatureSet, exclude: Sequence[Excluded]) -> NDArray[np.float64]:
    """Return the cosine with the nearest neighbour of each class, shape (n_windows, n_classes).

    The largest is that of the nearest neighbour's class; all windows have labels.

    Raises DatasetError: a window has no neighbour that counts.
    """
    length = np.linalg.norm(features.features, axis=1, keepdims=True)
    unit = features.features / np.maximum(length, np.finfo(np.float32).tiny)
    by_class = np.argsort(features.label, kind="stable")
    classes, firsts = np.unique(features.label[by_class], return_index=True)
    codes = _codes(features, exclude)
    out = np.full((len(features), len(features.class_names)), _NO_NEIGHBOUR)
    for start in range(0, len(unit), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosines = unit[rows] @ unit[by_class].T
        for code in codes:
            cosines[code[rows, None] == code[None, by_class]] = -np.inf
        out[rows, classes] = np.maximum.reduceat(cosines, firsts, axis=1)
    if np.isneginf(out[:, classes]).all(axis=1).any():
        raise DatasetError(
            f"{features.dataset}: a window has no neighbour left: leave out fewer of them"
        )
    nearest: NDArray[np.float64] = np.maximum(out, _NO_NEIGHBOUR)
    return nearest


def _codes(table: WindowTable, exclude: Sequence[Excluded]) -> list[NDArray[np.intp]]:
    """Return numbers that are equal where two windows must not be neighbours."""
    itself = [np.arange(len(table))]
    return itself + [np.unique(getattr(table, name), return_inverse=True)[1] for name in exclude]
