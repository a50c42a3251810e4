"""A recording as other programs want it: samples without a gap, and events placed on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.recordings.beside import Beside, StoredPrediction
    from mdjpt.recordings.recording import Recording

__all__ = ["LOST", "NOTE", "ExportEvent", "ExportMarks", "ExportSignal", "laid_out", "marked"]

LOST = "BAD_ACQ_SKIP"
"""MNE's name for samples that were not acquired: its filters do not run across them."""
SEAM = "BAD boundary"
EXCLUDED = "BAD_excluded"
NO_NUMBER = "BAD_nan"
EMOTION = "emotion/"
NOTE = "note: "
"""Before a remark that stands among the events."""
MAX_FILLED = 4.0
"""Most samples that are filled in, as a multiple of those that were recorded."""


@dataclass(frozen=True, slots=True, order=True)
class ExportEvent:
    """Something that happened, or that is marked."""

    first: int
    """Its sample."""
    n_times: int
    """Its length in samples, 0 for an instant."""
    label: str
    """What it is."""


@dataclass(frozen=True, slots=True)
class ExportMarks:
    """What is marked in a recording."""

    events: tuple[ExportEvent, ...]
    """In order: those of the recording, gaps and bad spans, and the emotions that were shown."""
    remarks: tuple[str, ...]
    """What is to be known of the recording."""
    notes: tuple[str, ...]
    """What could not come along, one line each."""

    @property
    def annotations(self) -> tuple[ExportEvent, ...]:
        """Events and, at the first sample, the remarks: for files that hold nothing else."""
        return (*(ExportEvent(0, 0, NOTE + remark) for remark in self.remarks), *self.events)


@dataclass(frozen=True, slots=True, eq=False)
class ExportSignal:
    """Signals and events that every format can take."""

    samples: NDArray[np.float32]
    """Microvolts, finite; sample i lies at second i / sfreq. Lost ones are on straight lines. Shape
    (n_channels, n_times)."""
    sfreq: float
    """Hz."""
    ch_names: tuple[str, ...]
    """Electrodes."""
    bads: tuple[str, ...] = ()
    """Electrodes of which nothing is known; their samples are 0."""
    marks: ExportMarks = field(default_factory=lambda: ExportMarks((), (), ()))
    """Events, gaps, bad spans and remarks."""
    began_at_s: float | None = None
    """Unix time of the first sample."""


def marked(recording: Recording, beside: Beside) -> ExportMarks:
    """Place on its samples all that is marked in a recording.

    Its predictions become events where the label changes; its remarks are marked, too.
    """
    n_times = recording.n_positions
    lost = [ExportEvent(first, stop - first, LOST) for first, stop in recording.gaps]
    events, notes = _recorded(recording, n_times)
    emotions = _emotions(beside.predictions, n_times)
    marks = sorted([*events, *lost, *_without_number(recording), *_excluded(recording), *emotions])
    return ExportMarks(tuple(marks), _remarks(recording, beside), notes)


def laid_out(recording: Recording, beside: Beside) -> tuple[ExportSignal, tuple[str, ...]]:
    """Lay a recording out, every sample at its position, with all that :func:`marked` finds.

    Beside it there is a line for each thing that had to be filled in or left out.

    Raises RecordingError: far more was lost than recorded.
    """
    n_times = recording.n_positions
    if n_times > (1 + MAX_FILLED) * recording.n_times:
        lost_s = (n_times - recording.n_times) / recording.sfreq
        raise RecordingError(
            f"{lost_s:.0f} s of it were lost and would have to be filled in; export it as csv, "
            "which needs nothing in their place"
        )
    samples = np.full((recording.n_channels, n_times), np.nan, np.float32)
    samples[:, recording.positions] = recording.samples
    marks = marked(recording, beside)
    bads = tuple(np.array(recording.ch_names)[_bad_rows(recording)].tolist())
    signal = ExportSignal(
        samples=_filled(samples),
        sfreq=recording.sfreq,
        ch_names=recording.ch_names,
        bads=bads,
        marks=marks,
        began_at_s=recording.began_at_s,
    )
    return signal, (*marks.notes, *_on_filling(recording, marks, bads))


