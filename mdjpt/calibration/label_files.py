"""Labels as people have them: tables in a file, or the events of the recording itself.

Read are CSV and TSV (onset_s, duration_s, label), BIDS events.tsv, the CSV of MNE's annotations,
the truth of ``mdjpt simulate``, and annotations and markers that the recording holds. What they
say becomes rows; which of them are trials is chosen in :mod:`mdjpt.calibration.label_choice`.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mdjpt.errors import LabelsError, one_line
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.guard.strict_json import json_object

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings import Recording

__all__ = ["LabelRow", "read_label_rows", "rows_of_events"]

MAX_FILE_BYTES = 4 << 20
_MNE_TEXT = "# MNE-Annotations"
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d(?:\.\d*)?)")
_ABSENT = ("", "n/a")
_COLUMNS = {
    "onset_s": ("onset_s", "onset", "onset_ms"),
    "duration_s": ("duration_s", "duration", "duration_ms"),
    "label": ("label", "trial_type", "description"),
}
_FORM = "columns are onset_s,duration_s,label[,valence,arousal]"
_NO_STATES = ("BAD", "bad_", "EDGE", "boundary", "New Segment")
"""How events begin that say nothing of what was felt: those of MNE, EEGLAB and BrainVision."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row of a table, or one event of a recording.

    Attributes
    ----------
    where : str
        How to find it again: "line 7", "event 3".
    onset_s : float
        Seconds from the first sample of the recording.
    duration_s : float or None
        Length in seconds, where the row says so.
    label : str or None
        What it says; None where it says that there is nothing ("n/a").
    valence, arousal : float or None
        Ratings on any scale.
    """

    where: str
    onset_s: float
    duration_s: float | None
    label: str | None
    valence: float | None = None
    arousal: float | None = None


def read_label_rows(
    path: Path, recording_s: float = math.inf, began_at_s: float | None = None
) -> tuple[LabelRow, ...]:
    """Read the rows of a file of labels.

    Parameters
    ----------
    path : Path
        CSV or TSV with columns for onset, duration and label and, if rated, valence and arousal;
        or ``.truth.json``.
    recording_s : float
        Length of the recording in seconds, the end of the last state of a ``.truth.json``.
    began_at_s : float, optional
        Unix time of the first sample, for onsets that are times of day.

    Raises
    ------
    LabelsError
        The file is missing or not of that form.
    """
    text = _text(path)
    try:
        if path.suffix.lower() == ".json":
            rows = _from_truth(text, recording_s)
        else:
            rows = _from_table(text, began_at_s)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise LabelsError(f"{path}: not a table of trials: {one_line(error)}; {_FORM}") from None
    if not rows:
        raise LabelsError(f"{path}: holds no trial; one line each: onset_s,duration_s,label")
    return tuple(rows)


def rows_of_events(recording: Recording) -> tuple[LabelRow, ...]:
    """Return the annotations and markers of a recording, in the order of time.

    Parameters
    ----------
    recording : Recording
        Its events; those that say nothing of what was felt are passed over.
    """
    lengths = {(onset, label): duration for onset, duration, label in recording.spans}
    rows = (
        LabelRow(f"event {number}", onset, lengths.get((onset, label)), _event_label(label))
        for number, (onset, label) in enumerate(recording.markers, 1)
    )
    return tuple(row for row in rows if row.label is not None)


def _event_label(label: str) -> str | None:
    """Return what an event says of the person, without BrainVision's kind of marker."""
    tidy = " ".join(label.split())
    if not tidy or tidy.startswith(_NO_STATES):
        return None
    kind, _, rest = tidy.partition("/")
    return rest if kind in ("Stimulus", "Response", "Comment") and rest else tidy


def _text(path: Path) -> str:
    """Return the text of a file, as spreadsheets write it too."""
    content = regular_bytes(path, MAX_FILE_BYTES, LabelsError, "table of trials")
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(c.isprintable() or c.isspace() for c in text):
            return text
    raise LabelsError(f"{path}: no text file; give CSV or TSV")


_ENCODINGS = ("utf-8-sig", "cp1252")


def _from_table(text: str, began_at_s: float | None) -> list[LabelRow]:
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if lines and lines[0][1].startswith(_MNE_TEXT):
        # Its comments hold the names of the columns.
        lines = [(n, line.lstrip("# ")) for n, line in lines if line[:1] != "#" or "onset," in line]
    if not lines:
        return []
    delimiter = max("\t;,", key=lines[0][1].count)
    table = csv.DictReader([line for _, line in lines], delimiter=delimiter)
    names = _columns(table.fieldnames or ())
    rows = []
    for (number, _), fields in zip(lines[1:], table, strict=False):
        row = {name: (fields[column] or "").strip() for name, column in names.items()}
        if delimiter != ",":
            # Where the comma is free, it stands for the decimal point in half of Europe.
            row |= {name: text.replace(",", ".") for name, text in row.items() if name != "label"}
        try:
            row |= {
                name: str(_number(row[name], column) / 1e3)
                for name, column in names.items()
                if column.strip().lower().endswith("_ms") and row[name].lower() not in _ABSENT
            }
            rows.append(_row(f"line {number}", row, began_at_s))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return rows


def _columns(header: Any) -> dict[str, str]:
    """Return our name of each known column, and the table's."""
    found = {(name or "").strip().lower(): name for name in header}
    names = {name: found[name] for name in ("valence", "arousal") if name in found}
    for name, others in _COLUMNS.items():
        known = [found[other] for other in others if other in found]
        if not known:
            raise ValueError(f"no column {name}")
        names[name] = known[0]
    return names


def _row(where: str, fields: dict[str, str], began_at_s: float | None) -> LabelRow:
    label = " ".join(fields["label"].split())
    absent = label.lower() == "n/a"
    onset, duration = fields["onset_s"], fields["duration_s"]
    ratings = {
        name: None if fields.get(name, "").lower() in _ABSENT else _number(fields[name], name)
        for name in ("valence", "arousal")
    }
    return LabelRow(
        where,
        0.0 if absent and onset.lower() in _ABSENT else _onset_s(onset, began_at_s),
        None if duration.lower() in _ABSENT else _seconds(duration, "duration_s"),
        None if absent else label,
        **ratings,
    )


def _number(text: str, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{column} must be a number, got {text[:40]!r}") from None


def _seconds(text: str, column: str) -> float:
    """Return a number of seconds, also where it is written as 00:01:05."""
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return _number(text, column)
    hours, minutes, seconds = (float(part) for part in clock.groups())
    return 3600 * hours + 60 * minutes + seconds


def _onset_s(text: str, began_at_s: float | None) -> float:
    """Return an onset in seconds; MNE writes times of day, from 1970 on where it knows none."""
    if text[4:5] != "-":
        return _seconds(text, "onset_s")
    moment = datetime.fromisoformat(text)
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if moment.year == 1970:
        return seconds
    if began_at_s is None:
        raise ValueError(
            f"{text} is a time of day, and the recording does not tell when it began: give seconds "
            "from its first sample"
        )
    return seconds - began_at_s


def _from_truth(text: str, recording_s: float) -> list[LabelRow]:
    document = json_object(text)
    if document is None:
        raise ValueError("damaged, no JSON")
    states = [(float(entry["onset_s"]), str(entry["state"])) for entry in document["states"]]
    ends = [onset for onset, _ in states[1:]] + [recording_s]
    return [
        LabelRow(f"state {number}", onset, end - onset, state)
        for number, ((onset, state), end) in enumerate(zip(states, ends, strict=True), 1)
        if end > onset
    ]
