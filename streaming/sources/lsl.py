"""EEG from a Lab Streaming Layer stream."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pylsl

from mdjpt.errors import SourceError
from mdjpt.recordings import montage_names
from streaming.sources.cutter import ChunkCutter
from streaming.sources.lsl_link.columns import Columns
from streaming.sources.lsl_link.connection import LSLConnection
from streaming.sources.lsl_link.link import ANSWER_S, LSLLink
from streaming.sources.lsl_link.markers import Lead, MarkerInlets
from streaming.sources.lsl_link.streams import StreamQuery, StreamWatch
from streaming.stream import StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streaming.stream import Chunk, Marker

    _Block = tuple[NDArray[Any], NDArray[np.float64]]

__all__ = ["LSLSource"]

_BATCH_S = 0.008  # one pull for each sample is too many at 1 kHz
_N_WORKERS = 4  # a sender of events that hangs must not keep the EEG from coming back
_JUDGE_S = 0.5  # of signal tells its unit
_FEW_STAMPS = 3  # tell what they count
_TICKS = {1e-3: "milliseconds", 1e-6: "microseconds", 1e-9: "nanoseconds"}


class LSLSource:
    """An LSL stream of EEG; comes back by itself when its sender does.

    Parameters
    ----------
    name : str
        Name of the stream, "" for the only stream of type EEG.
    stream_type, source_id, hostname : str
        Further fields that the stream must have, "" for any.
    montage : str, path or sequence of str, optional
        Electrode names for a stream whose labels say nothing.
    markers : bool
        Whether to take the events of the network's marker streams too.
    sfreq : float, optional
        Sampling rate in Hz of a stream that declares a wrong one, or none.
    timeout_s : float
        Longest wait for the stream to be found.
    lost_after_s : float
        A stream that stays away for this long is lost for good.
    clock : callable
        Monotonic clock, seconds.
    """

    def __init__(
        self,
        name: str = "",
        *,
        stream_type: str = "",
        source_id: str = "",
        hostname: str = "",
        montage: str | Path | Sequence[str] | None = None,
        markers: bool = True,
        sfreq: float | None = None,
        timeout_s: float = 5.0,
        lost_after_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._query = StreamQuery(name, stream_type, source_id, hostname, sfreq)
        self._montage = montage
        self._wants_markers = markers
        self._timeout_s = timeout_s
        self._lost_after_s = lost_after_s
        self._clock = clock
        self._worker: ThreadPoolExecutor | None = None
        self._link: LSLLink | None = None
        self._markers: MarkerInlets | None = None
        self._cutter: ChunkCutter
        self._judged = False
        self._unjudged: list[_Block] = []
        self._tick: float | None = None  # seconds that a stamp counts
        self._unread: list[_Block] = []

    @property
    def ended(self) -> bool:
        """False: a live stream may always come back."""
        return False

    def open(self) -> StreamInfo:
        """Find the stream and connect to it.

        Raises
        ------
        SourceNotFound
            No such stream.
        SourceError
            Several such streams, or one that does not say which column is which electrode.
        """
        names = montage_names(self._montage)
        watch = StreamWatch()
        connection = LSLConnection(watch.find(self._query, self._timeout_s), self._timeout_s)
        self._worker = ThreadPoolExecutor(_N_WORKERS, "lsl-connect")
        self._link = LSLLink(
            connection,
            self._query,
            watch,
            self._worker,
            lost_after_s=self._lost_after_s,
            clock=self._clock,
        )
        try:
            watch.confirm(self._query)
            self._columns = Columns.of(connection.description, names)
            self._begin(watch)
        except BaseException:
            self.close()
            raise
        return StreamInfo(
            name=connection.description.name,
            ch_names=self._columns.names,
            sfreq=self._rate,
            source_id=connection.description.source_id,
            clock="lsl",
            ch_units=self._columns.units,
            simulated=connection.description.simulated,
            notes=self._columns.notes,
            others=self._columns.others,
        )

    def read(self, timeout_s: float) -> Chunk:
        """Return what has arrived, waiting at most `timeout_s`.

        Raises
        ------
        SourceChanged
            The stream came back with another rate, channel count, labels or units.
        SourceLost
            It stayed away for `lost_after_s`.
        SourceError
            The source is not open.
        """
        if self._link is None:
            raise SourceError("LSL stream: read before open, or after close")
        deadline = time.monotonic() + timeout_s
        while not self._cutter:
            left_s = max(0.0, deadline - time.monotonic())
            samples, stamps = self._link.pull(left_s, self._at_least)
            if not len(stamps):
                break
            self._take(samples, stamps)
        return self._cutter.next()

    def close(self) -> None:
        """Disconnect; waits some seconds at most for a connection that is being made."""
        if self._link is not None:
            self._link.close()
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)
        if self._markers is not None:
            self._markers.close()
        self._link = self._worker = self._markers = None
        self._unjudged.clear()
        self._unread.clear()

    def _begin(self, watch: StreamWatch) -> None:
        """Start counting samples, connect to the markers and settle unknown units."""
        assert self._link is not None
        assert self._worker is not None
        stream = self._link.description
        self._rate = self._query.sfreq or stream.sfreq
        self._cutter = ChunkCutter(
            len(self._columns.rows),
            self._rate,
            advice=f"lsl:{stream.name}?sfreq={{:g}} decodes it at that rate",
        )
        self._at_least = max(1, round(_BATCH_S * self._rate))
        self._n_connections = 1
        self._lead = Lead()
        self._judged = False
        self._tick = None
        if self._wants_markers:
            self._markers = MarkerInlets(watch, self._worker)
            self._markers.connect(ANSWER_S)
        if not self._columns.units_known:
            samples, stamps = self._link.pull(2 * _JUDGE_S, self._link.max_samples)
            self._take(samples, stamps)

    def _take(self, samples: NDArray[Any], stamps: NDArray[np.float64]) -> None:
        """Cut a block into chunks that are ready to be read, once its unit is known."""
        assert self._link is not None
        now = self._clock()
        if self._tick is None:
            self._unread.append((samples.copy(), stamps))
            if sum(len(some) for _, some in self._unread) < _FEW_STAMPS:
                return
            samples, stamps = _joined(self._unread)
            self._tick = self._tick_of(stamps)
        stamps = stamps * self._tick
        if len(stamps) < self._link.max_samples:
            # The newest that there is. What waits in line behind it tells nothing of the clock.
            self._lead.add(now, float(stamps[-1]) - pylsl.local_clock())
        if self._link.n_connections != self._n_connections:
            self._n_connections = self._link.n_connections
            self._cutter.resume()
            self._lead = Lead()
            self._cutter.note(*self._link.notes)
            self._link.notes.clear()
        if not self._judged and (self._unjudged or self._columns.in_doubt(samples)):
            self._unjudged.append((samples.copy(), stamps))
            if sum(len(some) for _, some in self._unjudged) < _JUDGE_S * self._rate:
                return
            samples, stamps = self._judge()
        elif not self._judged:
            self._judged = bool(samples[:, self._columns.rows].any())
        self._cutter.take(
            self._columns.microvolts(samples),
            stamps,
            now,
            others=self._columns.other_values(samples) if self._columns.others else None,
            markers=() if self._markers is None else self._events(self._markers, stamps, now),
        )

    def _tick_of(self, stamps: NDArray[np.float64]) -> float:
        """Return the seconds that the stamps count: some senders count milliseconds."""
        interval = float(np.median(np.diff(stamps))) * self._rate
        for tick, name in _TICKS.items():
            if 0.3 < interval * tick < 3.0:
                self._cutter.note(f"its time stamps count {name}, not seconds: taken so")
                return tick
        return 1.0

    def _judge(self) -> _Block:
        """Tell the units by the samples that waited for it, and return these."""
        samples, stamps = _joined(self._unjudged)
        columns, self._columns = self._columns, self._columns.with_units_judged(samples)
        self._judged = self._columns is not columns
        self._cutter.note(*self._columns.notes)
        return samples, stamps

    def _events(
        self, markers: MarkerInlets, stamps: NDArray[np.float64], now: float
    ) -> list[Marker]:
        """Return the events that have come, on the clock of the EEG."""
        events = markers.pull(now, float(stamps[-1]), self._lead.settled(now))
        self._cutter.note(*markers.notes)
        markers.notes.clear()
        return events


def _joined(blocks: list[_Block]) -> _Block:
    """Return blocks as one, and forget them."""
    joined = (
        np.concatenate([samples for samples, _ in blocks]),
        np.concatenate([stamps for _, stamps in blocks]),
    )
    blocks.clear()
    return joined
