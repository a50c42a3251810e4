"""Lost samples by raw time stamps: a step in their lateness that stays is a gap.

A sample that is clearly late, or early, is held back until those behind it tell what it was: a
burst and a single wrong stamp return to the line; behind a gap, or on a clock that was set, the
lateness stays. So where a sample is placed depends on the stamps alone, never on how they were cut
into blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.floor import Floor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLEAR_S", "Gap", "StampTracker"]

CLEAR_S = 0.25
"""A sample this much later or earlier than the line is in doubt."""

_BACK = 0.6  # of the above: a sample this near is in line again
# Lateness that stays for so long is a step. A burst's falls by as much as the burst is long.
_STAYS_S, _RESUMED_S = 0.3, 0.1
_FALLS = 0.1
_LONGEST_S = 1.0
_RATE_AFTER_S = 4.0
_FASTEST = 100.0  # times the nominal rate: stamps that stand still tell no rate


@dataclass(frozen=True, slots=True)
class Gap:
    """Lost samples; the samples that came are numbered without them."""

    placed_at: int
    """Number of the first sample that is placed behind the gap."""
    began_at: int
    """Number of the first sample behind the gap in truth, as far as jitter lets it be seen."""
    n_lost: int
    """How many samples are lost."""


@dataclass(slots=True)
class _Doubt:
    """Samples that wait for those behind them."""

    first: int
    resumes: bool
    stamps: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)


class StampTracker:
    """Follows the lateness of one stream's stamps. One thread feeds it, in order.

    The rate in Hz is the nominal one; the effective one is found out. A sample that is `clear_s`
    off the line is in doubt. Steps within the jitter are looked for where `small_gaps` are wanted;
    those clear of it are always told.
    """

    def __init__(self, sfreq: float, *, clear_s: float = CLEAR_S, small_gaps: bool = True) -> None:
        self._sfreq = sfreq
        self._clear_s = clear_s
        self._small_gaps = small_gaps
        self._floor = Floor(sfreq)
        self._doubt: _Doubt | None = None
        self._n_seen = 0
        self._zero = np.nan  # time of sample 0, moved by every step since
        self._last = np.nan  # lateness of the newest sample in line
        self._arrived = np.nan  # when it came
        # Most that the last stamp of what came together was ahead of its arrival: those before it
        # waited.
        self._lead = -np.inf
        self._newest_lead = np.nan
        self._arrival = np.nan
        self._resumes = False

    @property
    def n_block(self) -> int:
        """Samples from one look at the line to the next."""
        return self._floor.n_block

    @property
    def n_settled(self) -> int:
        """How many samples have their place for good; the others are in doubt."""
        return self._n_seen if self._doubt is None else self._doubt.first

    @property
    def effective_sfreq(self) -> float | None:
        """Rate by the stamps in Hz, None before 4 s have been seen."""
        known = self._floor.known and self._n_seen >= _RATE_AFTER_S * self._rate()
        return self._rate() if known else None

    def resume(self) -> None:
        """Take the next stamp at its word: the stream was away and is back."""
        self._resumes = True

    def take(self, stamps: NDArray[np.float64], arrival_s: float | None = None) -> list[Gap]:
        """Take the next stamps, seconds or NaN, shape (n_times,); return the gaps that they show.

        `arrival_s` is the monotonic clock when they arrived. It tells a clock that was set from a
        gap, for no sample is stamped later than it arrives, and how long a device was away whose
        clock began anew.
        """
        gaps: list[Gap | None] = []
        arrival = np.nan if arrival_s is None else arrival_s
        if arrival != self._arrival:
            self._arrival = arrival
            self._lead = float(np.fmax(self._lead, self._newest_lead))
        start = 0
        while start < len(stamps):
            if self._doubt is not None and not self._is_back(self._doubt, stamps[start]):
                gaps.append(self._weigh(self._doubt, float(stamps[start]), arrival))
                start += 1
                continue
            self._doubt = None
            n_own = self._floor.n_block - self._n_seen % self._floor.n_block
            n_taken, gap = self._follow(stamps[start : start + n_own], arrival)
            gaps.append(gap)
            start += n_taken
        return [gap for gap in gaps if gap is not None]

    def finish(self) -> list[Gap]:
        """Settle the samples in doubt, behind which nothing comes; return the gap they show."""
        doubt, self._doubt = self._doubt, None
        if doubt is None or len(doubt.late) < _RESUMED_S * self._sfreq:
            return []
        if self._falls(doubt, len(doubt.late) // 2):
            return []
        gap = self._settle(doubt)
        return [] if gap is None else [gap]

    def _rate(self) -> float:
        interval = 1.0 / self._sfreq
        return 1.0 / max(interval + self._floor.slope, interval / _FASTEST)

    def _follow(self, stamps: NDArray[np.float64], arrival: float) -> tuple[int, Gap | None]:
        """Take the samples of a block up to one that is in doubt."""
        finite = np.isfinite(stamps)
        numbers = self._n_seen + np.arange(len(stamps))
        if np.isnan(self._zero) and finite.any():
            first = int(np.argmax(finite))
            self._zero, self._last = float(stamps[first]) - numbers[first] / self._sfreq, 0.0
        lateness = stamps - self._zero - numbers / self._sfreq
        n_taken = self._n_in_line(numbers, lateness)
        usual = finite[:n_taken]
        self._floor.add(numbers[:n_taken][usual], lateness[:n_taken][usual])
        if usual.any():
            self._last = float(lateness[:n_taken][usual][-1])
            self._newest_lead = float(stamps[:n_taken][usual][-1]) - arrival
            self._arrived = arrival
        self._n_seen += n_taken
        if n_taken < len(stamps):
            self._newest_lead = np.nan
            self._doubt = _Doubt(self._n_seen, self._resumes)
            self._resumes = False
            return n_taken, None
        return n_taken, self._small_gap() if self._n_seen % self._floor.n_block == 0 else None

    def _n_in_line(self, numbers: NDArray[np.int_], lateness: NDArray[np.float64]) -> int:
        """Return how many samples there are before the first one in doubt."""
        finite = np.isfinite(lateness)
        if self._resumes and finite.any():
            return int(np.argmax(finite))
        if self._is_line_known:
            expected = self._floor.level + self._floor.slope * numbers
        else:
            # Each sample by the newest one before it that has a stamp: the rate may be any.
            before = np.concatenate([[self._last], lateness[:-1]])
            newest = np.where(np.isfinite(before), np.arange(len(before)), 0)
            expected = before[np.maximum.accumulate(newest)]
        doubtful = np.abs(lateness - expected) > self._clear_s
        return int(np.argmax(doubtful)) if doubtful.any() else len(numbers)

    @property
    def _is_line_known(self) -> bool:
        return self._floor.known and not np.isnan(self._floor.level)

    def _late(self, stamp: float) -> float:
        """Return how far the next sample is off the line, or off the last one in line."""
        line = self._floor.level + self._floor.slope * self._n_seen
        expected = line if self._is_line_known else self._last
        return float(stamp - self._zero - self._n_seen / self._sfreq - expected)

    def _is_back(self, doubt: _Doubt, stamp: float) -> bool:
        """Tell whether the next sample is in line again: those in doubt were late, not behind."""
        if doubt.resumes or not doubt.stamps:
            return False
        return abs(self._late(stamp)) <= _BACK * self._clear_s

    def _weigh(self, doubt: _Doubt, stamp: float, arrival: float) -> Gap | None:
        """Take a sample in doubt; settle all of them once they tell what they are."""
        doubt.stamps.append(stamp)
        doubt.late.append(self._late(stamp))
        doubt.arrivals.append(arrival)
        self._n_seen += 1
        n_most = (max(doubt.late[0], 0.0) + _LONGEST_S) * self._sfreq
        n_half = max(1, round((_RESUMED_S if doubt.resumes else _STAYS_S) * self._sfreq / 2))
        stays = len(doubt.late) >= 2 * n_half and not self._falls(doubt, n_half)
        return self._settle(doubt) if stays or len(doubt.late) >= n_most else None

    def _falls(self, doubt: _Doubt, n_half: int) -> bool:
        """Tell lateness that falls, as it does within a burst, from one that stays."""
        late = np.array(doubt.late[len(doubt.late) - 2 * n_half :])
        if not np.isfinite(late).all():
            return True
        return bool(late[:n_half].min() - late[n_half:].min() > _FALLS * n_half / self._sfreq)

    def _settle(self, doubt: _Doubt) -> Gap | None:
        """Move the line by what the samples in doubt are late; a gap unless the clock was set."""
        self._doubt = None
        numbers = doubt.first + np.arange(len(doubt.stamps))
        stamps, late = np.array(doubt.stamps), np.array(doubt.late)
        finite = np.isfinite(stamps)
        seconds = float(late[finite].min())
        lead = float((stamps - np.array(doubt.arrivals))[finite].max())
        lost_s = max(0.0, seconds)
        if seconds < -self._clear_s or lead > self._lead + self._clear_s > -np.inf:
            # The clock was set, or began anew: only the arrival tells how long nothing came. Of
            # what waited and came together, the last was the least late.
            away_s = stamps[0] - lead - self._arrived
            lost_s = away_s if away_s > self._clear_s else 0.0
            self._lead = -np.inf
        self._zero += seconds
        lateness = stamps - self._zero - numbers / self._sfreq
        usual = finite & (late - seconds <= self._clear_s)
        self._floor.begin_segment()
        self._floor.add(numbers[usual], lateness[usual])
        self._last, self._arrived = float(lateness[usual][-1]), doubt.arrivals[-1]
        self._newest_lead = lead
        n_lost = round(lost_s * self._rate())
        return Gap(doubt.first, doubt.first, n_lost) if n_lost else None

    def _small_gap(self) -> Gap | None:
        """Look for a step that only many stamps together show."""
        step = self._floor.look(self._n_seen)
        if step is None or not self._small_gaps:
            return None
        began_at, seconds = step
        self._zero += seconds
        self._last -= seconds
        self._floor.lower(began_at, seconds)
        n_lost = round(seconds * self._rate())
        return Gap(self._n_seen, began_at, n_lost) if n_lost else None
