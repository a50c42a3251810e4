"""How good predictions are, by window and by clip, for all subjects or for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from mdjpt.evaluation.outcome import FoldOutcome, LevelOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import WindowTable

    Int64 = NDArray[np.int64]
    Float64 = NDArray[np.float64]

__all__ = ["METRICS", "clip_outcome", "level_outcomes", "scores", "subject_folds", "window_outcome"]

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "macro precision",
    "f1": "macro F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
}
"""Names of the metrics, and what a report calls them; macro recall is the balanced accuracy."""


def scores(labels: Int64, class_scores: Float64) -> dict[str, float]:
    """Return every metric by its key of :data:`METRICS`.

    Averages are over the classes that occur in `labels`; AUROC and AUPRC are one against the rest,
    and NaN where only one class occurs.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_windows,)
        At least one.
    class_scores : ndarray of float64, shape (n_windows, n_classes)
        The larger, the more likely; the largest is the prediction.
    """
    predicted, present = class_scores.argmax(axis=1), np.unique(labels)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, labels=present, average="macro", zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "balanced_accuracy": float(recall),
        "precision": float(precision),
        "f1": float(f1),
        "auroc": _one_against_rest(roc_auc_score, labels, class_scores),
        "auprc": _one_against_rest(average_precision_score, labels, class_scores),
    }


def window_outcome(table: WindowTable, class_scores: Float64) -> LevelOutcome:
    """Measure the predictions of single windows with labels, scored as for :func:`scores`."""
    return _outcome(table.label, table.subject, class_scores)


def clip_outcome(table: WindowTable, class_scores: Float64) -> LevelOutcome:
    """Measure one prediction a trial: the mean of its windows' scores, see `window_outcome`."""
    groups = table.groups("trial")
    firsts = np.array([rows[0] for rows in groups])
    means = np.stack([class_scores[rows].mean(axis=0) for rows in groups])
    return _outcome(table.label[firsts], table.subject[firsts], means)


def level_outcomes(
    table: WindowTable, class_scores: Float64, track: str, control: str = ""
) -> dict[str, LevelOutcome]:
    """Measure windows and clips, under the names of their levels, with `control` behind them.

    The track is a key of :data:`mdjpt.evaluation.postprocessing.TRACKS`: how features were
    smoothed.
    """
    return {
        (track or "window") + control: window_outcome(table, class_scores),
        f"{track} clip".strip() + control: clip_outcome(table, class_scores),
    }


def subject_folds(
    tracks: Mapping[str, tuple[WindowTable, Float64]], n_train: int
) -> tuple[FoldOutcome, ...]:
    """Measure each subject, predicted from `n_train` others, by itself.

    For each track there are the windows with labels, and their scores as for :func:`scores`.
    """
    folds = []
    for name in next(iter(tracks.values()))[0].subjects:
        levels: dict[str, LevelOutcome] = {}
        for track, (table, class_scores) in tracks.items():
            rows = table.of_subjects([name])
            levels |= level_outcomes(table.select(rows), class_scores[rows], track)
        folds.append(FoldOutcome(name, n_train, 1, levels))
    return tuple(folds)


def _outcome(labels: Int64, subjects: NDArray[np.str_], class_scores: Float64) -> LevelOutcome:
    predicted, n_classes = class_scores.argmax(axis=1), class_scores.shape[1]
    right = predicted == labels
    return LevelOutcome(
        scores=scores(labels, class_scores),
        confusion=confusion_matrix(labels, predicted, labels=range(n_classes)).tolist(),
        subject_accuracy={
            str(name): float(right[subjects == name].mean()) for name in np.unique(subjects)
        },
    )


def _one_against_rest(
    metric: Callable[[NDArray[np.bool_], Float64], float], labels: Int64, class_scores: Float64
) -> float:
    present = np.unique(labels)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([metric(labels == k, class_scores[:, k]) for k in present]))
