"""Lost samples by a device's counter, which wraps around."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEW_STEPS", "Counter"]

FEW_STEPS = 9
"""Samples from which the counter's step is learned."""

# Of a turn: only a jump this far may just as well be a small one back, and asks the stamps.
_NEAR_A_TURN = 7 / 8
# A counter that goes on as if nothing were lost is right more often than late stamps.
_TURN_TOLERANCE, _UNNOTICED_TOLERANCE = 1 / 4, 1 / 16


class Counter:
    """Unwraps a counter of `modulus` different values. One thread feeds it, in order.

    The commonest step of its first values, shape (n_times,), is that of one sample; the rate in Hz
    is the nominal one.
    """

    def __init__(self, sfreq: float, modulus: int, first: NDArray[np.int64]) -> None:
        self._sfreq = sfreq
        self._modulus = modulus
        steps = np.diff(first) % modulus
        steps = steps[steps > 0]
        self._step = int(np.bincount(steps).argmax()) if len(steps) else 1
        self._last: int | None = None
        self._last_stamp = np.nan

    @property
    def turn(self) -> int:
        """Samples of a whole turn."""
        return max(1, self._modulus // self._step)

    def resume(self) -> None:
        """Say that the device was away: its counter begins anew."""
        self._last = None

    def steps(self, values: NDArray[np.int64], stamps: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return how many samples each lies behind the one before it, whole turns apart.

        A packet that came twice is 0 behind, one out of order less. What the device counted and its
        raw time stamps, seconds or NaN, have shape (n_times,).
        """
        before = int(values[0]) - self._step if self._last is None else self._last
        steps = np.diff(values, prepend=np.int64(before)) % self._modulus // self._step
        elapsed_s = np.diff(stamps, prepend=self._last_stamp)
        self._last, self._last_stamp = int(values[-1]), float(stamps[-1])
        back = (steps > _NEAR_A_TURN * self.turn) & (elapsed_s * self._sfreq < steps / 2)
        return np.asarray(steps - back * self.turn, np.int64)

    def in_turns(self, n_late: int, step: int) -> int:
        """Return the whole turns, in samples, that late stamps show and the counter cannot.

        The stamps are `n_late` samples late, beyond what the counter misses; `step` is what
        :meth:`steps` gave for the sample behind.
        """
        turns = round(n_late / self.turn) * self.turn
        tolerance = _UNNOTICED_TOLERANCE if step in (0, 1) else _TURN_TOLERANCE
        return turns if abs(n_late - turns) <= tolerance * self.turn else 0