def _bad_rows(recording: Recording) -> NDArray[np.bool_]:
    return np.asarray(np.isnan(recording.samples).all(axis=1), bool)


def _filled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put straight lines where samples are missing, zeros where all of a channel is."""
    for row in samples:
        lacks = np.isnan(row)
        if lacks.all():
            row[:] = 0.0
        elif lacks.any():
            known = np.flatnonzero(~lacks)
            row[lacks] = np.interp(np.flatnonzero(lacks), known, row[known])
    return samples


def _without_number(recording: Recording) -> list[ExportEvent]:
    """Mark the samples at which an electrode, not bad throughout, holds no number."""
    lacks = np.isnan(recording.samples[~_bad_rows(recording)]).any(axis=0)
    places = recording.positions[lacks]
    parts = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
    return [ExportEvent(int(p[0]), len(p), NO_NUMBER) for p in parts if len(p)]


def _recorded(recording: Recording, n_times: int) -> tuple[list[ExportEvent], tuple[str, ...]]:
    """Place the events on samples; those beside the signal cannot be exported."""
    sfreq = recording.sfreq
    lengths = {(onset, label): length for onset, length, label in recording.spans}
    found = [
        ExportEvent(
            _nearest(onset * sfreq), _nearest(lengths.get((onset, label), 0.0) * sfreq), label
        )
        for onset, label in recording.markers
    ]
    kept = [event for event in found if 0 <= event.first < n_times]
    n_outside = len(found) - len(kept)
    return kept, (f"{n_outside} events lie outside the signal: left out",) if n_outside else ()


def _excluded(recording: Recording) -> list[ExportEvent]:
    return [
        ExportEvent(first, stop - first, SEAM if stop - first == 1 else EXCLUDED)
        for first, stop in recording.excluded
        if (first, stop) not in recording.gaps
    ]


def _emotions(predictions: Sequence[StoredPrediction], n_times: int) -> list[ExportEvent]:
    """Return one event for each label that was shown, from its first decision to its last."""
    events: list[ExportEvent] = []
    shown: StoredPrediction | None = None
    last: StoredPrediction | None = None
    for p in (*predictions, None):
        if shown is not None and last is not None and (p is None or p.label != shown.label):
            until = last.stop if p is None else p.stop
            if 0 <= shown.stop < n_times:
                length = min(until, n_times) - shown.stop
                events.append(ExportEvent(shown.stop, length, f"{EMOTION}{shown.label}"))
            shown = None
        if p is not None and p.label is not None and shown is None:
            shown = p
        last = p
    return events


def _remarks(recording: Recording, beside: Beside) -> tuple[str, ...]:
    simulated = ("SIMULATED SIGNAL: it comes from no brain",) if recording.simulated else ()
    found = {(p.model, p.simulated_parts) for p in beside.predictions if p.simulated and p.model}
    trained = tuple(_simulated(model, parts) for model, parts in sorted(found))
    return tuple(dict.fromkeys((*simulated, *trained, *recording.notes, *beside.notes)))


def _simulated(model: str, parts: Sequence[str]) -> str:
    """Say what of a model's predictions is simulated; recordings of old do not say what."""
    if tuple(parts) == ("model",):
        return f"model {model} was trained on simulated people"
    return f"predictions of {model}: {', '.join(parts) or 'model or signal'} simulated"


def _on_filling(recording: Recording, marks: ExportMarks, bads: Sequence[str]) -> tuple[str, ...]:
    n_lost = recording.n_positions - recording.n_times
    n_unknown = sum(event.n_times for event in marks.events if event.label == NO_NUMBER)
    notes = []
    if n_lost:
        gaps = f"{n_lost} lost samples, gaps: {len(recording.gaps)}"
        notes.append(f"{gaps}: straight lines, marked {LOST}")
    if n_unknown:
        notes.append(f"{n_unknown} samples without a number are straight lines, marked {NO_NUMBER}")
    if bads:
        notes.append(f"nothing is known of {', '.join(bads[:8])}: bad, exported as zeros")
    return tuple(notes)


def _nearest(position: float) -> int:
    return math.floor(position + 0.5)
