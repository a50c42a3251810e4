"""``mdjpt record``: raw signals and events into a file, without a model."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.interruption import stopped_by_signal
from app.cli.options import Montage, RecordStreams, SourceName, Speed, named_streams, positive

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from streaming.processes.engine import Engine
    from streaming.snapshot import Snapshot

__all__ = ["record", "tell_recorded"]

POLL_S = 0.1


def record(
    source: SourceName,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to record into; the program's own by default.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds of signal to record.", callback=positive)
    ] = None,
    record_stream: RecordStreams = None,
    speed: Speed = 1.0,
    montage: Montage = None,
) -> int:
    """Record a source without decoding it, until Ctrl-C or its end."""
    from app.recording_files import default_recordings, new_recording
    from app.session import SessionConfig, engine_config
    from mdjpt.recordings import montage_names
    from streaming.processes.engine import Engine
    from streaming.sources.source_spec import parse_source

    config = SessionConfig(
        source=parse_source(source),
        bundle=None,
        montage=montage_names(montage) or (),
        speed=speed,
        duration_s=duration,
        record_streams=named_streams(record_stream),
        record=new_recording(out or default_recordings()),
    )
    engine = Engine(engine_config(config))
    with stopped_by_signal() as stopped, _status_line() as show:
        engine.start()
        try:
            _follow(engine, stopped, show)
        finally:
            engine.stop()
    shot = engine.snapshot()
    if shot.recording_error:
        typer.echo(f"mdjpt: {shot.recording_error}", err=True)
    if tell_recorded(config.record, err=False):
        lost = f"{shot.n_lost} samples lost in {shot.n_gaps} gaps"
        typer.echo(f"{shot.recorded_s:.1f} s, {lost}")
    else:
        typer.echo("nothing was recorded", err=True)
    if engine.failure is not None:
        raise engine.failure
    return 2 if shot.recording_error else 0


def tell_recorded(path: Path | None, *, err: bool = True) -> bool:
    """Name the file of a session that has ended, or on stderr; False when there is none."""
    if path is None or not path.exists():
        return False
    typer.echo(f"recorded: {path}", err=err)
    return True


def tell_new(shot: Snapshot, told: frozenset[str]) -> frozenset[str]:
    """Say on standard error what the user was not told yet, and what is over; return what holds."""
    from streaming.snapshot import OVER

    remarks = shot.remarks
    over = [OVER[remark] for remark in told if remark in OVER and remark not in remarks]
    for remark in (*over, *(remark for remark in remarks if remark not in told)):
        typer.echo(f"note: {remark}", err=True)
    return frozenset(remarks)


def _follow(engine: Engine, stopped: threading.Event, show: Callable[[Snapshot], None]) -> None:
    """Wait for the end of the source or of the recording, and say what happens meanwhile."""
    told = frozenset[str]()
    while not (engine.done or stopped.is_set()):
        engine.poll(POLL_S)
        shot = engine.snapshot()
        show(shot)
        told = tell_new(shot, told)
        if shot.recording_error and not shot.recording:
            return


@contextmanager
def _status_line() -> Iterator[Callable[[Snapshot], None]]:
    """Yield what shows the state in a line that changes in place; in a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _shot: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        yield lambda shot: live.update(Text(_described(shot)), refresh=True)


def _described(shot: Snapshot) -> str:
    if shot.info is None:
        return "connecting ..."
    return (
        f"● {shot.recorded_s:.0f} s  {shot.info.name}: {shot.info.n_channels} channels, "
        f"{shot.measured_sfreq:.1f} Hz, {shot.n_lost} lost, {shot.state}  Ctrl-C ends"
    )
