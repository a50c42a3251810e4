"""``mdjpt check``: is a recording as it was written, and what is in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings import read_recording
from mdjpt.recordings.checksums import check_parts, checksum_path

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings import Recording

__all__ = ["check_recording"]


def check_recording(path: Path) -> int:
    """Print what a recording holds and whether its checksums agree.

    Parameters
    ----------
    path : Path
        Recording of any readable kind; only this program's have checksums.

    Returns
    -------
    int
        0 when nothing is damaged, also of a file whose end is torn; 2 otherwise.

    Raises
    ------
    RecordingError
        It cannot be read at all.
    """
    recording = read_recording(path)
    sys.stdout.write(f"{path.name}: {_described(recording)}\n")
    damaged, verdict = _verdict(path)
    sys.stdout.write(f"{verdict}\n")
    for note in recording.notes:
        sys.stdout.write(f"note: {note}\n")
    if damaged:
        raise RecordingError(f"{path}: damaged; restore it from a copy if there is one")
    return 0


def _described(recording: Recording) -> str:
    n_lost = 0
    if recording.positions is not None:
        n_lost = int((np.diff(recording.positions) - 1).sum())
    simulated = " (SIMULATED SIGNAL)" if recording.simulated else ""
    return (
        f"{recording.n_channels} channels, {recording.sfreq:g} Hz, {recording.duration_s:.1f} s, "
        f"{n_lost} samples lost, {len(recording.markers)} events{simulated}"
    )


def _verdict(path: Path) -> tuple[bool, str]:
    try:
        lines = checksum_path(path).read_bytes()
    except OSError:
        return False, "no checksums beside it: only its layout could be checked"
    checked = check_parts(path.read_bytes(), lines)
    if checked.damaged or checked.lines_damaged:
        return True, "its checksums do not agree:"
    return False, f"its checksums agree: {checked.n_parts} parts are as they were written"
