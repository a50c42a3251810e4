"""The engine in a process of its own, for a window that may hang, crash or close."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streaming.processes.engine import Engine, EngineConfig

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.snapshot import Snapshot
    from streaming.stream import Marker

__all__ = ["Mark", "Quit", "Record", "Report", "StopRecording", "UseProfile", "run_engine"]

REPORT_EVERY_S = 0.05
"""Seconds between two reports to the window."""
OUTBOX_SIZE = 2000
"""Reports kept for a window that does not read; older ones stay, newer ones are dropped."""


@dataclass(frozen=True, slots=True)
class Report:
    """From the engine to the window: all that is new."""

    snapshot: Snapshot
    ring_name: str | None
    predictions: tuple[Prediction, ...] = ()
    markers: tuple[tuple[int, Marker], ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """From the window to the engine: set an event now."""

    label: str


@dataclass(frozen=True, slots=True)
class Record:
    """From the window to the engine: record into a new file."""

    path: Path


@dataclass(frozen=True, slots=True)
class StopRecording:
    """From the window to the engine: end the recording."""


@dataclass(frozen=True, slots=True)
class UseProfile:
    """From the window to the engine: decode with this calibration, or with none."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class Quit:
    """From the window to the engine: stop."""


def run_engine(config: EngineConfig, connection: Connection) -> None:
    """Body of the engine process.

    The window's death is seen as the end of the pipe; the engine then stops by itself. A recording
    comes to its proper end with it: all samples received are in the file, which is closed as by
    `StopRecording`. It does not go on without a window, for nobody could end it or see it fail, and
    a device that only one program may open would be taken when the user starts again.

    The connection takes `UseProfile`, `Mark`, `Record`, `StopRecording` and `Quit`, gives `Report`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = Engine(config)
    outbox = _Outbox(connection)
    engine.start()
    try:
        next_report = 0.0
        predictions: list[Prediction] = []
        markers: list[tuple[int, Marker]] = []
        while not _obeyed_quit(connection, engine) and not outbox.broken:
            predictions += [answer.prediction for answer in engine.poll(timeout_s=0.02)]
            markers += engine.new_markers()
            if predictions or markers or time.monotonic() >= next_report:
                next_report = time.monotonic() + REPORT_EVERY_S
                outbox.put(
                    Report(engine.snapshot(), engine.ring_name, tuple(predictions), tuple(markers))
                )
                predictions, markers = [], []
    finally:
        engine.stop()
        outbox.close(Report(engine.snapshot(), None))


def _obeyed_quit(connection: Connection, engine: Engine) -> bool:
    """Carry out what the window asks for; True when it wants an end or is gone."""
    try:
        while connection.poll():
            command = connection.recv()
            if isinstance(command, Quit):
                return True
            if isinstance(command, Mark):
                engine.mark(command.label)
            elif isinstance(command, UseProfile):
                engine.use_profile(command.path)
            elif isinstance(command, Record):
                engine.start_recording(command.path)
            elif isinstance(command, StopRecording):
                engine.stop_recording()
    except (EOFError, OSError):
        return True
    return False


class _Outbox:
    """Sends on a thread of its own, so that a window that hangs never holds the engine up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queue: queue.Queue[Report | None] = queue.Queue(OUTBOX_SIZE)
        self._thread = threading.Thread(target=self._send, name="outbox", daemon=True)
        self._thread.start()
        self.broken = False

    def put(self, report: Report) -> None:
        """Queue a report; dropped when the window has not read for minutes."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(report)

    def close(self, last: Report) -> None:
        """Send what is queued and `last`, waiting at most a second."""
        self.put(last)
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(1.0)

    def _send(self) -> None:
        try:
            while (report := self._queue.get()) is not None:
                self._connection.send(report)
        except OSError:
            self.broken = True
