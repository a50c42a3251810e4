"""What a device delivers becomes chunks, each at its positions."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.gaps import PositionTracker, runs_of
from streaming.stream import RATE_TOLERANCE, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from streaming.stream import Marker

__all__ = ["ChunkCutter"]


class ChunkCutter:
    """Cuts a device's samples at gaps, and where its rate turns out to be another than declared.

    Samples in doubt wait here until those behind them tell their place, see
    :class:`mdjpt.positions.gaps.PositionTracker`. One thread uses it; nothing blocks.

    Parameters
    ----------
    n_channels : int
        Electrodes.
    sfreq : float
        Declared sampling rate in Hz.
    counter_modulus : int
        Number of different values of the device's counter; 0 when stamps have to do.
    advice : str
        What to do where the declared rate is wrong, with a field for the real one.
    """

    def __init__(
        self, n_channels: int, sfreq: float, *, counter_modulus: int = 0, advice: str = ""
    ) -> None:
        self._sfreq = sfreq
        self._advice = advice
        self._tracker = PositionTracker(sfreq, counter_modulus=counter_modulus)
        self._signals = np.empty((n_channels, 0), np.float32)
        self._others: NDArray[np.float64] | None = None
        self._stamps = np.empty(0)
        self._markers: list[Marker] = []
        self._notes: tuple[str, ...] = ()
        self._denies = self._resumes = False
        self._ready: deque[Chunk] = deque()
        self._stop_sample = 0

    def __bool__(self) -> bool:
        """Whether a chunk is ready."""
        return bool(self._ready)

    def resume(self) -> None:
        """Say that the device was away: what comes next tells how long."""
        self._tracker.resume()
        self._resumes = True

    def note(self, *texts: str) -> None:
        """Say remarks with the next chunk."""
        self._notes += texts

    def take(
        self,
        signals: NDArray[np.float32],
        stamps: NDArray[np.float64],
        arrival_s: float,
        *,
        others: NDArray[np.float64] | None = None,
        counter: NDArray[np.int64] | None = None,
        markers: Iterable[Marker] = (),
    ) -> None:
        """Take what the device has delivered at `arrival_s` of the monotonic clock.

        The signals are microvolts, shape (n_channels, n_times), the stamps (n_times,) the device's
        own, in seconds, the counter (n_times,) its own too; `others`, shape (n_others, n_times),
        are the columns beside the electrodes. A marker waits for the samples of its time.
        """
        self._markers += markers
        self._signals = np.concatenate([self._signals, signals], axis=1)
        self._stamps = np.concatenate([self._stamps, stamps])
        if others is not None:
            waiting = others[:, :0] if self._others is None else self._others
            self._others = np.concatenate([waiting, others], axis=1)
        placed, rates = [], []
        for part in np.split(np.arange(len(stamps)), self._tracker.edges(len(stamps))):
            counted = None if counter is None else counter[part]
            waited_s = 0.0
            if self._resumes and len(part) and np.isfinite(stamps[-1] - stamps[part[-1]]):
                # What a device sent while the connection was made came one by one.
                waited_s = max(0.0, float(stamps[-1] - stamps[part[-1]]))
            placed.append(self._tracker.place(stamps[part], counted, arrival_s - waited_s))
            rates.append(np.full(len(placed[-1]), self._rate()))
        self._resumes = self._resumes and not len(stamps)
        self._cut(np.concatenate(placed), np.concatenate(rates))

    def next(self) -> Chunk:
        """Return the next chunk, an empty one when none is ready."""
        if self._ready:
            return self._ready.popleft()
        return Chunk(self._signals[:, :0], self._stamps[:0], self._stop_sample)

    def _rate(self) -> float:
        """Return the rate by the stamps, NaN before it is known; say when it is not as declared."""
        rate = self._tracker.effective_sfreq or np.nan
        denies = bool(self._denied(rate))
        if denies and not self._denies:
            said = f"declared {self._sfreq:g} Hz, but {rate:.1f} Hz by its time stamps: no labels"
            self.note("; ".join(filter(None, (said, self._advice.format(round(rate))))))
        elif self._denies and not denies:
            self.note(f"{self._sfreq:g} Hz by its time stamps too: labels again")
        self._denies = denies
        return rate

    def _denied(self, rates: float | NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(np.abs(np.asarray(rates) / self._sfreq - 1) > RATE_TOLERANCE)

    def _cut(self, positions: NDArray[np.int64], rates: NDArray[np.float64]) -> None:
        """Make chunks of the oldest samples, whose places are known now."""
        longest = max(1, int(self._sfreq))
        for run in runs_of(positions):
            flips = np.flatnonzero(np.diff(self._denied(rates[run.start : run.stop])))
            edges = {*range(run.start, run.stop, longest), *(run.start + 1 + flips).tolist()}
            for start, stop in zip(sorted(edges), [*sorted(edges)[1:], run.stop], strict=True):
                self._ready.append(self._chunk(slice(start, stop), int(positions[start]), rates))
        n = len(positions)
        self._signals, self._stamps = self._signals[:, n:], self._stamps[n:]
        if self._others is not None:
            self._others = self._others[:, n:]

    def _chunk(self, part: slice, first_sample: int, rates: NDArray[np.float64]) -> Chunk:
        stamps = self._stamps[part]
        due = [marker for marker in self._markers if not marker.timestamp > stamps[-1]]
        self._markers = [marker for marker in self._markers if marker.timestamp > stamps[-1]]
        notes, self._notes = self._notes, ()
        self._stop_sample = first_sample + len(stamps)
        return Chunk(
            np.ascontiguousarray(self._signals[:, part]),
            stamps.copy(),
            first_sample,
            tuple(sorted(due, key=lambda marker: marker.timestamp)),
            None if self._others is None else self._others[:, part].copy(),
            notes,
            float(rates[part.start]),
        )
