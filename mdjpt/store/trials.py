"""The trials of a prepared dataset: one row each, and their table in Parquet.

The order of the rows is that of the recordings, and within a recording that of its samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from mdjpt.errors import DatasetError
from mdjpt.guard.extras import require_training_extra
from mdjpt.guard.regular_file import regular_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["StoredTrial", "read_trial_table", "write_trial_table"]

RATING_PREFIX = "rating_"
MAX_TABLE_BYTES = 256 << 20
_COLUMNS = {
    "recording": "string",
    "subject": "string",
    "session": "string",
    "trial": "int64",
    "label": "int64",
    "stimulus": "string",
    "start": "int64",
    "n_times": "int64",
    "order": "int64",
    "start_s": "double",
}


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """One trial of a prepared recording."""

    recording: str
    """File of the recording, below the store's ``recordings``."""
    # Who and when; the same session name means the same programme of stimuli.
    subject: str
    session: str
    trial: int
    """Place in the recording, from 0."""
    label: int | None
    """Index into the dataset's class names; None where there are ratings only."""
    stimulus: str
    """Identity of the clip."""
    # First sample in the prepared recording, and samples.
    start: int
    n_times: int
    order: int | None = None
    """Place in the order of presentation, from 0; None when not known."""
    start_s: float | None = None
    """Onset in the original recording, seconds; None when not known."""
    ratings: Mapping[str, float] = field(default_factory=dict)
    """By name; NaN where one is missing."""

    @property
    def stop(self) -> int:
        """The sample after the last."""
        return self.start + self.n_times


def write_trial_table(file: BinaryIO, trials: Sequence[StoredTrial]) -> None:
    """Write the rows as Parquet; ratings become columns ``rating_*``.

    Raises MdjptError: pyarrow is not installed.
    """
    arrow, parquet = require_training_extra("pyarrow", "pyarrow.parquet")
    columns = {
        name: arrow.array([getattr(trial, name) for trial in trials], type=kind)
        for name, kind in _COLUMNS.items()
    }
    for name in sorted({name for trial in trials for name in trial.ratings}):
        values = [trial.ratings.get(name, math.nan) for trial in trials]
        columns[RATING_PREFIX + name] = arrow.array(values, type="double")
    parquet.write_table(arrow.table(columns), file)


def read_trial_table(path: Path) -> list[StoredTrial]:
    """Read what :func:`write_trial_table` wrote.

    Raises DatasetError: the file is missing or damaged, or a column is missing or of another type.
    Raises MdjptError: pyarrow is not installed.
    """
    arrow, parquet = require_training_extra("pyarrow", "pyarrow.parquet")
    # Read whole: a table of trials is small, and a memory map would outlive a file's end.
    content = regular_bytes(path, MAX_TABLE_BYTES, DatasetError, "table of trials")
    try:
        table = parquet.read_table(arrow.BufferReader(content))
        for name, kind in _COLUMNS.items():
            _check_column(path, table, name, kind)
        rows = table.to_pylist()
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the table of trials: {_reason(error)}") from None
    except (arrow.ArrowException, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path}: the table of trials is damaged ({_reason(error)}): prepare the dataset again"
        ) from None
    return [_trial_of(path, row) for row in rows]


def _check_column(path: Path, table: Any, name: str, kind: str) -> None:
    found = str(table.schema.field(name).type) if name in table.column_names else "missing"
    if found != kind:
        raise DatasetError(f"{path}: column {name!r} must be {kind}, is {found}")


def _trial_of(path: Path, row: Mapping[str, Any]) -> StoredTrial:
    optional = {"label", "order", "start_s"}
    for name in _COLUMNS:
        if row[name] is None and name not in optional:
            raise DatasetError(f"{path}: column {name!r} has an empty cell")
    ratings = {
        name.removeprefix(RATING_PREFIX): math.nan if value is None else float(value)
        for name, value in row.items()
        if name.startswith(RATING_PREFIX)
    }
    return StoredTrial(**{name: row[name] for name in _COLUMNS}, ratings=ratings)


def _reason(error: Exception) -> str:
    first_line = str(error).strip().splitlines() or [type(error).__name__]
    return first_line[0][:120]
