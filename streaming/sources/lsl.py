"""EEG from a Lab Streaming Layer stream."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import SourceError
from mdjpt.positions.gaps import GapDetector
from mdjpt.recordings import montage_names
from streaming.sources.lsl_link.columns import Columns
from streaming.sources.lsl_link.connection import LSLConnection
from streaming.sources.lsl_link.link import ANSWER_S, LSLLink
from streaming.sources.lsl_link.markers import MarkerInlets
from streaming.sources.lsl_link.streams import StreamQuery, StreamWatch
from streaming.stream import Chunk, Marker, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LSLSource"]

_BATCH_S = 0.008  # one pull for each sample is too many at 1 kHz
_BURST_AFTER_S = 0.25
_BURST_S = 0.05
_JUDGE_S = 1.0


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
        Whether to take the events of the same computer's marker streams too.
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
        timeout_s: float = 5.0,
        lost_after_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._query = StreamQuery(name, stream_type, source_id, hostname)
        self._montage = montage
        self._wants_markers = markers
        self._timeout_s = timeout_s
        self._lost_after_s = lost_after_s
        self._clock = clock
        self._worker: ThreadPoolExecutor | None = None
        self._link: LSLLink | None = None
        self._markers: MarkerInlets | None = None
        self._waiting: list[Marker] = []
        self._ready: deque[Chunk] = deque()

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
        self._worker = ThreadPoolExecutor(2, "lsl-connect")
        self._link = LSLLink(
            connection, watch, self._worker, lost_after_s=self._lost_after_s, clock=self._clock
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
            sfreq=connection.description.sfreq,
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
        if not self._ready:
            samples, stamps = self._pull(timeout_s)
            if len(stamps):
                self._take(samples, stamps)
        if self._ready:
            return self._ready.popleft()
        return Chunk(np.empty((len(self._columns.rows), 0), np.float32), np.empty(0), self._end)

    def close(self) -> None:
        """Disconnect; waits some seconds at most for a connection that is being made."""
        if self._link is not None:
            self._link.close()
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)
        if self._markers is not None:
            self._markers.close()
        self._link = self._worker = self._markers = None
        self._ready.clear()

    def _begin(self, watch: StreamWatch) -> None:
        """Start counting samples, connect to the markers and settle unknown units."""
        assert self._link is not None
        assert self._worker is not None
        stream = self._link.description
        self._gaps = GapDetector(stream.sfreq)
        self._at_least = max(1, round(_BATCH_S * stream.sfreq))
        self._end = 0
        self._n_connections = 1
        if self._wants_markers:
            self._markers = MarkerInlets(watch, stream.hostname, self._worker)
            self._markers.connect(ANSWER_S)
        if not self._columns.units_known:
            samples, stamps = self._link.pull(_JUDGE_S, self._link.max_samples)
            self._columns = self._columns.with_units_judged(samples)
            self._take(samples, stamps)

    def _pull(self, timeout_s: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Pull; after a silence wait a moment for all that a stalled sender sends at once.

        Its first samples are late and its last are not: only together do they show no hole.
        """
        assert self._link is not None
        deadline = self._clock() + timeout_s
        was_silent = self._link.silent_s > _BURST_AFTER_S
        samples, stamps = self._link.pull(timeout_s, self._at_least)
        if not (len(stamps) and was_silent):
            return samples, stamps
        first = samples.copy()
        left_s = min(_BURST_S, max(0.0, deadline - self._clock()))
        more, more_stamps = self._link.pull(left_s, self._link.max_samples)
        return np.concatenate([first, more]), np.concatenate([stamps, more_stamps])

    def _take(self, samples: NDArray[Any], stamps: NDArray[np.float64]) -> None:
        """Cut a block at its holes into chunks that are ready to be read."""
        assert self._link is not None
        now = self._clock()
        if self._markers is not None:
            self._waiting += self._markers.pull(now)
        if self._link.n_connections != self._n_connections:
            self._n_connections = self._link.n_connections
            self._gaps.resume()
        microvolts = self._columns.microvolts(samples)
        others = self._columns.other_values(samples)
        for run in self._gaps.split(stamps, arrival_s=now):
            times = stamps[run.start : run.stop]
            signals = np.ascontiguousarray(microvolts[:, run.start : run.stop])
            markers = self._markers_until(float(times[-1]))
            beside = others[:, run.start : run.stop] if len(others) else None
            self._ready.append(Chunk(signals, times, run.first_sample, markers, beside))
            self._end = run.first_sample + len(times)

    def _markers_until(self, time_s: float) -> tuple[Marker, ...]:
        """Take out the events up to a time; a later one waits for its samples."""
        due = [marker for marker in self._waiting if not marker.timestamp > time_s]
        self._waiting = [marker for marker in self._waiting if marker.timestamp > time_s]
        return tuple(sorted(due, key=lambda marker: marker.timestamp))
