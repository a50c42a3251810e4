"""The position of every sample, for a stream as it comes and for a whole recording."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.counter import FEW_STEPS, Counter
from mdjpt.positions.stamps import CLEAR_S, StampTracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.positions.stamps import Gap

__all__ = ["PositionTracker", "Run", "runs_of", "sample_positions"]

# Of a turn of the counter: stamps have to be late by most of one to count.
_CLEAR_OF_A_TURN = 0.6
_STEADY = 0.25  # of a sample


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive samples of a block without a gap."""

    # Columns of the block.
    start: int
    stop: int
    first_sample: int
    """Position of column `start`."""


def runs_of(positions: NDArray[np.int64]) -> list[Run]:
    """Cut a block at its gaps: return its runs, in order, which cover it.

    Its positions, int64, shape (n_times,), are strictly increasing.
    """
    edges = [0, *(np.flatnonzero(np.diff(positions) != 1) + 1).tolist(), len(positions)]
    return [Run(a, b, int(positions[a])) for a, b in pairwise(edges) if b > a]


class PositionTracker:
    """Turns time stamps and counters into sample positions. One thread feeds it, in order.

    Where a sample is placed depends on the stamps and counters up to a second behind it, never on
    how the stream was cut into blocks. Where there is doubt it is held back for so long.

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
        self._counter: Counter | None = None
        self._stamps = StampTracker(sfreq)
        self._unread: list[tuple[NDArray[np.float64], NDArray[np.int64], float | None]] = []
        self._steps = np.empty(0, np.int64)  # of the samples that are held back
        self._n_taken = self._n_placed = 0
        self._resumed_at = -1
        self._counted = self._released = self._newest = -1
        self._behind = 0  # what a gap lies behind the newest sample of all

    @property
    def effective_sfreq(self) -> float | None:
        """Sampling rate by the stamps in Hz, None before 4 s have been seen."""
        return self._stamps.effective_sfreq

    def edges(self, n_times: int) -> list[int]:
        """Return where to cut the next block so that every look at the rate ends a part."""
        block = self._stamps.n_block
        return list(range(block - self._n_taken % block, n_times, block))

    def resume(self) -> None:
        """Say that the stream was away: the next samples tell how long."""
        self._stamps.resume()
        self._resumed_at = self._n_taken
        if self._counter is not None:
            self._counter.resume()

    def place(
        self,
        timestamps: NDArray[np.float64],
        counter: NDArray[np.int64] | None = None,
        arrival_s: float | None = None,
    ) -> NDArray[np.int64]:
        """Take the next samples; return the positions of those that have their place now.

        Parameters
        ----------
        timestamps : ndarray of float64, shape (n_times,)
            Raw time stamps in seconds, NaN where there are none.
        counter : ndarray of int64, shape (n_times,), optional
            The device's counter, which decides: the stamps are asked for its whole turns only.
        arrival_s : float, optional
            Monotonic clock when they arrived.

        Returns
        -------
        ndarray of int64, shape (n_placed,)
            Since the stream was opened, strictly increasing: of the oldest samples that had no
            position yet.
        """
        self._n_taken += len(timestamps)
        if not self._modulus or counter is None:
            self._take(np.ones(len(timestamps), np.int64), timestamps, arrival_s)
        elif self._counter is None:
            self._unread.append((timestamps, counter, arrival_s))
            if sum(len(stamps) for stamps, _, _ in self._unread) >= FEW_STEPS:
                self._begin_to_count()
        elif len(counter):
            self._take(self._counter.steps(counter, timestamps), timestamps, arrival_s)
        return self._release(self._stamps.n_settled)

    def finish(self) -> NDArray[np.int64]:
        """Return the positions of the samples that are still held back: nothing follows them."""
        if self._unread:
            self._begin_to_count()
        self._note(self._stamps.finish())
        return self._release(self._n_placed + len(self._steps))

    def _begin_to_count(self) -> None:
        """Learn the counter's step from its first values, and read them."""
        first = np.concatenate([counter for _, counter, _ in self._unread])[:FEW_STEPS]
        self._counter = Counter(self._sfreq, self._modulus, first)
        clear_s = max(CLEAR_S, _CLEAR_OF_A_TURN * self._counter.turn / self._sfreq)
        self._stamps = StampTracker(self._sfreq, clear_s=clear_s, small_gaps=False)
        unread, self._unread = self._unread, []
        for stamps, counter, arrival_s in unread:
            if len(counter):
                self._take(self._counter.steps(counter, stamps), stamps, arrival_s)

    def _take(
        self, steps: NDArray[np.int64], stamps: NDArray[np.float64], arrival_s: float | None
    ) -> None:
        """Hold samples back until the stamps have settled them."""
        if not len(steps):
            return
        lost = self._counted + np.cumsum(steps) - self._n_placed - len(self._steps)
        lost -= np.arange(len(steps))
        self._counted += int(steps.sum())
        steps[0] += self._behind
        self._behind = 0
        self._steps = np.concatenate([self._steps, steps])
        # Without the samples that the counter misses, only whole turns of it are late.
        self._note(self._stamps.take(stamps - lost / self._sfreq, arrival_s))

    def _note(self, gaps: list[Gap]) -> None:
        """Put the gaps that the stamps show before their samples."""
        for gap in gaps:
            at = gap.placed_at - self._n_placed
            n_lost = gap.n_lost
            if self._counter is not None and gap.placed_at != self._resumed_at:
                n_lost = self._counter.in_turns(n_lost, int(self._steps[at]))
            if at < len(self._steps):
                self._steps[at] += n_lost
            else:
                self._behind += n_lost

    def _release(self, n_settled: int) -> NDArray[np.int64]:
        """Return the positions of all samples before number `n_settled` that have none yet."""
        n = n_settled - self._n_placed
        counted = self._released + np.cumsum(self._steps[:n])
        self._steps = self._steps[n:]
        self._n_placed += n
        if not n:
            return np.empty(0, np.int64)
        self._released = int(counted[-1])
        # A packet that came twice or out of order takes the next place all the same.
        in_order = np.arange(n)
        least = np.maximum.accumulate(np.maximum(counted - in_order, self._newest + 1))
        positions = least + in_order
        self._newest = int(positions[-1])
        return positions


