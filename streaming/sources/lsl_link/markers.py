"""Events from the marker streams of the network."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NoAnswer

from mdjpt.errors import SourceLost
from mdjpt.recordings.events import TriggerLine, event_label, holds_events
from streaming.stream import Marker

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from streaming.sources.lsl_link.streams import StreamWatch

__all__ = ["FOREIGN_S", "Lead", "MarkerConnection", "MarkerInlets"]

FOREIGN_S = 5.0
"""Stamps that are further from their arrival count on another clock than LSL's, in seconds."""

_ANSWER_S = 2.0
_SAME_HOUR_S = 3600.0
_HANGS_S = 30.0
_LEAD_KEPT_S, _LEAD_SETTLES_S = 60.0, 0.5
_LOOK_EVERY_S = 0.5
_MAX_MARKERS = 1024


class Lead:
    """What a clock is ahead of LSL's: the most that a stamp of the last minute led its arrival.

    A minute, because clocks drift apart. One thread uses it.
    """

    def __init__(self) -> None:
        self._most: deque[tuple[float, float]] = deque()
        self._since = np.inf

    @property
    def seconds(self) -> float:
        """The lead, -inf before the first stamp."""
        return self._most[0][1] if self._most else -np.inf

    def add(self, now: float, seconds: float) -> None:
        """Take the newest stamp's lead at its arrival; far less than before: the clock was set."""
        self._since = min(self._since, now)
        if seconds < self.seconds - _HANGS_S:
            self._most.clear()
        while self._most and self._most[-1][1] <= seconds:
            self._most.pop()
        self._most.append((now, seconds))
        while self._most[0][0] < now - _LEAD_KEPT_S:
            self._most.popleft()

    def settled(self, now: float) -> float:
        """Return the lead, of a foreign clock once several arrivals have told it; -inf before."""
        is_own = abs(self.seconds) <= FOREIGN_S
        return self.seconds if is_own or now - self._since >= _LEAD_SETTLES_S else -np.inf


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
        self.lead = Lead()
        """What the sender's clock is ahead."""
        self.held: list[Marker] = []
        """Events that wait until the clock of the EEG is known."""
        self._tick: float | None = None  # seconds that a stamp counts
        self.line = TriggerLine() if info.nominal_srate() > 0 else None
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
            self.lead.add(now, pulled[-1].timestamp - now)
        return pulled

    def _pulled(self) -> list[Marker]:
        rows, stamps = self._inlet.pull_chunk(0.0, _MAX_MARKERS)
        if stamps and self._tick is None:
            self._tick = _tick_of(stamps[0])
        label = event_label if self.line is None else self.line.label
        if self.line is not None and self.line.restless:
            return []
        labelled = [
            (stamp * (self._tick or 1.0) + self._correction, label(row))
            for row, stamp in zip(rows, stamps, strict=True)
            if self.line is None or self.line.takes(row)
        ]
        return [Marker.of_label(stamp, text) for stamp, text in labelled if text]

    @property
    def foreign_s(self) -> float:
        """What the sender's clock is ahead, 0 for LSL's own.

        Events of a sender that hung while somebody connected come late, which is no other clock.
        """
        lead_s = self.lead.seconds
        is_new = pylsl.local_clock() < self._made_at + _HANGS_S
        is_late = is_new and -_HANGS_S < lead_s < 0
        return 0.0 if is_late or abs(lead_s) <= FOREIGN_S else lead_s

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


def _tick_of(stamp: float) -> float:
    """Return the seconds that a stamp of now counts, where it is a known clock's; else 1."""
    for tick in (1.0, 1e-3, 1e-6, 1e-9):
        near_lsl = abs(stamp * tick - pylsl.local_clock()) < FOREIGN_S
        if near_lsl or abs(stamp * tick - time.time()) < _SAME_HOUR_S:
            return tick
    return 1.0


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
            What its clock is ahead of LSL's; -inf before that is known, and events wait.
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
            self._note_restless(uid, connection)
            connection.held += pulled
            if connection.held and eeg_lead_s > -np.inf:
                pulled, connection.held = connection.held, []
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
        eeg_foreign_s = eeg_lead_s if abs(eeg_lead_s) > FOREIGN_S else 0.0
        leads = [eeg_foreign_s, connection.foreign_s]
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

    def _note_restless(self, uid: str, connection: MarkerConnection) -> None:
        if connection.line is not None and connection.line.restless:
            text = f"{connection.name!r} changes at most samples: a signal, no events are taken"
            self._note_once(uid, text)

    def _note_once(self, uid: str, text: str) -> None:
        if uid not in self._silent:
            self._silent.add(uid)
            self.notes.append(text)
