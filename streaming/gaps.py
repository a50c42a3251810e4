"""Finding lost samples: raw time stamps or a device's counter become sample positions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GapDetector", "Run", "sample_positions"]

CLEAR_HOLE_S = 0.25
"""A sample this late, with all that follow, is told as a hole at once."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive samples of a block without a hole.

    Attributes
    ----------
    start, stop : int
        Columns of the block.
    first_sample : int
        Position of column `start` since the stream was opened.
    """

    start: int
    stop: int
    first_sample: int


class GapDetector:
    """Turns time stamps or counters into sample positions. One thread feeds it, in order.

    Parameters
    ----------
    sfreq : float
        Nominal sampling rate in Hz.
    counter_modulus : int
        Number of different values of the device's counter; 0 when stamps have to do.
    """

    def __init__(self, sfreq: float, *, counter_modulus: int = 0) -> None:
        self._sfreq = sfreq
        self._modulus = counter_modulus
        self._next = 0
        self._line: float | None = None
        self._counter: int | None = None

    def split(
        self,
        timestamps: NDArray[np.float64],
        counter: NDArray[np.int64] | None = None,
        arrival_s: float | None = None,
    ) -> list[Run]:
        """Cut a block at its holes.

        Parameters
        ----------
        timestamps : ndarray of float64, shape (n_times,)
            Raw time stamps in seconds.
        counter : ndarray of int64, shape (n_times,), optional
            The device's counter.
        arrival_s : float, optional
            Monotonic clock when the block arrived.

        Returns
        -------
        list of Run
            Runs in order; together they cover the block.
        """
        positions = self.positions(timestamps, counter, arrival_s)
        edges = [0, *(np.flatnonzero(np.diff(positions) != 1) + 1).tolist(), len(positions)]
        return [
            Run(start, stop, int(positions[start]))
            for start, stop in pairwise(edges)
            if stop > start
        ]

    def positions(
        self,
        timestamps: NDArray[np.float64],
        counter: NDArray[np.int64] | None = None,
        arrival_s: float | None = None,
    ) -> NDArray[np.int64]:
        """Return the position of each sample since the stream was opened, strictly increasing."""
        if counter is not None and self._modulus:
            steps = self._counter_steps(counter)
        else:
            steps = self._stamp_steps(timestamps)
        positions = self._next - 1 + np.cumsum(steps)
        if len(positions):
            self._next = int(positions[-1]) + 1
        return positions

    def resume(self) -> None:
        """Take the next stamps as they are: the stream was away and is back."""

    def _counter_steps(self, counter: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(counter):
            return np.zeros(0, np.int64)
        first = counter[0] - 1 if self._counter is None else self._counter
        self._counter = int(counter[-1])
        return np.maximum(np.diff(counter, prepend=first) % self._modulus, 1)

    def _stamp_steps(self, timestamps: NDArray[np.float64]) -> NDArray[np.int64]:
        steps = np.ones(len(timestamps), np.int64)
        for i in range(len(timestamps)):
            if self._line is not None:
                late = timestamps[i] - self._line
                if late > CLEAR_HOLE_S:
                    steps[i] += round(late * self._sfreq)
            self._line = timestamps[i] + 1 / self._sfreq
        return steps


def sample_positions(
    sfreq: float,
    n_times: int,
    timestamps: NDArray[np.float64] | None = None,
    counter: NDArray[np.int64] | None = None,
    counter_modulus: int = 0,
) -> NDArray[np.int64]:
    """Position of each sample of a whole recording, lost samples counted.

    Parameters
    ----------
    sfreq : float
        Nominal sampling rate in Hz.
    n_times : int
        Number of samples.
    timestamps, counter : ndarray of shape (n_times,), optional
        Raw stamps in seconds and the device's counter; without both there is no hole to see.
    counter_modulus : int
        Number of different values of the counter.

    Returns
    -------
    ndarray of int64, shape (n_times,)
        Strictly increasing, from 0.
    """
    if timestamps is None and counter is None:
        return np.arange(n_times, dtype=np.int64)
    detector = GapDetector(sfreq, counter_modulus=counter_modulus)
    stamps = np.full(n_times, np.nan) if timestamps is None else timestamps
    return detector.positions(stamps, counter)
