"""Recordings as FIF and BrainVision, through MNE and pybv."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import RecordingError, one_line
from mdjpt.guard.extras import require_extra
from mdjpt.recordings.export_layout import NOTE
from mdjpt.signal.units import MICROVOLTS_PER_VOLT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mdjpt.recordings.export_layout import ExportEvent, ExportSignal

__all__ = ["as_annotations", "as_raw", "write_brainvision", "write_fif"]


def as_raw(signal: ExportSignal) -> Any:
    """Return a recording as ``mne.io.RawArray``, in volts, with its events as annotations."""
    import mne

    info = mne.create_info(list(signal.ch_names), signal.sfreq, "eeg")
    raw = mne.io.RawArray(signal.samples / MICROVOLTS_PER_VOLT, info, verbose="ERROR")
    raw.info["bads"] = list(signal.bads)
    if signal.began_at_s is not None:
        raw.set_meas_date(signal.began_at_s)
    return raw.set_annotations(as_annotations(signal.marks.annotations, signal.sfreq))


def as_annotations(events: Iterable[ExportEvent], sfreq: float) -> Any:
    """Return events, placed on samples, as ``mne.Annotations``."""
    import mne

    found = list(events)
    return mne.Annotations(
        [event.first / sfreq for event in found],
        [event.n_times / sfreq for event in found],
        [event.label for event in found],
    )


def write_fif(path: Path, signal: ExportSignal) -> tuple[str, ...]:
    """Write a FIF file of MNE, float32; remark on its name, where MNE expects another.

    An existing file is replaced.

    Raises RecordingError: it cannot be written.
    """
    try:
        as_raw(signal).save(path, fmt="single", overwrite=True, verbose="ERROR")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror or error}") from None
    if path.name.endswith(("_raw.fif", "_eeg.fif", "-raw.fif", "raw.fif")):
        return ()
    return ("MNE expects the names of such files to end in _eeg.fif or _raw.fif",)


def write_brainvision(path: Path, signal: ExportSignal) -> tuple[str, ...]:
    """Write a BrainVision header with its samples (float32, microvolts) and markers beside it.

    None of the three files may exist. Nothing is remarked: samples are kept as they are.

    Raises RecordingError: it does not fit into the format, or cannot be written. Raises MdjptError:
    the extra ``export`` is missing.
    """
    pybv = require_extra("export", "pybv")
    began = None
    if signal.began_at_s is not None:
        began = datetime.datetime.fromtimestamp(signal.began_at_s, datetime.UTC)
    events = [
        {
            "type": "Comment",
            "description": _described(event.label),
            "onset": event.first,
            "duration": max(1, event.n_times),
            "channels": "all",
        }
        for event in signal.marks.annotations
    ]
    try:
        pybv.write_brainvision(
            data=signal.samples.astype(np.float64) / MICROVOLTS_PER_VOLT,
            sfreq=signal.sfreq,
            ch_names=list(signal.ch_names),
            fname_base=path.stem,
            folder_out=path.parent,
            events=events,
            resolution=1.0,
            unit="µV",
            fmt="binary_float32",
            meas_date=began,
        )
        _call_bad(path.with_suffix(".vmrk"))
    except (ValueError, OSError) as error:
        raise RecordingError(f"{path}: cannot be written: {one_line(error)}") from None
    return ()


def _described(label: str) -> str:
    r"""Return a label as BrainVision writes it: a comma ends a field and becomes ``\1``."""
    if label.startswith(NOTE):
        return " ".join(label.replace(",", ";").split())
    return " ".join(label.split()).replace(",", "\\1") or "event"


def _call_bad(markers: Path) -> None:
    """Give bad spans BrainVision's own type, which pybv does not write: MNE leaves these out."""
    text = markers.read_text(encoding="utf-8")
    markers.write_text(text.replace("=Comment,BAD", "=Bad Interval,BAD"), encoding="utf-8")
