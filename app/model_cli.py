"""The commands for model bundles: names, options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import planned

__all__ = ["PASS_ON", "model_cli"]

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
model_cli = typer.Typer(help="Import, inspect and check model bundles.", no_args_is_help=True)
BundleFile = Annotated[Path, typer.Argument(help="Model bundle.")]


@model_cli.command("import")
def model_import(
    checkpoint: Annotated[Path, typer.Argument(help="Released checkpoint (.ckpt).")],
    out: Annotated[Path, typer.Option(help="Bundle to write (.safetensors).")],
) -> int:
    """Turn a released checkpoint into a bundle."""
    from app.cli.model import import_model

    return import_model(checkpoint, out)


@model_cli.command("info")
def model_info(bundle: BundleFile) -> int:
    """Show what a bundle holds and where it comes from."""
    from app.cli.model import show_model

    return show_model(bundle)


@model_cli.command("verify")
def model_verify(bundle: BundleFile) -> int:
    """Check a bundle: layout, shapes, checksum."""
    from app.cli.model import verify_model

    return verify_model(bundle)


@model_cli.command("fetch", context_settings=PASS_ON)
def model_fetch() -> int:
    """Download the released checkpoint (not there yet)."""
    return planned("model fetch")
