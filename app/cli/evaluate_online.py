"""``mdjpt evaluate online``: what alignment and calibration bring while somebody is connected."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from app.cli.evaluation_arms import positive
from app.session import default_bundle
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.evaluation.online.settings import OnlineSettings

__all__ = ["evaluate_online"]


def evaluate_online(
    out: Path,
    model: Path | None = None,
    store: Path | None = None,
    *,
    n_seeds: int = 5,
    first_seed: int = 0,
    aligners: str | None = None,
    calibrations: bool = True,
    n_jobs: int = 1,
    quick: bool = False,
) -> int:
    """Evaluate on simulated participants, or on a prepared dataset, and write the report.

    Parameters
    ----------
    out : Path
        Folder of the report; what is finished in it is kept.
    model : Path, optional
        Bundle with a head; the demo bundle by default.
    store : Path, optional
        Prepared dataset.
    n_seeds, first_seed : int
        See :class:`mdjpt.evaluation.online.settings.OnlineSettings`.
    aligners : str, optional
        Names separated by semicolons; all by default. "none" and the default are always there.
    calibrations : bool
        Whether participants are calibrated, too.
    n_jobs : int
        Sessions at a time, one thread each.
    quick : bool
        Seconds instead of minutes, which shows only that it runs.

    Raises
    ------
    MdjptError
        An option, the model or the store cannot be used, or `out` holds another evaluation.
    """
    from mdjpt.alignment.config import recommended_alignment
    from mdjpt.evaluation.online.report import write_online_report
    from mdjpt.evaluation.online.run import load_decoding_bundle, run_online
    from mdjpt.evaluation.online.settings import QUICK, OnlineSettings, name_of
    from mdjpt.evaluation.online.stored import run_stored

    bundle_file, n_jobs = model or default_bundle(), positive("--jobs", n_jobs)
    bundle = load_decoding_bundle(bundle_file)
    default = name_of(recommended_alignment(bundle))
    settings = QUICK if quick else OnlineSettings(n_seeds=positive("--seeds", n_seeds))
    settings = replace(settings, first_seed=_not_negative(first_seed))
    settings = replace(settings, aligners=_chosen(aligners, settings, default))
    if not calibrations:
        settings = replace(settings, test_s=0.0)
    command = _command(out, model, store, settings, quick=quick)
    if store is not None:
        written = run_stored(
            bundle_file,
            store,
            out,
            aligners=settings.aligners,
            n_jobs=n_jobs,
            command=command,
            say=_say,
        )
    else:
        run_online(bundle_file, out, settings, default=default, n_jobs=n_jobs, say=_say)
        written = write_online_report(out, bundle, settings, default, command)
    for path in written:
        sys.stdout.write(f"{path}\n")
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


def _not_negative(seed: int) -> int:
    if seed < 0:
        raise MdjptError(f"--first-seed must be 0 or more, got {seed}")
    return seed


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
