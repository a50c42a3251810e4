"""What the history shows of a timeline: stacked shares, spans of a label, values. No Qt."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from app.dashboard.words import clock_text, titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from app.dashboard.timeline import Timeline
    from streaming.prediction import Prediction

__all__ = ["NO_LABEL", "Span", "label_spans", "readout", "stacked"]

NO_LABEL = "no label"
LATE_S = 3.0  # predictions farther apart are not joined
N_READ = 3  # shares that a readout names

Span = tuple[float, float, str]


def stacked(
    predictions: Iterable[Prediction], class_names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return outlines of shares that lie on each other, without height where there are none.

    Parameters
    ----------
    predictions : iterable of Prediction
        In the order of time.
    class_names : sequence of str
        From the bottom of the stack to its top.

    Returns
    -------
    times_s : ndarray, shape (n_points,)
        Ends of the windows in seconds of the stream; each run's edges are there twice.
    tops : ndarray, shape (n_classes, n_points)
        Upper edge of each class, 0 to 1.
    """
    runs = _runs(predictions, frozenset(class_names)) if class_names else []
    times = [np.pad([p.end_s for p in run], 1, mode="edge") for run in runs]
    shares = [
        np.pad([[p.probabilities[name] for p in run] for name in class_names], ((0, 0), (1, 1)))
        for run in runs
    ]
    if not runs:
        return np.empty(0), np.empty((len(class_names), 0))
    tops = np.cumsum(np.concatenate(shares, axis=1), axis=0)
    return np.concatenate(times), tops / np.maximum(tops[-1], 1e-9)


def _runs(predictions: Iterable[Prediction], class_names: frozenset[str]) -> list[list[Prediction]]:
    """Return the stretches of predictions with probabilities and no pause between them."""
    runs: list[list[Prediction]] = []
    joined = False
    for prediction in predictions:
        if not class_names <= prediction.probabilities.keys():
            joined = False
            continue
        if not joined or prediction.end_s - runs[-1][-1].end_s > LATE_S:
            runs.append([])
        runs[-1].append(prediction)
        joined = True
    return runs


def label_spans(predictions: Sequence[Prediction]) -> list[Span]:
    """Return (begin, end, label) of equal neighbouring answers; "" where none was given."""
    hop_s = min((b.end_s - a.end_s for a, b in itertools.pairwise(predictions)), default=0.5)
    merged: list[Span] = []
    for p in predictions:
        name = p.label or ""
        if merged and merged[-1][2] == name and p.end_s - merged[-1][1] <= 1.5 * hop_s:
            merged[-1] = (merged[-1][0], p.end_s, name)
        else:
            merged.append((p.end_s - hop_s, p.end_s, name))
    return merged


def readout(timeline: Timeline, time_s: float) -> str:
    """Return in words what holds at a time: the answer, its largest shares, the truth."""
    lines = [clock_text(max(0.0, time_s))]
    nearest = min(timeline.predictions, key=lambda p: abs(p.end_s - time_s), default=None)
    if nearest is not None and abs(nearest.end_s - time_s) <= LATE_S / 2:
        lines[0] += "  " + (titled(nearest.label) if nearest.label else NO_LABEL)
        shares = sorted(nearest.probabilities.items(), key=lambda item: -item[1])
        lines += [f"{titled(name)} {share:.0%}" for name, share in shares[:N_READ]]
    truth = timeline.truth.at(time_s)
    if truth is not None:
        lines.append(f"True: {titled(truth)}")
    return "\n".join(lines)
