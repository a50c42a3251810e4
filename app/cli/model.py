"""``mdjpt model``: import, show and check bundles."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from platformdirs import user_cache_path

from app.cli.options import at_least, output_file
from app.cli.progress import shown_progress
from app.model_files import add_model, find_model, list_models, remove_model
from mdjpt.errors import MdjptError, ModelError

__all__ = ["model_cli"]

model_cli = typer.Typer(
    help="Fetch, import, adapt, inspect and check model bundles.", no_args_is_help=True
)
TERMS = """{name}: weights of the authors of mdJPT, from
  {url}
They state no licence. Nobody but you decides whether you may use them; this program does not ship
them, downloads them to this computer alone and passes them on to nobody."""
BundleOut = Annotated[
    Path, typer.Option(help="Bundle to write (.safetensors).", callback=output_file)
]
NO_HEAD = (
    "it has no emotion head and decodes nothing yet: "
    "mdjpt calibrate-live SOURCE --model {model} --out NAME.profile"
)
BundleFile = Annotated[
    Path,
    typer.Argument(
        help="One of mdjpt model list, or a bundle's path.", parser=find_model, metavar="NAME|PATH"
    ),
]


@model_cli.command("import")
def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="Released checkpoint (.ckpt).")],
    out: BundleOut,
) -> int:
    """Turn a released Lightning checkpoint into a bundle."""
    from mdjpt.bundle.checkpoint import import_checkpoint

    import_checkpoint(checkpoint, out)
    typer.echo(f"{out}: imported from {checkpoint.name}")
    typer.echo(NO_HEAD.format(model=out))
    return 0


@model_cli.command("fetch")
def fetch_model(
    name: Annotated[Literal["released"], typer.Argument(help="Which: released.")],
    out: BundleOut,
    accept: Annotated[
        bool, typer.Option("--accept", help="You know that it states no licence.")
    ] = False,
    url: Annotated[str, typer.Option(help="Take it from a mirror.")] = "",
    blob: Annotated[
        str, typer.Option(help="Git blob id it must have, where not the published one.")
    ] = "",
) -> int:
    """Download the authors' checkpoint, verify it and turn it into a bundle."""
    from mdjpt.bundle.checkpoint import import_checkpoint
    from mdjpt.bundle.download import RELEASED_BLOB, RELEASED_URL, download_checkpoint

    where, identity = url or RELEASED_URL, blob or RELEASED_BLOB
    if not re.fullmatch("[0-9a-f]{40}", identity):
        raise ModelError(f"--blob takes the 40 hexadecimal digits of a git blob id, got {blob!r}")
    if not accept:
        typer.echo(TERMS.format(name=name, url=where), err=True)
        if not (sys.stdin.isatty() and typer.confirm("Download it?", err=True)):
            raise ModelError("nothing downloaded: say --accept once you have read this")
    checkpoint = user_cache_path("mdjpt-live", appauthor=False) / f"{identity}.ckpt"
    with shown_progress(f"{name}: bytes", every_s=2.0) as progress:
        download_checkpoint(checkpoint, where, identity, progress)
    import_checkpoint(checkpoint, out)
    typer.echo(f"{out}: imported, verified (git blob {identity[:12]})")
    typer.echo(NO_HEAD.format(model=out))
    return 0


@model_cli.command("adapt")
def adapt_model(
    bundle: BundleFile,
    out: BundleOut,
    store: Annotated[
        list[Path] | None, typer.Option(help="Prepared dataset to measure on; several times.")
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Recording to measure on, all of one person; several times."),
    ] = None,
    windows: Annotated[
        int, typer.Option(help="Windows in all at the most.", callback=at_least(60))
    ] = 2048,
    seed: Annotated[int, typer.Option(help="Of the choice of windows.")] = 0,
) -> int:
    """Measure on EEG what live alignment compares with; leaves an emotion head out."""
    from mdjpt.bundle.bundle import load_bundle, save_bundle
    from mdjpt.recordings import read_recording
    from mdjpt.store.store import open_store
    from mdjpt.training.adaptation import adapt_bundle, recordings_material, store_material

    stores, files = store or [], recording or []
    if not stores and not files:
        raise MdjptError("name what to measure on: --store STORE or --recording FILE")
    before = load_bundle(bundle)
    each = windows // (len(stores) + bool(files))
    materials = [store_material(open_store(path), each, seed) for path in stores]
    if files:
        materials.append(recordings_material([read_recording(f) for f in files], each, seed))
    after = save_bundle(out, adapt_bundle(before, materials))
    on = after.provenance["adapted"]
    typer.echo(
        f"{out}: statistics of {on['windows']} windows, {on['people']} people, {on['hours']} h"
        + (", simulated" if after.simulated else "")
    )
    if before.head is not None:
        typer.echo("note: its emotion head does not fit them and was left out: calibrate anew")
    return 0


@model_cli.command("list")
def show_models() -> int:
    """List the models that --model takes by name."""
    for entry in list_models():
        answers = ", ".join(entry.class_names) or "no emotion head: calibrate on it"
        seen = "  (SIMULATED)" if entry.simulated else ""
        typer.echo(f"{entry.name:<16} {entry.problem or answers}{seen}\n{'':<16} {entry.path}")
    return 0


@model_cli.command("add")
def keep_model(
    bundle: Annotated[Path, typer.Argument(help="Model bundle.")],
    name: Annotated[str, typer.Option(help="What to call it; its file's name by default.")] = "",
) -> int:
    """Copy a bundle among your models, so that --model takes it by name."""
    entry = add_model(bundle, name)
    typer.echo(f"{entry.path}: use it as --model {entry.name}")
    if entry.needs_calibration:
        typer.echo(NO_HEAD.format(model=entry.name))
    return 0


@model_cli.command("remove")
def drop_model(name: Annotated[str, typer.Argument(help="As model list prints it.")]) -> int:
    """Delete one of your models; profiles that were made on it need it."""
    typer.echo(f"{remove_model(name)}: removed")
    return 0


@model_cli.command("info")
def show_model(bundle: BundleFile) -> int:
    """Show what a bundle holds and where it comes from."""
    from mdjpt.bundle.description import describe

    for key, value in describe(bundle).items():
        typer.echo(f"{key:<16} {value}")
    return 0


@model_cli.command("card")
def show_card(
    bundle: BundleFile,
    check: Annotated[bool, typer.Option("--check", help="End with code 4 if it lacks a fact.")] = (
        False
    ),
) -> int:
    """Print a bundle's card in Markdown: data, licence, people, hours, accuracy."""
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.bundle.model_card import card_markdown, missing_facts

    loaded = load_bundle(bundle)
    typer.echo(card_markdown(loaded, bundle.stem))
    if not (missing := ", ".join(missing_facts(loaded))):
        return 0
    if check:
        raise ModelError(f"{bundle}: its card lacks {missing}")
    typer.echo(f"note: it does not say: {missing}", err=True)
    return 0


@model_cli.command("verify")
def verify_model(bundle: BundleFile) -> int:
    """Check a bundle: layout, shapes, checksum."""
    from mdjpt.bundle.description import verify

    verify(bundle)
    typer.echo(f"{bundle}: sound")
    return 0
