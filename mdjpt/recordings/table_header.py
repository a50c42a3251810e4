"""The line of a table that names its columns, and what the names say."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdjpt.errors import RecordingError
from mdjpt.recordings.text_table import TextLayout, layout_of, number
from mdjpt.signal.montage import canonical_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TableHeader", "header_of"]

HEADER_LINES = 4

_TIME = re.compile(
    r"((lsl|unix|original)[ _]?)?time[ _]?(stamps?|s|sec|seconds|ms|us)?( ?[(\[].*[)\]])?"
    r"|time:\d+ ?hz|t( ?[(\[].*[)\]])?|t_?(s|ms|us)|seconds|milliseconds|datetime",
    re.IGNORECASE,
)
# EmotivPRO numbers its markers and gives their value in another column; the value is meant.
_MARKERS = (
    re.compile(r".*markervalueint|markervalue", re.IGNORECASE),
    re.compile(r"marker[s\d]*|event ?\w*|trigger|elements|annotations?|stim", re.IGNORECASE),
    re.compile(r"marker\w*", re.IGNORECASE),
)
_COUNTER = re.compile(r"(EEG\.)?COUNTER|sample ?(index|number)|packet ?(count|num)", re.IGNORECASE)
_BAND_POWER = re.compile(r"(delta|theta|alpha|beta|gamma|pow)[._]", re.IGNORECASE)
# Emotiv's Pure.EEG and EmotivPRO 1: all in one line before the numbers.
_ONE_LINE = re.compile(r"sampling:\s*(?:eeg_)?(?P<sfreq>\d+)\b.*labels:(?P<names>[^,;]+)")


@dataclass(frozen=True, slots=True)
class TableHeader:
    """Names of the columns."""

    names: tuple[str, ...]
    """One a column, "" where the table has none."""
    skip_lines: int
    """Lines before the first row of numbers."""
    layout: TextLayout
    """How cells are told apart."""
    # Columns of time stamps, of events and of the device's sample counter.
    time: int | None = None
    marker: int | None = None
    counter: int | None = None
    sfreq: float | None = None
    """Hz, where the head of the table tells it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names without the prefixes of raw columns; "" for columns of time, markers and power."""
        raw_only = any(n.startswith("RAW_") and canonical_name(n[4:]) for n in self.names)
        aside = {self.time, self.marker}
        return tuple(
            ""
            if i in aside or _BAND_POWER.match(name) or (raw_only and not name.startswith("RAW_"))
            else re.sub(r"^(RAW_|EEG\.)", "", name)
            for i, name in enumerate(self.names)
        )

    @property
    def time_name(self) -> str:
        """Name of the column of time."""
        return "" if self.time is None else self.names[self.time]


def header_of(head: Sequence[str]) -> TableHeader:
    """Find the line of names: the first with a column of time, else the first with electrodes.

    Columns of a table of numbers alone are numbered.

    Raises RecordingError: no line names columns.
    """
    layout = layout_of(head)
    rows = [layout.cells(line) for line in head[:HEADER_LINES]]
    for n, cells in enumerate(rows):
        if len(cells) > 1 and any(_TIME.fullmatch(name) for name in cells):
            return _header(cells, n + 1, layout)
    one_line = _ONE_LINE.search(head[0]) if head else None
    if one_line is not None:
        return _header(one_line["names"].split(), 1, layout, float(one_line["sfreq"]))
    for n, cells in enumerate(rows):
        if sum(canonical_name(name) is not None for name in cells) > 1:
            return _header(cells, n + 1, layout)
    if rows and len(rows[0]) > 1 and all(math.isfinite(number(cell)) for cell in rows[0]):
        return _header([f"column {n}" for n in range(1, len(rows[0]) + 1)], 0, layout)
    raise RecordingError(
        "no line that names its columns; its first line should read as in "
        "timestamps,TP9,AF7,AF8,TP10, or, without a column of time, as in Fp1,Fp2,C3,C4 with "
        "--sfreq HZ"
    )


def _header(
    names: Sequence[str], skip_lines: int, layout: TextLayout, sfreq: float | None = None
) -> TableHeader:
    times = [] if sfreq else [i for i, name in enumerate(names) if _TIME.fullmatch(name)]
    markers = [i for rule in _MARKERS for i, name in enumerate(names) if rule.fullmatch(name)]
    counters = [i for i, name in enumerate(names) if _COUNTER.fullmatch(name)]
    return TableHeader(
        tuple(names),
        skip_lines,
        layout,
        time=next(iter(times), None),
        marker=next(iter(markers), None),
        counter=next(iter(counters), None),
        sfreq=sfreq,
    )
