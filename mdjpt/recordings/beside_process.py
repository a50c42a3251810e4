"""Entry module of the process that reads what an XDF file holds beside its EEG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.guard.process import serve
from mdjpt.recordings.xdf_content import load_streams
from mdjpt.recordings.xdf_file import chosen_stream, positions_of
from mdjpt.recordings.xdf_layout import POSITIONS_TYPE, PREDICTIONS_TYPE

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings.xdf_content import XdfStream

__all__ = ["read_fields"]


def read_fields(path: Path, stream: str | None) -> dict[str, Any]:
    """Return what `mdjpt.recordings.beside` places on the samples of the EEG."""
    streams, _ = load_streams(path)
    eeg = chosen_stream([s for s in streams if not s.is_text], stream)
    positions = positions_of(streams, eeg)
    others = [s for s in streams if _is_other(s, eeg)]
    texts = [s for s in streams if s.is_text and s.kind == PREDICTIONS_TYPE]
    return {
        "stamps": eeg.stamps,
        "nominal_sfreq": eeg.sfreq,
        "first_sample": 0 if positions is None else int(positions.values[0, 0]),
        "predictions": [
            (row[0], s.facts.get("model", "")) for s in texts for row in s.values if row
        ],
        "others": [_fields(s) for s in others],
        "notes": [eeg.facts["notes"]] if "notes" in eeg.facts else [],
    }


def _is_other(stream: XdfStream, eeg: XdfStream) -> bool:
    """Tell a stream of signals from EEG, events and this program's own."""
    if stream.is_text or stream is eeg or stream.kind == POSITIONS_TYPE or not len(stream.stamps):
        return False
    return stream.sfreq > 0 or "mark" not in stream.kind.lower()


def _fields(stream: XdfStream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "kind": stream.kind,
        "sfreq": stream.sfreq,
        "labels": stream.labels,
        "units": [channel.get("unit", "") for channel in stream.channels],
        "stamps": stream.stamps,
        "values": np.asarray(stream.values, np.float64).T,
    }


if __name__ == "__main__":
    serve(read_fields)
