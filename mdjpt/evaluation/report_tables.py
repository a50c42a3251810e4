"""Outcomes as rows: for a spreadsheet, and for a reader."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdjpt.evaluation.metrics import METRICS
from mdjpt.evaluation.outcome import LEVELS
from mdjpt.evaluation.published import published_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.evaluation.outcome import Outcome
    from mdjpt.evaluation.paired import PairedTest

__all__ = [
    "Table",
    "choices_table",
    "confusion_table",
    "csv_text",
    "level_name",
    "paired_table",
    "published_table",
    "score_table",
]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    title : str
        What stands above it.
    header : tuple of str
        One a column.
    rows : tuple of tuple of str
        The cells.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table in Markdown, its title as a heading."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        cells = ["| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines]
        return "\n".join([f"## {self.title}", "", *cells, ""])


def csv_text(outcomes: Sequence[Outcome]) -> str:
    """Return one row for each arm, level and fold, with a metric a column, as fractions of 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("protocol", "dataset", "arm", "level", "fold", "n_train", "n_test", *METRICS))
    for outcome in outcomes:
        for level in outcome.levels:
            for fold in outcome.folds:
                scores = fold.levels[level].scores
                place = (outcome.protocol, outcome.dataset, outcome.arm, level)
                values = (f"{scores[metric]:.6f}" for metric in METRICS)
                writer.writerow((*place, fold.name, fold.n_train, fold.n_test, *values))
    return out.getvalue()


def score_table(outcomes: Sequence[Outcome]) -> Table:
    """Return mean and standard deviation over the folds, percent."""
    units = " and ".join(dict.fromkeys(f"{outcome.unit}s" for outcome in outcomes))
    rows = [
        (
            outcome.arm,
            level_name(level),
            *(_mean_std(*outcome.mean_std(level, metric)) for metric in METRICS),
        )
        for outcome in outcomes
        for level in outcome.levels
    ]
    header = ("arm", "measured", *METRICS.values())
    return Table(f"Scores in percent, mean ± std over {units}", header, tuple(rows))


def choices_table(outcomes: Sequence[Outcome]) -> Table:
    """Return what was chosen, once where all arms agree."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.choices)
    rows = []
    for name in names:
        by_value: dict[str, list[str]] = {}
        for outcome in outcomes:
            if name in outcome.choices:
                by_value.setdefault(outcome.choices[name], []).append(outcome.arm)
        for value, arms in by_value.items():
            rows.append((name, value, "all" if len(by_value) == 1 else ", ".join(arms)))
    return Table("Choices", ("choice", "taken", "arms"), tuple(rows))


def confusion_table(outcome: Outcome, level: str) -> Table:
    """Return a confusion matrix, its rows in percent of the label's windows or clips."""
    matrix = outcome.confusion(level)
    rows = [
        (name, *(_percent(n / max(total, 1)) for n in row), str(total))
        for name, row, total in zip(
            outcome.class_names, matrix.tolist(), matrix.sum(1).tolist(), strict=True
        )
    ]
    title = f"Confusion: {outcome.arm}, {level_name(level)}"
    return Table(title, ("label \\ predicted", *outcome.class_names, "n"), tuple(rows))


def paired_table(tests: Sequence[PairedTest]) -> Table:
    """Return the comparisons of arms."""
    rows = [
        (
            f"{test.arm} - {test.other}",
            level_name(test.level),
            f"{100 * test.difference:+.2f}",
            _p_value(test.corrected_p),
            f"{_p_value(test.subjects_p)} ({test.n_subjects})",
        )
        for test in tests
    ]
    header = (
        *("accuracies compared", "measured", "difference, percent points"),
        "p over folds, corrected resampled t (Nadeau and Bengio 2003)",
        "p over subjects, Wilcoxon signed rank (n)",
    )
    return Table("Paired tests", header, tuple(rows))


def published_table(outcome: Outcome) -> Table | None:
    """Return the paper's figures for a dataset and protocol; None where it has none."""
    figures = published_figures(outcome.dataset, outcome.protocol)
    if not figures:
        return None
    rows = [
        (item.method, f"{item.accuracy:.2f}", "" if item.auroc is None else f"{item.auroc:.2f}")
        for item in figures
    ]
    title = f"Published figures for {outcome.dataset}, {outcome.protocol} (arXiv 2510.22197)"
    return Table(title, ("method", "accuracy", "AUROC"), tuple(rows))


def level_name(level: str) -> str:
    """Return what a level is called in a report."""
    name, _, control = level.partition(", ")
    return LEVELS[name] + (f", {control}" if control else "")


def _mean_std(mean: float, std: float) -> str:
    if math.isnan(mean):
        return "-"
    return _percent(mean) if math.isnan(std) else f"{_percent(mean)} ± {_percent(std)}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _p_value(p: float) -> str:
    if math.isnan(p):
        return "-"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
