"""A folder of recordings of any format with a table of trials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.marked_recordings import (
    MarkedTrial,
    class_names_of,
    cut_trials,
    marked_trial,
)
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.table_file import read_table
from mdjpt.datasets.trials import RecordingKey, Trial
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["FolderReader"]

TABLES = ("trials.csv", "trials.tsv", "trials.parquet")


class FolderReader(DatasetReader):
    """Recordings that a table names, one row a trial.

    The table has the columns ``file`` (path under the folder), ``label`` (or ratings, such as
    ``valence``), and may have ``subject`` (else the file's name), ``session`` (else 1), ``start_s``
    (else 0), ``stop_s`` or ``duration_s`` (else the end), ``stimulus`` (else unknown) and ``order``
    (else the order of the rows).

    Parameters
    ----------
    root : path-like
        Folder of the recordings.
    table : path-like, optional
        The table of trials; default trials.csv, trials.tsv or trials.parquet in the folder.
    class_names : sequence of str, optional
        The labels in the wanted order; default natural order.
    montage : str, path or sequence of str, optional
        Electrode names for recordings whose labels say nothing.
    """

    card = CARDS["folder"]

    def __init__(
        self,
        root: str | Path,
        table: str | Path | None = None,
        class_names: Sequence[str] | None = None,
        montage: str | Path | Sequence[str] | None = None,
    ) -> None:
        self._table = table
        self._montage = montage
        self._marked: dict[RecordingKey, list[MarkedTrial]] = {}
        super().__init__(root)
        labels = [trial.label for marked in self._marked.values() for trial in marked]
        names = class_names_of(labels) if class_names is None else tuple(class_names)
        unknown = sorted(set(labels) - set(names) - {""})
        if unknown:
            raise DatasetError(f"{self._path}: column label: {unknown[0]!r} is none of {names}")
        self.card = replace(self.card, class_names=names)

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the trials of a recording in the order of the table."""
        return cut_trials(key, self._marked[key], self.card.class_names, self._montage)

    @property
    def _path(self) -> Path:
        if self._table is not None:
            return self.root / self._table
        there = (self.root / name for name in TABLES)
        return next((path for path in there if path.is_file()), self.root / TABLES[0])

    def _find_recordings(self) -> Iterator[RecordingKey]:
        for line, row in enumerate(read_table(self._path, need=("file",)), start=2):
            where = f"{self._path}: row {line}"
            path = self._file(row.get("file", ""), where)
            key = RecordingKey(row.get("subject", path.stem), row.get("session", "1"), path)
            if key not in self._marked:
                self._marked[key] = []
                yield key
            self._marked[key].append(marked_trial(row, where, "label", "stimulus"))

    def _file(self, name: str, where: str) -> Path:
        path = (self.root / name).resolve()
        if not name or not path.is_relative_to(self.root.resolve()):
            raise DatasetError(f"{where}: column file: {name!r} is no path under {self.root}")
        if not path.exists():
            raise DatasetError(f"{where}: column file: {path} is not there")
        return path
