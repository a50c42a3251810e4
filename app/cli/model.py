"""``mdjpt model``: import, show and check bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["model_cli"]

model_cli = typer.Typer(help="Import, inspect and check model bundles.", no_args_is_help=True)
BundleFile = Annotated[Path, typer.Argument(help="Model bundle.")]


@model_cli.command("import")
def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="Released checkpoint (.ckpt).")],
    out: Annotated[Path, typer.Option(help="Bundle to write (.safetensors).")],
) -> int:
    """Turn a released Lightning checkpoint into a bundle."""
    from mdjpt.bundle.checkpoint import import_checkpoint

    import_checkpoint(checkpoint, out)
    typer.echo(f"{out}: imported from {checkpoint.name}; it has no emotion head yet")
    return 0


@model_cli.command("info")
def show_model(bundle: BundleFile) -> int:
    """Show what a bundle holds and where it comes from."""
    from mdjpt.bundle.description import describe

    for key, value in describe(bundle).items():
        typer.echo(f"{key:<16} {value}")
    return 0


@model_cli.command("verify")
def verify_model(bundle: BundleFile) -> int:
    """Check a bundle: layout, shapes, checksum."""
    from mdjpt.bundle.description import verify

    verify(bundle)
    typer.echo(f"{bundle}: sound")
    return 0
