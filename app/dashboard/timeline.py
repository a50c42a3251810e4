"""What happened when, on the stream's own time axis, and what a history shows of it. No Qt."""

from __future__ import annotations

import itertools
import textwrap
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.widgets.words import clock_text, left_out, titled

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

KEEP_S = 610.0  # every answer; of the time before, what changes and one in OLD_S
OLD_S = 5.0
NO_LABEL = "no label"
LATE_S = 3.0  # predictions farther apart are not joined
N_READ = 3  # shares that a readout names
READ_WIDTH = 44  # letters of a line of it

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
    """Answers, markers and truth of a session.

    Attributes
    ----------
    predictions : deque of Prediction
        All of the last ten minutes.
    older : list of Prediction
        Of the time before: where the answer changes, else one in five seconds, so that a day at the
        screen stays small.
    markers : list of (float, str)
        Seconds and words of each.
    """

    predictions: deque[Prediction] = field(default_factory=deque)
    older: list[Prediction] = field(default_factory=list)
    markers: list[tuple[float, str]] = field(default_factory=list)
    truth: TruthTimeline = field(default_factory=TruthTimeline)
    agreement: Agreement = field(default_factory=Agreement)

    def add(self, prediction: Prediction) -> None:
        """Keep `prediction`, judge it, and let go of what is too old to be shown."""
        self.predictions.append(prediction)
        self.agreement.add(prediction, self.truth.at((prediction.start_s + prediction.end_s) / 2))
        while self.predictions[0].end_s < prediction.end_s - KEEP_S:
            self._thin_out(self.predictions.popleft())

    @property
    def all_predictions(self) -> list[Prediction]:
        """What is kept, in the order of time."""
        return [*self.older, *self.predictions]

    def _thin_out(self, old: Prediction) -> None:
        last = self.older[-1] if self.older else None
        changed = last is None or (last.label, last.status) != (old.label, old.status)
        if changed or last is None or old.end_s - last.end_s >= OLD_S:
            self.older.append(old)

    def mark(self, time_s: float, label: str) -> None:
        """Keep a marker."""
        self.markers.append((time_s, label))


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
    predictions = list(predictions)
    last_s = predictions[-1].end_s if predictions else 0.0
    runs: list[list[Prediction]] = []
    joined = False
    for prediction in predictions:
        if not class_names <= prediction.probabilities.keys():
            joined = False
            continue
        if not joined or prediction.end_s - runs[-1][-1].end_s > _together_s(runs[-1][-1], last_s):
            runs.append([])
        runs[-1].append(prediction)
        joined = True
    return runs


def _together_s(earlier: Prediction, last_s: float) -> float:
    """Return how far apart two answers may be so that nothing is missing between them, seconds."""
    return OLD_S + LATE_S if earlier.end_s < last_s - KEEP_S + OLD_S else LATE_S


def label_spans(predictions: Sequence[Prediction]) -> list[Span]:
    """Return (begin, end, label) of equal neighbouring answers; "" where none was given."""
    hop_s = min((b.end_s - a.end_s for a, b in itertools.pairwise(predictions)), default=0.5)
    merged: list[Span] = []
    before: Prediction | None = None
    for p in predictions:
        name = p.label or ""
        near_s = 1.5 * hop_s
        if before is not None and before.end_s < predictions[-1].end_s - KEEP_S + OLD_S:
            near_s = OLD_S + LATE_S
        joined = before is not None and p.end_s - before.end_s <= near_s
        before = p
        if joined and merged[-1][2] == name:
            merged[-1] = (merged[-1][0], p.end_s, name)
        else:
            merged.append((merged[-1][1] if joined else p.end_s - hop_s, p.end_s, name))
    return merged


def readout(timeline: Timeline, time_s: float) -> str:
    """Return in words what holds at a time: the answer, or why there is none, electrodes, truth."""
    lines = [clock_text(max(0.0, time_s))]
    nearest = min(timeline.all_predictions, key=lambda p: abs(p.end_s - time_s), default=None)
    if nearest is not None and abs(nearest.end_s - time_s) <= LATE_S:
        lines[0] += "  " + (titled(nearest.label) if nearest.label else NO_LABEL)
        if nearest.reason:
            lines += textwrap.wrap(f"Because: {nearest.reason}", READ_WIDTH)
        shares = sorted(nearest.probabilities.items(), key=lambda item: -item[1])
        lines += [f"{titled(name)} {share:.0%}" for name, share in shares[:N_READ]]
        lines += textwrap.wrap(left_out(nearest.quality), READ_WIDTH)
    truth = timeline.truth.at(time_s)
    if truth is not None:
        lines.append(f"True: {titled(truth)}")
    return "\n".join(lines)
