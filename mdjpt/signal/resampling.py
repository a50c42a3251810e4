"""Anti-aliased resampling onto any time grid, by products with short constant matrices.

A position in time need not be a multiple of either rate: the kernel is a function of continuous
time. So a window that starts between two samples of the new rate is resampled exactly where it
starts, and rates that are no whole numbers need no approximation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["resample"]

_BLOCK = 25  # outputs per matrix product: short spans waste least on the zeros of the kernel
_KAISER_BETA = 5.0
_ZERO_CROSSINGS_DOWN, _ZERO_CROSSINGS_UP = 10, 26


def _reach(sfreq: float, new_sfreq: float) -> float:
    """Half length of the kernel in samples of the old rate."""
    if sfreq >= new_sfreq:
        return _ZERO_CROSSINGS_DOWN * sfreq / new_sfreq
    return float(_ZERO_CROSSINGS_UP)


def _kernel(distance: Float64, sfreq: float, new_sfreq: float) -> Float64:
    """Weight of a sample at a distance, in samples of the old rate: a Kaiser-windowed sinc.

    Its cut-off (-6 dB) is half the lower of both rates. 10 zero crossings leave 53 dB beyond 10 Hz
    around 62.5 Hz. Upsampling from 100 Hz, where the cut-off is 3 Hz away from the band that is
    wanted, takes 26.
    """
    bandwidth = min(new_sfreq / sfreq, 1.0)
    inside = np.clip(1.0 - (distance / _reach(sfreq, new_sfreq)) ** 2, 0.0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    sinc = bandwidth * np.sinc(bandwidth * distance)
    kernel: Float64 = np.where(inside > 0, sinc * window, 0.0)
    return kernel


@lru_cache(maxsize=256)
def _block_weights(sfreq: float, new_sfreq: float, phase: float) -> Float64:
    """Return the matrix [span, 25] from a span of old samples to 25 new ones.

    The first new sample lies `phase` old samples behind old sample ``ceil(reach)`` of the span.
    """
    reach = _reach(sfreq, new_sfreq)
    positions = np.ceil(reach) + phase + np.arange(_BLOCK) * (sfreq / new_sfreq)
    span = int(np.ceil(positions[-1] + reach)) + 1
    weights = _kernel(positions - np.arange(span)[:, None], sfreq, new_sfreq)
    weights /= weights.sum(axis=0)
    weights.setflags(write=False)
    return weights


def resample(x: Float64, sfreq: float, new_sfreq: float, first: float, n_times: int) -> Float64:
    """Return the signal at ``first + j * sfreq / new_sfreq`` (old samples), j = 0 .. n_times - 1.

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_old)
        Beyond its ends the signal is taken to stay at its first and last value.
    sfreq, new_sfreq : float
        Old and new rate in Hz.
    first : float
        Position of the first new sample, in old samples; not negative.
    n_times : int
        New samples wanted.

    Returns
    -------
    ndarray of float64, shape (n, n_times)
    """
    reach = int(np.ceil(_reach(sfreq, new_sfreq)))
    step = sfreq / new_sfreq
    starts = first + np.arange(0, n_times, _BLOCK) * step
    whole = np.floor(starts + 1e-9).astype(int)
    phases = np.round(np.abs(starts - whole), 9)
    needed = int(whole[-1] + np.ceil(_BLOCK * step)) + 2 * reach + 2
    padded = np.empty((len(x), max(needed, reach + x.shape[1])))
    padded[:, :reach], padded[:, reach + x.shape[1] :] = x[:, :1], x[:, -1:]
    padded[:, reach : reach + x.shape[1]] = x
    out = np.empty((len(x), len(starts) * _BLOCK))
    for block, (start, phase) in enumerate(zip(whole.tolist(), phases.tolist(), strict=True)):
        weights = _block_weights(sfreq, new_sfreq, phase)
        segment = padded[:, start : start + len(weights)]
        np.matmul(segment, weights, out=out[:, block * _BLOCK : (block + 1) * _BLOCK])
    return out[:, :n_times]
