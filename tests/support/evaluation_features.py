"""Features with known structure, and a store of the published chain, for tests of evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.evaluation.window_table import FeatureSet, WindowTable
from mdjpt.store.card import StoreCard
from mdjpt.store.trials import StoredTrial
from mdjpt.store.writer import PreparedRecording, finish_store, write_recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CLASSES = ("negative", "neutral", "positive")


def synthetic_features(
    n_subjects: int = 8,
    *,
    emotion: float = 1.0,
    clip: float = 0.0,
    n_clips: int = 9,
    n_windows: int = 6,
    n_features: int = 16,
    seed: int = 0,
    dataset: str = "synthetic",
    class_names: tuple[str, ...] = CLASSES,
) -> FeatureSet:
    """Return features that hold an emotional part, a part of each clip's own, and noise.

    The clips of a class are every `len(class_names)`-th one; every subject sees them in another
    order. The emotional part is the same for every seed.
    """
    rng = np.random.default_rng(seed)
    n_classes = len(class_names)
    emotions = emotion * np.random.default_rng(99).standard_normal((n_classes, n_features))
    clips = clip * rng.standard_normal((n_clips, n_features))
    n_trials = n_subjects * n_clips
    subject = np.repeat(np.arange(n_subjects), n_clips)
    order = np.concatenate([rng.permutation(n_clips) for _ in range(n_subjects)])
    stimulus = np.tile(np.arange(n_clips), n_subjects)
    trials = {
        "recording": subject,
        "label": stimulus % n_classes,
        "subject": subject.astype(np.str_),
        "session": np.full(n_trials, "1"),
        "stimulus": stimulus.astype(np.str_),
        "trial": np.arange(n_trials),
        "order": order,
    }
    columns = {name: np.repeat(values, n_windows) for name, values in trials.items()}
    noise = rng.standard_normal((n_trials * n_windows, n_features))
    table = WindowTable(
        dataset=dataset,
        class_names=class_names,
        simulated=True,
        start=np.tile(np.arange(n_windows) * 250, n_trials),
        window=np.tile(np.arange(n_windows), n_trials),
        n_times=625,
        order_known=True,
        **columns,
    )
    values = emotions[table.label] + clips[columns["stimulus"].astype(int)] + noise
    return FeatureSet.of(table, values, "synthetic", causal=True)


def write_store(
    folder: Path,
    recordings: Sequence[tuple[NDArray[np.float32], tuple[StoredTrial, ...]]],
    ch_names: tuple[str, ...],
    class_names: tuple[str, ...] = CLASSES,
) -> Path:
    """Write a store of the given samples and trials."""
    for samples, trials in recordings:
        prepared = PreparedRecording(
            samples=samples, ch_names=ch_names, trials=trials, scale_mean=0.0, scale_std=1.0
        )
        write_recording(folder, prepared, {})
    card = StoreCard(
        name="tiny",
        title="Tiny",
        ch_names=(),
        class_names=class_names,
        label_scheme="",
        licence="CC0",
        url="",
        simulated=True,
        preparation={},
        code_version="1",
    )
    keys = [(trials[0].subject, trials[0].session) for _, trials in recordings]
    finish_store(folder, card, keys)
    return folder


def released_chain_store(folder: Path, arrays: dict[str, NDArray[np.generic]]) -> Path:
    """Write the first 32 windows of the published chain's input as a store of one recording."""
    mean, std = arrays["scale"]
    samples = ((arrays["raw"] - mean) / std).astype(np.float32)
    edges = np.concatenate([[0], np.cumsum(arrays["n_seconds"])]) * 125
    lengths = np.diff(edges)
    lengths[-1] = 875  # the 33rd window belongs to the next group
    trials = tuple(
        StoredTrial(
            "", "1", "1" if k < 15 else "2", k, k % 3, f"clip {k}", int(edges[k]), int(n), k
        )
        for k, n in enumerate(lengths)
    )
    names = tuple(str(name) for name in arrays["channels"])
    return write_store(folder, [(samples, trials)], names)
