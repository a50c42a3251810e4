"""Features of a prepared dataset by an encoder: trial after trial, a batch of windows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.errors import MdjptError
from mdjpt.evaluation.window_table import FeatureSet, WindowTable, window_table
from mdjpt.network.encoder import Encoder, RowStats
from mdjpt.network.encoding_pool import EncodingPool
from mdjpt.network.model import N_CHANNELS, NORM_EPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mdjpt.network.model import EncoderConfig
    from mdjpt.store.store import Store

    Float32 = NDArray[np.float32]
    Encode = Callable[[Float32], Float32]
    OnEncoded = Callable[[int, int], None]

__all__ = ["RowNormalisation", "encoder_features", "released_batch_features"]

RowNormalisation = Literal["auto", "rows", "window", "recording", "released"]
STEP = 250  # samples: 2 s, the step of the training windows
BATCH = 64  # windows, as the released extraction script has it
_MADE_BY = {
    "rows": "rows normalised by the statistics of the pre-training",
    "window": "rows normalised within each window",
    "recording": "rows normalised over each recording (not causal)",
    "released": "rows normalised over half batches of 64 windows in file order, as released "
    "(not causal)",
}


def encoder_features(
    store: Store,
    encoder: Encoder,
    row_stats: RowStats | None = None,
    *,
    normalisation: RowNormalisation = "auto",
    step: int = STEP,
    on_encoded: OnEncoded = lambda _done, _total: None,
    n_threads: int | None = None,
) -> FeatureSet:
    """Encode all windows of a store, in the order of its files.

    Parameters
    ----------
    store : Store
        The dataset.
    encoder : Encoder
        Its configuration gives the length of a window.
    row_stats : RowStats, optional
        Statistics of the pre-training.
    normalisation : {"auto", "rows", "window", "recording", "released"}
        Which windows the rows of the network are normalised over: ``rows`` by `row_stats`;
        ``window`` each by itself; ``recording`` over up to 64 windows spread over each recording;
        ``released`` over half batches of 64 windows in file order. ``auto``: ``rows`` where there
        are statistics, else ``window``, which are the two that a live system can do.
    step : int
        Samples from one window to the next.
    on_encoded : callable
        Takes how many windows are encoded, and of how many.
    n_threads : int, optional
        Windows encoded at the same time on the processor; one a core by default.

    Raises
    ------
    DatasetError
        The store has no labels or no trial that is long enough.
    MdjptError
        ``rows`` without statistics.
    """
    if normalisation == "auto":
        normalisation = "window" if row_stats is None else "rows"
    table = window_table(store, encoder.config.n_times, step)
    features, done = np.empty((len(table), encoder.config.n_maps), np.float32), 0
    for rows, encode in _parts(store, table, encoder, row_stats, normalisation, n_threads):
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            features[part] = encode(_read(store, table, part))
            done += len(part)
            on_encoded(done, len(table))
    made_by = f"mdJPT {encoder.variant}, {_MADE_BY[normalisation]}"
    return FeatureSet.of(table, features, made_by, causal=normalisation in ("rows", "window"))


def released_batch_features(encoder: Encoder, windows: Float32) -> Float32:
    """Encode one batch, shape (n_windows, 60, n_times), as the released script does: by halves.

    A batch of odd size leaves its last window in no group: it passes both normalisations unchanged,
    which statistics of mean 0 and deviation 1 - 1e-3 amount to.
    """
    size = max(len(windows) // 2, 1)
    whole = len(windows) - len(windows) % size
    features = encoder.feature(windows[:whole], group_size=size)
    if whole == len(windows):
        return features
    left = encoder.feature(windows[whole:], stats=_unchanged(encoder.config))
    return np.concatenate([features, left])


def _parts(
    store: Store,
    table: WindowTable,
    encoder: Encoder,
    row_stats: RowStats | None,
    normalisation: RowNormalisation,
    n_threads: int | None,
) -> Iterator[tuple[NDArray[np.intp], Encode]]:
    """Yield the rows that share a way of encoding, and that way."""
    every = np.arange(len(table))
    if normalisation == "rows":
        if row_stats is None:
            raise MdjptError(
                "the model holds no statistics of its rows: choose the normalisation window or "
                "recording"
            )
        yield every, _each_alone(encoder, row_stats, n_threads)
    elif normalisation == "window":
        yield every, _each_alone(encoder, None, n_threads)
    elif normalisation == "released":
        yield every, lambda windows: released_batch_features(encoder, windows)
    else:
        for rows in table.groups("recording"):
            yield rows, _normalised_over(store, table, encoder, rows)


def _each_alone(encoder: Encoder, stats: RowStats | None, n_threads: int | None) -> Encode:
    pool = EncodingPool(encoder.twin, stats, n_threads)
    return lambda windows: np.stack(list(pool.map(windows)))


def _normalised_over(
    store: Store, table: WindowTable, encoder: Encoder, rows: NDArray[np.intp]
) -> Encode:
    # Measured on as many windows as the encoder keeps in memory: more are encoded three times.
    spread = np.unique(np.linspace(0, len(rows) - 1, BATCH).round().astype(int))
    stats = encoder.row_stats(_read(store, table, rows[spread]))
    return lambda windows: encoder.feature(windows, stats=stats)


def _read(store: Store, table: WindowTable, rows: NDArray[np.intp]) -> Float32:
    """Read windows, which may lie in several recordings: shape (n_windows, 60, n_times)."""
    windows = np.empty((len(rows), N_CHANNELS, table.n_times), np.float32)
    recordings = table.recording[rows]
    for index in np.unique(recordings):
        here = recordings == index
        windows[here] = store.windows(int(index), table.start[rows[here]], table.n_times)
    return windows


def _unchanged(config: EncoderConfig) -> RowStats:
    n_tokens, n_mixed = N_CHANNELS * config.n_dims, config.n_dims * config.n_mixed
    sizes = (n_tokens, n_tokens, n_mixed, n_mixed)
    values = (0.0, 1.0 - NORM_EPS) * 2
    return RowStats(*(np.full(n, v, np.float32) for n, v in zip(sizes, values, strict=True)))
