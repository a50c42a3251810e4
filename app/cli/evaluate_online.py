"""``mdjpt evaluate online``: what alignment and calibration bring while somebody is connected."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Jobs, Model, Quick, at_least, output_folder
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from mdjpt.evaluation.online.settings import OnlineSettings

__all__ = ["evaluate_online"]


def evaluate_online(
    *,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of the report; what is finished in it is kept.", callback=output_folder
        ),
    ],
    model: Model = None,
    store: Annotated[
        Path | None, typer.Option(help="A prepared dataset in place of simulated participants.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Groups of simulated participants.", callback=at_least(1))
    ] = 5,
    first_seed: Annotated[
        int,
        typer.Option(
            help="First group; 100 and above are for choosing settings.", callback=at_least(0)
        ),
    ] = 0,
    aligners: Annotated[
        str | None, typer.Option(help="Aligners to compare, separated by semicolons.")
    ] = None,
    calibrations: Annotated[
        bool, typer.Option("--calibrations/--no-calibrations", help="Calibrate, too.")
    ] = True,
    jobs: Jobs = 1,
    quick: Quick = False,
) -> int:
    """Ask what alignment and calibration bring while somebody is connected."""
    from app.session import default_bundle
    from mdjpt.alignment.config import recommended_alignment
    from mdjpt.evaluation.online.report import write_online_report
    from mdjpt.evaluation.online.run import load_decoding_bundle, run_online
    from mdjpt.evaluation.online.settings import QUICK, OnlineSettings, name_of
    from mdjpt.evaluation.online.stored import run_stored

    bundle_file = model or default_bundle()
    bundle = load_decoding_bundle(bundle_file)
    default = name_of(recommended_alignment(bundle))
    settings = QUICK if quick else OnlineSettings(n_seeds=seeds)
    settings = replace(settings, first_seed=first_seed)
    settings = replace(settings, aligners=_chosen(aligners, settings, default))
    if not calibrations:
        settings = replace(settings, test_s=0.0)
    command = _command(out, model, store, settings, quick=quick)
    say = partial(typer.echo, err=True)
    if store is not None:
        written = run_stored(
            bundle_file,
            store,
            out,
            aligners=settings.aligners,
            n_jobs=jobs,
            command=command,
            say=say,
        )
    else:
        run_online(bundle_file, out, settings, default=default, n_jobs=jobs, say=say)
        written = write_online_report(out, bundle, settings, default, command)
    for path in written:
        typer.echo(path)
    return 0


def _chosen(names: str | None, settings: OnlineSettings, default: str) -> tuple[str, ...]:
    """Return the aligners to compare, none first."""
    from mdjpt.evaluation.online.settings import ALIGNERS

    wanted = settings.aligners if names is None else tuple(n.strip() for n in names.split(";"))
    for name in wanted:
        if name not in ALIGNERS:
            raise MdjptError(f"--aligners must be of {'; '.join(ALIGNERS)}, got {name!r}")
    return tuple(name for name in ALIGNERS if name in {"none", default, *wanted})


def _command(
    out: Path, model: Path | None, store: Path | None, settings: OnlineSettings, *, quick: bool
) -> str:
    """Write the command line down, without the folders of this machine."""
    parts = ["mdjpt evaluate online", f"--out {out.name}"]
    parts += [f"--model {model.name}"] if model else []
    parts += [f"--store {store.name}"] if store else []
    if not store:
        parts += [f"--seeds {settings.n_seeds}", f"--first-seed {settings.first_seed}"]
    parts += [f'--aligners "{"; ".join(settings.aligners)}"']
    parts += [] if settings.test_s else ["--no-calibrations"]
    return " ".join([*parts, *(["--quick"] if quick else [])])
