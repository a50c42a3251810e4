"""Further LSL streams that are recorded beside the EEG, as they are sent: accelerometer, PPG, gaze.

Each has a thread of its own, for a sender that hangs must hold up neither the EEG nor another
stream. Nothing is converted: format, stamps and description are the sender's; what its clock is off
by is recorded beside them every few seconds, as XDF wants it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError, SourceError, SourceNotFound, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from streaming.sources.lsl_link.streams import StreamQuery, StreamWatch
    from streaming.stream import Clock

__all__ = ["SideBlock", "SideStreams"]

FIND_S = 5.0
ANSWER_S = 2.0
OFFSET_EVERY_S = 5.0
"""As LabRecorder measures it."""
PULL_S = 0.1
_LOOK_S = 0.5
_BUFFER_S = 360


@dataclass(frozen=True, slots=True, eq=False)
class SideBlock:
    """What came of one side stream, for the file.

    Attributes
    ----------
    key : int
        Tells the side streams of a session apart.
    header : str
        The sender's whole description, XML of LSL.
    timestamps : ndarray of float64, shape (n_times,)
        The sender's clock, as sent.
    values : ndarray, shape (n_channels, n_times), or tuple of tuple of str
        Numbers in the sender's format, or one row of texts a sample.
    offset : (float, float)
        When it was measured by the sender's clock, and what is to be added to its stamps to get
        those of the EEG, in seconds.
    """

    key: int
    header: str
    timestamps: NDArray[np.float64]
    values: NDArray[np.number] | tuple[tuple[str, ...], ...]
    offset: tuple[float, float]

    @property
    def n_bytes(self) -> int:
        """Memory that the values take."""
        if isinstance(self.values, tuple):
            return sum(len(text) for row in self.values for text in row) + self.timestamps.nbytes
        return self.values.nbytes + self.timestamps.nbytes


class SideStreams:
    """The side streams of a session. One thread calls `find`, `begin` and `close`.

    Parameters
    ----------
    queries : sequence of StreamQuery
        Which streams; each must match one.
    take : callable
        Takes every block, called by the streams' threads; must not block.
    """

    def __init__(self, queries: Sequence[StreamQuery], take: Callable[[SideBlock], None]) -> None:
        self._queries = tuple(queries)
        self._take = take
        self._left = threading.Event()
        self._readers: list[_Reader] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each stream of which nothing comes now."""
        return tuple(reader.note for reader in self._readers if reader.note)

    def find(self) -> None:
        """Find and connect to every stream, waiting some seconds at most.

        Raises
        ------
        SourceNotFound
            A stream is not there.
        SourceError
            Several match.
        """
        if not self._queries:
            return
        from streaming.sources.lsl_link.streams import StreamWatch

        watch = StreamWatch()
        found = [_found(watch, query) for query in self._queries]
        self._readers = [
            _Reader(key, _SideInlet(info), watch, self._take, self._left)
            for key, info in enumerate(found)
        ]

    def begin(self, clock: Clock) -> None:
        """Begin to read.

        Parameters
        ----------
        clock : {"lsl", "unix", "recording", "simulated"}
            What the stamps of the EEG count.

        Raises
        ------
        MdjptError
            The EEG is not measured now, or a stream holds events, which are recorded anyway.
        """
        if self._readers and clock not in ("lsl", "unix"):
            raise MdjptError(
                "--record-stream needs EEG that is measured now (lsl: or brainflow:): a file or a "
                "simulated participant has no clock in common with other streams"
            )
        for reader in self._readers:
            if clock == "lsl" and reader.holds_events:
                raise MdjptError(
                    f"--record-stream: {reader.described} holds events, which are recorded "
                    "anyway; leave it out"
                )
        for reader in self._readers:
            reader.clock = clock
            reader.start()

    def close(self) -> None:
        """Read what is there and end; waits a few seconds at most. Safe to call twice."""
        self._left.set()
        for reader in self._readers:
            if reader.is_alive():
                reader.join(ANSWER_S)


def _found(watch: StreamWatch, query: StreamQuery) -> Any:
    """Wait for the one stream that is meant."""
    deadline = time.monotonic() + FIND_S
    while not (found := _meant(watch, query)):
        if time.monotonic() > deadline:
            raise SourceNotFound(
                f"--record-stream: no LSL stream{query} within {FIND_S:g} s; is its sender "
                "running? `mdjpt sources` lists what there is"
            )
        time.sleep(PULL_S)
    watch.settle()
    found = _meant(watch, query)
    if len(found) > 1:
        from streaming.sources.lsl_link.streams import describe

        listed = "; ".join(sorted(str(describe(info)) for info in found))
        raise SourceError(
            f"--record-stream: {len(found)} LSL streams match{query}: {listed}; say which, as in "
            "NAME?source_id=ID"
        )
    return found[0]


def _meant(watch: StreamWatch, query: StreamQuery) -> list[Any]:
    return [info for info in watch.visible() if query.names(info)]


