"""The report of an evaluation: CSV for machines, Markdown and one HTML page for people."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from mdjpt.errors import MdjptError
from mdjpt.evaluation.outcome import write_outcomes
from mdjpt.evaluation.paired import compare_arms
from mdjpt.evaluation.report_tables import (
    Table,
    choices_table,
    confusion_table,
    csv_text,
    paired_table,
    published_table,
    score_table,
)
from mdjpt.guard.atomic_file import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.evaluation.outcome import Outcome

__all__ = ["Report", "report_of", "write_report"]

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
        parts = [f"# {self.title}", "", *(f"**{text}**\n" for text in self.warnings)]
        parts += [table.markdown() for table in self.tables]
        if self.notes:
            parts += ["## Notes", "", *(f"- {note}" for note in self.notes), ""]
        return "\n".join(parts)

    def html(self) -> str:
        """Return the report as one page that loads nothing."""
        body = [f"<h1>{escape(self.title)}</h1>"]
        body += [f'<p class="warning">{escape(text)}</p>' for text in self.warnings]
        body += [_html_table(table) for table in self.tables]
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


def report_of(
    outcomes: Sequence[Outcome],
    *,
    compare_levels: Sequence[str] | None = None,
    figures: dict[str, bytes] | None = None,
) -> Report:
    """Put together the report of several arms of one evaluation.

    Parameters
    ----------
    outcomes : sequence of Outcome
        At least one, all of one protocol and dataset.
    compare_levels : sequence of str, optional
        Levels whose accuracies are compared between the first arm and the others; None: all.
    figures : dict of str to bytes, optional
        PNG images by their captions.
    """
    first = outcomes[0]
    tables = [score_table(outcomes)]
    if len(outcomes) > 1:
        levels = first.levels if compare_levels is None else compare_levels
        tables.append(
            paired_table([test for level in levels for test in compare_arms(outcomes, level)])
        )
    published = published_table(first)
    tables += [] if published is None else [published]
    tables.append(choices_table(outcomes))
    tables += [confusion_table(one, level) for one in outcomes for level in one.levels]
    return Report(
        title=f"{first.protocol.capitalize()} on {first.dataset}",
        warnings=(SIMULATED,) if any(one.simulated for one in outcomes) else (),
        tables=tuple(tables),
        notes=tuple(dict.fromkeys(note for one in outcomes for note in one.notes)),
        figures=figures,
    )


def write_report(folder: Path, report: Report, outcomes: Sequence[Outcome]) -> list[Path]:
    """Write ``report.md``, ``report.html``, ``scores.csv`` and ``outcomes.json``.

    Parameters
    ----------
    folder : Path
        Made when missing.
    report : Report
        For people.
    outcomes : sequence of Outcome
        For machines.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    MdjptError
        A file cannot be written.
    """
    texts = {
        "report.md": report.markdown(),
        "report.html": report.html(),
        "scores.csv": csv_text(outcomes),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with atomic_file(folder / name) as file:
                file.write(text.encode())
    except OSError as error:
        raise MdjptError(f"{folder}: cannot be written: {error.strerror}") from None
    write_outcomes(folder / "outcomes.json", outcomes)
    return [folder / name for name in (*texts, "outcomes.json")]


def _html_table(table: Table) -> str:
    header = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table><tr>{header}</tr>{rows}</table>"
