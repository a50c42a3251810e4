"""The body of the acquisition loop: what the source delivers goes to the recorder and the ring."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from streaming.ring import RingBuffer
from streaming.stream import Marker

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaming.stream import Chunk, Source, StreamInfo

__all__ = ["RING_S", "Acquisition", "ChunkSink"]

RING_S = 60.0
"""Seconds of signal that the ring keeps."""


class ChunkSink(Protocol):
    """Takes every raw chunk in order before any filter, as the recorder does.

    Nothing but ``close`` may block or raise; whoever made the sink asks it what went wrong.
    """

    @property
    def has_room(self) -> bool:
        """False while a source that can wait should."""
        ...

    def open(self, info: StreamInfo) -> None:
        """Get ready for a stream."""
        ...

    def write(self, chunk: Chunk) -> None:
        """Take a chunk."""
        ...

    def mark(self, marker: Marker) -> None:
        """Take an event that did not come with a chunk; called by any thread."""
        ...

    def close(self) -> None:
        """Finish; safe to call twice. Called by whoever made it."""
        ...


class Acquisition:
    """Reads one source into a ring buffer. One thread calls `open`, `step` and `close`.

    The sink takes the raw chunks without loss; it is not closed here. The clock is monotonic.
    """

    def __init__(
        self,
        source: Source,
        sink: ChunkSink | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._fed: ChunkSink | None = None
        self._clock = clock
        self.sink = sink
        """Set from any thread; the next chunk is the first one of another sink."""
        self._pending: Chunk | None = None
        self.markers: deque[tuple[int, Marker]] = deque()
        """Events with the position of their sample; whoever shows them takes them out."""
        self.truth: str | None = None
        """Newest "truth" marker of a simulated participant."""
        self.measured_sfreq = 0.0
        """Rate by the time stamps in Hz, 0 before they tell one."""
        self.last_arrival = 0.0
        """Monotonic clock when the newest samples arrived; before any, when the source opened."""
        self.info: StreamInfo
        self.ring: RingBuffer

    def open(self) -> StreamInfo:
        """Open the source and make its ring; raises what the source raises."""
        self.info = self._source.open()
        capacity = int(np.ceil(RING_S * self.info.sfreq))
        self.last_arrival = self._clock()
        self.ring = RingBuffer.create(self.info.n_channels, capacity, self.info.sfreq)
        return self.info

    def step(self, timeout_s: float) -> bool:
        """Move one chunk; blocks for at most `timeout_s`, and only in the source.

        False once the source has ended and everything is in the ring, or when a source that can
        wait has to: the decoder has not yet read what the chunk would overwrite, or the sink is
        behind.
        """
        chunk = self._pending or self._source.read(timeout_s)
        if self.info.lossless and chunk.n_times and not self._has_room_for(chunk):
            self._pending = chunk
            return False
        self._pending = None
        if chunk.n_times or chunk.markers:
            self._take(chunk)
        if self._source.ended and not chunk.n_times:
            self.ring.end()
            return False
        return True

    def mark(self, label: str) -> None:
        """Set an event at the newest sample; may be called from another thread."""
        newest = self.ring.latest(1).timestamps
        stamp = float(newest[-1]) if newest.size else 0.0
        marker = Marker(stamp, label)
        self.markers.append((self.ring.written, marker))
        sink = self.sink
        if sink is not None:
            sink.mark(marker)

    def close(self) -> None:
        """Close the source. The ring stays until its owner closes it. Safe to call twice."""
        self._source.close()

    def _has_room_for(self, chunk: Chunk) -> bool:
        sink = self.sink
        return self.ring.has_room_for(chunk) and (sink is None or sink.has_room)

    def _feed(self, chunk: Chunk) -> None:
        """Hand a chunk to the sink; a sink begins with its first samples."""
        sink = self.sink
        if sink is None or (sink is not self._fed and not chunk.n_times):
            return
        if sink is not self._fed:
            self._fed = sink
            sink.open(self.info)
            if self.truth is not None:
                sink.mark(Marker(float(chunk.timestamps[0]), self.truth, "truth"))
        sink.write(chunk)

    def _take(self, chunk: Chunk) -> None:
        now = self._clock()
        if chunk.notes:
            notes = dict.fromkeys((*self.info.notes, *chunk.notes))
            self.info = replace(self.info, notes=tuple(notes))
        self._feed(chunk)
        for marker in chunk.markers:
            offset = int(np.searchsorted(chunk.timestamps, marker.timestamp))
            self.markers.append((chunk.first_sample + offset, marker))
            if marker.kind == "truth":
                self.truth = marker.label
        if chunk.n_times:
            self.ring.write(chunk, now)
            self.last_arrival = now
            self.measured_sfreq = float(np.nan_to_num(chunk.sfreq_by_stamps))
