"""CSV files with a header of channel names: muselsl, Mind Monitor, EmotivPRO and alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.recordings.placement import placed_recording, steady_rate
from mdjpt.recordings.text_table import damaged_lines, head_of, in_seconds, read_columns

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.recordings.recording import Recording

__all__ = ["read"]

MIN_SFREQ = 50.0
HEADER_LINES = 4
MAX_LABEL = 1000
# Rates that headsets have; a measured rate within the tolerance is one of them.
USUAL_RATES = (
    100.0, 125.0, 128.0, 160.0, 200.0, 220.0, 250.0, 256.0, 300.0, 500.0, 512.0, 1000.0, 1024.0,
    2000.0, 2048.0,
)  # fmt: skip
RATE_TOLERANCE = 0.01

_TIME = re.compile(r"(lsl[ _])?time[ _]?(stamps?|s)?( ?[(\[].*[)\]])?", re.IGNORECASE)
_MARKER = re.compile(r"marker\w*|event|trigger|elements|.*markervalueint", re.IGNORECASE)
_BAND_POWER = re.compile(r"(delta|theta|alpha|beta|gamma|pow)[._]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Header:
    """The line of names and where it stands."""

    names: tuple[str, ...]
    skip_lines: int
    time: int
    marker: int | None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names without the prefixes of raw columns; "" for columns of time, markers and power."""
        raw_only = any(name.startswith("RAW_") for name in self.names)
        aside = {self.time, self.marker}
        return tuple(
            ""
            if i in aside or _BAND_POWER.match(name) or (raw_only and not name.startswith("RAW_"))
            else re.sub(r"^(RAW_|EEG\.)", "", name)
            for i, name in enumerate(self.names)
        )

    @property
    def named_ms(self) -> bool:
        """Whether the column of time is called milliseconds."""
        return re.search(r"\bms\b", self.names[self.time], re.IGNORECASE) is not None


def read(path: Path, montage: tuple[str, ...] | None) -> Recording:
    """Read EEG, time stamps and markers of a CSV file.

    Parameters
    ----------
    path : Path
        A file with a line of names, one of them of the time.
    montage : tuple of str or None
        Names for the EEG columns.

    Returns
    -------
    Recording
        Placed by the file's time stamps; its values are taken as microvolts.

    Raises
    ------
    RecordingError
        No header, no time column, no electrode, or rows too rare to be EEG.
    """
    header = _header(head_of(path))
    labels = header.labels
    electrodes = select_electrodes(labels, montage, is_eeg=[bool(label) for label in labels])
    marks = _Labels()
    columns = [header.time, header.time if header.marker is None else header.marker]
    values, n_damaged = read_columns(
        path,
        [*columns, *electrodes.columns],
        skip_lines=header.skip_lines,
        converters={columns[1]: marks, header.time: _seconds},
    )
    stamps, codes, eeg = in_seconds(values[0], named_ms=header.named_ms), values[1], values[2:]
    # Rows with a remark and no numbers are Mind Monitor's events.
    held = np.isfinite(stamps) & ~np.isnan(eeg).all(axis=0)
    sfreq, rate_notes = _rate(stamps[held])
    events = () if header.marker is None else marks.rises(codes)
    column = np.maximum(np.cumsum(held) - 1, 0)
    return placed_recording(
        eeg[:, held].astype(np.float32),
        sfreq,
        electrodes.names,
        stamps=stamps[held],
        column_events=[(int(column[row]), label) for row, label in events],
        notes=(*electrodes.notes, *rate_notes, *damaged_lines(n_damaged)),
        source=str(path),
    )


def _header(head: list[str]) -> _Header:
    """Find the line of names: the first that has a column of time."""
    for number_of_line, line in enumerate(head[:HEADER_LINES]):
        names = tuple(name.strip().strip('"') for name in line.split(","))
        time = next((i for i, name in enumerate(names) if _TIME.fullmatch(name)), None)
        if time is not None and len(names) > 1:
            marker = next((i for i, name in enumerate(names) if _MARKER.fullmatch(name)), None)
            return _Header(names, number_of_line + 1, time, marker)
    raise RecordingError(
        "no header with a column of time, so its sampling rate is unknown; "
        "its first line should read as in timestamps,TP9,AF7,AF8,TP10"
    )


def _seconds(cell: str) -> float:
    """Return seconds of a number, or of a date and time as Mind Monitor writes it."""
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(cell.strip()).replace(tzinfo=UTC).timestamp()
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


def _rate(stamps: NDArray[np.float64]) -> tuple[float, tuple[str, ...]]:
    """Return the nominal sampling rate behind the time stamps, and a remark when it is unusual."""
    measured = steady_rate(stamps)
    if measured < MIN_SFREQ:
        raise RecordingError(
            f"{measured:.3g} rows a second are no raw EEG; "
            "record every sample (Mind Monitor: recording interval 'constant')"
        )
    usual = min(USUAL_RATES, key=lambda rate: abs(rate - measured))
    if abs(measured / usual - 1) <= RATE_TOLERANCE:
        return usual, ()
    return round(measured, 2), (f"sampling rate {measured:.2f} Hz taken from the time stamps",)
