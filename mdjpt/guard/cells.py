"""Cells of the tables that are written: what a person chose stays a text wherever it is opened."""

from __future__ import annotations

import re

from mdjpt.errors import printable

__all__ = ["markdown_text", "table_cell"]

# https://owasp.org/www-community/attacks/CSV_Injection. "-0.5", "+", "-1.2 [-2.0, 0.4]" are none.
_FORMULA = re.compile(r"[=@]|[+-].*[A-Za-z(|!]")
_NUMBER = re.compile(r"[+-]?(?:inf|nan|\d.*e[+-]?\d+)$", re.IGNORECASE)


def table_cell(text: str) -> str:
    """Return a text for a cell of CSV or TSV: one line, and no spreadsheet's formula."""
    cell = printable(text)
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.match(cell) else cell


def markdown_text(text: str) -> str:
    """Return a text for Markdown: one line, no HTML, no end of a table's cell."""
    return printable(text).replace("<", r"\<").replace("|", r"\|")
