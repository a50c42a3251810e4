"""Mains hum in a window: which electrodes need a notch, and the window without it.

Decided for each electrode of each window by the window's own 5 s of raw samples, never by what came
before: so it is the same live and from a file, for any hop, chunk and set of other electrodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.signal.line_noise import MAINS_HZ
from mdjpt.signal.units import all_potentials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.floating[Any]]
    Float64 = NDArray[np.float64]

__all__ = ["BAND_HZ", "Spectrum", "mains_lines", "robust_amplitude", "without_hum"]

BAND_HZ = (0.8, 45.0)
"""Where the amplitude of an electrode is measured, Hz."""

_STRONG = 2.0  # times the amplitude; the training filter leaves 0.132 of 50 Hz, so 0.26 of it
_NEAR_HZ = 1.0  # what counts as the line: clocks of amplifiers and the grid are 0.1 Hz off
_HANN_POWER = 0.375  # of a sine's power in the main lobe of a Hann window
_WINDOW_S = 8.0  # up to here a signal counts as one window, with its margin
_END_S = 2.0  # longer than the notch rings, short enough for hum that swells
_LISTENED = 16  # electrodes whose hum tells the exact frequency; it is the same on all


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A window in the frequency domain, its mean and slope taken off."""

    centred: NDArray[np.float32]
    """The window. Shape (n, n_times)."""
    values: NDArray[np.complexfloating[Any, Any]]
    """Its discrete Fourier transform. Shape (n, n_times // 2 + 1), complex64."""
    hz: Float64
    """Frequencies. Shape (n_times // 2 + 1,)."""
    sfreq: float
    """Sampling rate in Hz."""

    @property
    def n_times(self) -> int:
        """Samples of the window."""
        return int(self.centred.shape[1])

    @classmethod
    def of(cls, samples: Samples, sfreq: float) -> Spectrum:
        """Transform finite samples, shape (n, n_times)."""
        n_times = samples.shape[1]
        level = samples.mean(axis=1, keepdims=True, dtype=np.float64)
        centred = np.subtract(samples, level, dtype=np.float32, casting="same_kind")
        ramp = np.linspace(-1.0, 1.0, n_times, dtype=np.float32)
        centred -= (centred @ ramp)[:, None] / (ramp @ ramp) * ramp
        values = np.fft.rfft(centred, axis=1)
        return cls(centred, values, np.arange(values.shape[1]) * sfreq / n_times, sfreq)

    def band(self) -> Float64:
        """Return the signal between 0.8 and 45 Hz, coarsely sampled, shape (n, n_coarse).

        The spectrum is cut above the band, so that its inverse has about 90 samples a second.
        """
        below = int(np.searchsorted(self.hz, BAND_HZ[1], side="right"))
        kept = np.where(self.hz[:below] >= BAND_HZ[0], self.values[:, :below], 0.0)
        n_coarse = 2 * below
        band: Float64 = np.fft.irfft(kept, n_coarse, axis=1) * (n_coarse / self.n_times)
        return band

    def around(self, line: float, width_hz: float) -> tuple[Float64, Float64]:
        """Return frequencies around a line and the mean square at each, shape (n, n_bins).

        Under a Hann window (a convolution here), whose side lobes do not smear a loud line.
        """
        width_hz = max(width_hz, 2.0 * self.hz[1])
        low, high = np.searchsorted(self.hz, (line - width_hz - 1e-9, line + width_hz + 1e-9))
        bins = np.arange(max(low, 1), min(high, len(self.hz) - 1))
        x = self.values
        tapered = 0.5 * x[:, bins] - 0.25 * (x[:, bins - 1] + x[:, bins + 1])
        return self.hz[bins], 2.0 / _HANN_POWER * np.abs(tapered / self.n_times) ** 2

    def lines(self, amplitude: Float64 | None = None) -> Float64:
        """Return the strong line of each electrode in Hz, 0 without one, shape (n,).

        Parameters
        ----------
        amplitude : ndarray of float64, shape (n,), optional
            :func:`robust_amplitude` of the band, where it is known.
        """
        amplitude = robust_amplitude(self.band()) if amplitude is None else amplitude
        lines, loudest = np.zeros(len(self.values)), _STRONG * amplitude
        for line in MAINS_HZ:
            if line + _NEAR_HZ >= self.hz[-1]:
                continue  # beyond half the sampling rate, where it would be mirrored into the band
            level = np.sqrt(self.around(line, _NEAR_HZ)[1].sum(axis=1))
            lines[level > loudest] = line
            loudest = np.maximum(level, loudest)
        return lines


