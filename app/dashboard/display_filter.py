"""The band-pass of the screen; the model never sees its output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.floating[Any]]
    Float64 = NDArray[np.float64]

__all__ = ["DisplayFilter"]


class DisplayFilter:
    """Causal band-pass for the screen only.

    Any cut of the stream into chunks gives the same samples. Holds its state in float64; one
    thread feeds it and nothing blocks.

    Parameters
    ----------
    n_channels : int
    sfreq : float
        Sampling rate in Hz.
    low, high : float
        Pass band in Hz; `high` is lowered to 0.45 x sfreq where the rate asks for it.
    notch : {None, 50.0, 60.0}
        Mains frequency to take out, Hz.
    """

    def __init__(
        self,
        n_channels: int,
        sfreq: float,
        low: float = 0.5,
        high: float = 45.0,
        notch: float | None = None,
    ) -> None:
        band = (low, min(high, 0.45 * sfreq))
        sections = [butter(2, band, btype="bandpass", fs=sfreq, output="sos")]
        if notch is not None and notch < sfreq / 2:
            sections.append(tf2sos(*iirnotch(notch, Q=20.0, fs=sfreq)))
        self._sos = np.vstack(sections).astype(np.float64)
        self._settled = sosfilt_zi(self._sos)[:, None, :]
        self._last = np.zeros(n_channels)
        self._state: Float64 | None = None

    def reset(self) -> None:
        """Forget the past: the next sample counts as if it had always been there."""
        self._state = None

    def process(self, chunk: Samples) -> NDArray[np.float32]:
        """Filter the next samples of the stream.

        Parameters
        ----------
        chunk : ndarray of float, shape (n_channels, n_times)
            May be empty. A non-finite sample is replaced by the one before it.

        Returns
        -------
        ndarray of float32, shape (n_channels, n_times)
        """
        if chunk.shape[1] == 0:
            return np.empty(chunk.shape, np.float32)
        samples = self._held(np.asarray(chunk, np.float64))
        if self._state is None:
            self._state = self._settled * samples[:, :1]
        filtered, self._state = sosfilt(self._sos, samples, axis=1, zi=self._state)
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
