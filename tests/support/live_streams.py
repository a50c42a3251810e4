"""Streams as people have them, all at once from a process of their own.

Sample number n of a stream is due n / sfreq seconds after the beginning and holds its number in
every channel, so that what was read tells what is missing and where an event belongs.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LiveStream", "MarkerStream", "Piece", "on_clock", "streams_sent"]

NAMES = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")
EVENT_EVERY_S = 0.5
TRIGGER_HZ, TRIGGER_S = 1000, 0.01
Clock = Literal["lsl", "unix", "zero", "milliseconds"]


@dataclass(frozen=True)
class Piece:
    """A time for which an outlet is there.

    Attributes
    ----------
    start_s, stop_s : float
        On the network from and to, in seconds after the beginning.
    silent_s : float
        Sends nothing from then on.
    source_id : str
        Identity.
    clock : str
        What its stamps count: LSL's clock, Unix time, or seconds since it began.
    reorder : bool
        Whether its channels come in another order.
    """

    start_s: float = 0.0
    stop_s: float = math.inf
    silent_s: float = math.inf
    source_id: str = "amp"
    clock: Clock = "lsl"
    reorder: bool = False


@dataclass(frozen=True)
class LiveStream:
    """A stream of EEG.

    Attributes
    ----------
    name : str
        LSL's.
    labels, types : tuple of str
        One a channel.
    unit, dtype, kind : str
        As it describes itself.
    sfreq, real_sfreq : float
        Hz: what it declares, and sends.
    chunk : int
        Samples a push.
    jitter_s, worse_s : float
        Most that a chunk's stamps are late, and from 4 s on.
    burst_s : float
        Longest stall, behind which all comes at once under one stamp; 0 for none.
    scale : float
        Of the values.
    huge_at : int
        Number of a sample whose third channel is 3.4e38, -1 for none.
    drift : float
        Relative error of its clock.
    pieces : tuple of Piece
        When it is there.
    """

    name: str
    labels: tuple[str, ...] = NAMES
    types: tuple[str, ...] = ()
    unit: str = "microvolts"
    dtype: str = "float32"
    kind: str = "EEG"
    sfreq: float = 250.0
    real_sfreq: float = 0.0
    chunk: int = 10
    jitter_s: float = 0.0
    worse_s: float = 0.0
    burst_s: float = 0.0
    scale: float = 1.0
    huge_at: int = -1
    drift: float = 0.0
    pieces: tuple[Piece, ...] = (Piece(),)


@dataclass(frozen=True)
class MarkerStream:
    """Events, one every half a second: event number k at k / 2 s.

    Attributes
    ----------
    name, kind, dtype : str
        LSL's.
    n_columns : int
        Values an event.
    clock : str
        What its stamps count.
    rest, code : float
        Values of a trigger line that is sampled at 1000 Hz; without a code it is none.
    """

    name: str
    kind: str = "Markers"
    dtype: str = "string"
    n_columns: int = 1
    clock: Clock = "lsl"
    rest: float = 0.0
    code: float = 0.0


def on_clock(clock: Clock, stamp: float, began: float) -> float:
    """Return what another clock shows at a moment of LSL's."""
    import pylsl

    unix = stamp + time.time() - pylsl.local_clock()
    return {"lsl": stamp, "unix": unix, "zero": stamp - began, "milliseconds": 1e3 * unix}[clock]


