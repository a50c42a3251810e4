"""``mdjpt pretrain``: a joint pre-training from its settings to a bundle."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.interruption import stopped_by_signal
from app.cli.options import Device, output_folder
from app.cli.progress import shown_progress
from app.cli.thread_count import compute_on
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from mdjpt.training.config import PretrainConfig
    from mdjpt.training.progress import StepReport

__all__ = ["pretrain"]

LINE_EVERY_S = 30.0


def pretrain(
    config: Annotated[Path, typer.Argument(help="Settings (.toml).")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; runs/NAME by default.", callback=output_folder),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint.")
    ] = False,
    device: Device | None = None,
) -> int:
    """Pre-train the encoder jointly on prepared datasets, by default where [machine] says."""
    from mdjpt.training.config import read_config
    from mdjpt.training.run import CHECKPOINT_FILE
    from mdjpt.training.run import pretrain as run

    settings = read_config(config)
    if device is not None:
        settings = _on_device(settings, device)
    folder = out or Path("runs") / config.stem
    names = ", ".join(choice.path.name for choice in settings.datasets)
    typer.echo(f"{settings.network.variant} variant on {names}; run in {folder}")
    with (
        stopped_by_signal(second_interrupts=True) as stopped,
        shown_progress("step", every_s=LINE_EVERY_S) as show,
    ):

        def on_step(report: StepReport) -> None:
            show(report.step + 1, settings.optimiser.n_steps, _losses(report))
            if stopped.is_set():
                raise KeyboardInterrupt

        try:
            path = run(settings, folder, resume=resume, on_step=on_step)
        except KeyboardInterrupt:
            if not stopped.is_set():
                raise
            kept = (folder / CHECKPOINT_FILE).exists()
            way = (
                f"what was learned is in {folder}: --resume goes on" if kept else "nothing is kept"
            )
            typer.echo(f"mdjpt: ended by {signal.Signals(stopped.number).name}; {way}", err=True)
            return stopped.exit_code
    typer.echo(f"{path}: trained on {names}")
    return 0


def _on_device(settings: PretrainConfig, name: str) -> PretrainConfig:
    """Return the settings with a device in the place of what [machine] says."""
    if ":" in name:
        raise MdjptError(
            f"--device {name}: a training takes its cards in order; choose one with "
            f"CUDA_VISIBLE_DEVICES={name.partition(':')[2]} and --device {name.partition(':')[0]}"
        )
    compute_on(name)
    kind = {"cuda": "gpu"}.get(name, name)
    return replace(settings, machine=replace(settings.machine, accelerator=kind))


def _losses(report: StepReport) -> str:
    return (
        f"loss {report.loss:.3f} (contrast {report.contrast:.3f}, CDA {report.cda:.3f}), "
        f"{report.accuracy:.0%} matched, {report.step_s:.2f} s a step"
    )
