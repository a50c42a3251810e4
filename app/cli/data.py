"""``mdjpt data``: which datasets there are; fetching, preparing and checking them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import Jobs, Json, output_folder
from app.cli.progress import shown_progress
from mdjpt.errors import DatasetError, MdjptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.store.dataset_preparation import TrialSource

__all__ = [
    "check_data",
    "data_cli",
    "fetch_data",
    "list_data",
    "prepare_data",
    "prepare_into_store",
]

data_cli = typer.Typer(help="List, fetch, prepare and check datasets.", no_args_is_help=True)


@data_cli.command("list")
def list_data(as_json: Json = False) -> int:
    """List the datasets that can be read, and where they come from."""
    from mdjpt.datasets import list_datasets

    cards = list_datasets()
    if as_json:
        typer.echo(json.dumps([asdict(card) for card in cards]))
        return 0
    for card in cards:
        typer.echo(f"{card.name:<12} {card.title}")
        for what, text in (
            ("classes", ", ".join(card.class_names) or card.label_scheme),
            ("files", card.layout),
            ("licence", f"{card.licence} {card.url}".strip()),
        ):
            typer.echo(f"{'':<12} {what}: {text}")
    return 0


@data_cli.command("fetch")
def fetch_data(
    name: Annotated[str, typer.Argument(help="An open dataset; none: list them.")] = "",
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for its files; raw/NAME.")] = None,
    subjects: Annotated[str, typer.Option(help="Only these: 1-5 or 1,3,7.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = (
        False
    ),
    url: Annotated[str, typer.Option(help="Another archive of NEMAR's layout.")] = "",
) -> int:
    """Fetch a dataset whose licence lets anybody do so; an interrupted one goes on."""
    from mdjpt.datasets.fetch import ARCHIVE, OPEN_SETS, fetch, list_files

    if not name:
        for known in OPEN_SETS.values():
            typer.echo(f"{known.name:<16} {known.licence:<10} {known.title}  {known.url}")
        return 0
    if name not in OPEN_SETS:
        known_names = ", ".join(OPEN_SETS)
        raise DatasetError(f"{name}: not to be fetched; open are {known_names}; see data list")
    wanted, folder = OPEN_SETS[name], out or Path("raw") / name
    typer.echo(f"{wanted.title}: licence {wanted.licence}, {wanted.url}")
    listing = list_files(wanted, subjects, (url or ARCHIVE).rstrip("/"))
    size = f"{len(listing.files)} files, {listing.n_bytes / 1e9:.3f} GB"
    typer.echo(f"version {listing.version}: {size} into {folder}")
    if dry_run:
        return 0
    with shown_progress(f"{name}: bytes", every_s=5.0) as show:
        fetch(wanted, listing, folder, show)
    options = "".join(f" --option {option}" for option in wanted.options)
    reader = f"mdjpt data prepare {wanted.reader} --raw {folder} --out stores/{name}{options}"
    typer.echo(f"{folder}: complete, every checksum right; next: {reader}")
    return 0


@data_cli.command("prepare")
def prepare_data(
    name: Annotated[str, typer.Argument(help="As data list prints it.")],
    *,
    raw: Annotated[Path, typer.Option(help="Folder of the owner's files.")],
    out: Annotated[Path, typer.Option(help="Folder of the store.", callback=output_folder)],
    ica: Annotated[bool, typer.Option("--ica/--no-ica", help="Drop eyes and muscles.")] = True,
    jobs: Jobs = 1,
    reports: Annotated[
        bool, typer.Option("--reports/--no-reports", help="A page of quality a recording.")
    ] = True,
    subjects: Annotated[
        list[str] | None, typer.Option("--subject", help="Only this subject; several times.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", help="KEY=VALUE of the reader, lists with commas; several times."),
    ] = None,
) -> int:
    """Prepare a dataset into a store; an interrupted preparation goes on."""
    from mdjpt.datasets import open_dataset
    from mdjpt.datasets.fetch import fetched_card
    from mdjpt.guard.extras import check_training_extra

    check_training_extra("pyarrow")
    try:
        reader = open_dataset(name, raw, **_parsed(options or ()))
    except (TypeError, ValueError) as error:
        raise MdjptError(f"{name}: {error}: see --option") from None
    reader.card = fetched_card(reader.card, raw)
    for line in reader.missing():
        typer.echo(f"not there: {line}", err=True)
    prepare_into_store(reader, out, ica=ica, jobs=jobs, reports=reports, subjects=subjects)
    return 0


@data_cli.command("check")
def check_data(store: Annotated[Path, typer.Argument(help="Prepared dataset.")]) -> int:
    """Read a whole store, compare it with its checksums and say what it holds."""
    from mdjpt.guard.extras import check_training_extra

    check_training_extra("pyarrow")
    from mdjpt.store.inspection import check_store
    from mdjpt.store.store import open_store

    remarks = check_store(store)
    opened = open_store(store)
    card, trials = opened.card, opened.trials
    minutes = sum(recording.facts.n_times for recording in opened.recordings) / card.sfreq / 60
    typer.echo(
        f"{store}: sound; {card.title}{' (SIMULATED)' if card.simulated else ''}\n"
        f"{len(opened.subjects)} subjects, {len(opened)} recordings, {len(trials)} trials, "
        f"{minutes:.0f} min; {len(card.ch_names)} electrodes"
    )
    for label, class_name in enumerate(card.class_names):
        typer.echo(f"  {class_name}: {sum(trial.label == label for trial in trials)} trials")
    for remark in remarks:
        typer.echo(f"note: {remark}")
    return 0


def prepare_into_store(
    source: TrialSource,
    out: Path,
    *,
    ica: bool,
    jobs: int,
    reports: bool,
    subjects: Sequence[str] | None = None,
) -> None:
    """Prepare a source of trials, by `ica` without eyes and muscles, and show how far it is.

    Raises DatasetError: the dataset cannot be read or prepared.
    """
    from mdjpt.store.dataset_preparation import prepare_dataset
    from mdjpt.store.preparation import PreparationSettings

    with shown_progress(source.card.title) as show:
        store = prepare_dataset(
            source,
            out,
            PreparationSettings(ica=ica),
            subjects=subjects or None,
            n_jobs=jobs,
            reports=reports,
            on_step=lambda step: show(step.done, step.total, step.text),
        )
    typer.echo(
        f"{out}: {len(store.subjects)} subjects, {len(store)} recordings, "
        f"{len(store.trials)} trials of {source.card.title}"
    )


def _parsed(options: Sequence[str]) -> dict[str, Any]:
    """Return the options of a reader: true and false, lists by commas, else texts."""
    parsed: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key.isidentifier():
            raise DatasetError(f"--option takes KEY=VALUE, got {option!r}")
        plain = {"true": True, "false": False}.get(value.lower(), value)
        parsed[key] = tuple(value.split(",")) if "," in value else plain
    return parsed
