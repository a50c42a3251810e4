"""Which electrodes can be trusted: live from raw windows, offline from filtered trials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.signal.filters import chain_gain
from mdjpt.signal.mains import Spectrum, robust_amplitude, without_hum
from mdjpt.signal.units import all_potentials

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Samples = NDArray[np.floating[Any]]
    Float64 = NDArray[np.float64]

__all__ = [
    "FEW_FROM_ONE_HEAD",
    "ElectrodeQuality",
    "Quality",
    "bad_channels",
    "common_field",
    "electrode_quality",
    "field_of",
    "from_one_head",
    "interpolate_bad",
    "shared_field",
]

_FLAT_UV = 0.1  # below the noise of any amplifier
_REPEATED_SHARE = 0.5  # of samples equal to the one before
_RAILED_SHARE = 0.02  # of samples exactly at the window's extreme; real EEG stays below 0.004
_RAIL_UV, _RAIL_TOLERANCE_UV = 187_500.0, 20.0  # where the ADS1299 of OpenBCI boards ends
_NOISY_UV = 150.0  # robust amplitude; with blinks real EEG reaches 125, a loose Muse 80 to 800
_PEAK_UV = 1000.0  # in the band; blinks reach 700
_MAINS_RATIO = 2.0
_BAND_EDGE_HZ, _EDGE_WIDTH_HZ = 50.0, 4.0  # 60 Hz is far beyond the pass band
_FIELD_HZ = (1.0, 30.0)
_MIN_FIELD = 4  # electrodes; the average reference of three leaves nothing to compare
_FIELD_FEW, _FIELD_MANY, _MANY = 0.09, 0.14, 8  # real EEG, worst of 600 windows: 0.09 and 0.20
FEW_FROM_ONE_HEAD = range(_MIN_FIELD, _MANY)
"""Numbers of electrodes of which a window by itself may not tell EEG from noise."""
_ONE_SOURCE = 0.7  # real EEG stays below 0.55


@dataclass(frozen=True, slots=True)
class Quality:
    """Electrodes of one window, as every output names them."""

    good: int
    """Number of electrodes used."""
    bad: tuple[str, ...] = ()
    """Names of the electrodes left out and replaced by their neighbours."""
    causes: tuple[str, ...] = ()
    """What is wrong with each of `bad`, see :func:`electrode_quality`; empty where that is not
    known."""


@dataclass(frozen=True, slots=True)
class ElectrodeQuality:
    """Verdict on each electrode of a window."""

    good: NDArray[np.bool_]
    """True for a signal that the decoder may use. Shape (n,)."""
    reason: tuple[str, ...]
    """One a channel: "" when good, else "nan", "flat", "railed", "mains" or "noisy"."""
    amplitude: Float64
    """Robust standard deviation between 0.8 and 45 Hz, microvolts; 0 where samples are missing.
    Shape (n,)."""
    line: Float64
    """What :func:`mdjpt.signal.mains.mains_lines` tells, Hz; 0 for none. Shape (n,)."""


def electrode_quality(raw: Samples, sfreq: float) -> ElectrodeQuality:
    """Judge the electrodes of a raw window.

    ======  ==================================================================================
    reason  the window holds
    ======  ==================================================================================
    nan     a sample that is no number, or beyond 1 kV: a sender's mark for a missing one
    railed  more than 2 % of its samples exactly at its maximum or minimum, or sits at 187.5 mV
    flat    less than 0.1 uV between 0.8 and 45 Hz, or mostly repeated samples
    mains   hum that training filter and notch leave at more than twice the signal, or that is
            so loud and unsteady that it is noise in the band
    noisy   a robust amplitude above 150 uV between 0.8 and 45 Hz, or a peak above 1 mV there
    ======  ==================================================================================

    A constant offset, slow drift and steady mains are no fault: the training filters take them
    out, with a notch where the hum is strong (:mod:`mdjpt.signal.mains`). The first reason that
    applies, in the table's order, counts. Less than 3 ms for 64 x 2500, 5 ms if all hum.

    Parameters
    ----------
    raw : ndarray of float, shape (n, n_times)
        Microvolts, unfiltered, at least 1 s (5 s is usual).
    sfreq : float
        Sampling rate in Hz.

    Raises
    ------
    ValueError
        The window is shorter than 1 s.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> raw = np.random.default_rng(0).normal(0, 20, (2, 1250))
    >>> raw[1] = 0.0
    >>> mdjpt.electrode_quality(raw, 250.0).reason
    ('', 'flat')
    """
    n_times = raw.shape[1]
    if n_times < sfreq:
        raise ValueError(f"quality needs at least 1 s of signal, got {n_times / sfreq:.2f} s")
    finite = all_potentials(raw)
    samples = raw if finite.all() else np.where(finite[:, None], raw, 0.0)
    spectrum = Spectrum.of(samples, sfreq)
    band = spectrum.band()
    amplitude = robust_amplitude(band)
    lines = spectrum.lines(amplitude)
    humming = lines > 0
    if humming.any():  # whose side lobes are not the signal in the band
        quiet = without_hum(spectrum.centred[humming], lines[humming], sfreq)
        band[humming] = Spectrum.of(quiet, sfreq).band()
        amplitude[humming] = robust_amplitude(band[humming])
    top, bottom = samples.max(axis=1), samples.min(axis=1)
    n_repeated = np.count_nonzero(samples[:, 1:] == samples[:, :-1], axis=1)
    repeated = n_repeated / (n_times - 1) > _REPEATED_SHARE
    noisy = (amplitude > _NOISY_UV) | (np.maximum(band.max(1), -band.min(1)) > _PEAK_UV)
    hum, left = _hum(spectrum, lines)
    verdicts = {
        "nan": ~finite,
        "railed": _railed(samples, top, bottom)
        | (_clipped(samples, top, bottom) & (amplitude >= _FLAT_UV)),
        "flat": repeated | (amplitude < _FLAT_UV),
        "mains": np.where(noisy, hum, left) > _MAINS_RATIO * amplitude,
        "noisy": noisy,
    }
    reason = np.select(list(verdicts.values()), list(verdicts), default="")
    return ElectrodeQuality(
        reason == "", tuple(reason.tolist()), np.where(finite, amplitude, 0.0), lines
    )


def _railed(samples: Samples, top: Samples, bottom: Samples) -> NDArray[np.bool_]:
    """Tell where the median sits at the rail of the ADS1299, which may well be constant there."""
    railed = np.maximum(top, -bottom) > _RAIL_UV - _RAIL_TOLERANCE_UV
    if railed.any():
        distance = np.abs(np.abs(np.median(samples[railed, ::8], axis=1)) - _RAIL_UV)
        railed[railed] = distance < _RAIL_TOLERANCE_UV
    return np.asarray(railed)


def _clipped(samples: Samples, top: Samples, bottom: Samples) -> NDArray[np.bool_]:
    n_equal = np.maximum(
        np.count_nonzero(samples == top[:, None], axis=1),
        np.count_nonzero(samples == bottom[:, None], axis=1),
    )
    return np.asarray(n_equal / samples.shape[1] > _RAILED_SHARE)


def _hum(spectrum: Spectrum, lines: Float64) -> tuple[Float64, Float64]:
    """Return what each electrode holds around 50 Hz, and what training filter and notch leave."""
    hz, power = spectrum.around(_BAND_EDGE_HZ, _EDGE_WIDTH_HZ)
    left = np.zeros(len(lines))
    for line in np.unique(lines):
        rows = lines == line
        left[rows] = np.sqrt(power[rows] @ _power_left(tuple(hz.tolist()), float(line)))
    return np.sqrt(power.sum(axis=1)), left


@lru_cache(maxsize=16)
def _power_left(hz: tuple[float, ...], line: float) -> Float64:
    """Return what the training filters leave of the power at frequencies, with a notch or not."""
    return np.asarray(chain_gain(hz, line) ** 2, np.float64)


def common_field(filtered: Samples, sfreq: float) -> float:
    """Measure how far the electrodes of a window see a common field rather than each its own.

    Volume conduction makes the EEG of electrodes alike or opposite, by their places. Here that is
    the root mean square correlation of all pairs between 1 and 30 Hz beyond what electrodes that
    are independent would have by their common average alone: for d_i the variance of each,
    ``-(d_i + d_j) / n + sum(d) / n^2``. Every frequency counts the same, whatever its power
    (spatial signs, Visuri, Koivunen and Oja, J Stat Plan Inference 91:557-575, 2000), so that
    noise of any colour is told from EEG in 5 s.

    Parameters
    ----------
    filtered : ndarray of float, shape (n, n_times)
        Electrodes without faults, band-passed, any reference.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    float
        For independent noise about 0.05 with 14 electrodes and below 0.09 with 4; for EEG about
        0.4 and 0.15. 0 for fewer than 4 electrodes.
    """
    return 0.0 if len(filtered) < _MIN_FIELD else shared_field(field_of(filtered, sfreq))


def shared_field(field: Float64) -> float:
    """Return the root mean square over pairs of what :func:`field_of` returns."""
    return float(np.sqrt(np.mean(field[np.triu_indices(len(field), 1)] ** 2)))


def field_of(filtered: Samples, sfreq: float) -> Float64:
    """Return the correlations beyond those of independent electrodes, shape (n, n).

    As for :func:`common_field`, for 4 or more electrodes; averaged over windows they tell more.
    """
    n, n_times = filtered.shape
    centred = filtered - filtered.mean(axis=0)
    centred = centred - centred.mean(axis=1, keepdims=True)
    # A sine taper keeps loud frequencies from leaking into all others.
    taper = np.sin(np.pi * (np.arange(n_times) + 0.5) / n_times)
    hz = np.fft.rfftfreq(n_times, 1.0 / sfreq)
    spectrum = np.fft.rfft(centred * taper, axis=1)[:, (hz >= _FIELD_HZ[0]) & (hz <= _FIELD_HZ[1])]
    spectrum = spectrum / np.sqrt(np.mean(np.abs(spectrum) ** 2, axis=0) + 1e-30)
    covariance = (spectrum @ spectrum.conj().T).real / max(spectrum.shape[1], 1)
    own = np.diag(covariance)
    mean = own.mean() * n / (n - 1)
    independent = np.maximum((own - mean / n) / (1.0 - 2.0 / n), 0.05 * mean)
    expected = mean / n - (independent[:, None] + independent) / n
    beyond: Float64 = (covariance - expected) / np.sqrt(independent[:, None] * independent + 1e-30)
    return beyond


def from_one_head(filtered: Samples, sfreq: float) -> bool:
    """Tell EEG from noise of the electrodes' own, and from one source that is the same on all.

    `filtered` is as for :func:`common_field`, 5 s. Always True for fewer than 4 electrodes, which
    cannot tell.
    """
    n = len(filtered)
    least = _FIELD_MANY if n >= _MANY else _FIELD_FEW
    return n < _MIN_FIELD or least <= common_field(filtered, sfreq) <= _ONE_SOURCE


def bad_channels(x: Samples, spared: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Find the bad channels of a filtered trial (mdJPT, signal preparation).

    Parameters
    ----------
    x : ndarray of float, shape (n, n_times)
        One trial, band-passed.
    spared : array_like of bool, shape (n,), optional
        Channels never called bad: the frontal ones in the first pass, so that blinks reach ICA.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where more than 40 % of the samples exceed 3 times, or more than 1 % exceed 30 times
        the median of |x| over the whole trial.
    """
    magnitude = np.abs(x)
    median = np.median(magnitude)
    often = (magnitude > 3 * median).mean(axis=1) > 0.4
    far = (magnitude > 30 * median).mean(axis=1) > 0.01
    bad: NDArray[np.bool_] = often | far
    return bad if spared is None else bad & ~np.asarray(spared, bool)


