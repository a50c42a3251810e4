"""Raw samples made fit for the eye; the model never sees what comes out here. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.floating[Any]]
    Float64 = NDArray[np.float64]

__all__ = ["DisplayFilter", "DisplaySignal", "warm_up_filter"]

BAND_HZ = (0.5, 45.0)
NOTCH_Q = 20.0
OFFSET_S = 4.0


class DisplayFilter:
    """Causal band-pass, 0.5 to 45 Hz or to 0.45 of a rate that is too low for that.

    Any cut of the stream into chunks gives the same samples. Holds its state in float64; one thread
    feeds it and nothing blocks. The first one made imports scipy, about a second. The notch takes
    out the mains, 50 or 60 Hz.
    """

    def __init__(self, n_channels: int, sfreq: float, notch: float | None = None) -> None:
        from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

        band = (BAND_HZ[0], min(BAND_HZ[1], 0.45 * sfreq))
        sections = [butter(2, band, btype="bandpass", fs=sfreq, output="sos")]
        if notch is not None and notch < sfreq / 2:
            sections.append(tf2sos(*iirnotch(notch, Q=NOTCH_Q, fs=sfreq)))
        self._sos = np.vstack(sections).astype(np.float64)
        self._filter = sosfilt
        self._settled = sosfilt_zi(self._sos)[:, None, :]
        self._last = np.zeros(n_channels)
        self._state: Float64 | None = None

    def process(self, chunk: Samples) -> NDArray[np.float32]:
        """Filter the next samples of the stream, as if the first had always been there.

        They have shape (n_channels, n_times) and may be none. A non-finite sample is replaced by
        the one before it.
        """
        if chunk.shape[1] == 0:
            return np.empty(chunk.shape, np.float32)
        samples = self._held(np.asarray(chunk, np.float64))
        if self._state is None:
            self._state = self._settled * samples[:, :1]
        filtered, self._state = self._filter(self._sos, samples, axis=1, zi=self._state)
        self._last = samples[:, -1]
        return np.asarray(filtered, np.float32)

    def _held(self, samples: Float64) -> Float64:
        """Replace non-finite samples by the last finite one."""
        if np.isfinite(samples).all():
            return samples
        joined = np.column_stack([self._last, samples])
        finite = np.isfinite(joined)
        newest = np.maximum.accumulate(np.where(finite, np.arange(joined.shape[1]), 0), axis=1)
        held: Float64 = np.take_along_axis(joined, newest, axis=1)[:, 1:]
        return held


class DisplaySignal:
    """Prepares consecutive samples for drawing; lost ones stay NaN.

    Without a filter the slow offset of each electrode is taken off, else the curves of most
    amplifiers would lie far outside of their rows.
    """

    def __init__(
        self, n_channels: int, sfreq: float, display_filter: DisplayFilter | None = None
    ) -> None:
        self._filter = display_filter
        self._sfreq = sfreq
        self._offset = np.full((n_channels, 1), np.nan, np.float32)

    def process(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what to draw of the next samples.

        They are microvolts, shape (n_channels, n_times), NaN where lost.
        """
        if samples.shape[1] == 0:
            return samples
        finite = np.isfinite(samples)
        if self._filter is None:
            self._follow_offset(samples, finite)
            shown = samples - self._offset
        else:
            shown = self._filter.process(samples)
        return shown if finite.all() else np.where(finite, shown, np.float32(np.nan))

    def _follow_offset(self, samples: NDArray[np.float32], finite: NDArray[np.bool_]) -> None:
        """Move each channel's offset towards its mean; the first mean counts at once."""
        count = finite.sum(axis=1, keepdims=True)
        mean = np.where(finite, samples, 0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
        share = min(1.0, samples.shape[1] / (OFFSET_S * self._sfreq))
        moved = np.where(np.isnan(self._offset), mean, self._offset + share * (mean - self._offset))
        self._offset = np.where(count > 0, moved, self._offset).astype(np.float32)


def warm_up_filter() -> None:
    """Import scipy and filter for the first time, which is slow: in a thread."""
    DisplayFilter(1, 250.0).process(np.zeros((1, 2), np.float32))
