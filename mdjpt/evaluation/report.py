"""The report of an evaluation: CSV for machines, Markdown and one HTML page for people."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mdjpt.errors import printable
from mdjpt.evaluation.metrics import METRICS
from mdjpt.evaluation.outcome import level_name, write_outcomes
from mdjpt.evaluation.paired import compare_arms
from mdjpt.evaluation.published import published_figures
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.cells import markdown_text, table_cell
from mdjpt.guard.extras import require_training_extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.evaluation.outcome import Outcome
    from mdjpt.evaluation.paired import PairedTest

__all__ = ["Report", "Table", "csv_text", "published_table", "report_of", "write_report"]

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #cfd6de; padding: .25rem .6rem; text-align: left; }
td { font-variant-numeric: tabular-nums; } th { background: #f1f4f8; }
img { max-width: 100%; } .warning { background: #fff3d6; padding: .5rem .8rem; }
@media (prefers-color-scheme: dark) { body { color: #e6e9ed; background: #15181c; }
  th { background: #22272e; } th, td { border-color: #3a424c; } .warning { background: #4a3a10; } }
"""
SIMULATED = "Simulated: these figures say nothing about people."


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts."""

    title: str
    """What stands above it."""
    header: tuple[str, ...]
    """One a column."""
    rows: tuple[tuple[str, ...], ...]
    """The cells."""

    def markdown(self) -> str:
        """Return the table in Markdown, its title as a heading."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        cells = ["| " + " | ".join(markdown_text(cell) for cell in line) + " |" for line in lines]
        return "\n".join([f"## {markdown_text(self.title)}", "", *cells, ""])

    def html(self) -> str:
        """Return the table in HTML, its title as a heading."""
        return f"<h2>{escape(self.title)}</h2>{self._frame().to_html(index=False, border=0)}"

    def csv(self) -> str:
        """Return the table as CSV, without its title."""
        frame = self._frame().map(table_cell).rename(columns=table_cell)
        text: str = frame.to_csv(index=False, lineterminator="\n")
        return text

    def _frame(self) -> Any:
        pandas = require_training_extra("pandas")
        rows = [[printable(cell) for cell in row] for row in self.rows]
        return pandas.DataFrame(rows, columns=[*map(printable, self.header)], dtype=str)


@dataclass(frozen=True)
class Report:
    """What a report shows, from top to bottom.

    Attributes
    ----------
    title : str
        Protocol and dataset.
    warnings, notes : tuple of str
        Above and below the tables.
    tables : tuple of Table
        In their order.
    figures : dict of str to bytes
        PNG images by their captions.
    """

    title: str
    warnings: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    figures: dict[str, bytes] | None = None

    def markdown(self) -> str:
        """Return the report without its figures."""
        parts = [f"# {markdown_text(self.title)}", ""]
        parts += [f"**{markdown_text(text)}**\n" for text in self.warnings]
        parts += [table.markdown() for table in self.tables]
        if self.notes:
            parts += ["## Notes", "", *(f"- {markdown_text(note)}" for note in self.notes), ""]
        return "\n".join(parts)

    def html(self) -> str:
        """Return the report as one page that loads nothing."""
        body = [f"<h1>{escape(self.title)}</h1>"]
        body += [f'<p class="warning">{escape(text)}</p>' for text in self.warnings]
        body += [table.html() for table in self.tables]
        for caption, png in (self.figures or {}).items():
            image = base64.b64encode(png).decode("ascii")
            body.append(f"<h2>{escape(caption)}</h2>")
            body.append(f'<img alt="{escape(caption)}" src="data:image/png;base64,{image}">')
        if self.notes:
            items = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
            body.append(f"<h2>Notes</h2><ul>{items}</ul>")
        head = f'<meta charset="utf-8"><title>{escape(self.title)}</title><style>{_STYLE}</style>'
        return (
            f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'
        )

    def write(self, folder: Path, csv: dict[str, str] | None = None) -> list[Path]:
        """Write ``report.md``, ``report.html`` and CSV by its file names; return the files.

        ``report.csv`` by default, the first table. Raises MdjptError: a file cannot be written.
        """
        texts = {"report.md": self.markdown(), "report.html": self.html()}
        texts |= csv or {"report.csv": self.tables[0].csv()}
        for name, text in texts.items():
            write_file(folder / name, text.encode())
        return [folder / name for name in texts]


def report_of(
    outcomes: Sequence[Outcome],
    *,
    compare_levels: Sequence[str] | None = None,
    figures: dict[str, bytes] | None = None,
) -> Report:
    """Put together the report of several arms of one protocol on one dataset.

    Accuracies of the first arm and the others are compared on `compare_levels`, by default all;
    `figures` are PNG images by their captions.
    """
    first = outcomes[0]
    tables = [_score_table(outcomes)]
    if len(outcomes) > 1:
        levels = first.levels if compare_levels is None else compare_levels
        tables.append(
            _paired_table([test for level in levels for test in compare_arms(outcomes, level)])
        )
    published = published_table(first)
    tables += [] if published is None else [published]
    tables.append(_choices_table(outcomes))
    tables += [_confusion_table(one, level) for one in outcomes for level in one.levels]
    return Report(
        title=f"{first.protocol.capitalize()} on {first.dataset}",
        warnings=(SIMULATED,) if any(one.simulated for one in outcomes) else (),
        tables=tuple(tables),
        notes=tuple(dict.fromkeys(note for one in outcomes for note in one.notes)),
        figures=figures,
    )


def write_report(folder: Path, report: Report, outcomes: Sequence[Outcome]) -> list[Path]:
    """Write ``report.md``, ``report.html``, ``scores.csv`` and ``outcomes.json``; return them.

    Raises MdjptError: a file cannot be written.
    """
    written = report.write(folder, {"scores.csv": csv_text(outcomes)})
    write_outcomes(folder / "outcomes.json", outcomes)
    return [*written, folder / "outcomes.json"]


def csv_text(outcomes: Sequence[Outcome]) -> str:
    """Return one row for each arm, level and fold, with a metric a column, as fractions of 1."""
    rows = [
        {
            "protocol": outcome.protocol,
            "dataset": table_cell(outcome.dataset),
            "arm": table_cell(outcome.arm),
            "level": level,
            "fold": table_cell(fold.name),
            "n_train": fold.n_train,
            "n_test": fold.n_test,
        }
        | {metric: fold.levels[level].scores[metric] for metric in METRICS}
        for outcome in outcomes
        for level in outcome.levels
        for fold in outcome.folds
    ]
    frame = require_training_extra("pandas").DataFrame(rows)
    text: str = frame.to_csv(index=False, float_format="%.6f", na_rep="nan", lineterminator="\n")
    return text


def _score_table(outcomes: Sequence[Outcome]) -> Table:
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


def _choices_table(outcomes: Sequence[Outcome]) -> Table:
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


def _confusion_table(outcome: Outcome, level: str) -> Table:
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


def _paired_table(tests: Sequence[PairedTest]) -> Table:
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
