"""Events from the LSL marker streams of one computer."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NoAnswer

from mdjpt.errors import SourceLost
from streaming.stream import Marker

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from streaming.sources.lsl_link.streams import StreamWatch

__all__ = ["MarkerConnection", "MarkerInlets"]

_ANSWER_S = 2.0
_LOOK_EVERY_S = 0.5
_MAX_MARKERS = 1024


class MarkerConnection:
    """An open inlet of a stream of events.

    Parameters
    ----------
    info : pylsl.StreamInfo
        What the resolver found.
    timeout_s : float
        Longest wait for each answer of the sender.

    Raises
    ------
    SourceLost
        The stream does not answer any more.
    """

    def __init__(self, info: Any, timeout_s: float) -> None:
        self._inlet = pylsl.StreamInlet(info, recover=False)
        try:
            self._inlet.open_stream(timeout=timeout_s)
            self._correction = self._inlet.time_correction(timeout=timeout_s)
        except (LostError, NoAnswer):
            raise SourceLost(f"LSL stream {info.name()!r} does not answer") from None

    def pull(self) -> list[Marker]:
        """Return the events that have come; never blocks. SourceLost when the sender has gone."""
        try:
            rows, stamps = self._inlet.pull_chunk(0.0, _MAX_MARKERS)
        except LostError:
            raise SourceLost("marker stream has gone") from None
        return [
            Marker.of_label(stamp + self._correction, ",".join(str(value) for value in row))
            for row, stamp in zip(rows, stamps, strict=True)
        ]

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


class MarkerInlets:
    """Every marker stream of one computer, connected to as it appears.

    Connecting takes a second and is done by `worker`; the thread that reads never waits for it.

    Parameters
    ----------
    watch : StreamWatch
        Knows the streams.
    hostname : str
        The computer that sends the EEG.
    worker : Executor
        Makes the connections.
    """

    def __init__(self, watch: StreamWatch, hostname: str, worker: Executor) -> None:
        self._watch = watch
        self._hostname = hostname
        self._worker = worker
        self._known: set[str] = set()
        self._connecting: list[Future[MarkerConnection]] = []
        self._connected: list[MarkerConnection] = []
        self._looked = 0.0

    def connect(self, timeout_s: float) -> None:
        """Connect to the streams that are there now, waiting at most `timeout_s`."""
        self._look()
        wait(self._connecting, timeout_s)

    def pull(self, now: float) -> list[Marker]:
        """Return the events that have come since the last call; never blocks.

        Parameters
        ----------
        now : float
            Monotonic clock, seconds.
        """
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._look()
        self._adopt()
        markers: list[Marker] = []
        for connection in list(self._connected):
            try:
                markers += connection.pull()
            except SourceLost:
                self._connected.remove(connection)
        return markers

    def close(self) -> None:
        """Disconnect from all."""
        self._adopt()
        for connection in self._connected:
            connection.close()
        self._connected.clear()

    def _look(self) -> None:
        for info in self._watch.visible():
            if self._is_new(info):
                self._known.add(info.uid())
                self._connecting.append(self._worker.submit(MarkerConnection, info, _ANSWER_S))

    def _is_new(self, info: Any) -> bool:
        is_marker = info.type().lower() == "markers" and info.hostname() == self._hostname
        return is_marker and info.uid() not in self._known

    def _adopt(self) -> None:
        """Take over the connections that are made; one that failed is forgotten."""
        for future in [f for f in self._connecting if f.done()]:
            self._connecting.remove(future)
            if not future.cancelled() and future.exception() is None:
                self._connected.append(future.result())
