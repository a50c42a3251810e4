"""The simulated benchmark, which asks whether joint pre-training is worth it, and why.

``python -m mdjpt.evaluation.benchmark --seed 0 --out DIR`` simulates four datasets to pre-train on
and a fifth to be evaluated on, pre-trains every arm, and reports them. It can be killed and taken
up again. ``python -m mdjpt.evaluation.benchmark_summary DIR DIR DIR --out DIR`` sums several seeds
up. Nothing here says how well anything works on people.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import joblib

from mdjpt.errors import MdjptError
from mdjpt.evaluation.benchmark_arms import PARTS, arm_file, run_arm, store_folder
from mdjpt.evaluation.benchmark_settings import (
    ARMS,
    EXTRA_ARMS,
    HELD_OUT,
    QUICK,
    REDUCED,
    SOURCES,
    BenchmarkSettings,
)
from mdjpt.evaluation.outcome import read_outcomes
from mdjpt.evaluation.report import Report, report_of, write_report
from mdjpt.guard.atomic_file import atomic_file
from mdjpt.simulation.dataset import SimulatedDataset
from mdjpt.store.dataset_preparation import prepare_dataset
from mdjpt.store.preparation import PreparationSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mdjpt.evaluation.outcome import Outcome

__all__ = ["SETTINGS_FILE", "main", "run_benchmark"]

SETTINGS_FILE = "settings.json"
_COMPARED = ("window", "clip")
_PREPARATION = PreparationSettings(ica=False)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def run_benchmark(
    seed: int,
    out: Path,
    settings: BenchmarkSettings = REDUCED,
    *,
    extra: bool = False,
    n_jobs: int = 1,
    say: Callable[[str], None] = _say,
) -> list[Path]:
    """Run the benchmark for one seed, or what is left of it.

    Parameters
    ----------
    seed : int
        Of everything: subjects, clips, weights, pairs and splits.
    out : Path
        Folder, made when missing.
    settings : BenchmarkSettings
        Sizes.
    extra : bool
        Whether the further ablations are run, too.
    n_jobs : int
        Arms at a time, one thread each.
    say : callable
        Takes a line when something is done.

    Returns
    -------
    list of Path
        The reports.

    Raises
    ------
    MdjptError
        `out` holds a benchmark of another seed or size, or a file cannot be written.
    """
    began = time.perf_counter()
    _keep_settings(out, seed, settings)
    for name in (*SOURCES, HELD_OUT):
        source = SimulatedDataset(settings.dataset(name, seed))
        prepare_dataset(source, store_folder(out, name), _PREPARATION, n_jobs=n_jobs, reports=False)
    say(f"simulated and prepared: {time.perf_counter() - began:.0f} s")
    arms = (*ARMS, *EXTRA_ARMS) if extra else ARMS
    work = (joblib.delayed(run_arm)(arm, settings, seed, out) for arm in arms)
    for line in joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work):
        say(line)
    written = [
        path
        for part, outcomes in outcomes_by_part(out).items()
        for path in write_report(
            out / part.replace(", ", "-"), _report(part, seed, settings, outcomes), outcomes
        )
    ]
    say(f"seed {seed}: {time.perf_counter() - began:.0f} s in all")
    return written


def outcomes_by_part(out: Path) -> dict[str, list[Outcome]]:
    """Return the outcomes of a finished benchmark, for each part one of every arm that was run.

    Raises
    ------
    MdjptError
        An arm has not been run.
    """
    extra = [arm for arm in EXTRA_ARMS if arm_file(out, arm).exists()]
    arms = [read_outcomes(arm_file(out, arm)) for arm in (*ARMS, *extra)]
    return {part: [arm[place] for arm in arms] for place, part in enumerate(PARTS)}


def _report(
    part: str, seed: int, settings: BenchmarkSettings, outcomes: Sequence[Outcome]
) -> Report:
    found = report_of(outcomes, compare_levels=_COMPARED)
    chance = 1 / len(outcomes[0].class_names)
    notes = (f"Chance is {chance:.1%} (balanced).", *settings.in_words(), *found.notes)
    title = f"Simulated benchmark, seed {seed}: {part}, {outcomes[0].dataset}"
    # Ten arms by four levels of confusion are in outcomes.json.
    tables = tuple(t for t in found.tables if not t.title.startswith("Confusion"))
    return Report(title, found.warnings, tables, notes)


def _keep_settings(out: Path, seed: int, settings: BenchmarkSettings) -> None:
    """Write what is run, or check that it is what was begun here."""
    path = out / SETTINGS_FILE
    now = json.loads(json.dumps({"seed": seed} | settings.to_dict()))
    try:
        if path.exists():
            if json.loads(path.read_text(encoding="utf-8")) != now:
                raise MdjptError(
                    f"{out}: holds a benchmark of another seed or size: choose another"
                )
            return
        out.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(json.dumps(now, indent=1).encode())
    except (OSError, ValueError) as error:
        raise MdjptError(f"{path}: cannot be used: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="mdjpt.evaluation.benchmark", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of everything")
    parser.add_argument("--out", type=Path, required=True, help="folder of the benchmark")
    parser.add_argument("--jobs", type=int, default=1, help="arms at a time, one core each")
    parser.add_argument("--quick", action="store_true", help="seconds, to see that it runs")
    parser.add_argument("--extra", action="store_true", help="further ablations, too")
    chosen = parser.parse_args(arguments)
    settings = QUICK if chosen.quick else REDUCED
    try:
        run_benchmark(chosen.seed, chosen.out, settings, extra=chosen.extra, n_jobs=chosen.jobs)
    except MdjptError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
