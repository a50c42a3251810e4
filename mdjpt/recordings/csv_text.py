"""Tables with a line of channel names: muselsl, Mind Monitor, Emotiv, spreadsheets and alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.counters import Counter, as_counter
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.recordings.placement import placed_recording
from mdjpt.recordings.table_header import header_of
from mdjpt.recordings.text_table import Converter, damaged_lines, read_columns
from mdjpt.recordings.text_time import nominal_rate, seconds_of
from mdjpt.signal.units import factors_by_size, microvolts_per

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.recordings.recording import Recording

__all__ = ["read"]

MAX_LABEL = 1000

_UNIT = re.compile(r"[(\[]\s*([a-zµμ]{1,12})\s*[)\]]\s*$", re.IGNORECASE)


def read(
    path: Path, head: Sequence[str], montage: tuple[str, ...] | None, sfreq: float | None
) -> Recording:
    """Read EEG, time stamps and markers of a table, whose first lines are `head`.

    It is placed by the file's time stamps, or by its counter. `sfreq`, Hz, is for a table that does
    not tell its rate or tells a wrong one.

    Raises RecordingError: no names, no rate, no electrode, or rows too rare to be EEG.
    """
    header = header_of(head)
    if header.time is None and not (sfreq or header.sfreq):
        raise RecordingError(
            "no column of time, so its sampling rate is unknown: give it with --sfreq HZ"
        )
    labels = header.labels
    electrodes = select_electrodes(labels, montage, is_eeg=[bool(label) for label in labels])
    marks = _Labels()
    places = {"time": header.time, "marker": header.marker, "counter": header.counter}
    extra = [place for place in dict.fromkeys(places.values()) if place is not None]
    converters: dict[int, Converter] = {} if header.marker is None else {header.marker: marks}
    if header.time is not None:
        converters[header.time] = _stamp
    values, n_damaged = read_columns(
        path,
        [*extra, *electrodes.columns],
        skip_lines=header.skip_lines,
        layout=header.layout,
        converters=converters,
    )
    eeg = values[len(extra) :]
    column = {name: values[extra.index(p)] for name, p in places.items() if p is not None}
    held = ~np.isnan(eeg).all(axis=0)
    stamps: NDArray[np.float64] | None = None
    time_notes: tuple[str, ...] = ()
    if "time" in column:
        # Rows with a remark and no numbers are Mind Monitor's events.
        held &= np.isfinite(column["time"])
        stamps, time_notes = seconds_of(column["time"][held], header.time_name)
    rate, rate_notes = nominal_rate(stamps, sfreq or header.sfreq)
    scale, unit_notes = _scale([labels[i] for i in electrodes.columns], eeg[:, held])
    counter = (
        as_counter(column["counter"][held]) if stamps is None and "counter" in column else None
    )
    events = marks.rises(column["marker"]) if "marker" in column else []
    kept = np.maximum(np.cumsum(held) - 1, 0)
    remarks = (*electrodes.notes, *time_notes, *rate_notes, *unit_notes, *damaged_lines(n_damaged))
    return placed_recording(
        (eeg[:, held] * scale[:, np.newaxis]).astype(np.float32),
        rate,
        electrodes.names,
        stamps=stamps,
        counter=None if counter is None else Counter(0, *counter),
        column_events=[(int(kept[row]), label) for row, label in events],
        notes=remarks,
        source=str(path),
    )


def _scale(
    labels: Sequence[str], eeg: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return microvolts per number of each column, by the unit in its name or by its size."""
    units = [found[1] if (found := _UNIT.search(label)) else "" for label in labels]
    factors = np.array([microvolts_per(unit) or np.nan for unit in units])
    scale, notes = factors_by_size(eeg, factors)
    # Microvolts are what every device writes that names no unit.
    return scale, notes if (scale != 1).any() and np.isnan(factors).any() else ()


def _stamp(cell: str) -> float:
    """Return a number, or the Unix time of a date and time, of 1970 where only a time stands."""
    try:
        return float(cell)
    except ValueError:
        pass
    moment = cell.strip()
    try:
        moment = moment if "-" in moment else f"1970-01-01 {moment}"
        return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return float("nan")


class _Labels:
    """Numbers the labels of a column of markers as they come, 0 for none."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def __call__(self, cell: str) -> float:
        """Return the code of a cell."""
        label = cell.strip()[:MAX_LABEL]
        if re.fullmatch(r"-?\d+\.0*", label):
            label = label.split(".")[0]
        if label in ("", "0", "nan"):
            return 0.0
        return self._codes.setdefault(label, len(self._codes) + 1)

    def rises(self, codes: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Return the rows where the code changes, and label."""
        by_code = {code: label for label, code in self._codes.items()}
        rows = np.flatnonzero((np.diff(codes, prepend=0.0) != 0) & (codes > 0))
        return [(int(row), by_code[int(codes[row])]) for row in rows]