def robust_amplitude(band: Float64) -> Float64:
    """Return the standard deviation that the median of |x| tells, shape (n,)."""
    return np.asarray(1.4826 * np.median(np.abs(band), axis=1), np.float64)


def mains_lines(raw: Samples, sfreq: float) -> Float64:
    """Tell which line of the mains stands out of each electrode of a raw window.

    Strong is a root mean square of more than twice the robust amplitude between 0.8 and 45 Hz.
    About 1.5 ms for 64 x 800 samples.

    Parameters
    ----------
    raw : ndarray of float, shape (n, n_times)
        Any unit; 1 s or more, else nothing is called strong.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float64, shape (n,)
        50 or 60 Hz; 0 where neither is strong, where samples are missing, and for a line too
        near to half the sampling rate or above it.
    """
    lines = np.zeros(len(raw))
    if raw.shape[1] < sfreq:
        return lines
    finite = all_potentials(raw)
    spectrum = Spectrum.of(raw[finite], sfreq)
    lines[finite] = spectrum.lines()
    return lines


def without_hum(x: Samples, lines: Float64, sfreq: float) -> Samples:
    """Take the hum off both ends of a signal, where a notch would have to settle.

    The best-fitting sine of the first and last 2 s fades out towards the middle, so
    slowly that what is left of it stays within the notch. That of a window (up to 8 s) is taken off
    as a whole.

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_times)
        Finite.
    lines : ndarray of float64, shape (n,)
        As from :func:`mains_lines`.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float64, shape (n, n_times)
        A copy where a line is strong, else the array itself.
    """
    if not lines.any():
        return x
    if x.shape[1] <= _WINDOW_S * sfreq:
        ends = [(slice(None), np.ones(x.shape[1]))]
    else:
        fade = np.linspace(0.0, 1.4, round(_END_S * sfreq))
        rising = 0.5 - 0.5 * np.cos(np.pi * np.clip(fade, 0.0, 1.0))
        ends = [(slice(len(fade)), rising[::-1]), (slice(-len(fade), None), rising)]
    quiet = x.copy()
    for line in np.unique(lines[lines > 0]):
        rows = np.flatnonzero(lines == line)
        for end, weight in ends:
            part = quiet[rows, end]
            waves = _waves(part[:: -(-len(rows) // _LISTENED)], line, sfreq)
            found = np.linalg.solve(waves @ waves.T, waves @ part.T).T
            quiet[rows, end] -= found[:, 1:] @ (waves[1:] * weight.astype(x.dtype))
    return quiet


def _waves(samples: Samples, line: float, sfreq: float) -> Samples:
    """Return a constant and waves of the frequency that `samples` hold near the line.

    Their amplitude and phase change as splines with a knot a second.
    """
    hz, power = Spectrum.of(samples, sfreq).around(line, _NEAR_HZ)
    exact = (power / np.maximum(power.sum(axis=1, keepdims=True), 1e-30)).mean(axis=0) @ hz
    phase = 2.0 * np.pi * exact * np.arange(samples.shape[1]) / sfreq
    shapes = _splines(len(phase), max(1, round(len(phase) / sfreq)))
    waves = [np.ones((1, len(phase))), np.cos(phase) * shapes, np.sin(phase) * shapes]
    return np.vstack(waves).astype(samples.dtype)


@lru_cache(maxsize=8)
def _splines(n_times: int, n_pieces: int) -> Float64:
    """Return the cubic B-splines of equal pieces, shape (n_pieces + 3, n_times)."""
    from scipy.interpolate import BSpline

    knots = np.arange(-3.0, n_pieces + 4.0)
    times = np.linspace(0.0, n_pieces, n_times)
    return np.ascontiguousarray(BSpline.design_matrix(times, knots, 3).toarray().T)
