"""The simulated benchmark, which asks whether joint pre-training is worth it, and why.

``mdjpt evaluate benchmark`` simulates four datasets to pre-train on and a fifth to be evaluated on,
pre-trains every arm, and reports them. It can be killed and taken up again.
``python -m mdjpt.evaluation.benchmark_summary DIR DIR DIR --out DIR`` sums several seeds up. None
of it says how well anything works on people.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import joblib

from mdjpt.evaluation.benchmark_arms import PARTS, arm_file, run_arm, store_folder
from mdjpt.evaluation.benchmark_settings import (
    ARMS,
    EXTRA_ARMS,
    HELD_OUT,
    REDUCED,
    SOURCES,
    BenchmarkSettings,
)
from mdjpt.evaluation.kept_settings import keep_settings
from mdjpt.evaluation.outcome import read_outcomes
from mdjpt.evaluation.report import Report, report_of, write_report
from mdjpt.simulation.trials import SimulatedDataset
from mdjpt.store.dataset_preparation import prepare_dataset
from mdjpt.store.preparation import PreparationSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mdjpt.evaluation.outcome import Outcome

__all__ = ["SETTINGS_FILE", "outcomes_by_part", "run_benchmark"]

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
    """Run the benchmark for one seed, or what is left of it, and return its reports.

    The seed is of everything: subjects, clips, weights, pairs and splits. `n_jobs` arms run at a
    time, one thread each; `extra` adds the further ablations, and `say` takes a line when something
    is done.

    Raises MdjptError: `out` holds a benchmark of another seed or size, or a file cannot be written.
    """
    began = time.perf_counter()
    keep_settings(out / SETTINGS_FILE, {"seed": seed} | settings.to_dict())
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

    Raises MdjptError: an arm has not been run.
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
