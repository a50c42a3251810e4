"""Features of a prepared dataset by an encoder of other authors."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.evaluation.comparison_encoders import has_place, load_comparison
from mdjpt.evaluation.window_table import FeatureSet, window_table
from mdjpt.signal.filters import N_TIMES, SFREQ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.evaluation.comparison_encoders import ComparisonEncoder
    from mdjpt.evaluation.encoding import OnEncoded
    from mdjpt.store.store import Store

    Float32 = NDArray[np.float32]

__all__ = ["comparison_features"]

BATCH = 32


def comparison_features(
    store: Store, encoder: ComparisonEncoder, weights: Path, step: int, on_encoded: OnEncoded
) -> FeatureSet:
    """Encode all windows of 5 s of a store, in microvolts and at the rate of the weights.

    Parameters
    ----------
    store : Store
        The dataset.
    encoder : ComparisonEncoder
        Whose features.
    weights : Path
        Its weights.
    step : int
        Samples of the store from one window to the next.
    on_encoded : callable
        Takes how many windows are encoded, and of how many.

    Returns
    -------
    FeatureSet
        Mean over the network's tokens, in the order of the store's files.

    Raises
    ------
    MdjptError, ModelError
        As for :func:`mdjpt.evaluation.comparison_encoders.load_comparison`.
    DatasetError
        The store has no labels or no trial that is long enough.
    """
    import torch

    table = window_table(store, N_TIMES, step)
    n_times = _whole_patches(encoder)
    placed = [k for k, name in enumerate(store.card.ch_names) if has_place(name)]
    names = [store.card.ch_names[k] for k in placed]
    network = load_comparison(encoder, weights, names, n_times)
    features: Float32 | None = None
    done = 0
    for index in np.unique(table.recording).tolist():
        facts = store.recordings[index].facts
        rows = np.flatnonzero(table.recording == index)
        for part in np.array_split(rows, -(-len(rows) // BATCH)):
            scaled = store.raw_windows(index, table.start[part])[:, placed]
            microvolts = scaled * facts.scale_std + facts.scale_mean
            x = resampled(microvolts / encoder.unit_uv, encoder.sfreq, n_times)
            with torch.inference_mode():
                made = _pooled(network(torch.from_numpy(x), return_features=True))
            if features is None:
                features = np.empty((len(table), made.shape[1]), np.float32)
            features[part] = made
            done += len(part)
            on_encoded(done, len(table))
    assert features is not None
    made_by = f"{encoder.name} (licence: {encoder.licence}), mean over its tokens"
    return FeatureSet.of(table, features, made_by, causal=True)


def resampled(windows: NDArray[Any], sfreq: float, n_times: int) -> Float32:
    """Bring windows, shape (n_windows, n_channels, 625), to another rate, cut to `n_times`."""
    from scipy.signal import resample_poly

    ratio = Fraction(sfreq / SFREQ).limit_denominator(1000)
    out = resample_poly(windows, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    return np.ascontiguousarray(out[..., :n_times], np.float32)


def _whole_patches(encoder: ComparisonEncoder) -> int:
    n_times = int(N_TIMES * encoder.sfreq / SFREQ)
    return n_times // encoder.patch_times * encoder.patch_times


def _pooled(output: Any) -> Float32:
    """Return (batch, F) of (batch, ..., F) tokens."""
    tokens = output["features"].float()
    pooled: Float32 = tokens.reshape(len(tokens), -1, tokens.shape[-1]).mean(1).numpy()
    return pooled
