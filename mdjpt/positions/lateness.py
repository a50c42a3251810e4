"""The lateness of a stream's last seconds: its line, its jitter, and steps that stay.

A step of a few samples is smaller than one sample's jitter. It shows in the mean lateness of a
window, or, when the jitter has bounds, sooner in its least or in the middle of its range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["CHECK_EVERY_S", "LatenessHistory", "Line"]

SMALLEST_HOLE = 1.5
"""Samples; a smaller step is jitter."""
CHECK_EVERY_S = 0.05
"""Signal from one look for small steps to the next."""

_HISTORY_S = 10.0
# A hole has to be told within 1 s, so the longest window is a little shorter.
_WINDOWS_S = (0.1, 0.2, 0.45, 0.88)
_WARM_UP_S = 2.0
_BEFORE_S = 0.5
# Scatters that a step must have: means scatter normally, extremes of bounded jitter exponentially.
_Z_MEAN, _Z_EXTREME = 5.2, (12.0, 10.0)
_FEW_WINDOWS = 8
_MOST = 0.7
_BEND = 0.125
_MAD_TO_STD = 1.4826
_RATE_TOLERANCE = 0.01


class LatenessHistory:
    """Lateness of the last seconds: its line, its scatter, its steps."""

    def __init__(self, sfreq: float) -> None:
        self._sfreq = sfreq
        self._numbers = np.empty(0)
        self._lateness = np.empty(0)
        self._raw = np.empty(0)  # the same with all the steps in it
        self._steps_s = 0.0
        self._segments = [0.0, 0.0]  # numbers of the samples behind the last two clear steps
        self._last = 0.0
        self._fresh: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._level: float | None = None
        self.slope = 0.0
        """Seconds a sample that the effective interval is longer than the nominal one."""

    def expected(self, numbers: NDArray[np.int_]) -> NDArray[np.float64]:
        """Return the lateness that samples should have."""
        if self._level is None:
            return np.full(len(numbers), self._last)
        return np.asarray(self._level + self.slope * numbers, np.float64)

    def append(self, numbers: NDArray[np.int_], lateness: NDArray[np.float64]) -> None:
        """Take the lateness of the next samples."""
        if len(numbers):
            self._fresh.append((numbers.astype(np.float64), lateness))
            self._last = float(lateness[-1])

    def begin_segment(self) -> None:
        """Say that the level of what follows is not exactly that of what was."""
        self._collect()
        begins = self._numbers[-1] + 1 if len(self._numbers) else 0.0
        self._segments = [self._segments[1], begins]

    def lower(self, began_at: int, seconds: float) -> None:
        """Take a step out of what is kept."""
        self._steps_s += seconds
        self._lateness[self._numbers >= began_at] -= seconds

    def follow(self, sfreq: float) -> Line | None:
        """Fit the line anew; return it once there is enough before it to look for steps.

        Parameters
        ----------
        sfreq : float
            Effective rate in Hz.
        """
        self._collect()
        seen_s = np.ptp(self._numbers) / sfreq if len(self._numbers) else 0.0
        if seen_s < _WARM_UP_S:
            return None
        tested = seen_s >= _WARM_UP_S + _WINDOWS_S[-1]
        base = self._numbers <= self._numbers[-1] - tested * _WINDOWS_S[-1] * sfreq
        line = Line(self._numbers, self._lateness, base, self._numbers >= self._segments[1])
        self.slope, self._level = line.slope, line.level
        return line if tested else None

    def small_step(self, line: Line, sfreq: float) -> tuple[int, float] | None:
        """Return where a step of the last second began and its seconds, None without one."""
        step = line.step(sfreq)
        if step is None or not self._is_sawtooth(sfreq):
            return step
        self._lateness = self._raw - self._steps_s
        return None

    def _is_sawtooth(self, sfreq: float) -> bool:
        """Tell jitter that rises in steps and falls in ramps from steps that are holes.

        The rate between holes is near the nominal one. When it is nearer with the steps left in,
        there were none.
        """
        base = self._numbers <= self._numbers[-1] - _WINDOWS_S[-1] * sfreq
        with_steps = Line(self._numbers, self._raw, base, self._numbers >= self._segments[1]).slope
        return abs(self.slope) > abs(with_steps) + _RATE_TOLERANCE / self._sfreq

    def _collect(self) -> None:
        """Join what is fresh to what is kept, and keep the last seconds."""
        if self._fresh:
            self._numbers = np.concatenate([self._numbers, *(n for n, _ in self._fresh)])
            fresh = np.concatenate([late for _, late in self._fresh])
            self._lateness = np.concatenate([self._lateness, fresh])
            self._raw = np.concatenate([self._raw, fresh + self._steps_s])
            self._fresh.clear()
            oldest = max(self._segments[0], self._numbers[-1] - _HISTORY_S * self._sfreq)
            keep = self._numbers >= oldest
            self._numbers, self._raw = self._numbers[keep], self._raw[keep]
            self._lateness = self._lateness[keep]


class Line:
    """The line through the lateness before the last second, and what rises above it.

    Parameters
    ----------
    numbers, lateness : ndarray of float64, shape (n_times,)
        Samples and their lateness in seconds.
    base : ndarray of bool, shape (n_times,)
        The samples that make the line.
    current : ndarray of bool, shape (n_times,)
        The samples behind the last clear step: one slope for all, but another level before it.
    """

    def __init__(
        self,
        numbers: NDArray[np.float64],
        lateness: NDArray[np.float64],
        base: NDArray[np.bool_],
        current: NDArray[np.bool_],
    ) -> None:
        n, late = numbers.copy(), lateness.copy()
        for part in (base & current, base & ~current):
            if part.any():
                n[part] -= n[part].mean()
                late[part] -= late[part].mean()
        self._spread = float(n[base] @ n[base])
        self.slope = float(n[base] @ late[base]) / self._spread if self._spread else 0.0
        self._centre = float(numbers[base].mean())
        self._scatter = late[base] - self.slope * n[base]
        self._numbers = numbers[current]
        self._residual = lateness[current] - self.slope * numbers[current]
        known = self._residual[base[current]]
        self.level = float(known.mean() if len(known) else self._residual.mean())

    def step(self, sfreq: float) -> tuple[int, float] | None:
        """Return where a step began and its seconds; the shortest window that is sure decides."""
        self._block = max(1, round(CHECK_EVERY_S * sfreq))
        blocks = self._scatter[: len(self._scatter) // self._block * self._block]
        means = blocks.reshape(-1, self._block).mean(axis=1)
        self._block_scatter = _robust_std(means) * (1 + 2 / np.sqrt(len(means)))
        return next(
            filter(None, (self._step_in(seconds * sfreq, sfreq) for seconds in _WINDOWS_S)), None
        )

    def _step_in(self, n_window: float, sfreq: float) -> tuple[int, float] | None:
        numbers, longest = self._numbers, _WINDOWS_S[-1] * sfreq
        before_s = (numbers[-1] - numbers[0]) / sfreq if len(numbers) else 0.0
        n_after = longest if before_s > _BEFORE_S + _WINDOWS_S[-1] else n_window
        known = numbers <= numbers[-1] - n_after
        if known.sum() < _BEFORE_S * sfreq:
            return None
        rise = self._residual - self._residual[known].mean()
        after = rise[numbers > numbers[-1] - n_window]
        # A sender that catches up leaves few samples near the line, and those fall towards it.
        if len(after) < _MOST * n_window or not self._is_step(after, int(known.sum()), sfreq):
            return None
        recent = rise[numbers > numbers[-1] - longest]
        n_behind = np.arange(len(recent), 0, -1)
        gain = np.cumsum(recent[::-1])[::-1] ** 2 / n_behind
        began = int(np.argmax(gain[: max(1, len(gain) - self._block // 2)]))
        return int(numbers[len(numbers) - len(recent) + began]), float(recent[began:].mean())

    def _is_step(self, after: NDArray[np.float64], n_known: int, sfreq: float) -> bool:
        """Tell whether a window lies off the line, all of it and by more than its jitter."""
        few, rise, n_window = SMALLEST_HOLE / sfreq, float(after.mean()), len(after)
        if abs(rise) < few / 2 or n_window < 2 or len(self._scatter) < n_window:
            return False
        windows = sliding_window_view(self._scatter, n_window)[:: max(1, n_window // 4)]
        jitter = self._block_scatter * np.sqrt(self._block)
        mean_std = max(
            _robust_std(windows.mean(axis=1)),
            jitter / np.sqrt(n_window),
            _robust_std(self._scatter) / np.sqrt(n_window),
        )
        if not _stays(after, rise, mean_std):
            return False
        away = (self._numbers[-1] - n_window / 2 - self._centre) ** 2 / self._spread
        line_std = jitter * np.sqrt(1.0 / n_known + away)
        if abs(rise) > max(few, _Z_MEAN * np.hypot(mean_std, line_std)):
            return True
        if abs(rise) < few or len(self._scatter) < _FEW_WINDOWS * n_window:
            return False
        # A single late chunk lifts the middle of the range, but not the mean by half as much.
        least = max(few, _Z_MEAN * line_std)
        return any(
            least < _rises(extreme, after, windows, z) * np.sign(rise) < 2 * abs(rise)
            for z, extreme in zip(_Z_EXTREME, (_least, _middle), strict=True)
        )


def _stays(after: NDArray[np.float64], rise: float, mean_std: float) -> bool:
    """Tell a window that is as late at its end as at its beginning from a passing delay."""
    half = len(after) // 2
    bend = abs(float(after[half:].mean() - after[:half].mean()))
    if bend > _BEND * abs(rise) + 6 * mean_std:
        return False
    return bool(abs(np.median(after)) >= abs(rise) / 2 - 5 * mean_std)


def _rises(
    extreme: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    after: NDArray[np.float64],
    windows: NDArray[np.float64],
    z: float,
) -> float:
    """Return by how much an extreme rises above what it usually is, 0 within its scatter.

    There are few windows to tell the scatter by, and four times as many of a quarter; an extreme of
    bounded jitter scatters inversely to the length of its window.
    """
    usual = extreme(windows)
    quarters = extreme(windows[:, : max(1, len(after) // 4)])
    step = float(extreme(after) - np.median(usual))
    return step if abs(step) > z * max(float(usual.std()), float(quarters.std()) / 4) else 0.0


def _least(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest lateness: jitter that only delays leaves it alone."""
    return np.asarray(windows.min(axis=-1))


def _middle(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Middle of the range, for jitter to both sides within bounds."""
    return np.asarray(windows.min(axis=-1) + windows.max(axis=-1)) / 2


def _robust_std(values: NDArray[np.float64]) -> float:
    """Return the standard deviation by the median absolute deviation."""
    return float(_MAD_TO_STD * np.median(np.abs(values - np.median(values))))
