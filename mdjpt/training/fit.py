"""The steps of a training, run by Lightning on a processor, a GPU or several."""

from __future__ import annotations

import logging
import signal
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mdjpt.errors import MdjptError
from mdjpt.guard.extras import require_training_extra
from mdjpt.training.batches import PairBatches, batch_loader, pair_samplers
from mdjpt.training.lean_network import LeanNetwork
from mdjpt.training.module import PretrainModule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch.utils.data import DataLoader

    from mdjpt.network.model import MdjptNetwork
    from mdjpt.store.store import Store
    from mdjpt.training.batches import DatasetBatch
    from mdjpt.training.config import PretrainConfig
    from mdjpt.training.progress import TrainingProgress

__all__ = ["fit", "is_main_process"]

CPU_BYTES = 1 << 20  # of one array of the channels encoded at a time: several stay in a cache
GPU_ROWS = 4096  # channels encoded at a time: 6 GB


class _Steps(lightning.LightningDataModule):  # type: ignore[misc]
    """The steps that are left, dealt out among the processes once these know their numbers."""

    def __init__(self, config: PretrainConfig, stores: Sequence[Store], first_step: int) -> None:
        super().__init__()
        self._config, self._stores, self._first_step = config, stores, first_step
        self._samplers = pair_samplers(config, stores)

    def train_dataloader(self) -> DataLoader[list[DatasetBatch]]:
        """Return the loader of this process."""
        batches = PairBatches(
            self._stores,
            self._samplers,
            self._config.windows.n_times,
            self._first_step,
            self._config.optimiser.n_steps,
            self.trainer.global_rank,
            self.trainer.world_size,
        )
        return batch_loader(batches, self._config.machine.workers)


def is_main_process() -> bool:
    """Tell whether this is the process that writes, of those that share a training."""
    return int(rank_zero_only.rank) == 0


def fit(
    config: PretrainConfig,
    stores: Sequence[Store],
    network: MdjptNetwork,
    progress: TrainingProgress,
    first_step: int,
    out: Path,
) -> None:
    """Train a network in place over the steps that are left after `first_step`.

    `progress` is called between two steps; `out` is the run's folder, for TensorBoard's files.

    Raises MdjptError: a dataset has no pair, the machine lacks what is asked for, the loss is no
    number. Raises KeyboardInterrupt: the user stopped it.
    """
    steps = _Steps(config, stores, first_step)
    with _quiet_lightning(), _threads(config.machine.threads):
        trainer = _trainer(config, progress, out)
        on_cpu = trainer.strategy.root_device.type == "cpu"
        lean = LeanNetwork(
            network,
            _rows_at_once(config, on_cpu=on_cpu),
            n_threads=_parts_at_once(config, on_cpu=on_cpu),
            shifted=True,
            compiled=config.machine.compile,
            products=not on_cpu,
        )
        with _interruptible():
            trainer.fit(PretrainModule(lean, config), steps)


def _trainer(config: PretrainConfig, progress: TrainingProgress, out: Path) -> Any:
    machine = config.machine
    try:
        return lightning.Trainer(
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.nodes,
            strategy=_strategy(config),
            precision=machine.precision,
            max_epochs=1,
            logger=_logger(config, out),
            callbacks=[progress],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            benchmark=False,
        )
    except (ValueError, lightning.fabric.utilities.exceptions.MisconfigurationException) as error:
        raise MdjptError(f"[machine] {error}") from None


def _strategy(config: PretrainConfig) -> str:
    if config.machine.devices == config.machine.nodes == 1:
        return "auto"
    # Without a contrast the projector gets no gradient, which DDP must be told to look for.
    return "ddp_find_unused_parameters_true" if config.loss.contrast == "none" else "ddp"


def _rows_at_once(config: PretrainConfig, *, on_cpu: bool) -> int:
    if config.machine.rows_at_once >= 0:
        return config.machine.rows_at_once
    if on_cpu:
        return max(1, CPU_BYTES // (4 * config.network.n_patches * config.network.embed_dim))
    return GPU_ROWS if config.network.variant == "paper" else 0


def _parts_at_once(config: PretrainConfig, *, on_cpu: bool) -> int:
    # What is compiled shares its own work out.
    return torch.get_num_threads() if on_cpu and not config.machine.compile else 1


def _logger(config: PretrainConfig, out: Path) -> Any:
    if config.machine.log == "csv":
        return False
    loggers = require_training_extra("lightning.pytorch.loggers", "tensorboard")[0]
    return loggers.TensorBoardLogger(out, name="", version="tensorboard")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the user's interruption through, which Lightning turns into an exit, deaf to a second."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    except SIGTERMException:
        raise KeyboardInterrupt from None
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advice from the user's terminal: the settings are ours."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Compute with as many threads, 0: as many as torch would."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
