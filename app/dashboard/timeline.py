"""What happened when, on the stream's own time axis, and what a history shows of it. No Qt."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.widgets.words import clock_text, titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from streaming.prediction import Prediction

__all__ = [
    "KEEP_S",
    "NO_LABEL",
    "Agreement",
    "Span",
    "Timeline",
    "TruthTimeline",
    "label_spans",
    "readout",
    "stacked",
]

KEEP_S = 310.0
NO_LABEL = "no label"
LATE_S = 3.0  # predictions farther apart are not joined
N_READ = 3  # shares that a readout names

Span = tuple[float, float, str]


class TruthTimeline:
    """The emotional state that a simulated participant is in, over time."""

    def __init__(self) -> None:
        self._starts: list[float] = []
        self._labels: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._starts)

    def observe(self, time_s: float, label: str) -> None:
        """Note that the state is `label` at `time_s`; times never go back."""
        if not self._labels or self._labels[-1] != label:
            self._starts.append(time_s)
            self._labels.append(label)

    def at(self, time_s: float) -> str | None:
        """Return the state at `time_s`; what was seen first also counts for the time before."""
        if not self._starts:
            return None
        return self._labels[max(0, bisect_right(self._starts, time_s) - 1)]

    def segments(self, first_s: float, stop_s: float) -> list[tuple[float, float, str]]:
        """Return (begin, end, state) of the states between two times."""
        ends = [*self._starts[1:], stop_s]
        begins = [min(self._starts[0], first_s), *self._starts[1:]] if self._starts else []
        return [
            (max(begin, first_s), min(end, stop_s), label)
            for begin, end, label in zip(begins, ends, self._labels, strict=False)
            if end > first_s and begin < stop_s
        ]


@dataclass(slots=True)
class Agreement:
    """How often the label given is the simulated truth at the middle of its window.

    Windows without a label are counted but judged neither right nor wrong. A truth that the decoder
    has no class for, as rest between the trials of a calibration, is not counted.
    """

    n_windows: int = 0
    n_labelled: int = 0
    n_agreeing: int = 0

    def add(self, prediction: Prediction, truth: str | None) -> None:
        """Count one window; warming-up ones do not count."""
        if truth is None or prediction.status == "warming_up":
            return
        if prediction.probabilities and truth not in prediction.probabilities:
            return
        self.n_windows += 1
        if prediction.label is not None:
            self.n_labelled += 1
            self.n_agreeing += prediction.label == truth

    @property
    def share(self) -> float | None:
        """Agreeing windows among those with a label, None before the first."""
        return self.n_agreeing / self.n_labelled if self.n_labelled else None


@dataclass(slots=True)
class Timeline:
    """The last five minutes of predictions and markers, and the whole session's truth."""

    predictions: deque[Prediction] = field(default_factory=deque)
    markers: deque[tuple[float, str]] = field(default_factory=deque)
    truth: TruthTimeline = field(default_factory=TruthTimeline)
    agreement: Agreement = field(default_factory=Agreement)

    def add(self, prediction: Prediction) -> None:
        """Keep `prediction`, judge it, and let go of what is too old to be shown."""
        self.predictions.append(prediction)
        self.agreement.add(prediction, self.truth.at((prediction.start_s + prediction.end_s) / 2))
        while self.predictions[0].end_s < prediction.end_s - KEEP_S:
            self.predictions.popleft()

    def mark(self, time_s: float, label: str) -> None:
        """Keep a marker."""
        self.markers.append((time_s, label))
        while self.markers[0][0] < time_s - KEEP_S:
            self.markers.popleft()


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
