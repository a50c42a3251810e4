"""``mdjpt pretrain``: a joint pre-training from its settings to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.progress import shown_progress

if TYPE_CHECKING:
    from mdjpt.training.progress import StepReport

__all__ = ["pretrain"]

LINE_EVERY_S = 30.0


def pretrain(
    config: Annotated[Path, typer.Argument(help="Settings (.toml).")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/NAME by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint.")
    ] = False,
) -> int:
    """Pre-train the encoder jointly on prepared datasets."""
    from mdjpt.training.config import read_config
    from mdjpt.training.run import pretrain as run

    settings = read_config(config)
    folder = out or Path("runs") / config.stem
    names = ", ".join(choice.path.name for choice in settings.datasets)
    typer.echo(f"{settings.network.variant} variant on {names}; run in {folder}")
    with shown_progress("step", every_s=LINE_EVERY_S) as show:

        def on_step(report: StepReport) -> None:
            show(report.step + 1, settings.optimiser.n_steps, _losses(report))

        path = run(settings, folder, resume=resume, on_step=on_step)
    typer.echo(f"{path}: trained on {names}")
    return 0


def _losses(report: StepReport) -> str:
    return (
        f"loss {report.loss:.3f} (contrast {report.contrast:.3f}, CDA {report.cda:.3f}), "
        f"{report.accuracy:.0%} matched, {report.step_s:.2f} s a step"
    )
