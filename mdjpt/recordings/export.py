"""Recordings in the formats of other programs, with all that they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from mdjpt.errors import RecordingError
from mdjpt.recordings.export_bids import BidsNames, write_bids
from mdjpt.recordings.export_edf import write_edf
from mdjpt.recordings.export_layout import laid_out, marked
from mdjpt.recordings.export_mne import write_brainvision, write_fif
from mdjpt.recordings.export_tables import (
    prediction_rows,
    write_csv,
    write_events,
    write_other,
    write_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings.beside import Beside
    from mdjpt.recordings.recording import Recording

__all__ = ["EXPORT_KINDS", "ExportKind", "Exported", "export_recording"]

ExportKind = Literal["bids", "edf", "bdf", "brainvision", "fif", "csv"]
EXPORT_KINDS: tuple[str, ...] = get_args(ExportKind)
_SUFFIX = {"edf": ".edf", "bdf": ".bdf", "brainvision": ".vhdr", "fif": ".fif", "csv": ".csv"}
_RECORDED = re.compile("(?!BAD|emotion/)")


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has written."""

    files: tuple[Path, ...]
    """The signals first, then what stands beside them."""
    notes: tuple[str, ...]
    """What is not as it was, one line each."""


def export_recording(
    recording: Recording,
    beside: Beside,
    kind: ExportKind,
    out: Path,
    names: BidsNames | None = None,
) -> Exported:
    """Write a recording in the format of other programs; nothing is ever overwritten.

    Events, gaps, remarks and the emotions that were shown go into the file itself where it has
    events, as annotations; all predictions and the other streams go into tables beside it.

    Parameters
    ----------
    recording : Recording
        What was read.
    beside : Beside
        What its file holds beside it.
    kind : {"bids", "edf", "bdf", "brainvision", "fif", "csv"}
        Which format.
    out : Path
        File to write; the folder of the dataset for BIDS.
    names : BidsNames, optional
        For BIDS.

    Returns
    -------
    Exported
        Files and remarks.

    Raises
    ------
    RecordingError
        A file exists, cannot be written or cannot hold this recording.
    MdjptError
        The extra ``export`` is missing.
    """
    if kind == "csv":
        return _csv(recording, beside, _checked(out, kind))
    signal, notes = laid_out(recording, beside)
    if kind == "bids":
        if names is None:
            raise RecordingError("BIDS names its files after the participant: say --subject")
        written, more = write_bids(out, names, signal, beside)
        return Exported(tuple(written), (*notes, *more))
    _checked(out, kind)
    if kind == "brainvision":
        more = write_brainvision(out, signal)
    elif kind == "fif":
        more = write_fif(out, signal)
    else:
        more = write_edf(out, signal, kind)
    return Exported((out, *_tables(out, signal.sfreq, beside)), (*notes, *more))


def _csv(recording: Recording, beside: Beside, out: Path) -> Exported:
    marks = marked(recording, beside)
    recorded = [event for event in marks.events if _RECORDED.match(event.label)]
    notes = write_csv(out, recording, recorded)
    events = out.with_name(f"{out.stem}_events.tsv")
    write_events(events, marks.annotations, recording.sfreq)
    tables = _tables(out, recording.sfreq, beside)
    return Exported((out, events, *tables), (*marks.notes, *notes))


def _checked(out: Path, kind: str) -> Path:
    """Refuse a name that does not fit the format, and files that are there."""
    suffix = _SUFFIX[kind]
    if out.suffix.lower() != suffix:
        raise RecordingError(f"{out}: --to {kind} writes a file that ends in {suffix}")
    parts = (".vhdr", ".vmrk", ".eeg") if kind == "brainvision" else (out.suffix,)
    for path in (out.with_suffix(part) for part in parts):
        if path.exists() or path.is_symlink():
            raise RecordingError(f"{path}: exists already and is not overwritten")
    return out


def _tables(out: Path, sfreq: float, beside: Beside) -> list[Path]:
    """Write what stands beside a file: predictions, other streams."""
    written = []
    if beside.predictions:
        written.append(out.with_name(f"{out.stem}_predictions.tsv"))
        write_rows(written[-1], *prediction_rows(beside.predictions, sfreq))
    for number, stream in enumerate(beside.others, start=1):
        name = re.sub("[^A-Za-z0-9-]+", "-", stream.name).strip("-") or f"stream-{number}"
        path = out.with_name(f"{out.stem}_{name}.tsv")
        written.append(path if path not in written else path.with_stem(f"{path.stem}-{number}"))
        write_other(written[-1], stream)
    return written
