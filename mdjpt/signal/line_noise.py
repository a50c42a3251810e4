"""Mains in a signal: how much, and of which country."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["line_noise"]

MAINS_HZ = (50.0, 60.0)
_BESIDE_HZ = (2.0, 3.0, 4.0)
"""Distances at which the signal beside the line is measured: beyond the main lobe of the window."""


def line_noise(samples: NDArray[np.floating], sfreq: float) -> tuple[float, float]:
    """Measure the stronger of 50 and 60 Hz in a second or more of EEG.

    The samples, shape (n_channels, n_times), are microvolts; channels that are not finite count as
    0. The amplitude of a sine of frequency f in x is ``2 |sum(w x exp(-2 pi i f t))| / sum(w)``
    with a window w (Harris 1978, doi:10.1109/PROC.1978.10837); the median of it at 2, 3 and 4 Hz to
    either side, which is that of the EEG, is taken off.

    Returns
    -------
    frequency : float
        50 or 60 Hz; 0 when the signal holds neither, being sampled too slowly.
    rms_uV : float
        Median over channels of its root mean square in microvolts, 0 or more.
    """
    n_times = samples.shape[1]
    x = np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
    x -= x.mean(axis=1, keepdims=True)
    window = np.hanning(n_times)
    times = np.arange(n_times) / sfreq

    def rms(frequency: float) -> NDArray[np.float64]:
        wave = window * np.exp(-2j * np.pi * frequency * times)
        return np.asarray(np.sqrt(2) * np.abs(x @ wave) / window.sum())

    found = (0.0, 0.0)
    for line in MAINS_HZ:
        beside = [line + side * hz for side in (-1, 1) for hz in _BESIDE_HZ]
        if beside[-1] >= sfreq / 2:
            continue
        floor = np.median([rms(frequency) for frequency in beside], axis=0)
        level = float(np.median(np.maximum(rms(line) - floor, 0.0)))
        found = max(found, (line, level), key=lambda pair: pair[1])
    return found