class _SideInlet:
    """A connection to a stream of any kind, without LSL's own silent recovery."""

    def __init__(self, info: Any) -> None:
        import pylsl

        from streaming.sources.lsl_link.streams import describe, is_numeric

        self._is_numeric = is_numeric(info)
        self._inlet = pylsl.StreamInlet(
            info, max_buflen=_BUFFER_S, recover=False, as_numpy=self._is_numeric
        )
        try:
            full = self._inlet.info(timeout=ANSWER_S)
            self._inlet.open_stream(timeout=ANSWER_S)
            self.correction = self._inlet.time_correction(timeout=ANSWER_S)
        except (pylsl.util.LostError, pylsl.util.TimeoutError):
            raise SourceNotFound(f"LSL stream {info.name()!r} does not answer") from None
        self.description = describe(full)
        self.format = info.channel_format()
        self.header = full.as_xml()
        self._max_samples = max(64, int(np.ceil(info.nominal_srate())))

    def measure_offset(self) -> None:
        """Measure anew what the sender's clock is off by; keeps the old figure without an answer.

        Raises
        ------
        SourceNotFound
            The sender has gone.
        """
        import pylsl

        try:
            self.correction = self._inlet.time_correction(timeout=ANSWER_S)
        except pylsl.util.TimeoutError:
            return
        except pylsl.util.LostError:
            raise SourceNotFound("gone") from None

    def pull(
        self, timeout_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.number] | tuple[tuple[str, ...], ...]]:
        """Return stamps and values that have come; SourceNotFound when the sender has gone."""
        import pylsl

        try:
            values, stamps = self._inlet.pull_chunk(timeout_s, self._max_samples)
        except pylsl.util.LostError:
            raise SourceNotFound("gone") from None
        times = np.array(stamps, np.float64)
        if self._is_numeric:
            shaped = np.array(values).reshape(len(times), self.description.n_channels)
            return times, np.ascontiguousarray(shaped.T)
        return times, tuple(tuple(row) for row in values)

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


class _Reader(threading.Thread):
    """Reads one side stream until the session is left, across deaths and returns of its sender."""

    def __init__(
        self,
        key: int,
        inlet: _SideInlet,
        watch: StreamWatch,
        take: Callable[[SideBlock], None],
        left: threading.Event,
    ) -> None:
        super().__init__(name=f"side-stream-{key}", daemon=True)
        self._key = key
        self._inlet: _SideInlet | None = inlet
        self._watch = watch
        self._take = take
        self._left = left
        self._header, self._description, self._format = (
            inlet.header,
            inlet.description,
            inlet.format,
        )
        self._measured = 0.0
        self.clock: Clock = "lsl"
        """What the stamps of the EEG count."""
        self.note = ""
        """One line while nothing can come, else ""."""

    @property
    def described(self) -> str:
        """How to tell the stream from others."""
        return str(self._description)

    @property
    def holds_events(self) -> bool:
        """True of a stream whose events the source of the EEG takes by itself."""
        from mdjpt.recordings.events import holds_events

        return holds_events(self._description.type)

    def run(self) -> None:
        """Body of the thread."""
        try:
            while not self._left.is_set():
                if self._inlet is None:
                    self._come_back()
                else:
                    self._step(PULL_S)
            if self._inlet is not None:
                self._step(0.0)
        except Exception as error:  # told in `note`; the EEG goes on
            self.note = f"{printable(self._description.name)}: no longer recorded: {error}"
        finally:
            if self._inlet is not None:
                self._inlet.close()

    def _step(self, timeout_s: float) -> None:
        """Hand on what has come; also nothing, now and then, so that each file has the header."""
        assert self._inlet is not None
        try:
            stamps, values = self._inlet.pull(timeout_s)
            due = time.monotonic() - self._measured > OFFSET_EVERY_S
            if due:
                self._measured = time.monotonic()
                self._inlet.measure_offset()
        except SourceNotFound:
            self._inlet.close()
            self._inlet = None
            name = printable(self._description.name)
            self.note = f"{name} has gone; it is recorded again when it returns"
            return
        if due or len(stamps):
            self._take(SideBlock(self._key, self._header, stamps, values, self._offset()))

    def _offset(self) -> tuple[float, float]:
        import pylsl

        assert self._inlet is not None
        now = pylsl.local_clock()
        to_file = time.time() - now if self.clock == "unix" else 0.0
        return now - self._inlet.correction, self._inlet.correction + to_file

    def _come_back(self) -> None:
        """Connect to the same stream again once it is there; another shape ends it for good."""
        self._left.wait(_LOOK_S)
        d = self._description
        same = [
            info
            for info in self._watch.visible()
            if (info.name(), info.type(), info.source_id()) == (d.name, d.type, d.source_id)
        ]
        if not same:
            return
        try:
            inlet = _SideInlet(max(same, key=lambda info: info.created_at()))
        except SourceNotFound:
            return
        changed = d.difference(inlet.description)
        if changed or inlet.format != self._format:
            inlet.close()
            raise SourceError(f"it came back changed ({changed or 'its format'})")
        self._inlet, self._measured, self.note = inlet, 0.0, ""
