"""A connection to an LSL stream that is made again whenever its sender comes back."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdjpt.errors import SourceChanged, SourceLost, printable
from streaming.sources.lsl_link.connection import LSLConnection

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    import numpy as np
    from numpy.typing import NDArray

    from streaming.sources.lsl_link.streams import StreamQuery, StreamWatch

__all__ = ["ANSWER_S", "LSLLink"]

ANSWER_S = 2.0
"""Longest wait for each answer of a sender that came back."""
SILENT_S = 2.0
"""After this long without a sample, the same stream sent anew from elsewhere takes over."""
_POLL_S = 0.05
_LOOK_EVERY_S, _LOOK_SOON_S = 1.0, 0.25


class LSLLink:
    """Samples of one stream across all deaths and returns of its sender. One thread pulls.

    LSL's own recovery resumes a stream that returned with another rate, and hangs for good on one
    that returned with other channels, both without a word; it is not used.

    Parameters
    ----------
    connection : LSLConnection
        The first connection.
    query : StreamQuery
        Which stream was asked for.
    watch : StreamWatch
        Knows the streams.
    worker : Executor
        Makes the further connections, so that the thread that pulls never waits for one.
    lost_after_s : float
        A stream that stays away for this long is lost for good.
    clock : callable
        Monotonic clock, seconds.
    """

    def __init__(
        self,
        connection: LSLConnection,
        query: StreamQuery,
        watch: StreamWatch,
        worker: Executor,
        *,
        lost_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection: LSLConnection | None = connection
        self._query = query
        self._watch = watch
        self._neighbours: set[str] = set()
        self._silent: set[str] = set()  # those that were connected to since the last sample
        self._worker = worker
        self._lost_after_s = lost_after_s
        self._clock = clock
        self._returning: Future[LSLConnection] | None = None
        self._last_sample = self._looked = self._connected_at = clock()
        self._empty = connection.empty()
        self.description = connection.description
        self.max_samples = connection.max_samples
        self.n_connections = 1
        """Grows by one each time that the stream is taken up again."""
        self.notes: list[str] = []
        """Remarks for the user; whoever shows them takes them out."""

    @property
    def silent_s(self) -> float:
        """Seconds since the last sample."""
        return self._clock() - self._last_sample

    def pull(self, timeout_s: float, at_least: int = 1) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return what has come as :meth:`LSLConnection.pull` does, nothing while there is no link.

        Raises
        ------
        SourceChanged
            The stream came back with another rate, channel count, labels or units.
        SourceLost
            It stayed away for too long.
        """
        if self._connection is None:
            self._come_back(timeout_s)
            return self._empty
        try:
            samples, stamps = self._connection.pull(timeout_s, at_least)
        except SourceLost:
            self._disconnect()
            return self._empty
        if len(stamps):
            self._last_sample = self._clock()
            self._silent.clear()
            self._note_neighbours()
        else:
            self._look_for_a_newer_one()
        return samples, stamps

    def close(self) -> None:
        """Disconnect; a connection that is being made is left to the worker's end."""
        self._disconnect()
        if self._returning is not None:
            self._returning.add_done_callback(_close_connection)
            self._returning = None

    def _same_streams(self) -> list[Any]:
        """Return the visible streams with the identity of this one, or its only successor."""
        d, visible = self.description, self._watch.visible()
        named = replace(self._query, name=d.name, type=d.type, hostname=d.hostname)
        own = replace(named, source_id=d.source_id, hostname="" if d.source_id else d.hostname)
        found = own.select(visible)
        if found or self._query.source_id:
            return found
        # Some senders make up another identity whenever they start.
        others = replace(named, source_id="").select(visible)
        new = [info for info in others if info.uid() not in self._neighbours]
        return new if len(new) == 1 else []

    def _note_neighbours(self) -> None:
        """Remember, once a second, which streams are there beside this one."""
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._neighbours = {info.uid() for info in self._watch.visible()}

    def _look_for_a_newer_one(self) -> None:
        """Leave a silent connection when its sender was started anew beside it."""
        self._give_up_when_too_long()
        now = self._clock()
        silent_s = now - max(self._last_sample, self._connected_at)
        if self._connection is None or silent_s < SILENT_S or now - self._looked < _LOOK_SOON_S:
            return
        self._looked = now
        self._silent.add(self._connection.description.uid)
        if any(info.uid() not in self._silent for info in self._same_streams()):
            self._disconnect()
        elif len(self._silent) > 1:
            self._silent.clear()

    def _come_back(self, timeout_s: float) -> None:
        """Get on with a new connection, for at most `timeout_s`."""
        self._give_up_when_too_long()
        deadline = time.monotonic() + timeout_s
        if self._returning is None:
            found = self._same_streams()
            if not found:
                time.sleep(min(timeout_s, _POLL_S))
                return
            untried = [info for info in found if info.uid() not in self._silent] or found
            newest = max(untried, key=lambda info: info.created_at())
            self._returning = self._worker.submit(LSLConnection, newest, ANSWER_S)
        wait([self._returning], timeout_s)
        if self._returning.done() and not self._adopt(self._returning):
            time.sleep(max(0.0, min(_POLL_S, deadline - time.monotonic())))

    def _adopt(self, made: Future[LSLConnection]) -> bool:
        """Take over a connection that was made, if it was and is to the same kind of stream."""
        self._returning = None
        try:
            connection = made.result()
        except SourceLost:
            return False
        changed = self.description.difference(connection.description)
        if changed:
            connection.close()
            raise SourceChanged(
                f"LSL stream {self.description.name!r} came back changed ({changed}); "
                "connect again to use it as it is now"
            )
        was, self.description = self.description, connection.description
        if was.source_id != self.description.source_id:
            self.notes.append(
                f"LSL stream {was.name!r} came back under another source_id, "
                f"{printable(self.description.source_id) or 'none'}: taken up again"
            )
        self._connection = connection
        self._connected_at = self._clock()
        self.n_connections += 1
        return True

    def _give_up_when_too_long(self) -> None:
        if self.silent_s > self._lost_after_s:
            name = self.description.name
            raise SourceLost(f"LSL stream {name!r} has been silent for {self.silent_s:.0f} s")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _close_connection(made: Future[LSLConnection]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().close()
