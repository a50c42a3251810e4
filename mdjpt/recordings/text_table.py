"""Columns of numbers in text files, damaged lines included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
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
    "damaged_lines",
    "head_of",
    "in_seconds",
    "number",
    "open_text",
    "read_columns",
]

Converter = Callable[[str], float]
NO_CONVERTERS: Mapping[int, Converter] = MappingProxyType({})

MAX_LINE = 1 << 16
HEAD_LINES = 12
MILLISECONDS_FROM = 1e11  # Unix time in seconds stays below this for 3,000 years


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file whatever its encoding: its numbers and labels are ASCII."""
    with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
        yield file


def head_of(path: Path) -> list[str]:
    """Return the first lines of a text file, without line ends.

    Raises
    ------
    RecordingError
        The file is no text.
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
    converters: Mapping[int, Converter] = NO_CONVERTERS,
) -> tuple[NDArray[np.float64], int]:
    """Read columns of numbers separated by commas.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of int
        Positions of the columns to read.
    skip_lines : int
        Lines before the first row.
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
        values = _loadtxt(path, columns, skip_lines, converters)
    except ValueError:
        return _read_row_by_row(path, columns, skip_lines, converters)
    return np.ascontiguousarray(values.T), 0


def _loadtxt(
    path: Path, columns: Sequence[int], skip_lines: int, converters: Mapping[int, Converter]
) -> NDArray[np.float64]:
    """Parse a table without damage, at the speed of C."""
    with open_text(path) as file:
        return np.loadtxt(
            file,
            delimiter=",",
            usecols=list(columns),
            skiprows=skip_lines,
            converters=cast("dict[int | str, Converter]", dict(converters)),
            ndmin=2,
            comments=None,
        )


def _read_row_by_row(
    path: Path, columns: Sequence[int], skip_lines: int, converters: Mapping[int, Converter]
) -> tuple[NDArray[np.float64], int]:
    """Parse what can be parsed."""
    cell_readers = [(column, converters.get(column, number)) for column in columns]
    rows, n_damaged, n_cells = [], 0, max(columns) + 1
    with open_text(path) as file:
        for line in islice(file, skip_lines, None):
            cells = line.split(",")
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


def in_seconds(stamps: NDArray[np.float64], *, named_ms: bool = False) -> NDArray[np.float64]:
    """Return time stamps in seconds.

    Parameters
    ----------
    stamps : ndarray of float64, shape (n_times,)
        Of a clock, NaN where there is none.
    named_ms : bool
        Whether they are called milliseconds; else their size decides.
    """
    known = stamps[np.isfinite(stamps)]
    in_ms = named_ms or bool(known.size and np.median(known) >= MILLISECONDS_FROM)
    return stamps / 1e3 if in_ms else stamps


def damaged_lines(n_damaged: int) -> tuple[str, ...]:
    """Remark on lines that were left out."""
    return (f"{n_damaged} damaged lines left out",) if n_damaged else ()
