"""How the answers to overlapping windows become one that is shown: live, and everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["SMOOTHING_S", "Smoother", "smoothed"]

SMOOTHING_S = 3.0
"""Time constant in seconds: shorter than a window, which no answer can be quicker than."""


class Smoother:
    """Causal exponential smoothing of a stream's answers, of any shape.

    An old answer has faded to 1/e after the time constant; 0 switches the smoothing off.
    """

    def __init__(self, hop_s: float, time_constant_s: float = SMOOTHING_S) -> None:
        self._keep = float(np.exp(-hop_s / time_constant_s)) if time_constant_s > 0 else 0.0
        self._mean: Float64 | None = None

    def __call__(self, answer: Float64, n_steps: int = 1) -> Float64:
        """Return the smoothed answer; `n_steps` hops have passed since the one before."""
        if self._mean is None:
            self._mean = answer
        keep = self._keep**n_steps
        self._mean = keep * self._mean + (1.0 - keep) * answer
        return self._mean

    def reset(self) -> None:
        """Forget the past, as after a gap."""
        self._mean = None


def smoothed(
    answers: Float64, segment: Labels, hop_s: float, time_constant_s: float = SMOOTHING_S
) -> Float64:
    """Smooth answers as the live decoder does, each segment (a trial, a person) by itself.

    They have shape (n, ...) and the order of time; the smoothing starts again where the segment,
    shape (n,), changes.
    """
    smoother, out = Smoother(hop_s, time_constant_s), np.empty_like(answers)
    starts = set((np.flatnonzero(np.diff(segment)) + 1).tolist())
    for k, answer in enumerate(answers):
        if k in starts:
            smoother.reset()
        out[k] = smoother(answer)
    return out
