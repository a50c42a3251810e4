"""Power spectral density of the newest seconds (Welch 1967). No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BANDS_HZ", "MAX_HZ", "MIN_HZ", "SEGMENT_S", "WELCH_S", "band_at", "welch_db"]

WELCH_S = 4.0
SEGMENT_S = 2.0
MIN_HZ, MAX_HZ = 1.0, 45.0
FLOOR = 1e-4  # microvolts squared per Hz, -40 dB: below the noise of any amplifier

BANDS_HZ = {
    "Delta": (1.0, 4.0),
    "Theta": (4.0, 8.0),
    "Alpha": (8.0, 14.0),
    "Beta": (14.0, 30.0),
    "Gamma": (30.0, 45.0),
}


def band_at(freq_hz: float) -> str:
    """Return the band that holds a frequency, "" outside of all."""
    return next((name for name, (low, high) in BANDS_HZ.items() if low <= freq_hz < high), "")


def welch_db(
    samples: NDArray[np.floating[Any]], sfreq: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the power spectral density of each channel between 1 and 45 Hz.

    Mean of the periodograms of 2 s segments that overlap by half, each without its mean and under
    a periodic Hann window (P. D. Welch, IEEE Trans. Audio Electroacoust. 15:70-73, 1967).
    Segments with lost samples do not count.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n_times)
        Microvolts, NaN where lost.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    freqs_hz : ndarray, shape (n_freqs,)
        Half a hertz apart; empty when `samples` are shorter than a segment.
    levels_db : ndarray of float32, shape (n_channels, n_freqs)
        Decibels over 1 microvolt squared per Hz; NaN for channels without a whole segment.
    """
    n_segment = round(SEGMENT_S * sfreq)
    freqs = np.fft.rfftfreq(n_segment, 1 / sfreq).astype(np.float64)
    kept = (freqs >= MIN_HZ) & (freqs <= MAX_HZ)
    if samples.shape[1] < n_segment:
        return np.empty(0), np.empty((len(samples), 0), np.float32)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_segment) / n_segment)).astype(np.float32)
    scale = 2 / (sfreq * float(np.sum(window**2)))
    power = np.zeros((len(samples), int(kept.sum())), np.float32)
    n_whole = np.zeros((len(samples), 1), np.float32)
    for stop in range(samples.shape[1], n_segment - 1, -(n_segment // 2)):
        segment = np.asarray(samples[:, stop - n_segment : stop], np.float32)
        whole = np.isfinite(segment).all(axis=1, keepdims=True)
        segment = np.where(whole, segment, np.float32(0))
        segment -= segment.mean(axis=1, keepdims=True)
        spectrum = np.fft.rfft(segment * window)[:, kept]
        power += scale * (spectrum.real**2 + spectrum.imag**2)
        n_whole += whole
    mean = power / np.maximum(n_whole, 1)
    levels = 10 * np.log10(np.maximum(mean, FLOOR))
    return freqs[kept], np.where(n_whole > 0, levels, np.nan).astype(np.float32)
