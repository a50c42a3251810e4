"""A BIDS dataset: EEG recordings with events.tsv."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.marked_recordings import (
    MarkedTrial,
    class_names_of,
    cut_trials,
    marked_trial,
)
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.table_file import number, read_table
from mdjpt.datasets.trials import RecordingKey, Trial
from mdjpt.guard.extras import require_training_extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["BidsReader"]

EXTENSIONS = (".edf", ".bdf", ".vhdr", ".set", ".fif")


class BidsReader(DatasetReader):
    """The EEG of a BIDS dataset, one trial for each event that lasts.

    Parameters
    ----------
    root : path-like
        Folder of the dataset.
    label, stimulus : str
        Columns of events.tsv that hold class and clip. Events without a label are no trials.
    classes : sequence of str, optional
        Labels that are trials, in the wanted order; default all, in natural order.
    duration_s : float, optional
        Length of a trial, for sets whose events have none.
    min_duration_s : float
        Shorter events are no trials; the model takes windows of 5 s.
    """

    card = CARDS["bids"]

    def __init__(
        self,
        root: str | Path,
        label: str = "trial_type",
        stimulus: str = "stim_file",
        classes: Sequence[str] | None = None,
        duration_s: float | None = None,
        min_duration_s: float = 5.0,
    ) -> None:
        self._label, self._stimulus = label.lower(), stimulus.lower()
        self._classes = None if classes is None else tuple(classes)
        self._duration_s, self._min_duration_s = duration_s, min_duration_s
        self._marked: dict[RecordingKey, list[MarkedTrial]] = {}
        self._without: list[str] = []
        super().__init__(root)
        labels = [trial.label for marked in self._marked.values() for trial in marked]
        names = class_names_of(labels) if self._classes is None else self._classes
        self.card = replace(self.card, class_names=names)

    def missing(self) -> tuple[str, ...]:
        """Return one line for each part that is not there, or that no event makes trials of."""
        return (*super().missing(), *self._without)

    @property
    def _need(self) -> str:
        """What is needed, with what the recordings that are there lack."""
        there = f"; {self._without[0]}" if self._without else ""
        return super()._need + there

    @property
    def _lasting(self) -> str:
        return (
            f"lasts {self._min_duration_s:g} s; give duration_s when the set's events have no "
            "duration"
        )

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the trials of a recording in the order of events.tsv."""
        return cut_trials(key, self._marked[key], self.card.class_names)

    def _find_recordings(self) -> Iterator[RecordingKey]:
        for found in _recordings(self.root):
            parts = (found.session, found.task, found.run)
            session = "_".join(str(part) for part in parts if part) or "1"
            events = found.find_matching_sidecar(
                suffix="events", extension=".tsv", on_error="ignore"
            )
            key = RecordingKey(str(found.subject), session, found.fpath)
            marked = [] if events is None else self._trials_of(events)
            if marked:
                self._marked[key] = marked
                yield key
            else:
                what = (
                    f"{found.fpath.name} has no events.tsv"
                    if events is None
                    else (f"{events.name}: no event with a {self._label} {self._lasting}")
                )
                self._without.append(f"subject {key.subject}: {what}")

    def _trials_of(self, events: Path) -> list[MarkedTrial]:
        marked = []
        rows = read_table(events, need=("onset", self._label))
        for line, row in enumerate(rows, start=2):
            where = f"{events}: row {line}"
            label = row.get(self._label)
            if label is None or (self._classes is not None and label not in self._classes):
                continue
            if self._duration_s is not None:
                row = {**row, "duration": str(self._duration_s)}
            if "duration" in row and number(row, "duration", where) >= self._min_duration_s:
                marked.append(marked_trial(row, where, self._label, self._stimulus))
        return marked


def _recordings(root: Path) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mne_bids = require_training_extra("mne_bids")
    found = mne_bids.find_matching_paths(
        root, datatypes="eeg", suffixes="eeg", extensions=list(EXTENSIONS), ignore_json=True
    )
    return list(found)
