"""What live alignment needs to know of the windows that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mdjpt.alignment.covariance import input_covariance
from mdjpt.network.encoding_pool import EncodingPool
from mdjpt.network.losses import covariance_centroid
from mdjpt.signal.windower import window_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.network.encoder import Encoder, RowStats
    from mdjpt.store.store import Store

    Windows = NDArray[np.float32]

__all__ = ["TrainingStatistics", "centroid", "measure_statistics", "sample_windows"]

_BATCH = 16  # windows whose arrays are all in memory at once: 2.5 MB each


@dataclass(frozen=True, eq=False)
class TrainingStatistics:
    """Statistics over windows of all datasets, as many of each; all float32."""

    row_stats: RowStats
    """Mean and deviation of every normalised row."""
    # Of the features under these row statistics; the variance divides by n. Shape (512,).
    feature_mean: NDArray[np.float32]
    feature_var: NDArray[np.float32]
    centroids: NDArray[np.float32]
    """Mean covariance of the mixed channels, without diagonal, of each dataset. Shape (n_datasets,
    32, 64, 64)."""
    input_covariance: NDArray[np.float32]
    """Mean covariance of the windows. Shape (60, 60)."""
    n_windows: int
    """How many windows."""

    def arrays(self) -> dict[str, Any]:
        """Return all but the number of windows, by the names of a bundle's fields."""
        names = [field.name for field in fields(self) if field.name != "n_windows"]
        return {name: getattr(self, name) for name in names}


def sample_windows(store: Store, n: int, *, n_times: int, step: int, seed: int) -> Windows:
    """Read random windows of a store, all different, on a grid of `step` samples.

    They are float32, shape (n_windows, 60, n_times): `n`, or all there are when there are fewer.
    """
    places = [
        (index, int(start))
        for index, recording in enumerate(store.recordings)
        for trial in recording.trials
        for start in window_starts(trial.start, trial.stop, n_times, step)
    ]
    rng = np.random.default_rng((seed, len(places)))
    chosen = [places[k] for k in np.sort(rng.permutation(len(places))[:n])]
    windows = [store.windows(index, [start], n_times) for index, start in chosen]
    return np.concatenate(windows)


def measure_statistics(encoder: Encoder, parts: Sequence[Windows]) -> TrainingStatistics:
    """Measure the statistics of an encoder on windows of each dataset.

    Parameters
    ----------
    encoder : Encoder
        With the weights that the statistics belong to.
    parts : sequence of ndarray of float32, shape (n_windows, 60, n_times)
        Windows of one dataset each, as many of each.
    """
    windows = np.concatenate(parts)
    row_stats = encoder.row_stats(windows)
    encoded = EncodingPool(encoder.twin, row_stats).map(windows)
    features = np.stack(list(encoded)).astype(np.float64)
    return TrainingStatistics(
        row_stats=row_stats,
        feature_mean=features.mean(0).astype(np.float32),
        feature_var=features.var(0).astype(np.float32),
        centroids=np.stack([centroid(encoder, part, row_stats) for part in parts]),
        input_covariance=input_covariance(windows).astype(np.float32),
        n_windows=len(windows),
    )


def centroid(
    encoder: Encoder, windows: NDArray[np.float32], row_stats: RowStats
) -> NDArray[np.float32]:
    """Average the covariances of the mixed channels over one dataset's windows, a few at a time.

    The windows have shape (n_windows, 60, n_times); the mean is float32, shape (n_dims, n_mixed,
    n_mixed), its diagonals zero.
    """
    total = torch.zeros((), dtype=torch.float64)
    for start in range(0, len(windows), _BATCH):
        mixed = encoder.encode(windows[start : start + _BATCH], stats=row_stats).mixed
        total = total + covariance_centroid(torch.from_numpy(mixed)).double() * len(mixed)
    mean: NDArray[np.float32] = (total / len(windows)).float().numpy()
    return mean
