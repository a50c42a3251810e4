"""Finding lost samples by raw time stamps: a step in their lateness that stays is a hole.

The lateness of a sample is its stamp less what its number says at the nominal rate. Jitter moves it
to and fro, another clock or rate tilts it, a hole lifts all that follows by the lost samples' time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.lateness import CHECK_EVERY_S, LatenessHistory

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLEAR_S", "Hole", "StampTracker"]

CLEAR_S = 0.25
"""A sample this late, with all that is known to follow it, is told as a hole at once."""
_STAYS = 0.6  # of CLEAR_S: so much of a clear step the jitter leaves of every sample behind it

_LOOK_AHEAD_S = 1.0


@dataclass(frozen=True, slots=True)
class Hole:
    """Lost samples; the samples that came are numbered without them.

    Attributes
    ----------
    told_at : int
        Number of the sample at whose arrival the hole was told.
    began_at : int
        Number of the first sample behind the hole, as far as jitter lets it be seen.
    n_lost : int
        How many samples are lost.
    """

    told_at: int
    began_at: int
    n_lost: int


class StampTracker:
    """Follows the lateness of one stream's stamps. One thread feeds it, in order.

    Parameters
    ----------
    sfreq : float
        Nominal sampling rate in Hz; the effective one is found out.
    check_every_s : float
        Signal from one look at the line to the next.
    small_steps : bool
        Whether to look for steps within the jitter; those clear of it are always told.
    """

    def __init__(
        self, sfreq: float, *, check_every_s: float = CHECK_EVERY_S, small_steps: bool = True
    ) -> None:
        self._sfreq = sfreq
        self._block = max(1, round(check_every_s * sfreq))
        self._history = LatenessHistory(sfreq)
        self._small_steps = small_steps
        self._n_seen = 0
        self._n_at_step = -1
        self._zero = np.nan  # time of sample 0, moved by every step since
        self._lead = -np.inf
        self._resumes = False

    @property
    def effective_sfreq(self) -> float:
        """Rate by the stamps in Hz, the nominal one before a second has been seen."""
        return 1.0 / (1.0 / self._sfreq + self._history.slope)

    def resume(self) -> None:
        """Take the next stamp at its word: the stream was away and is back."""
        self._resumes = True

    def holes(self, stamps: NDArray[np.float64], arrival_s: float | None = None) -> list[Hole]:
        """Take the next stamps and return the holes that they show.

        Parameters
        ----------
        stamps : ndarray of float64, shape (n_times,)
            Seconds; NaN for a sample without one.
        arrival_s : float, optional
            Monotonic clock when they arrived. It tells a clock that jumps forward from a hole: no
            sample is stamped later than it arrives.
        """
        holes: list[Hole | None] = []
        start = 0
        while start < len(stamps):
            n_own = min(len(stamps) - start, self._block - self._n_seen % self._block)
            ahead = stamps[start : start + n_own + round(_LOOK_AHEAD_S * self._sfreq)]
            before = self._n_seen
            holes.append(self._take(ahead, n_own, arrival_s))
            start += self._n_seen - before
            if self._n_seen > before and self._n_seen % self._block == 0:
                holes.append(self._small_hole())
        return [hole for hole in holes if hole is not None]

    def _take(
        self, stamps: NDArray[np.float64], n_own: int, arrival_s: float | None
    ) -> Hole | None:
        """Take the samples up to a clear step, or `n_own` when there is none."""
        finite = np.isfinite(stamps)
        if np.isnan(self._zero) and finite.any():
            first = int(np.argmax(finite))
            self._zero = float(stamps[first]) - (self._n_seen + first) / self._sfreq
        numbers = self._n_seen + np.arange(len(stamps))
        lateness = stamps - self._zero - numbers / self._sfreq
        late = lateness - self._history.expected(numbers)
        at = self._clear_step(late, finite, n_own)
        n_taken = n_own if at is None else at
        usual = finite[:n_taken] & (np.abs(late[:n_taken]) <= CLEAR_S)
        self._history.append(numbers[:n_taken][usual], lateness[:n_taken][usual])
        self._n_seen += n_taken
        if arrival_s is not None and usual.any():
            self._lead = max(self._lead, float(stamps[:n_taken][usual].max()) - arrival_s)
        if at is None:
            return None
        behind = slice(at, at + self._block)
        return self._step(float(np.nanmedian(late[behind])), np.nanmax(stamps[behind]), arrival_s)

    def _clear_step(
        self, late: NDArray[np.float64], finite: NDArray[np.bool_], n_own: int
    ) -> int | None:
        """Return the first sample that is far off the line with all that is known to follow."""
        if self._resumes and finite[:n_own].any():
            self._resumes = False
            return int(np.argmax(finite))
        own = np.abs(np.where(finite[:n_own], late[:n_own], 0.0)) > CLEAR_S
        if self._n_seen == self._n_at_step:
            own[:1] = False
        if not own.any():
            return None
        least = np.minimum.accumulate(np.where(finite, late, np.inf)[::-1])[::-1]
        most = np.maximum.accumulate(np.where(finite, late, -np.inf)[::-1])[::-1]
        stays = (least[:n_own] > _STAYS * CLEAR_S) | (most[:n_own] < -_STAYS * CLEAR_S)
        steps = np.flatnonzero(own & stays)
        return int(steps[0]) if len(steps) else None

    def _step(self, seconds: float, stamp: float, arrival_s: float | None) -> Hole | None:
        """Move the line by a clear step; a hole unless the clock jumped."""
        self._n_at_step = self._n_seen
        self._zero += seconds
        self._history.begin_segment()
        clock_jumped = arrival_s is not None and stamp - arrival_s > self._lead + CLEAR_S
        if clock_jumped or seconds < 0:
            self._lead = -np.inf
            return None
        n_lost = round(seconds * self.effective_sfreq)
        return Hole(self._n_seen, self._n_seen, n_lost) if n_lost else None

    def _small_hole(self) -> Hole | None:
        """Look for a step that only many stamps together show."""
        line = self._history.follow(self.effective_sfreq)
        if line is None or not self._small_steps:
            return None
        step = self._history.small_step(line, self.effective_sfreq)
        if step is None:
            return None
        began_at, seconds = step
        self._zero += seconds
        self._history.lower(began_at, seconds)
        n_lost = round(seconds * self.effective_sfreq)
        return Hole(self._n_seen, began_at, n_lost) if n_lost > 0 else None
