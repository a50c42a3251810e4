"""Text files of the OpenBCI GUI, versions 1 to 6, and of a Cyton's SD card, converted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.counters import Counter, as_counter
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.recordings.placement import placed_recording
from mdjpt.recordings.text_table import damaged_lines, number, read_columns
from mdjpt.recordings.text_time import in_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.recordings.recording import Recording

__all__ = ["read"]

UNIX_FROM = 1e9
MAX_CHANNELS = 64
GANGLION_SFREQ = 200.0

_FIELD = re.compile(r"%\s*(?P<key>[\w ]+?)\s*=\s*(?P<value>.+)")
_MAKER = re.compile(r"OpenBCI|OBCI")  # the converted files of a Cyton's SD card say "OBCI"
_EXG = re.compile(r"E[XE]G Channel", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns of one version of the format lie."""

    sfreq: float
    skip_lines: int
    eeg: tuple[int, ...]
    labels: tuple[str, ...]
    stamp: int | None
    marker: int | None


def read(path: Path, head: Sequence[str], montage: tuple[str, ...] | None) -> Recording:
    """Read the EEG, sample counter and markers of an OpenBCI GUI text file.

    It is placed by the board's counter; the GUI's time stamps come in bursts. The montage names the
    electrodes: the format has no place for them.

    Raises RecordingError: no OpenBCI file, no electrode names given, or no row of numbers.
    """
    layout = _layout(head)
    electrodes = select_electrodes(layout.labels, montage)
    eeg = [layout.eeg[i] for i in electrodes.columns]
    extra = [column for column in (layout.stamp, layout.marker) if column is not None]
    values, n_damaged = read_columns(path, [0, *eeg, *extra], skip_lines=layout.skip_lines)
    if values.shape[1] and not values[1 : len(eeg) + 1, 0].any():
        values = values[:, 1:]  # version 5 begins with a row of zeros
    stamps = None if layout.stamp is None else in_seconds(values[1 + len(eeg)])
    counter = as_counter(values[0])
    return placed_recording(
        values[1 : len(eeg) + 1].astype(np.float32),
        layout.sfreq,
        electrodes.names,
        stamps=None if stamps is None or not np.isfinite(stamps).all() else stamps,
        counter=None if counter is None else Counter(0, *counter),
        column_events=() if layout.marker is None else _events(values[-1]),
        notes=(*electrodes.notes, *damaged_lines(n_damaged)),
        source=str(path),
    )


def _layout(head: Sequence[str]) -> _Layout:
    """Find out which version wrote the file."""
    comments = [line for line in head if line.startswith("%")]
    rows = head[len(comments) :]
    if not comments or not _MAKER.search(comments[0]):
        raise RecordingError("no text file of the OpenBCI GUI: its first line does not say so")
    fields = {m["key"].lower(): m["value"] for m in map(_FIELD.match, comments) if m}
    sfreq = _leading_number(fields.get("sample rate", ""))
    if sfreq is None or not sfreq > 0:
        raise RecordingError("no sample rate in its header; is the head of the file missing?")
    if not rows:
        raise RecordingError("holds a header and no samples")
    if _EXG.search(rows[0]):
        return _named_layout(rows[0], sfreq, len(comments))
    return _unnamed_layout(rows, fields, sfreq, len(comments))


def _named_layout(header: str, sfreq: float, n_comments: int) -> _Layout:
    """Return the layout of versions 5 and 6, whose columns have names."""
    names = [name.strip() for name in header.split(",")]
    eeg = tuple(i for i, name in enumerate(names) if _EXG.match(name))
    by_name = {name.lower(): i for i, name in enumerate(names)}
    return _Layout(
        sfreq=sfreq,
        skip_lines=n_comments + 1,
        eeg=eeg,
        labels=tuple(names[i] for i in eeg),
        stamp=by_name.get("timestamp"),
        marker=by_name.get("marker channel", by_name.get("marker")),
    )


def _unnamed_layout(
    rows: Sequence[str], fields: dict[str, str], sfreq: float, n_comments: int
) -> _Layout:
    """Return the layout of versions 1 to 5: counter, EEG, accelerometer, and what comes behind."""
    cells = rows[-1 if len(rows) < 2 else -2].split(",")
    n_columns = len(cells)
    n_eeg = _leading_number(fields.get("number of channels", ""))
    n_eeg = _usual_channels(n_columns, sfreq) if n_eeg is None else int(n_eeg)
    if not 0 < n_eeg <= min(MAX_CHANNELS, n_columns - 1):
        raise RecordingError(f"{n_eeg} channels do not fit into {n_columns} columns")
    return _Layout(
        sfreq=sfreq,
        skip_lines=n_comments,
        eeg=tuple(range(1, n_eeg + 1)),
        labels=("",) * n_eeg,
        stamp=next((i for i in range(n_eeg + 1, n_columns) if number(cells[i]) >= UNIX_FROM), None),
        marker=None,
    )


def _usual_channels(n_columns: int, sfreq: float) -> int:
    """Return the number of EEG channels of the board that writes so many columns."""
    if sfreq == GANGLION_SFREQ:
        return 4
    return 16 if n_columns >= 18 else 8


def _leading_number(text: str) -> float | None:
    """Return the number at the beginning of "250.0 Hz"."""
    found = re.match(r"\s*(\d{1,6}(?:\.\d{1,9})?)", text)
    return float(found[1]) if found else None


def _events(codes: NDArray[np.float64]) -> list[tuple[int, str]]:
    """Return the samples with a marker, and its code."""
    return [(int(i), f"{codes[i]:g}") for i in np.flatnonzero(np.nan_to_num(codes))]
