"""What each step of a pre-training sees: the windows of one pair of subjects of every dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mdjpt.training.pairs import PairSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.store.store import Store
    from mdjpt.training.config import PretrainConfig
    from mdjpt.training.pairs import PairDraw

__all__ = ["DatasetBatch", "PairBatches", "batch_loader", "pair_samplers"]


class DatasetBatch(NamedTuple):
    """The windows of one dataset in a step."""

    windows: Tensor
    """One subject's windows, then the other's of the same times. Shape (2 n_pairs, 60, n_times)."""
    labels: Tensor
    """-1 where a trial has none. Shape (2 n_pairs,)."""


class PairBatches(Dataset[list[DatasetBatch]]):
    """The steps of a training, from any step on, for one of several processes.

    There is a sampler for each store, one a dataset. The training is taken up at `first_step`, and
    its `n_steps` count from 0. The pairs of a step are dealt out among `n_ranks` processes.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        samplers: Sequence[PairSampler],
        n_times: int,
        first_step: int,
        n_steps: int,
        rank: int = 0,
        n_ranks: int = 1,
    ) -> None:
        self._stores, self._samplers, self._n_times = tuple(stores), tuple(samplers), n_times
        self._steps = range(first_step, n_steps)
        self._rank, self._n_ranks = rank, n_ranks

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> list[DatasetBatch]:
        # Iteration over a sequence without __iter__ ends with this IndexError.
        number = self._steps[index] * self._n_ranks + self._rank
        return [
            self._read(store, sampler.draw(number))
            for store, sampler in zip(self._stores, self._samplers, strict=True)
        ]

    def _read(self, store: Store, draw: PairDraw) -> DatasetBatch:
        raw = np.concatenate(
            [
                store.raw_windows(draw.first, draw.first_starts, self._n_times),
                store.raw_windows(draw.second, draw.second_starts, self._n_times),
            ]
        )
        windows = torch.from_numpy(store.project(raw))
        return DatasetBatch(windows, torch.from_numpy(np.tile(draw.labels, 2)))


def pair_samplers(config: PretrainConfig, stores: Sequence[Store]) -> list[PairSampler]:
    """Return the sampler of each dataset.

    Raises DatasetError: a dataset has no pair of subjects to align.
    """
    return [
        PairSampler(
            [recording.trials for recording in store.recordings],
            config.windows,
            config.seed,
            name=str(store.path),
            number=number,
        )
        for number, store in enumerate(stores)
    ]


def batch_loader(batches: PairBatches, n_workers: int) -> DataLoader[list[DatasetBatch]]:
    """Return the loader of a training's steps, in their order.

    `n_workers` processes read ahead; 0: the training's own reads when it needs to.
    """
    return DataLoader(
        batches,
        batch_size=None,
        shuffle=False,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
