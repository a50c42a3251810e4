"""What happened when: truth, predictions and markers on the stream's own time axis. No Qt."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streaming.prediction import Prediction

__all__ = ["KEEP_S", "Agreement", "Timeline", "TruthTimeline"]

KEEP_S = 310.0


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
