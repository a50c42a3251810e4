"""The baseline without a network: differential entropy of five frequency bands.

Duan, Zhu, Lu, "Differential entropy feature for EEG-based emotion classification" (NER 2013): the
entropy of a band-passed signal taken as Gaussian, 0.5 ln(2 pi e var). Bands and filters (MNE's
default FIR, over the whole trial) are those of mdJPT's released baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.evaluation.window_table import FeatureSet, window_table
from mdjpt.signal.filters import N_TIMES, SFREQ

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mdjpt.store.store import Store

__all__ = ["BANDS_HZ", "band_entropy", "entropy_features"]

BANDS_HZ = ((1.0, 4.0), (4.0, 8.0), (8.0, 14.0), (14.0, 30.0), (30.0, 47.0))
STEP = 250  # samples: 2 s, the step of the training windows
_LEAST_VARIANCE = 1e-12  # of scaled samples: a flat electrode's entropy stays finite


def band_entropy(
    trial: NDArray[np.floating], starts: ArrayLike, n_times: int
) -> NDArray[np.float64]:
    """Return the differential entropy of each band in windows of a trial.

    Parameters
    ----------
    trial : ndarray of float, shape (n_channels, n_samples)
        At 125 Hz. Filtered as a whole: the windows' edges are not the filter's.
    starts : array_like of int, shape (n_windows,)
        First samples of the windows.
    n_times : int
        Samples of a window.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_channels, n_bands)
        0.5 ln(2 pi e var), the variance dividing by n.
    """
    from mne.filter import filter_data

    firsts = np.asarray(starts, np.int64)
    out = np.empty((len(firsts), len(trial), len(BANDS_HZ)))
    samples = np.asarray(trial, np.float64)
    for band, (low, high) in enumerate(BANDS_HZ):
        passed = filter_data(samples, SFREQ, low, high, verbose="ERROR")
        for row, first in zip(out, firsts, strict=True):
            row[:, band] = passed[:, first : first + n_times].var(axis=1)
    entropy: NDArray[np.float64] = 0.5 * np.log(2 * np.pi * np.e * np.maximum(out, _LEAST_VARIANCE))
    return entropy


def entropy_features(
    store: Store,
    *,
    n_times: int = N_TIMES,
    step: int = STEP,
    channels: Literal["own", "standard"] = "own",
) -> FeatureSet:
    """Compute the baseline's features of all windows of a store.

    They have shape (n_windows, n_channels * 5), channel after channel, of the dataset's own
    electrodes, as the released baseline has it, or of the 60 standard channels, which datasets have
    in common. They are causal but for half the filters' length, as everything prepared is.

    Raises DatasetError: the store has no labels or no trial that is long enough.
    """
    table = window_table(store, n_times, step)
    parts = []
    trials = [(index, t) for index, one in enumerate(store.recordings) for t in one.trials]
    for number in np.unique(table.trial).tolist():
        index, trial = trials[number]
        samples = store.samples(index)[:, trial.start : trial.stop]
        if channels == "standard":
            samples = store.project(samples)
        starts = table.start[table.trial == number] - trial.start
        parts.append(band_entropy(samples, starts, n_times).reshape(len(starts), -1))
    features = np.concatenate(parts).astype(np.float32)
    n_channels = features.shape[1] // len(BANDS_HZ)
    made_by = f"differential entropy, 5 bands of {n_channels} {channels} channels"
    return FeatureSet.of(table, features, made_by, causal=True)
