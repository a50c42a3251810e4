"""``mdjpt check``: is a recording as it was written, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Board, Montage, Sfreq, Stream
from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from mdjpt.recordings import Recording

__all__ = ["check"]


def check(
    file: Annotated[Path, typer.Argument(help="Recording of any readable kind.")],
    *,
    montage: Montage = None,
    stream: Stream = None,
    sfreq: Sfreq = None,
    board: Board = None,
) -> int:
    """Say what a recording holds and whether it is as it was written.

    A file whose end is torn counts as sound: its last part was never written.
    """
    from mdjpt.recordings import read_recording

    recording = read_recording(file, montage=montage, stream=stream, sfreq=sfreq, board=board)
    typer.echo(f"{file.name}: {_described(recording)}")
    damaged, verdict = _verdict(file)
    typer.echo(verdict)
    for note in recording.notes:
        typer.echo(f"note: {note}")
    if damaged:
        raise RecordingError(f"{file}: damaged; restore it from a copy if there is one")
    return 0


def _described(recording: Recording) -> str:
    gaps = recording.gaps
    n_lost = sum(stop - first for first, stop in gaps)
    where = f" in {len(gaps)} gap{'s' * (len(gaps) > 1)}" if gaps else ""
    simulated = " (SIMULATED SIGNAL)" if recording.simulated else ""
    return (
        f"{recording.n_channels} channels, {recording.sfreq:g} Hz, {recording.duration_s:.1f} s, "
        f"{n_lost} samples lost{where}, {len(recording.markers)} events{simulated}"
    )


def _verdict(path: Path) -> tuple[bool, str]:
    from mdjpt.recordings.checksums import check_parts, checksum_path

    try:
        lines = checksum_path(path).read_bytes()
    except OSError:
        return False, "no checksums beside it: only its layout could be checked"
    checked = check_parts(path.read_bytes(), lines)
    if checked.damaged or checked.lines_damaged:
        return True, "its checksums do not agree:"
    return False, f"its checksums agree: {checked.n_parts} parts are as they were written"
