"""Raw samples made fit for the eye: filtered, or at least without their offset. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DisplaySignal", "FilterFactory", "SampleFilter"]

OFFSET_S = 4.0


class SampleFilter(Protocol):
    """A causal filter with a state, which bridges non-finite samples by itself."""

    def process(self, chunk: NDArray[np.float32]) -> NDArray[Any]:
        """Filter the next samples, shape (n_channels, n_times), microvolts."""
        ...


FilterFactory = Callable[[int, float], SampleFilter]


class DisplaySignal:
    """Prepares consecutive samples for drawing; lost ones stay NaN.

    Without a filter the slow offset of each electrode is taken off, else the curves of most
    amplifiers would lie far outside of their rows.

    Parameters
    ----------
    n_channels : int
        Rows of every chunk.
    sfreq : float
        Sampling rate in Hz.
    make_filter : callable or None
        Takes `n_channels` and `sfreq`; None shows the signal unfiltered.
    """

    def __init__(self, n_channels: int, sfreq: float, make_filter: FilterFactory | None) -> None:
        self._filter = make_filter(n_channels, sfreq) if make_filter is not None else None
        self._sfreq = sfreq
        self._offset = np.full((n_channels, 1), np.nan, np.float32)

    def process(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the samples to draw.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_channels, n_times)
            The next samples in microvolts, NaN where lost.
        """
        if samples.shape[1] == 0:
            return samples
        finite = np.isfinite(samples)
        if self._filter is None:
            self._follow_offset(samples, finite)
            shown = samples - self._offset
        else:
            shown = np.asarray(self._filter.process(samples), np.float32)
        return shown if finite.all() else np.where(finite, shown, np.float32(np.nan))

    def _follow_offset(self, samples: NDArray[np.float32], finite: NDArray[np.bool_]) -> None:
        """Move each channel's offset towards its mean; the first mean counts at once."""
        count = finite.sum(axis=1, keepdims=True)
        mean = np.where(finite, samples, 0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
        share = min(1.0, samples.shape[1] / (OFFSET_S * self._sfreq))
        moved = np.where(np.isnan(self._offset), mean, self._offset + share * (mean - self._offset))
        self._offset = np.where(count > 0, moved, self._offset).astype(np.float32)
