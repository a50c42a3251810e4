"""Weighted mean and variance of a stream whose past fades, and how fast they still move.

Weights are seconds of signal, so that the hop between windows makes no difference. After t further
seconds an observation counts exp(-t / memory) of what it did. Only signal that was seen makes the
past fade: a break leaves everything as it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["FadingMean", "Pace", "checked_arrays"]

_PACE_S = 10.0


class FadingMean:
    """Mean, and variance where it is wanted, of arrays of one shape.

    West's update (Communications of the ACM 22:532-535, 1979) in float64: at every step the numbers
    are those of the weighted sums over all observations, whatever their size.

    Parameters
    ----------
    shape : tuple of int
        Of an observation.
    memory_s : float
        Seconds after which an observation counts 1/e; ``inf`` forgets nothing.
    spread : bool
        Keep the variance too.
    """

    def __init__(self, shape: tuple[int, ...], memory_s: float, *, spread: bool = False) -> None:
        if not memory_s > 0:
            raise ValueError(f"memory must be positive, got {memory_s} s")
        self._memory_s = memory_s
        self.weight_s = 0.0
        """Seconds of signal that count, what has faded left out."""
        self.mean = np.zeros(shape)
        """Weighted mean of the observations, float64; 0 before the first."""
        self._scatter = np.zeros(shape if spread else ())
        self._spread = spread

    @property
    def variance(self) -> Float64:
        """Weighted variance of the observations, where it is kept; divides by the weights' sum."""
        return self._scatter / self.weight_s if self.weight_s > 0 else self._scatter

    def fade(self, seconds: float) -> None:
        """Let the past fade by `seconds` of signal."""
        kept = math.exp(-seconds / self._memory_s)
        self.weight_s *= kept
        self._scatter *= kept

    def add(self, x: Float64, weight_s: float) -> None:
        """Take in an observation; without effect for a weight of 0."""
        if weight_s <= 0:
            return
        offset = x - self.mean
        self.mean += offset * self.share_of(weight_s)
        if self._spread:
            self._scatter += weight_s * offset * (x - self.mean)

    def share_of(self, weight_s: float) -> float:
        """Count an observation, and return how far the mean has to go towards it.

        For observations too large to be handed over whole: the caller moves :attr:`mean`.
        """
        self.weight_s += weight_s
        return weight_s / self.weight_s if weight_s > 0 else 0.0

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return copies of weight, mean and, where it is kept, scatter."""
        state = {"weight_s": np.array(self.weight_s), "mean": self.mean.copy()}
        return state | ({"scatter": self._scatter.copy()} if self._spread else {})

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state; ValueError when it does not fit."""
        shapes = {"weight_s": (), "mean": self.mean.shape}
        if self._spread:
            shapes["scatter"] = self._scatter.shape
        arrays = checked_arrays(state, shapes)
        scatter = arrays.get("scatter", self._scatter)
        if arrays["weight_s"] < 0 or (scatter < 0).any():
            raise ValueError("a saved state holds a negative weight or variance")
        self.weight_s = float(arrays["weight_s"])
        self.mean, self._scatter = arrays["mean"], scatter


class Pace:
    """How far something has moved in the last 10 s of signal."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._before: Float64 | None = None
        self.change = 0.0
        """Relative change over the last full 10 s; 0 before them."""

    def step(self, x: Float64, unit: Float64, weight_s: float) -> None:
        """Note where `x` is now, after `weight_s` seconds of signal.

        `unit` is what a change of the statistics is relative to, broadcast against `x`.
        """
        if self._before is None:
            self._before = x.copy()
        self._seconds += weight_s
        if self._seconds >= _PACE_S:
            moved = (x - self._before) / unit
            self.change = float(np.sqrt(np.mean(moved * moved)))
            self._before, self._seconds = x.copy(), 0.0


def checked_arrays(
    state: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Float64]:
    """Return copies of the arrays that a saved state must hold, by their shapes, float64.

    Raises ValueError when one is missing, has another shape or is not finite.
    """
    arrays = {}
    for name, shape in shapes.items():
        if name not in state or np.shape(state[name]) != shape:
            found = list(np.shape(state[name])) if name in state else "nothing"
            raise ValueError(f"a saved state needs {name!r} {list(shape)}, got {found}")
        arrays[name] = np.array(state[name], np.float64)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"a saved state holds NaN or infinity in {name!r}")
    return arrays
