"""What happens between two steps: the log, the checkpoint, the report to whoever watches."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import lightning
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import refuse_other_than_file, write_file
from mdjpt.training.checkpoint import Checkpoint, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mdjpt.training.config import PretrainConfig
    from mdjpt.training.module import PretrainModule

__all__ = ["StepReport", "TrainingProgress", "trim_log"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One row of the log."""

    # From 0.
    step: int
    epoch: int
    # Whole loss, the contrast added over the datasets, the unweighted cross-dataset alignment.
    loss: float
    contrast: float
    cda: float
    accuracy: float
    """Share of windows whose nearest other window is their positive, mean over the datasets."""
    # Seconds of the step, and of them spent waiting for its windows.
    step_s: float
    loading_s: float


class TrainingProgress(lightning.Callback):  # type: ignore[misc]
    """Writes log and checkpoints of a training, and stops it when its loss is no number.

    Called by Lightning in the training's own thread. The CSV log is continued when it is there;
    `resumed` is the state to go on from; `on_step` takes the report of every step.
    """

    def __init__(
        self,
        config: PretrainConfig,
        log: Path,
        checkpoint: Path,
        resumed: Checkpoint | None,
        on_step: Callable[[StepReport], None],
    ) -> None:
        self._config, self._log, self._path = config, log, checkpoint
        self._resumed, self._on_step = resumed, on_step
        self._step = 0 if resumed is None else resumed.step
        self._science = config.science()
        self._ended = self._began = 0.0
        self._kept = self._step
        self._in_step = False

    def on_train_start(self, trainer: Any, pl_module: PretrainModule) -> None:
        """Give the optimiser the state that it is taken up with."""
        if self._resumed is not None:
            self._resumed.restore_optimiser(pl_module.lean.network, trainer.optimizers[0])
        self._ended = time.perf_counter()

    def on_train_batch_start(self, *_: Any) -> None:
        """Note when the windows were there."""
        self._in_step = True
        self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Any, pl_module: PretrainModule, outputs: Any, *_: Any
    ) -> None:
        """Log the step and, when it is time, keep the state."""
        self._in_step = False
        parts = {name: float(value) for name, value in outputs.items()}
        now = time.perf_counter()
        report = StepReport(
            step=self._step,
            epoch=self._step // self._config.optimiser.steps_per_epoch,
            step_s=now - self._ended,
            loading_s=self._began - self._ended,
            **parts,
        )
        self._step += 1
        if not math.isfinite(report.loss):
            raise MdjptError(
                f"step {report.step}: the loss is {report.loss}: lower [optimiser] learning_rate; "
                f"the last checkpoint is {self._path}"
            )
        if trainer.is_global_zero:
            self._keep(trainer, pl_module, report)
        self._ended = time.perf_counter()

    def _keep(self, trainer: Any, module: PretrainModule, report: StepReport) -> None:
        _append(self._log, report)
        for logger in trainer.loggers:
            logger.log_metrics(dict(list(asdict(report).items())[2:]), step=report.step)
        if self._step % self._config.machine.checkpoint_every == 0 or self._is_last():
            self._keep_state(trainer, module)
        self._on_step(report)

    def on_exception(
        self, trainer: Any, pl_module: PretrainModule, exception: BaseException
    ) -> None:
        """Keep the state where the user or the system ends the training between two steps."""
        is_end = isinstance(exception, KeyboardInterrupt | SIGTERMException)
        if is_end and trainer.is_global_zero and not self._in_step and self._step > self._kept:
            self._keep_state(trainer, pl_module)

    def _keep_state(self, trainer: Any, module: PretrainModule) -> None:
        optimiser = trainer.optimizers[0]
        state = Checkpoint.of(module.lean.network, optimiser, self._step, self._science)
        write_checkpoint(self._path, state)
        self._kept = self._step

    def _is_last(self) -> bool:
        return self._step == self._config.optimiser.n_steps


def trim_log(path: Path, n_steps: int) -> None:
    """Drop the rows of a log behind its first `n_steps`, and what a kill left of the last one.

    Raises MdjptError: it cannot be written.
    """
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)[: n_steps + 1]
    write_file(path, b"".join(lines))


def _append(path: Path, report: StepReport) -> None:
    row = asdict(report)
    refuse_other_than_file(path)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()})