def interpolate_bad(x: Samples, positions: ArrayLike, bad: ArrayLike) -> Float64:
    """Replace bad channels by the three nearest good ones, weighted by inverse distance.

    Parameters
    ----------
    x : ndarray of float, shape (n, n_times)
    positions : array_like of float, shape (n, 3)
        Where the electrodes sit (see :func:`mdjpt.signal.montage.electrode_positions`); NaN for a
        channel that can neither be interpolated nor serve as a neighbour.
    bad : array_like of bool, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n, n_times)
        A copy; good channels are unchanged.

    Raises
    ------
    ValueError
        A bad channel has no position, or no good channel has one.
    """
    places, is_bad = np.asarray(positions, np.float64), np.asarray(bad, bool)
    out = x.astype(np.float64)
    if not is_bad.any():
        return out
    placed = np.asarray(np.isfinite(places).all(axis=1), bool)
    if not placed[is_bad].all():
        raise ValueError("a bad channel without a position cannot be interpolated")
    good = np.flatnonzero(~is_bad & placed)
    if good.size == 0:
        raise ValueError("no good channel is left to interpolate from")
    distance = np.linalg.norm(places[is_bad, None] - places[None, good], axis=2)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :3]
    weights = 1.0 / np.maximum(np.take_along_axis(distance, nearest, axis=1), 1e-9)
    weights /= weights.sum(axis=1, keepdims=True)
    out[is_bad] = np.einsum("bk,bkt->bt", weights, out[good[nearest]])
    return out
