"""A board that obeys the test: what it has sampled, what it loses, when it is unplugged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import SourceNotFound
from streaming.sources.boards import BoardRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SFREQ = 250.0


class FakeBoard:
    """Rows: package number, two inputs that count samples, Unix time, marker.

    Parameters
    ----------
    labels : sequence of str
        Electrodes of the two inputs.
    name : str
        What it is called.
    counts : bool
        Whether its package number counts samples.
    """

    def __init__(
        self, labels: Sequence[str] = ("C3", "C4"), name: str = "fake", *, counts: bool = True
    ) -> None:
        self.name = self.model = name
        self.ends = False
        self._labels = tuple(labels)
        self._counts = counts
        self._waiting: list[NDArray[np.float64]] = []
        self.number = 0
        """Number of the next sample."""
        self.plugged_in = True
        self.n_starts = 0
        self.streaming = False
        self.clock_error_s = 0.0

    def rows(self) -> BoardRows:
        return BoardRows(SFREQ, (1, 2), self._labels, 3, 4, 0, 256 if self._counts else 0)

    def start(self) -> None:
        self.n_starts += 1
        if not self.plugged_in:
            raise SourceNotFound(f"brainflow:{self.name}: its port cannot be opened")
        self.streaming = True

    def n_waiting(self) -> int:
        return len(self._waiting)

    def take(self, n_times: int) -> NDArray[np.float64]:
        taken, self._waiting = self._waiting[:n_times], self._waiting[n_times:]
        return np.array(taken).T

    def stop(self) -> None:
        self.streaming = False

    def stamp_of(self, number: int) -> float:
        return 1.7e9 + number / SFREQ + self.clock_error_s

    def sample(self, n_times: int, marker: float = 0.0, stamp: float | None = None) -> None:
        """Sample; the marker sits on the first sample, a stamp on all."""
        for number in range(self.number, self.number + n_times):
            time_s = self.stamp_of(number) if stamp is None else stamp
            first = marker if number == self.number else 0.0
            self._waiting.append(np.array([number % 256, number, -number, time_s, first]))
        self.number += n_times

    def lose(self, n_times: int) -> None:
        """Sample without anybody getting it."""
        self.number += n_times
