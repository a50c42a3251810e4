"""Cutting trials out of recordings of any format by a table of onsets and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.datasets.reader import natural_order
from mdjpt.datasets.table_file import number
from mdjpt.datasets.trials import Label, RecordingKey, Trial
from mdjpt.errors import DatasetError, RecordingError
from mdjpt.recordings import read_recording
from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mdjpt.positions.gaps import Run
    from mdjpt.recordings import Recording

__all__ = ["MarkedTrial", "class_names_of", "cut_trials", "marked_trial"]

_NOT_RATINGS = frozenset(
    {"file", "subject", "session", "start_s", "stop_s", "duration_s", "order"}
    | {"onset", "duration", "sample", "value"}
)


@dataclass(frozen=True, slots=True)
class MarkedTrial:
    """One row of a table of trials."""

    start_s: float
    """Onset in the recording, seconds."""
    duration_s: float | None
    """Length in seconds, None for the rest of the recording."""
    label: str
    """As the table writes it; "" when the trial has ratings."""
    ratings: dict[str, float]
    """Ratings by column name."""
    stimulus: str = ""
    """Identity of the clip, "" when the table does not tell."""
    order: int | None = None
    """Place in the order of presentation, from 0."""


def marked_trial(
    row: dict[str, str], where: str, label_column: str, stimulus_column: str
) -> MarkedTrial:
    """Return one row of a table as a trial; `where` names file and row in messages.

    The onset is in the column start_s or onset, the length in stop_s, duration_s or duration.
    Without a label, the columns that hold numbers are ratings.

    Raises DatasetError: a number is none, or the row has neither label nor rating.
    """
    onset = next((name for name in ("start_s", "onset") if name in row), None)
    start_s = number(row, onset, where) if onset else 0.0
    duration_s = _duration_s(row, where, start_s)
    if start_s < 0 or (duration_s is not None and duration_s <= 0):
        raise DatasetError(f"{where}: a trial from {start_s} s of {duration_s} s")
    label = row.get(label_column, "")
    ratings = {} if label else _ratings(row, stimulus_column)
    if not label and not ratings:
        raise DatasetError(f"{where}: neither a {label_column} nor a rating")
    order = int(number(row, "order", where)) if "order" in row else None
    return MarkedTrial(start_s, duration_s, label, ratings, row.get(stimulus_column, ""), order)


def class_names_of(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the different labels in natural order: "2" before "10", "calm" before "joy".

    The label of a trial with ratings is "", which is no class.
    """
    return tuple(sorted({label for label in labels if label}, key=natural_order))


def cut_trials(
    key: RecordingKey,
    marked: Sequence[MarkedTrial],
    class_names: tuple[str, ...],
    montage: str | Path | Sequence[str] | None = None,
) -> Iterator[Trial]:
    """Read a recording and yield its trials in the order of the table.

    No trial crosses a gap: of one that does the longest piece is kept, or nothing when that is
    shorter than a window; one that ends behind the recording is left out. The notes of all trials
    say so. `montage` names the electrodes of a file whose labels say nothing.

    Raises DatasetError: the recording cannot be read, or holds none of its trials.
    """
    try:
        recording = read_recording(key.path, montage=montage)
    except RecordingError as error:
        raise DatasetError(str(error)) from None
    pieces = [_piece(trial, index, recording) for index, trial in enumerate(marked)]
    notes = (*recording.notes, *(note for _, note in pieces if note))
    if all(run is None for run, _ in pieces):
        raise DatasetError(f"{key.path}: holds none of its trials: {notes[-1]}")
    for index, (trial, (run, _)) in enumerate(zip(marked, pieces, strict=True)):
        if run is None:
            continue
        label: Label = trial.ratings if not trial.label else class_names.index(trial.label)
        yield Trial(
            samples=np.ascontiguousarray(recording.samples[:, run.start : run.stop]),
            sfreq=recording.sfreq,
            ch_names=recording.ch_names,
            subject=key.subject,
            session=key.session,
            trial=index,
            label=label,
            stimulus=trial.stimulus,
            start_s=run.first_sample / recording.sfreq,
            order=index if trial.order is None else trial.order,
            notes=notes,
        )


def _piece(trial: MarkedTrial, index: int, recording: Recording) -> tuple[Run | None, str]:
    """Return the longest stretch of a trial without a gap, and what has to be said of it."""
    first, stop = _bounds(trial, recording)
    if not first < stop <= recording.n_positions:
        return None, (
            f"trial {index + 1} left out: it lasts from {trial.start_s:g} to "
            f"{stop / recording.sfreq:g} s, the recording ends at {recording.duration_s:g} s"
        )
    runs = recording.runs(first, stop)
    run = max(runs, key=lambda run: run.stop - run.start, default=None)
    kept_s = 0.0 if run is None else (run.stop - run.start) / recording.sfreq
    if run is not None and run.stop - run.start == stop - first:
        return run, ""
    if kept_s < WINDOW_S:
        return None, f"trial {index + 1} left out: {kept_s:.1f} s of it lie between gaps"
    trial_s = (stop - first) / recording.sfreq
    return run, f"trial {index + 1} has a gap: {kept_s:.1f} of its {trial_s:.1f} s are kept"


def _bounds(trial: MarkedTrial, recording: Recording) -> tuple[int, int]:
    """Return the positions of a trial, which need not lie in the recording."""
    first, stop = round(trial.start_s * recording.sfreq), recording.n_positions
    if trial.duration_s is not None:
        stop = first + round(trial.duration_s * recording.sfreq)
    return first, stop


def _duration_s(row: dict[str, str], where: str, start_s: float) -> float | None:
    if "stop_s" in row:
        return number(row, "stop_s", where) - start_s
    name = next((name for name in ("duration_s", "duration") if name in row), None)
    return number(row, name, where) if name else None


def _ratings(row: dict[str, str], stimulus_column: str) -> dict[str, float]:
    found = {}
    for name, text in row.items():
        if name not in _NOT_RATINGS and name != stimulus_column:
            try:
                found[name] = float(text)
            except ValueError:
                continue
    return found
