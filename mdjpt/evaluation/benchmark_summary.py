"""Several seeds of the simulated benchmark in one table: mean and interval of every arm.

``python -m mdjpt.evaluation.benchmark_summary SEED0 SEED1 SEED2 --out DIR``
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from mdjpt.errors import MdjptError
from mdjpt.evaluation.benchmark import SETTINGS_FILE, outcomes_by_part
from mdjpt.evaluation.benchmark_arms import PARTS
from mdjpt.evaluation.outcome import level_name
from mdjpt.evaluation.paired import signed_rank
from mdjpt.evaluation.report import SIMULATED, Report, Table, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from mdjpt.evaluation.outcome import Outcome

__all__ = ["interval", "main", "summarise"]

_LEVELS = ("window", "clip", "smoothed")
_CONFIDENCE = 0.95


def summarise(folders: Sequence[Path], out: Path) -> list[Path]:
    """Sum finished benchmarks of two or more seeds up in a report, and return its files.

    Raises MdjptError: a benchmark is not finished, two have the same seed, or they differ in size.
    """
    seeds = _seeds(folders)
    found = [outcomes_by_part(folder) for folder in folders]
    tables = []
    for part in PARTS:
        arms = _arms_of_all([by_part[part] for by_part in found])
        tables += [_table(part, level, arms) for level in _LEVELS]
    report = Report(
        title=f"Simulated benchmark, seeds {', '.join(map(str, seeds))}",
        warnings=(SIMULATED,),
        tables=tuple(tables),
        notes=(
            f"Brackets: {_CONFIDENCE:.0%} interval of the mean over {len(seeds)} seeds (Student's "
            "t); every seed has its own subjects, clips, weights and splits.",
            "p: Wilcoxon's signed-rank test over the held-out subjects of all seeds.",
        ),
    )
    every = [
        replace(one, arm=f"{one.arm}; {part}; seed {seed}")
        for seed, by_part in zip(seeds, found, strict=True)
        for part, outcomes in by_part.items()
        for one in outcomes
    ]
    return write_report(out, report, every)


def interval(values: ArrayLike) -> tuple[float, float]:
    """Return the mean and the half width of its 95 % interval (Student's t); NaN of one value."""
    x = np.asarray(values, np.float64)
    if len(x) < 2:
        return float(x.mean()), float("nan")
    quantile = stats.t.ppf((1 + _CONFIDENCE) / 2, len(x) - 1)
    return float(x.mean()), float(quantile * x.std(ddof=1) / np.sqrt(len(x)))


def _arms_of_all(by_seed: Sequence[Sequence[Outcome]]) -> list[tuple[Outcome, ...]]:
    """Return the outcomes of each arm that was run with every seed, seed by seed."""
    named = [{outcome.arm: outcome for outcome in outcomes} for outcomes in by_seed]
    shared = [name for name in named[0] if all(name in one for one in named)]
    return [tuple(one[name] for one in named) for name in shared]


def _table(part: str, level: str, arms: Sequence[tuple[Outcome, ...]]) -> Table:
    """Return a row an arm; the first is what the others are compared with."""
    rows = []
    for arm in arms:
        accuracy, auroc = (
            interval([one.mean_std(level, metric)[0] for one in arm])
            for metric in ("accuracy", "auroc")
        )
        difference, p = _difference(arms[0], arm, level)
        compared = ("-", "-") if arm is arms[0] else (_bracketed(*difference), f"{p:.4f}")
        rows.append((arm[0].arm, _bracketed(*accuracy), _bracketed(*auroc), *compared))
    first = arms[0][0].arm
    header = ("arm", "accuracy", "AUROC", f"{first} minus it", "p")
    return Table(f"{part}: {level_name(level)}, percent", header, tuple(rows))


def _difference(
    first: Sequence[Outcome], other: Sequence[Outcome], level: str
) -> tuple[tuple[float, float], float]:
    """Return the difference with its interval over seeds, and its p over subjects."""
    by_seed = [
        a.mean_std(level, "accuracy")[0] - b.mean_std(level, "accuracy")[0]
        for a, b in zip(first, other, strict=True)
    ]
    by_subject = [
        value - b.subject_means(level)[name]
        for a, b in zip(first, other, strict=True)
        for name, value in a.subject_means(level).items()
        if name in b.subject_means(level)
    ]
    return interval(by_seed), signed_rank(by_subject)


def _bracketed(mean: float, half: float) -> str:
    return f"{100 * mean:.2f} [{100 * (mean - half):.2f}, {100 * (mean + half):.2f}]"


def _seeds(folders: Sequence[Path]) -> list[int]:
    settings = []
    for folder in folders:
        try:
            settings.append(json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            raise MdjptError(f"{folder}: holds no benchmark: run it first") from None
    seeds = [one.pop("seed") for one in settings]
    if (
        len(seeds) < 2
        or len(set(seeds)) < len(seeds)
        or any(one != settings[0] for one in settings)
    ):
        raise MdjptError("a summary needs two or more benchmarks of one size and different seeds")
    return seeds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="mdjpt.evaluation.benchmark_summary")
    parser.add_argument("folders", type=Path, nargs="+", help="finished benchmarks, one a seed")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    chosen = parser.parse_args(arguments)
    try:
        for path in summarise(chosen.folders, chosen.out):
            sys.stdout.write(f"{path}\n")
    except MdjptError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
