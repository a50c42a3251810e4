"""Files that are not one piece: records with gaps, seams, and spans that are marked as bad."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    Event = tuple[float, float, str]

__all__ = ["record_positions", "split_events"]

# EDF+ (Kemp and Olivan 2003, doi:10.1016/S1388-2457(03)00123-8), section 2.2.4: each record begins
# with its onset; "+D" in the reserved field says that records do not follow one another.
_HEADER_BYTES = 256
_RESERVED, _RECORD_S, _N_SIGNALS = slice(192, 236), slice(244, 252), slice(252, 256)
_ONSET = re.compile(rb"[+-]\d{1,12}(\.\d{0,12})?(?=\x14\x14|\x15)")

# Seams as EEGLAB, BrainVision and MNE mark them; MNE leaves out whatever begins with BAD or EDGE.
_SEAM = re.compile(r"boundary|New Segment/.*|EDGE.*", re.IGNORECASE)
_BAD = re.compile(r"BAD", re.IGNORECASE)


def record_positions(path: Path, sfreq: float, n_times: int) -> NDArray[np.int64] | None:
    """Return the positions of the samples of an EDF+ or BDF+ file whose records leave gaps.

    From 0 on, int64, shape (n_times,); None for a file whose records follow one another.

    Raises RecordingError: the onset of a record is missing, or records overlap.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if b"+D" not in head[_RESERVED]:
            return None
        n_signals = int(head[_N_SIGNALS])
        signals = file.read(_HEADER_BYTES * n_signals)
    n_record, text = _layout(signals, n_signals, 3 if head[:1] == b"\xff" else 2)
    content = np.memmap(path, np.uint8, "r", offset=_HEADER_BYTES * (n_signals + 1))
    records = content[: len(content) // n_record * n_record].reshape(-1, n_record)
    onsets = np.array([_onset(row.tobytes()) for row in records[:, text]])
    per_record = round(float(head[_RECORD_S]) * sfreq)
    regular = np.arange(len(onsets)) * per_record
    late = np.round((onsets - onsets[0]) * sfreq).astype(np.int64) - regular
    if (np.diff(late) < -1).any():
        raise RecordingError("its records overlap: one begins before the last one ends")
    firsts = regular + np.maximum.accumulate(late)
    return (firsts[:, None] + np.arange(per_record)).reshape(-1)[:n_times]


def _layout(signals: bytes, n_signals: int, width: int) -> tuple[int, slice]:
    """Return the bytes of a record and where in it the text with its onset lies."""
    labels = [signals[16 * i : 16 * i + 16] for i in range(n_signals)]
    counts = [int(signals[216 * n_signals + 8 * i :][:8]) for i in range(n_signals)]
    text = next((i for i, label in enumerate(labels) if b" Annotations" in label), None)
    if text is None:
        raise RecordingError("says that its records leave gaps, but not where")
    first = width * sum(counts[:text])
    return width * sum(counts), slice(first, first + width * counts[text])


def _onset(text: bytes) -> float:
    """Return the onset of a record in seconds."""
    found = _ONSET.match(text)
    if found is None:
        raise RecordingError("the onset of one of its records is missing; damaged?")
    return float(found[0])


def split_events(
    events: Iterable[Event], sfreq: float
) -> tuple[list[Event], tuple[tuple[int, int], ...], tuple[str, ...]]:
    """Tell events of the participant from spans that are not to be used.

    Parameters
    ----------
    events : iterable of (float, float, str)
        Onset and duration in seconds, and label.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    kept : list of (float, float, str)
        The events that are none of these.
    excluded : tuple of (int, int)
        Positions ``[first, stop)``: the spans that are marked BAD, and one sample behind a seam
        (boundary, New Segment, EDGE), so that no window crosses it.
    notes : tuple of str
        What is left out, one line each.
    """
    kept: list[Event] = []
    spans: dict[tuple[int, int], str] = {}
    for onset, duration, label in events:
        first = math.ceil(round(onset * sfreq, 3))
        if _BAD.match(label) and duration > 0:
            spans[max(0, first), math.ceil(round((onset + duration) * sfreq, 3))] = label
        elif not (_SEAM.fullmatch(label) or _BAD.match(label)):
            kept.append((onset, duration, label))
        elif first > 0:
            spans.setdefault((first, first + 1), label)
    notes = [_said(span, label.strip("/"), sfreq) for span, label in sorted(spans.items())]
    return kept, tuple(sorted(spans)), tuple(notes)


def _said(span: tuple[int, int], label: str, sfreq: float) -> str:
    first, stop = span
    if stop - first == 1:
        return f"{label[:40]} at {first / sfreq:.1f} s: no window crosses it"
    return f"{label[:40]} from {first / sfreq:.1f} to {stop / sfreq:.1f} s: left out"