@contextlib.contextmanager
def streams_sent(
    *streams: LiveStream | MarkerStream,
) -> Iterator[Callable[[], float]]:
    """Announce streams from another process; yields what makes them send, and when they began."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(streams, theirs), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(60.0)
    ours.recv()

    def begin() -> float:
        ours.send("begin")
        return float(ours.recv())

    try:
        yield begin
    finally:
        with contextlib.suppress(OSError):
            ours.send("end")
        process.join(10.0)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()


def _serve(streams: tuple[LiveStream | MarkerStream, ...], connection: Any) -> None:
    import pylsl

    pylsl.set_config_filename(os.environ["LSLAPICFG"])
    end = threading.Event()
    senders = [
        sender
        for stream in streams
        for sender in (
            [_Events(stream, end)]
            if isinstance(stream, MarkerStream)
            else [_Samples(stream, piece, end) for piece in stream.pieces]
        )
    ]
    connection.send("ready")
    connection.recv()
    began = pylsl.local_clock() + 0.2
    threads = [threading.Thread(target=sender.run, args=(began,)) for sender in senders]
    for thread in threads:
        thread.start()
    connection.send(began)
    connection.recv()
    end.set()
    for thread in threads:
        thread.join()


@dataclass
class _Samples:
    """Sends one piece of a stream."""

    stream: LiveStream
    piece: Piece
    end: threading.Event
    outlet: Any = None
    sent: int = 0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def __post_init__(self) -> None:
        if self.piece.start_s == 0.0:
            self.outlet = self._made()

    def run(self, began: float) -> None:
        import pylsl

        stream, piece = self.stream, self.piece
        rate = stream.real_sfreq or stream.sfreq or 250.0
        self.end.wait(max(0.0, began + piece.start_s - pylsl.local_clock()))
        self.outlet = self.outlet or self._made()
        self.sent, next_s = round(piece.start_s * rate), piece.start_s
        while not self.end.is_set() and (now := pylsl.local_clock() - began) < piece.stop_s:
            due = int(now * rate)
            n_due = due - self.sent
            n_due -= 0 if stream.burst_s else n_due % stream.chunk
            if n_due <= 0 or now >= piece.silent_s or now < next_s:
                self.end.wait(0.005)
                continue
            for first in range(self.sent, self.sent + n_due, stream.chunk):
                numbers = np.arange(first, min(first + stream.chunk, self.sent + n_due))
                self._push(numbers, began, now, rate)
            self.sent += n_due
            next_s = now + (self.rng.uniform(0.02, stream.burst_s) if stream.burst_s else 0.0)
        self.outlet = None

    def _made(self) -> Any:
        import pylsl

        s, labels = self.stream, list(self.stream.labels)
        if self.piece.reorder:
            labels.reverse()
        info = pylsl.StreamInfo(s.name, s.kind, len(labels), s.sfreq, s.dtype, self.piece.source_id)
        info.set_channel_labels(labels)
        info.set_channel_units(s.unit)
        if s.types:
            info.set_channel_types(list(s.types))
        return pylsl.StreamOutlet(info)

    def _push(self, numbers: np.ndarray, began: float, now: float, rate: float) -> None:
        s = self.stream
        times = began + numbers / rate * (1 + s.drift)
        if s.burst_s:
            times[:] = began + now
        late_s = s.worse_s if s.worse_s and now > 4.0 else s.jitter_s
        times += self.rng.uniform(0.0, late_s)
        rows = np.repeat(numbers[:, None] * s.scale, len(s.labels), axis=1)
        rows[numbers == s.huge_at, 2:3] = 3.4e38
        own_began = began + self.piece.start_s
        for row, stamp in zip(rows.tolist(), times, strict=True):
            self.outlet.push_sample(row, on_clock(self.piece.clock, float(stamp), own_began))


@dataclass
class _Events:
    """Sends the events of a stream, or a sampled line of triggers."""

    stream: MarkerStream
    end: threading.Event
    outlet: Any = None

    def __post_init__(self) -> None:
        import pylsl

        s = self.stream
        info = pylsl.StreamInfo(
            s.name, s.kind, s.n_columns, TRIGGER_HZ if s.code else 0.0, s.dtype, s.name
        )
        self.outlet = pylsl.StreamOutlet(info)

    def run(self, began: float) -> None:
        if self.stream.code:
            self._run_line(began)
            return
        import pylsl

        k = 0
        while not self.end.wait(0.002):
            due = began + k * EVENT_EVERY_S
            if pylsl.local_clock() >= due:
                self.outlet.push_sample(self._row(k), on_clock(self.stream.clock, due, began))
                k += 1

    def _row(self, k: int) -> list[Any]:
        if self.stream.dtype != "string":
            return [k, *[0] * (self.stream.n_columns - 1)]
        return [f"{self.stream.name}{k}", *[""] * (self.stream.n_columns - 1)]

    def _run_line(self, began: float) -> None:
        import pylsl

        sent, s = 0, self.stream
        whole = s.dtype.startswith("int")
        while not self.end.wait(0.01):
            for number in range(sent, int((pylsl.local_clock() - began) * TRIGGER_HZ)):
                since = (number / TRIGGER_HZ) % EVENT_EVERY_S - EVENT_EVERY_S / 2
                high = 0 <= since < TRIGGER_S
                value = s.code if high else s.rest
                row = [int(value) if whole else value] * s.n_columns
                stamp = on_clock(s.clock, began + number / TRIGGER_HZ, began)
                self.outlet.push_sample(row, stamp)
                sent = number + 1
