"""Power and covariance of short windows in frequency bands, by sine tapers.

Sine tapers keep strong low frequencies and mains from leaking into other bands, and several of them
use the whole window (Riedel and Sidorenko, IEEE Trans Signal Process 43:188-195, 1995, DOI
10.1109/78.365298). A sine taper is a difference of two frequencies half a bin aside, so that all
tapers of a window come out of one Fourier transform of twice its length.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]
    Complex128 = NDArray[np.complex128]

__all__ = ["BROAD_BANDS", "FINE_BANDS", "Band", "band_covariances", "tapered_spectra"]


class Band(NamedTuple):
    """Frequencies from `low` to below `high`, Hz."""

    low: float
    high: float


FINE_BANDS: tuple[Band, ...] = tuple(
    Band(low, high)
    for low, high in (
        (1, 3),
        (3, 6),
        (6, 9),
        (9, 12),
        (12, 16),
        (16, 21),
        (21, 27),
        (27, 34),
        (34, 42),
    )
)
"""Each about a third wider than the one before, below the mains."""
BROAD_BANDS: tuple[Band, ...] = tuple(
    Band(low, high) for low, high in ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45))
)
"""Delta, theta, alpha, beta and the lower gamma band."""

_N_TAPERS = 9
_LOWEST_HZ, _HIGHEST_HZ = 1.0, 45.0


def tapered_spectra(samples: Float32 | Float64) -> tuple[Complex128, Float64]:
    """Return the spectrum of each electrode under each taper.

    Parameters
    ----------
    samples : ndarray of float, shape (..., n_electrodes, n_times)
        At 125 Hz.

    Returns
    -------
    spectra : ndarray of complex128, shape (..., n_electrodes, 9, n_bins)
        From 1 to 45 Hz; the squared magnitude is the power density in units of the signal's
        variance per bin.
    hz : ndarray of float64, shape (n_bins,)
        Frequency of each bin.
    """
    n_times = samples.shape[-1]
    centred = samples - samples.mean(axis=-1, keepdims=True, dtype=np.float64)
    half_bins = np.fft.rfft(centred, 2 * n_times, axis=-1)
    first = int(np.ceil(_LOWEST_HZ * n_times / SFREQ - 1e-9))
    last = int(_HIGHEST_HZ * n_times / SFREQ + 1e-9)
    n_tapers = min(_N_TAPERS, 2 * first - 1)
    spectra = np.empty((*samples.shape[:-1], n_tapers, last - first + 1), np.complex128)
    for k in range(1, n_tapers + 1):
        # sin(pi k (t + 1/2) / n) as two complex exponentials, each a shift by k half bins.
        phase = np.exp(0.5j * np.pi * k / n_times) * np.sqrt(2.0 / n_times) / 2j
        below = half_bins[..., 2 * first - k : 2 * last - k + 1 : 2]
        above = half_bins[..., 2 * first + k : 2 * last + k + 1 : 2]
        spectra[..., k - 1, :] = phase * below + np.conj(phase) * above
    return spectra, np.arange(first, last + 1) * SFREQ / n_times


def band_covariances(samples: Float32 | Float64, bands: tuple[Band, ...]) -> Float64:
    """Return the covariance of the electrodes within each band.

    Parameters
    ----------
    samples : ndarray of float, shape (n, n_electrodes, n_times)
        At 125 Hz.
    bands : tuple of Band
        Between 1 and 45 Hz, each at least one bin wide. They may overlap, at little cost: the
        stretches between any of their edges are summed up once.

    Returns
    -------
    ndarray of float64, shape (n, n_bands, n_electrodes, n_electrodes)
        Mean over the band's bins and tapers, in squared units of the signal.
    """
    n, n_electrodes = samples.shape[:2]
    edges = np.unique([edge for band in bands for edge in band])
    lows, highs = np.array(bands).T[..., None]
    within = ((edges[:-1] >= lows) & (edges[1:] <= highs)).astype(np.float64)
    out = np.empty((n, len(bands), n_electrodes, n_electrodes))
    stretches = np.empty((len(edges) - 1, n_electrodes, n_electrodes))
    for k in range(n):  # one by one: the spectra of a whole calibration would fill the memory
        spectra, hz = tapered_spectra(samples[k])
        cuts = np.searchsorted(hz, edges - 1e-9)
        for s, (first, stop) in enumerate(itertools.pairwise(cuts)):
            own = spectra[..., first:stop].reshape(n_electrodes, -1)
            parts = np.concatenate([own.real, own.imag], axis=1)
            np.matmul(parts, parts.T, out=stretches[s])
        n_sines = within @ np.diff(cuts) * spectra.shape[1]
        out[k] = np.tensordot(within / n_sines[:, None], stretches, 1)
    return out
