"""Tables beside the recordings: CSV, TSV, Parquet and workbooks, as rows of text and numbers."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from mdjpt.datasets.guarded_file import read_guarded
from mdjpt.errors import DatasetError
from mdjpt.guard.regular_file import regular_bytes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_parquet", "load_xlsx", "number", "read_sheet", "read_table"]

MAX_TABLE_BYTES = 64 << 20
MAX_ROWS = 1_000_000
_ABSENT = ("", "n/a", "nan", "none", "null")


def read_table(path: Path, need: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Read the rows of a .csv, .tsv (UTF-8) or .parquet table with a header, as text.

    The columns in `need` must be there. Their names are in lower case without spaces around them;
    an absent value ("n/a", "nan", empty) is left out of its row.

    Raises DatasetError: the file is missing, damaged or lacks a column; the message names both.
    """
    if path.suffix.lower() == ".parquet":
        columns, values = read_guarded(path, f"{__name__}:load_parquet")
    else:
        columns, *values = _text_rows(path)
    names = [str(name).strip().lower() for name in columns]
    lacking = [name for name in need if name not in names]
    if lacking:
        raise DatasetError(
            f"{path}: no column {', '.join(lacking)}; there are {', '.join(names) or 'none'}"
        )
    return [_row(names, row) for row in values if any(str(value).strip() for value in row)]


def read_sheet(path: Path) -> list[list[str]]:
    """Read the first sheet of a workbook (.xlsx) as rows of text, empty cells as "".

    Raises DatasetError: the file is missing or damaged.
    """
    rows = read_guarded(path, f"{__name__}:load_xlsx")
    return [["" if value is None else str(value).strip() for value in row] for row in rows]


def number(row: dict[str, str], column: str, where: str) -> float:
    """Return a cell of a row as a number; `where` names file and row in messages.

    Raises DatasetError: it is absent or not a number.
    """
    text = row.get(column, "")
    try:
        return float(text)
    except ValueError:
        raise DatasetError(f"{where}: column {column} is no number: {text!r}") from None


def load_xlsx(path: Path) -> list[list[Any]]:
    """Return the rows of the first sheet; runs in the guarded process."""
    from openpyxl import load_workbook

    # Values as last computed; formulas and links stay unread.
    book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    sheet = book.worksheets[0]
    return [list(row) for row in sheet.iter_rows(max_row=1000, max_col=200, values_only=True)]


def load_parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return column names and rows; runs in the guarded process."""
    from pyarrow.parquet import read_table as read_columns

    table = read_columns(path, use_threads=False).slice(0, MAX_ROWS)
    columns = [column.to_pylist() for column in table.columns]
    return table.column_names, [list(row) for row in zip(*columns, strict=True)]


def _text_rows(path: Path) -> list[list[str]]:
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    content = regular_bytes(path, MAX_TABLE_BYTES, DatasetError, "table")
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        rows = list(csv.reader(text, delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: no table of text in UTF-8: {error}") from None
    if not rows:
        raise DatasetError(f"{path}: empty file, need a header row")
    return rows


def _row(names: list[str], values: list[Any]) -> dict[str, str]:
    pairs = ((n, str(v).strip()) for n, v in zip(names, values, strict=False) if v is not None)
    return {name: text for name, text in pairs if text.lower() not in _ABSENT}
