"""The floor of a stream's lateness: the line that its least late samples follow.

The lateness of a sample is its stamp less what its number says at the nominal rate. Whatever delays
a sample only adds to it, so the least lateness of a while is the clock itself: a line whose slope
is the error of the nominal rate. Lost samples lift the floor by their time, and all that follows
stays up. Jitter that grows, a burst and a passing stall leave it where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCK_S", "Floor"]

BLOCK_S = 0.05
"""Of the samples of this time the least late one is kept."""
FEWEST_LOST = 1.5
"""Samples; a smaller step is jitter."""

_HISTORY_S = 10.0
# Blocks. A gap is told within 1 s of its end: the window behind it, and one block more.
_AFTER = round(0.85 / BLOCK_S)
_BEFORE = 2 * _AFTER
_SECOND = round(1.0 / BLOCK_S)
_FEW_SECONDS = 3
# There are twenty looks a second, for hours. A mean that scatters normally is off by 5 standard
# deviations once in 3.5 million times.
_Z_MEAN, _CHANCE = 5.0, 1e-6
# Of the time that passes: what falls so fast came together with what follows.
_FALLING = 0.5
# Delays that spread this much wider than before do not scatter as they did.
_GROWN = 1.5
_MOST_SPREADS = 50.0
_MAD_TO_STD = 1.4826  # of normal values
_MEDIAN_TO_MEAN = 1.2533  # scatter of a median of normal values over that of their mean


class Floor:
    """Least lateness of the last seconds. One thread feeds it, in order."""

    def __init__(self, sfreq: float) -> None:
        self._sfreq = sfreq
        self.n_block = max(1, round(BLOCK_S * sfreq))
        """Samples from one look for a step to the next."""
        # One row a block: number of its least late sample, that lateness, its segment.
        self._blocks = np.empty((0, 3))
        self._recent = np.empty((0, 2))  # number and lateness of every sample of the last seconds
        self._segment = 0
        self._followed = 0
        self._n_seconds = 0
        self._slope_std = self._centre = 0.0
        self.level = np.nan
        """The floor at number 0 in seconds, NaN where nothing was seen since a step."""
        self.slope = 0.0
        """Seconds a sample that the true interval is longer than the nominal one."""

    @property
    def known(self) -> bool:
        """Whether the slope has been found out."""
        return self._n_seconds >= _FEW_SECONDS

    def add(self, numbers: NDArray[np.int_], lateness: NDArray[np.float64]) -> None:
        """Take the lateness of the next samples, whole blocks or parts of them."""
        if not len(numbers):
            return
        self._recent = np.concatenate([self._recent, np.column_stack([numbers, lateness])])
        self._recent = self._recent[-(_BEFORE + _AFTER) * self.n_block :]
        rest = lateness - self.slope * numbers
        starts = np.flatnonzero(np.diff(numbers // self.n_block, prepend=-1))
        for first, stop in zip(starts, [*starts[1:], len(numbers)], strict=True):
            at = first + int(np.argmin(rest[first:stop]))
            self._add_block(float(numbers[at]), float(lateness[at]))
        self._find_level()

    def begin_segment(self) -> None:
        """Say that the level of what follows is not exactly that of what was."""
        self._segment += 1
        self._recent = self._recent[:0]
        self.level = np.nan

    def look(self, n_seen: int) -> tuple[int, float] | None:
        """Return where a step of the last second began and its seconds, None without one."""
        if n_seen // (_SECOND * self.n_block) > self._followed:
            self._followed = n_seen // (_SECOND * self.n_block)
            self._follow(n_seen)
            self._find_level()
        return self._step()

    def lower(self, began_at: int, seconds: float) -> None:
        """Take a step out of what is kept; what was before it is another segment."""
        behind = self._blocks[:, 0] >= began_at
        self._segment += 1
        self._blocks[behind, 1] -= seconds
        self._blocks[behind, 2] = self._segment
        self._recent[:, 1] -= seconds
        self._recent = self._recent[self._recent[:, 0] >= began_at]

    def _find_level(self) -> None:
        here = self._blocks[-2 * _SECOND :]
        here = here[here[:, 2] == self._segment]
        self.level = float((here[:, 1] - self.slope * here[:, 0]).min()) if len(here) else np.nan

    def _add_block(self, number: float, lateness: float) -> None:
        row = np.array([[number, lateness, self._segment]])
        if len(self._blocks):
            last = self._blocks[-1]
            if last[2] == self._segment and last[0] // self.n_block == number // self.n_block:
                if lateness - last[1] < self.slope * (number - last[0]):
                    self._blocks[-1] = row
                return
        self._blocks = np.concatenate([self._blocks, row])
        self._blocks = self._blocks[self._blocks[:, 0] >= number - _HISTORY_S * self._sfreq]

    def _follow(self, n_seen: int) -> None:
        """Find the slope anew, by the least lateness of each second but the last.

        The median of the slopes of all pairs (Theil 1950; Sen 1968, doi:10.2307/2285891): up to
        29 % of the seconds may be without a single sample in time.
        """
        least = self._least_by_second(self._blocks[self._blocks[:, 0] < n_seen - self._in_samples])
        i, j = np.triu_indices(len(least), 1)
        rise = (least[j] - least[i])[least[i, 2] == least[j, 2]]
        if len(rise) < _FEW_SECONDS:
            return
        self.slope = float(np.median(rise[:, 1] / rise[:, 0]))
        self._n_seconds = len(least)
        off = least[:, 1] - self.slope * least[:, 0]
        for segment in np.unique(least[:, 2]):
            off[least[:, 2] == segment] -= np.median(off[least[:, 2] == segment])
        self._centre = float(least[:, 0].mean())
        spread = float(((least[:, 0] - self._centre) ** 2).sum())
        self._slope_std = float(np.std(off)) * (1 + 2 / len(least)) / np.sqrt(spread)

    @property
    def _in_samples(self) -> int:
        """Samples of a second."""
        return _SECOND * self.n_block

    def _least_by_second(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the least late block of each second and segment, where that second has one.

        A burst that goes on in the next second has its least late sample there.
        """
        rest = blocks[:, 1] - self.slope * blocks[:, 0]
        seconds = blocks[:, 0] // self._in_samples
        order = np.lexsort((rest, seconds, blocks[:, 2]))
        keys = np.column_stack([blocks[:, 2], seconds])[order]
        least = order[np.any(np.diff(keys, axis=0, prepend=-1) != 0, axis=1)]
        fall = np.diff(rest, append=np.inf)
        apart = np.diff(blocks[:, 0], append=np.inf) > 2 * self.n_block
        other = np.diff(blocks[:, 2], append=-1) != 0
        goes_on = (fall <= -_FALLING * BLOCK_S) & ~apart & ~other
        return np.asarray(blocks[least[~goes_on[least]]])

    def _step(self) -> tuple[int, float] | None:
        """Tell a step from jitter.

        Both the least and the median lateness of the window have to have risen beyond all their
        scatter: growing delays lift the median only, shrinking jitter to both sides the least only.
        """
        here = self._blocks[self._blocks[:, 2] == self._segment]
        if not self.known or len(here) < _BEFORE + _AFTER:
            return None
        rest = here[:, 1] - self.slope * here[:, 0]
        before, after = rest[:-_AFTER], rest[-_AFTER:]
        if (after.min() - before.min()) * self._sfreq < FEWEST_LOST:
            return None
        floors = sliding_window_view(before, _AFTER).min(axis=1)
        usual = float(np.median(floors))
        least, middle = float(after.min()) - usual, float(np.median(after) - np.median(before))
        if min(least, middle) * self._sfreq < FEWEST_LOST:
            return None
        since = here[-1, 0] - _AFTER * self.n_block
        n_free, by_chance = self._by_chance(since)
        line = _Z_MEAN * self._slope_std * (here[-1, 0] - self._centre)
        std = _norm(
            _robust_std(after) / np.sqrt(min(n_free, _AFTER)),
            _robust_std(before) / np.sqrt(min(n_free * len(before) / _AFTER, len(before))),
        )
        is_sure = least > _norm(floors.max() - usual, by_chance, line) and middle > _norm(
            _Z_MEAN * _MEDIAN_TO_MEAN * std, line
        )
        seconds = min(least, middle)
        return (self._began(since, seconds), seconds) if is_sure else None

    def _by_chance(self, since: float) -> tuple[int, float]:
        """Return how many free delays there are in a window, and how late their least may be.

        Of n delays that are even from 0 on, the least is the first of their spacings and the lower
        half spreads over (n - 1) / 2 more: P(least / spread > r) = (1 + r) ** (-(n - 1) / 2). When
        they spread as before, the spread is known: P = exp(-r (n - 1) / 2).
        """
        rest = self._recent[:, 1] - self.slope * self._recent[:, 0]
        behind = self._recent[:, 0] > since
        n_free, spread = _delays(rest[behind])
        _, spread_before = _delays(rest[~behind])
        power = -2.0 * np.log(_CHANCE) / max(1, n_free - 1)
        if spread > _GROWN * spread_before:
            return n_free, spread * float(min(_MOST_SPREADS, np.expm1(power)))
        return n_free, max(spread, spread_before) * power

    def _began(self, since: float, seconds: float) -> int:
        """Return the first sample of a step: behind it the lateness lies above half of it."""
        rest = self._recent[:, 1] - self.slope * self._recent[:, 0]
        usual = float(np.median(rest[self._recent[:, 0] <= since]))
        late = self._recent[:, 0] > since - 2 * self.n_block
        behind = np.cumsum((rest[late] - usual - seconds / 2)[::-1])[::-1]
        return int(self._recent[late, 0][int(np.argmax(behind))])


def _delays(lateness: NDArray[np.float64]) -> tuple[int, float]:
    """Return how many delays are free of one another, and how far the lower half of them spreads.

    The samples of a chunk are late together.
    """
    spread = float(np.median(lateness) - lateness.min())
    return 1 + int((np.abs(np.diff(lateness)) > 0.1 * spread).sum()), spread


def _robust_std(values: NDArray[np.float64]) -> float:
    """Return the standard deviation by the median absolute deviation."""
    return float(_MAD_TO_STD * np.median(np.abs(values - np.median(values))))


def _norm(*values: float) -> float:
    """Return the root of the sum of squares: how errors that know nothing of each other add."""
    return float(np.sqrt(np.square(values).sum()))
