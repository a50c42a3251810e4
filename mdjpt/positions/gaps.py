"""Lost samples: a device's counter or raw time stamps become sample positions.

A hole that stands out of the jitter is told with the first sample behind it. A smaller one, down to
3 samples, takes up to a second of samples to show; the jump in the positions then lies where it was
told, not where it began, because what has been handed out keeps its position.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.stamps import StampTracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GapDetector", "Run", "sample_positions"]

_FILE_CHECK_S = 0.25
_COUNTED_CHECK_S = 0.25
_FEW_STEPS = 8
_STEADY = 0.25  # of a sample


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
        self._stamps = StampTracker(sfreq)
        self._counter = _Counter(sfreq, counter_modulus) if counter_modulus else None
        self._next = 0
        self._n_seen = 0
        self._told = 0

    @property
    def effective_sfreq(self) -> float:
        """Sampling rate by the stamps in Hz, the nominal one before a second has been seen."""
        return self._stamps.effective_sfreq

    def resume(self) -> None:
        """Say that the stream was away: the next block tells how long."""
        self._stamps.resume()
        if self._counter is not None:
            self._counter.resume()

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
            The device's counter; it decides alone when there is one.
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
        if self._counter is not None and counter is not None:
            steps = self._counter.steps(counter, timestamps, arrival_s)
        else:
            steps = self._steps_by_stamps(timestamps, arrival_s)
        positions = self._next - 1 + np.cumsum(steps, dtype=np.int64)
        if len(positions):
            self._next = int(positions[-1]) + 1
        return positions

    def _steps_by_stamps(
        self, timestamps: NDArray[np.float64], arrival_s: float | None
    ) -> NDArray[np.int64]:
        """Return how far each sample lies behind the one before it."""
        steps = np.ones(len(timestamps) + 1, np.int64)
        for hole in self._stamps.holes(timestamps, arrival_s):
            steps[hole.told_at - self._n_seen] += hole.n_lost
        self._n_seen += len(timestamps)
        # A hole told behind the last sample waits for the next one.
        told, self._told = self._told, 0
        if len(timestamps):
            steps[0] += told
        self._told = int(steps[-1]) - 1 + (0 if len(timestamps) else told)
        return steps[:-1]


class _Counter:
    """A device's counter: its step, what it misses, and by the stamps its whole turns."""

    def __init__(self, sfreq: float, modulus: int) -> None:
        self._sfreq = sfreq
        self._modulus = modulus
        self._tracker = StampTracker(sfreq, check_every_s=_COUNTED_CHECK_S, small_steps=False)
        self._step = 0
        self._seen: list[int] = []
        self._last: int | None = None
        self._last_stamp = np.nan
        self._n_seen = 0
        self._n_lost = 0
        self._resumes = False

    def resume(self) -> None:
        """Say that the device was away: its counter begins anew, its stamps tell for how long."""
        self._tracker.resume()
        self._resumes = True

    def steps(
        self,
        counter: NDArray[np.int64],
        stamps: NDArray[np.float64],
        arrival_s: float | None,
    ) -> NDArray[np.int64]:
        """Return how far each sample lies behind the one before it."""
        if not len(counter):
            return np.ones(0, np.int64)
        deltas = self._deltas(counter)
        lost = self._lost(deltas, stamps)
        # Without the samples that the counter misses, only whole turns of it are late.
        explained_s = (self._n_lost + np.cumsum(lost)) / self._sfreq
        self._n_lost += int(lost.sum())
        for hole in self._tracker.holes(stamps - explained_s, arrival_s):
            at = min(hole.told_at - self._n_seen, len(lost) - 1)
            lost[at] += self._in_turns(hole.n_lost, deltas[at])
            self._resumes = False
        self._n_seen += len(counter)
        return 1 + lost

    def _deltas(self, counter: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how far the counter went on before each sample, up to a turn."""
        begins = self._last is None or self._resumes
        before = int(counter[0]) - self._step if begins else self._last
        deltas = np.diff(counter, prepend=np.int64(before or 0))
        self._last = int(counter[-1])
        return np.asarray(deltas % self._modulus, np.int64)

    def _lost(self, deltas: NDArray[np.int64], stamps: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the samples that the counter misses before each."""
        elapsed_s = np.diff(stamps, prepend=self._last_stamp)
        self._last_stamp = float(stamps[-1])
        if not self._step:
            self._seen += deltas[deltas > 0].tolist()
            if len(self._seen) < _FEW_STEPS:
                return np.zeros(len(deltas), np.int64)
            self._step = int(np.bincount(self._seen).argmax())
        lost = np.maximum(deltas // self._step - 1, 0)
        # A packet out of order looks like nearly a turn.
        lost[(elapsed_s >= 0) & (elapsed_s * self._sfreq < lost / 2)] = 0
        return lost

    def _in_turns(self, n_late: int, delta: int) -> int:
        """Return the lost samples that late stamps show and the counter cannot."""
        if self._resumes:
            return n_late
        turn = self._modulus // max(1, self._step)
        turns = round(n_late / turn) * turn
        # A counter that goes on as if nothing were lost is right more often than not.
        tolerance = turn / 16 if delta in (0, self._step) else turn / 4
        if not turns or abs(n_late - turns) > tolerance:
            return 0
        return turns - 1 if delta == 0 else turns


def sample_positions(
    sfreq: float,
    n_times: int,
    timestamps: NDArray[np.float64] | None = None,
    counter: NDArray[np.int64] | None = None,
    counter_modulus: int = 0,
) -> NDArray[np.int64]:
    """Position of each sample of a whole recording, lost samples counted.

    With the whole file at hand a hole lies where it began, not where a live stream would tell it.

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
    steps = np.ones(n_times, np.int64)
    if counter is not None and counter_modulus:
        stamps = np.full(n_times, np.nan) if timestamps is None else timestamps
        steps = _Counter(sfreq, counter_modulus).steps(counter, stamps, None)
    elif timestamps is not None and _is_steady(timestamps):
        intervals = np.diff(timestamps)
        steps[1:] = np.round(intervals / np.median(intervals))
    elif timestamps is not None and n_times > 1:
        tracker = StampTracker(sfreq, check_every_s=_FILE_CHECK_S)
        for hole in tracker.holes(timestamps):
            steps[min(hole.began_at, n_times - 1)] += hole.n_lost
    return np.cumsum(steps) - 1


def _is_steady(timestamps: NDArray[np.float64]) -> bool:
    """Tell stamps whose every interval counts its samples from those with jitter."""
    if len(timestamps) < _FEW_STEPS or not np.isfinite(timestamps).all():
        return False
    in_samples = np.diff(timestamps) / max(np.median(np.diff(timestamps)), np.finfo(float).tiny)
    is_one = np.abs(in_samples - 1) < _STEADY
    return bool((is_one | (in_samples > 2 - _STEADY)).all())
