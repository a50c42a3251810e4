"""``mdjpt export``: a recording in the format of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.options import Board, Montage, Sfreq, Stream

__all__ = ["export"]


def export(
    file: Annotated[Path, typer.Argument(help="Recording of any readable kind.")],
    to: Annotated[
        Literal["bids", "edf", "bdf", "brainvision", "fif", "csv"], typer.Option(help="Format.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; the folder of the dataset for bids.")],
    *,
    subject: Annotated[
        str | None, typer.Option(help="bids: the participant's label, letters and digits.")
    ] = None,
    task: Annotated[str, typer.Option(help="bids: what was done.")] = "emotion",
    session: Annotated[str, typer.Option(help="bids: label of the session.")] = "",
    run: Annotated[str, typer.Option(help="bids: number of the run.")] = "",
    montage: Montage = None,
    stream: Stream = None,
    sfreq: Sfreq = None,
    board: Board = None,
) -> int:
    """Write a recording for other programs, with its events, gaps, remarks and predictions.

    Lost samples become straight lines that are marked BAD_ACQ_SKIP, so that everything keeps its
    time. No file is ever overwritten.
    """
    from mdjpt.recordings import read_recording
    from mdjpt.recordings.beside import read_beside
    from mdjpt.recordings.export import export_recording
    from mdjpt.recordings.export_bids import BidsNames

    names = None if subject is None else BidsNames(subject, task, session, run)
    recording = read_recording(file, montage=montage, stream=stream, sfreq=sfreq, board=board)
    exported = export_recording(recording, read_beside(recording, stream), to, out, names)
    for note in (*recording.notes, *exported.notes):
        typer.echo(f"note: {note}", err=True)
    for path in exported.files:
        typer.echo(f"exported: {path}")
    return 0
