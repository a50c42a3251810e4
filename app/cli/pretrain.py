"""``mdjpt pretrain``: a joint pre-training from its settings to a bundle."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mdjpt.training.progress import StepReport

__all__ = ["pretrain"]

LINE_EVERY_S = 30.0  # into a pipe, where no bar is drawn


def pretrain(config_path: Path, out: Path | None, resume: bool) -> int:
    """Pre-train as a TOML file says and print where the bundle is.

    Parameters
    ----------
    config_path : Path
        Settings, see :mod:`mdjpt.training.config`.
    out : Path or None
        Folder of the run; None: ``runs/NAME`` for a file NAME.toml.
    resume : bool
        Go on from the newest checkpoint.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    MdjptError
        The extra ``train`` is not installed, a setting or store is unusable, or the loss is no
        number.
    """
    from pathlib import Path

    from mdjpt.training.config import read_config
    from mdjpt.training.run import pretrain as run

    config = read_config(config_path)
    folder = Path("runs") / config_path.stem if out is None else out
    names = ", ".join(choice.path.name for choice in config.datasets)
    sys.stdout.write(f"{config.network.variant} variant on {names}; run in {folder}\n")
    sys.stdout.flush()
    with _shown(config.optimiser.n_steps) as on_step:
        path = run(config, folder, resume=resume, on_step=on_step)
    sys.stdout.write(f"{path}: trained on {names}\n")
    return 0


@contextmanager
def _shown(n_steps: int) -> Iterator[Callable[[StepReport], None]]:
    """Yield what shows each step: a bar in a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines(n_steps)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("step {task.completed} of {task.total}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=n_steps)
        yield lambda report: progress.update(
            task, completed=report.step + 1, description=_losses(report)
        )


class _Lines:
    """One line at the first step, at the last and every half minute."""

    def __init__(self, n_steps: int) -> None:
        self._n_steps = n_steps
        self._next_s = 0.0

    def __call__(self, report: StepReport) -> None:
        """Print the step when it is time."""
        now_s = time.monotonic()
        if now_s < self._next_s and report.step + 1 < self._n_steps:
            return
        self._next_s = now_s + LINE_EVERY_S
        sys.stderr.write(f"step {report.step + 1} of {self._n_steps}: {_losses(report)}\n")
        sys.stderr.flush()


def _losses(report: StepReport) -> str:
    return (
        f"loss {report.loss:.3f} (contrast {report.contrast:.3f}, CDA {report.cda:.3f}), "
        f"{report.accuracy:.0%} matched, {report.step_s:.2f} s a step"
    )
