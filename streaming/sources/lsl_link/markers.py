"""Events from the marker streams of the network."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NoAnswer

from mdjpt.errors import SourceLost
from streaming.sources.lsl_link.streams import holds_events
from streaming.stream import Marker

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from streaming.sources.lsl_link.streams import StreamWatch

__all__ = ["FOREIGN_S", "MarkerConnection", "MarkerInlets"]

FOREIGN_S = 5.0
"""Stamps that are further from their arrival count on another clock than LSL's, in seconds."""

_ANSWER_S = 2.0
_LOOK_EVERY_S = 0.5
_MAX_MARKERS = 1024


class MarkerConnection:
    """An open inlet of a stream of events, text or numbers.

    Parameters
    ----------
    info : pylsl.StreamInfo
        What the resolver found.
    timeout_s : float
        Longest wait for each answer of the sender.

    Raises
    ------
    SourceLost
        The stream does not answer (any more).
    """

    def __init__(self, info: Any, timeout_s: float) -> None:
        self.name = info.name()
        self.lead_s = -np.inf
        """Most that a stamp was ahead of its arrival, in seconds; -inf before the first event."""
        self._is_sampled = info.nominal_srate() > 0
        self._row: list[Any] = []
        self._inlet = pylsl.StreamInlet(info, recover=False)
        try:
            self._inlet.open_stream(timeout=timeout_s)
            self._correction = self._inlet.time_correction(timeout=timeout_s)
            # Came while the answers were waited for: only the next event tells by how much a
            # foreign clock is ahead.
            self._early = self._pulled()
        except (LostError, NoAnswer):
            raise SourceLost(f"marker stream {self.name!r} does not answer") from None
        self._made_at = pylsl.local_clock()

    def pull(self) -> list[Marker]:
        """Return the events that have come, on the sender's clock; never blocks.

        A trigger line that is sampled gives its changes to anything but 0 only.

        Raises
        ------
        SourceLost
            The sender has gone.
        """
        try:
            pulled = self._pulled()
        except LostError:
            raise SourceLost(f"marker stream {self.name!r} has gone") from None
        now = pylsl.local_clock()
        is_foreign = bool(self._early) and abs(self._early[-1].timestamp - now) > FOREIGN_S
        if is_foreign and not pulled and now < self._made_at + FOREIGN_S:
            return []
        pulled, self._early = self._early + pulled, []
        if pulled:
            self.lead_s = max(self.lead_s, pulled[-1].timestamp - now)
        return pulled

    def _pulled(self) -> list[Marker]:
        rows, stamps = self._inlet.pull_chunk(0.0, _MAX_MARKERS)
        return [
            Marker.of_label(stamp + self._correction, self._label(row))
            for row, stamp in zip(rows, stamps, strict=True)
            if not self._is_sampled or self._changes_to(row)
        ]

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()

    def _changes_to(self, row: list[Any]) -> bool:
        before, self._row = self._row, row
        return row != before and any(row)

    def _label(self, row: list[Any]) -> str:
        shown = [value for value in row if value] if self._is_sampled else row
        return ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in shown)


class MarkerInlets:
    """Every marker stream of the network, connected to as it appears.

    Connecting takes a second and is done by `worker`; the thread that reads never waits for it.
    One that does not answer is tried again for as long as it is announced.

    Parameters
    ----------
    watch : StreamWatch
        Knows the streams.
    worker : Executor
        Makes the connections.
    """

    def __init__(self, watch: StreamWatch, worker: Executor) -> None:
        self._watch = watch
        self._worker = worker
        self._connecting: dict[str, Future[MarkerConnection]] = {}
        self._connected: dict[str, MarkerConnection] = {}
        self._silent: set[str] = set()
        self._foreign: set[str] = set()
        self._looked = 0.0
        self.notes: list[str] = []
        """Remarks for the user; whoever shows them takes them out."""

    def connect(self, timeout_s: float) -> None:
        """Connect to the streams that are there now, waiting at most `timeout_s`."""
        self._look()
        wait(self._connecting.values(), timeout_s)

    def pull(self, now: float, eeg_stamp: float, eeg_lead_s: float) -> list[Marker]:
        """Return the events that have come since the last call, on the clock of the EEG.

        Parameters
        ----------
        now : float
            Monotonic clock, seconds.
        eeg_stamp : float
            Newest time stamp of the EEG.
        eeg_lead_s : float
            Most that one of them was ahead of its arrival on LSL's clock.
        """
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._look()
        self._adopt()
        markers: list[Marker] = []
        for uid, connection in list(self._connected.items()):
            try:
                pulled = connection.pull()
            except SourceLost:
                del self._connected[uid]
                continue
            if pulled:
                shift = self._shift(connection, pulled[-1].timestamp - eeg_stamp, eeg_lead_s)
                markers += [Marker(m.timestamp + shift, m.label, m.kind) for m in pulled]
        return markers

    def close(self) -> None:
        """Disconnect from all."""
        self._adopt()
        for connection in self._connected.values():
            connection.close()
        self._connected.clear()

    def _shift(self, connection: MarkerConnection, ahead_s: float, eeg_lead_s: float) -> float:
        """Return what turns a stream's stamps into those of the EEG, by arrival if need be."""
        leads = [s if abs(s) > FOREIGN_S else 0.0 for s in (eeg_lead_s, connection.lead_s)]
        if abs(ahead_s) <= FOREIGN_S or leads == [0.0, 0.0]:
            return 0.0
        shift = leads[0] - leads[1]
        if connection.name not in self._foreign:
            self._foreign.add(connection.name)
            self.notes.append(
                f"events of {connection.name!r} are on another clock than the EEG, by "
                f"{-shift:.3f} s: placed by their arrival"
            )
        return shift

    def _look(self) -> None:
        """Connect to what is new, and anew to what did not answer."""
        for info in self._watch.visible():
            uid = info.uid()
            if (
                holds_events(info.type())
                and uid not in self._connected
                and uid not in self._connecting
            ):
                future = self._worker.submit(MarkerConnection, info, _ANSWER_S)
                self._connecting[uid] = future

    def _adopt(self) -> None:
        """Take over the connections that are made."""
        for uid, future in list(self._connecting.items()):
            if not future.done():
                continue
            del self._connecting[uid]
            if future.cancelled():
                continue
            try:
                self._connected[uid] = future.result()
            except SourceLost as error:
                self._note_once(uid, f"{error}; it is tried again")
            else:
                if uid in self._silent:
                    self._silent.remove(uid)
                    self.notes.append(f"marker stream {self._connected[uid].name!r} answers now")

    def _note_once(self, uid: str, text: str) -> None:
        if uid not in self._silent:
            self._silent.add(uid)
            self.notes.append(text)
