"""``mdjpt replay``: a recording as an LSL stream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.interruption import stopped_by_signal
from app.cli.options import Board, Montage, Sfreq, Stream, positive
from streaming.sources.fault_kinds import fault_help

if TYPE_CHECKING:
    from mdjpt.recordings import Recording
    from streaming.sources.replay import Replayer

__all__ = ["replay"]


def replay(
    file: Annotated[Path, typer.Argument(help="Recording to send.")],
    *,
    speed: Annotated[float, typer.Option(help="Times real time.", callback=positive)] = 1.0,
    start: Annotated[float, typer.Option(help="Second of the recording to start at.")] = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end.")] = False,
    stream_name: Annotated[str | None, typer.Option(help="Name of the LSL stream.")] = None,
    faults: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND=VALUE", help=fault_help()),
    ] = None,
    montage: Montage = None,
    stream: Stream = None,
    sfreq: Sfreq = None,
    board: Board = None,
) -> int:
    """Send a recording as an LSL stream."""
    from mdjpt.recordings import read_recording
    from streaming.sources.fault_kinds import parse_faults
    from streaming.sources.replay import Replayer

    recording = read_recording(file, montage=montage, stream=stream, sfreq=sfreq, board=board)
    replayer = Replayer(
        recording,
        speed=speed,
        start_s=start,
        loop=loop,
        stream_name=stream_name,
        faults=parse_faults(faults or ()),
    )
    for note in recording.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(_introduction(replayer, recording), err=True)
    with stopped_by_signal() as stopped:
        replayer.run(stopped)
    typer.echo(f"sent {replayer.n_sent / recording.sfreq:.1f} s", err=True)
    return 0


def _introduction(replayer: Replayer, recording: Recording) -> str:
    name = replayer.stream_name
    events = f", events as {name}-markers" if recording.markers else ""
    return (
        f"sending {recording.n_channels} channels, {recording.sfreq:g} Hz, "
        f"{replayer.duration_s:.1f} s as lsl:{name}{events}; Ctrl-C ends\n"
        f"decode it from another terminal: mdjpt run 'lsl:{name}'\n"
        "LSL listens on all network interfaces: others in the network can read this stream"
    )
