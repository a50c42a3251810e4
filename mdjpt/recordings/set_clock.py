"""Clocks that were set while they stamped a recording: back, or ahead by days."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["TimeLine"]

SET_BACK_S = 2.0
"""More than jitter and bursts of up to a second put a stamp behind the one before it."""
SET_AHEAD_S = 86_400.0
"""No recording waits for a day."""
_FEW = 5  # samples: stamps that are wrong for no longer set no clock
_NEAR_S = 2.0  # of an event to the samples of its piece


@dataclass(frozen=True, slots=True, eq=False)
class TimeLine:
    """Time stamps that go on where the clock was set, as if nothing had been missing there."""

    # Seconds, shape (n_times,).
    stamps: Float64
    starts: tuple[int, ...]
    """First column of each piece, the first of all included."""
    shifts: tuple[float, ...]
    """Seconds that were added to the stamps of each piece."""

    @classmethod
    def of(cls, stamps: Float64) -> Self:
        """Find where the clock was set in stamps of shape (n_times,)."""
        steps = np.diff(stamps)
        jumps = np.flatnonzero((steps < -SET_BACK_S) | (steps > SET_BACK_S)) + 1
        if not len(jumps):
            return cls(stamps, (0,), (0.0,))
        usual_s = float(np.median(steps))
        line, starts, shifts = stamps.copy(), [0], [0.0]
        for start, end in pairwise([*jumps.tolist(), len(stamps)]):
            expected_s = line[start - 1] + usual_s  # if nothing had happened
            late_s = stamps[start] + shifts[-1] - expected_s
            goes_back = late_s < -SET_BACK_S or (end < len(stamps) and steps[end - 1] < 0)
            if goes_back and end - start <= _FEW:
                line[start:end] = expected_s + usual_s * np.arange(end - start)
                continue
            if not -SET_BACK_S < late_s < SET_AHEAD_S:
                starts.append(start)
                shifts.append(shifts[-1] - late_s)
            line[start:end] = stamps[start:end] + shifts[-1]
        return cls(line, tuple(starts), tuple(shifts))

    def place(self, stamp: float) -> float:
        """Return where a stamp of the same clock lies: in the piece whose samples are nearest."""
        if len(self.starts) == 1:
            return stamp
        ends = [*self.starts[1:], len(self.stamps)]
        found = []
        for start, end, shift in zip(self.starts, ends, self.shifts, strict=True):
            second = stamp + shift
            away_s = max(self.stamps[start] - second, second - self.stamps[end - 1], _NEAR_S)
            found.append((away_s, start, second))
        return min(found)[2]

    def notes(self, positions: NDArray[np.int64], sfreq: float) -> tuple[str, ...]:
        """Say where the clock was set and by how much, one line each."""
        return tuple(
            f"its clock was set {'back' if shift > before else 'ahead'} by "
            f"{abs(shift - before):.4g} s at {positions[start] / sfreq:.1f} s; how long nothing "
            "came is not known, no window crosses it"
            for start, before, shift in zip(
                self.starts[1:], self.shifts, self.shifts[1:], strict=False
            )
        )
