"""Columns of numbers in text files of any encoding and separator, damaged lines included."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

__all__ = [
    "Converter",
    "TextLayout",
    "damaged_lines",
    "head_of",
    "layout_of",
    "number",
    "open_text",
    "read_columns",
]

Converter = Callable[[str], float]
NO_CONVERTERS: Mapping[int, Converter] = MappingProxyType({})

MAX_LINE = 1 << 16
HEAD_LINES = 12
_PROBE_BYTES = 4096
_DECIMAL_COMMA = re.compile(r"\s*-?\d*,\d+(e[-+]?\d+)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How the cells of a table are told apart."""

    separator: str | None = ","
    """Between two cells; None for any number of blanks."""
    decimal_comma: bool = False
    """Whether 1,5 is one and a half."""

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line, without blanks and quotes around them."""
        return [cell.strip().strip('"') for cell in line.split(self.separator)]

    def plain(self, line: str) -> str:
        """Return a line with decimal points and without quotes."""
        if self.decimal_comma:
            line = line.replace(",", ".")
        return line.replace('"', "")


def layout_of(head: Sequence[str]) -> TextLayout:
    """Tell the layout of a table by its first lines: the last of them holds numbers."""
    row = next((line for line in reversed(head) if line.strip()), "")
    separator = next((s for s in ("\t", ";", ",") if s in row), None)
    if separator == "," and all(_DECIMAL_COMMA.fullmatch(cell) for cell in row.split()[1:] or [""]):
        separator = None
    commas = any(_DECIMAL_COMMA.fullmatch(cell) for cell in row.split(separator))
    return TextLayout(separator, separator != "," and commas)


def _encoding(path: Path) -> str:
    """Tell UTF-16 from the encodings in which numbers and labels are ASCII."""
    with path.open("rb") as file:
        probe = file.read(_PROBE_BYTES)
    if probe.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark every second byte of ASCII text is zero.
    if probe[1::2] and not any(probe[1::2]):
        return "utf-16-le"
    return "utf-16-be" if probe[::2] and not any(probe[::2]) else "utf-8-sig"


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file whatever its encoding."""
    with path.open(encoding=_encoding(path), errors="replace", newline=None) as file:
        yield file


def head_of(path: Path) -> list[str]:
    """Return the first lines of a text file, without line ends.

    Raises RecordingError: the file is no text.
    """
    with open_text(path) as file:
        lines = [file.readline(MAX_LINE) for _ in range(HEAD_LINES)]
    if any("\0" in line for line in lines):
        raise RecordingError("no text file")
    return [line.rstrip("\n") for line in lines if line]


def read_columns(
    path: Path,
    columns: Sequence[int],
    *,
    skip_lines: int,
    layout: TextLayout = TextLayout(),
    converters: Mapping[int, Converter] = NO_CONVERTERS,
) -> tuple[NDArray[np.float64], int]:
    """Read columns of numbers.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of int
        Positions of the columns to read.
    skip_lines : int
        Lines before the first row.
    layout : TextLayout, optional
        Cells between commas by default.
    converters : mapping of int to function, optional
        What makes a number of a cell in a column, where it is more than a number.

    Returns
    -------
    values : ndarray of float64, shape (len(columns), n_rows)
        NaN for a cell that holds no number.
    n_damaged : int
        Lines left out because cells are missing.
    """
    try:
        with open_text(path) as file:
            values = np.loadtxt(
                map(layout.plain, islice(file, skip_lines, None)),
                delimiter=layout.separator,
                usecols=list(columns),
                converters=cast("dict[int | str, Converter]", dict(converters)),
                ndmin=2,
                comments=None,
            )
    except ValueError:
        return _read_row_by_row(path, columns, skip_lines, layout, converters)
    return np.ascontiguousarray(values.T), 0


def _read_row_by_row(
    path: Path,
    columns: Sequence[int],
    skip_lines: int,
    layout: TextLayout,
    converters: Mapping[int, Converter],
) -> tuple[NDArray[np.float64], int]:
    """Parse what can be parsed."""
    cell_readers = [(column, converters.get(column, number)) for column in columns]
    rows, n_damaged, n_cells = [], 0, max(columns) + 1
    with open_text(path) as file:
        for line in islice(file, skip_lines, None):
            cells = layout.plain(line).split(layout.separator)
            if len(cells) >= n_cells:
                rows.append([reader(cells[column]) for column, reader in cell_readers])
            elif line.strip():
                n_damaged += 1
    return np.array(rows, np.float64).reshape(-1, len(columns)).T.copy(), n_damaged


def number(cell: str) -> float:
    """Return the number in a cell, NaN when it holds none."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def damaged_lines(n_damaged: int) -> tuple[str, ...]:
    """Remark on lines that were left out."""
    return (f"{n_damaged} damaged lines left out",) if n_damaged else ()