def sample_positions(
    sfreq: float,
    n_times: int,
    timestamps: NDArray[np.float64] | None = None,
    counter: NDArray[np.int64] | None = None,
    counter_modulus: int = 0,
) -> NDArray[np.int64]:
    """Return the position of each sample of a whole recording, lost samples counted.

    The rule is that of a stream, see :class:`PositionTracker`; with the whole file at hand a gap
    within the jitter lies where it began, not where a stream would tell it, and stamps without
    jitter show single lost samples.

    Parameters
    ----------
    sfreq : float
        Nominal sampling rate in Hz.
    n_times : int
        Number of samples.
    timestamps, counter : ndarray of shape (n_times,), optional
        Raw stamps in seconds and the device's counter; without both there is no gap to see.
    counter_modulus : int
        Number of different values of the counter.

    Returns
    -------
    ndarray of int64, shape (n_times,)
        Strictly increasing, from 0.
    """
    steps = np.ones(n_times, np.int64)
    if counter is not None and counter_modulus:
        tracker = PositionTracker(sfreq, counter_modulus=counter_modulus)
        stamps = np.full(n_times, np.nan) if timestamps is None else timestamps
        return np.concatenate([tracker.place(stamps, counter), tracker.finish()])
    if timestamps is not None and _is_steady(timestamps):
        intervals = np.diff(timestamps)
        steps[1:] = np.round(intervals / np.median(intervals))
    elif timestamps is not None:
        by_stamps = StampTracker(sfreq)
        for gap in [*by_stamps.take(timestamps), *by_stamps.finish()]:
            steps[min(gap.began_at, n_times - 1)] += gap.n_lost
    return np.cumsum(steps) - 1


def _is_steady(timestamps: NDArray[np.float64]) -> bool:
    """Tell stamps whose every interval counts its samples from those with jitter."""
    if len(timestamps) < FEW_STEPS or not np.isfinite(timestamps).all():
        return False
    in_samples = np.diff(timestamps) / max(np.median(np.diff(timestamps)), np.finfo(float).tiny)
    is_one = np.abs(in_samples - 1) < _STEADY
    return bool((is_one | (in_samples > 2 - _STEADY)).all())
