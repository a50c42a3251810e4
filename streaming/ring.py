"""Ring buffer of raw EEG in shared memory: one writer, any number of readers in any process.

Positions are integer samples since the stream was opened and never wrap; a lost sample takes a
position of its own, so a gap is a range of positions that hold no data. The writer announces the
range it is about to overwrite (``reserved``), writes, then publishes the new end (``written``).
A reader copies first and then checks that nothing it copied has been announced meanwhile, so
nobody waits for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import MdjptError, NotEnoughDataError
from streaming.stream import RATE_TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streaming.stream import Chunk

__all__ = ["Gap", "Overrun", "RingBuffer", "RingView"]

_HEADER = np.dtype(
    [
        ("n_channels", "i8"),
        ("capacity", "i8"),
        ("reserved", "i8"),  # end of the range that the writer may be overwriting
        ("written", "i8"),  # end of the data
        ("needed", "i8"),  # first sample that the decoder still wants
        ("awaited", "i8"),  # end of the window that the decoder wants next
        ("ended", "i8"),  # 1 once no sample will follow
        ("n_samples", "i8"),
        ("n_lost", "i8"),
        ("n_gaps", "i8"),
        ("sfreq", "f8"),
        ("denied_first", "i8"),  # newest stretch whose stamps deny the rate,
        ("denied_stop", "i8"),
        ("real_sfreq", "f8"),  # and theirs
    ]
)
_HEADER_BYTES = 256  # keeps the arrays behind it aligned


class Gap(MdjptError):
    """The range asked for holds samples that were lost on the way.

    Parameters
    ----------
    n_lost, n_times : int
        How many of how many samples.
    stop_sample : int
        Position just behind the last lost one.
    """

    def __init__(self, n_lost: int, n_times: int, stop_sample: int) -> None:
        super().__init__(f"{n_lost} of {n_times} samples were lost, the last before {stop_sample}")
        self.n_lost, self.stop_sample = n_lost, stop_sample


class Overrun(MdjptError):
    """The range asked for has been overwritten."""


@dataclass(frozen=True, slots=True)
class RingView:
    """A copied stretch of the stream."""

    samples: NDArray[np.float32]
    """Microvolts; NaN where samples were lost. Shape (n_channels, n_times)."""
    timestamps: NDArray[np.float64]
    """Source clock in seconds; where samples were lost, counted on from the one before them. Shape
    (n_times,)."""
    arrivals: NDArray[np.float64]
    """Monotonic clock of this machine at arrival, seconds; NaN where samples were lost. Shape
    (n_times,)."""
    first_sample: int
    """Position of the first column."""

    def from_sample(self, first_sample: int) -> RingView:
        """Return the part from position `first_sample` on."""
        skip = max(0, first_sample - self.first_sample)
        return RingView(
            self.samples[:, skip:],
            self.timestamps[skip:],
            self.arrivals[skip:],
            self.first_sample + skip,
        )


class RingBuffer:
    """Shared memory that holds the newest `capacity` samples of a stream.

    Made by :meth:`create` in the engine (the one writer) and by :meth:`attach` elsewhere.
    No method blocks.

    Parameters
    ----------
    memory : SharedMemory
        A block laid out by :meth:`create`.
    owner : bool
        True in the process that made the block and removes it on :meth:`close`.
    """

    def __init__(self, memory: SharedMemory, *, owner: bool) -> None:
        self._memory = memory
        self._owner = owner
        self._last_stamp = np.nan
        buffer = memory.buf
        self._header = np.ndarray((1,), _HEADER, buffer)[0]
        n_channels, capacity = int(self._header["n_channels"]), int(self._header["capacity"])
        stamps_at = _HEADER_BYTES + n_channels * capacity * 4
        stamps_at += -stamps_at % 8
        self._samples: NDArray[np.float32] = np.ndarray(
            (n_channels, capacity), np.float32, buffer, _HEADER_BYTES
        )
        self._timestamps: NDArray[np.float64] = np.ndarray(
            (capacity,), np.float64, buffer, stamps_at
        )
        self._arrivals: NDArray[np.float64] = np.ndarray(
            (capacity,), np.float64, buffer, stamps_at + capacity * 8
        )

    @classmethod
    def create(cls, n_channels: int, capacity: int, sfreq: float) -> RingBuffer:
        """Reserve the memory for the newest `capacity` samples of each row.

        The rate, in Hz, is for readers that attach by name only.
        """
        if n_channels < 1 or capacity < 1:
            raise ValueError(f"need channels and samples, got {n_channels} x {capacity}")
        size = _HEADER_BYTES + n_channels * capacity * 4 + 8 + 2 * capacity * 8
        memory = SharedMemory(create=True, size=size)
        header = np.ndarray((1,), _HEADER, memory.buf)
        header[0] = np.zeros((), _HEADER)
        header["n_channels"], header["capacity"], header["sfreq"] = n_channels, capacity, sfreq
        del header
        return cls(memory, owner=True)

    @classmethod
    def attach(cls, name: str) -> RingBuffer:
        """Open the block that another process made; raises FileNotFoundError when it is gone."""
        return cls(SharedMemory(name=name), owner=False)

    @property
    def name(self) -> str:
        """What :meth:`attach` takes."""
        return self._memory.name

    @property
    def n_channels(self) -> int:
        """Number of rows."""
        return int(self._header["n_channels"])

    @property
    def capacity(self) -> int:
        """Samples per row that are kept."""
        return int(self._header["capacity"])

    @property
    def sfreq(self) -> float:
        """Sampling rate in Hz."""
        return float(self._header["sfreq"])

    @property
    def written(self) -> int:
        """Position just behind the newest sample."""
        return int(self._header["written"])

    @property
    def oldest(self) -> int:
        """First position that can still be read."""
        return max(0, int(self._header["reserved"]) - self.capacity)

    @property
    def n_samples(self) -> int:
        """Samples received."""
        return int(self._header["n_samples"])

    @property
    def n_lost(self) -> int:
        """Samples lost on the way."""
        return int(self._header["n_lost"])

    @property
    def n_gaps(self) -> int:
        """Gaps in the stream."""
        return int(self._header["n_gaps"])

    @property
    def ended(self) -> bool:
        """True once the writer has said that no sample will follow."""
        return bool(self._header["ended"])

    def end(self) -> None:
        """Say that no sample will follow; called by the writer."""
        self._header["ended"] = 1

    def want(self, needed: int, awaited: int) -> None:
        """Say what the decoder reads next; called by the decoder.

        `needed` is the first sample that must not be overwritten, `awaited` the end of the next
        window: while it is not reached, the decoder waits for the writer.
        """
        self._header["awaited"] = awaited
        self._header["needed"] = max(0, needed)

    def has_room_for(self, chunk: Chunk) -> bool:
        """Tell whether writing `chunk` keeps all that the decoder still wants.

        A source that can wait (a file) asks before each write. A decoder that waits for samples
        never holds the writer up, however long a gap is.
        """
        header = self._header
        fits = chunk.stop_sample - int(header["needed"]) <= self.capacity
        return fits or int(header["awaited"]) > int(header["written"])

    def write(self, chunk: Chunk, arrival: float) -> None:
        """Append `chunk`; positions jumped over become a gap. Called by the one writer.

        It begins at or after :attr:`written`; `arrival` is its monotonic clock, in seconds.

        Raises ValueError when the chunk lies before the end or has another number of channels.
        """
        header, written = self._header, self.written
        if chunk.samples.shape[0] != self.n_channels:
            raise ValueError(f"expected {self.n_channels} channels, got {chunk.samples.shape[0]}")
        if chunk.first_sample < written:
            raise ValueError(f"sample {chunk.first_sample} lies before the end, {written}")
        if chunk.n_times == 0:
            return
        header["reserved"] = chunk.stop_sample
        lost = chunk.first_sample - written
        if lost:
            self._blank(written, chunk.first_sample)
        self._place(chunk, arrival)
        if abs(chunk.sfreq_by_stamps / self.sfreq - 1) > RATE_TOLERANCE:
            self._note_rate(chunk)
        header["n_lost"] += lost
        header["n_gaps"] += lost > 0
        header["n_samples"] += chunk.n_times
        header["written"] = chunk.stop_sample

    def read(self, first_sample: int, n_times: int, n_margin: int = 0) -> RingView:
        """Copy a stretch without a gap, and as much in front of it as is whole.

        Parameters
        ----------
        first_sample : int
            Position of the stretch.
        n_times : int
            Its length.
        n_margin : int
            Samples wanted in front of it; fewer come back where the stream begins, has a gap or
            has been overwritten there. ``first_sample - view.first_sample`` tells how many.

        Raises
        ------
        NotEnoughDataError
            The end of the stretch has not arrived.
        Overrun
            Its beginning has been overwritten.
        Gap
            Samples in it were lost.
        """
        if first_sample + n_times > self.written:
            missing = first_sample + n_times - self.written
            raise NotEnoughDataError(f"{missing} of {n_times} samples have not arrived yet")
        start = min(first_sample, max(self.oldest, first_sample - n_margin))
        view = self._copy(start, first_sample - start + n_times)
        oldest = self.oldest  # asked again: the writer may have caught up while we copied
        if first_sample < oldest:
            raise Overrun(f"sample {first_sample} was overwritten, oldest is {oldest}")
        lost = np.isnan(view.arrivals)
        in_stretch = int(lost[first_sample - start :].sum())
        behind_gap = int(np.flatnonzero(lost)[-1]) + 1 if lost.any() else 0
        if in_stretch:
            raise Gap(in_stretch, n_times, start + behind_gap)
        return view.from_sample(max(oldest, start + behind_gap))

    def stamp(self, position: int) -> float:
        """Return the time of a position that is still held, lost or not; source clock, seconds."""
        return float(self._timestamps[position % self.capacity])

    def real_sfreq(self, first_sample: int, stop_sample: int) -> float:
        """Return the rate in Hz by the stamps where a stretch denies the declared one, else 0."""
        header = self._header
        overlaps = first_sample < header["denied_stop"] and stop_sample > header["denied_first"]
        return float(header["real_sfreq"]) if overlaps else 0.0

    def latest(self, n_times: int) -> RingView:
        """Copy up to the newest `n_times` samples, lost ones as NaN; for display, never raises."""
        stop = self.written
        first = max(self.oldest, stop - n_times, 0)
        view = self._copy(first, max(0, stop - first))
        return view.from_sample(self.oldest)

    def close(self) -> None:
        """Let go of the memory; the process that made it also removes it. Safe to call twice."""
        if self._memory.buf is None:
            return
        # Arrays over the buffer must go before the mapping can be closed.
        header = self._header.copy()
        empty = np.empty(0)
        self._header = header
        self._samples = empty.astype(np.float32).reshape(header["n_channels"], 0)
        self._timestamps = self._arrivals = empty
        self._memory.close()
        if self._owner:
            self._memory.unlink()
            self._owner = False

    def _slots(self, first: int, n: int) -> tuple[slice, slice]:
        """Return where `n` positions from `first` on lie: up to the array's end, then its start."""
        start = first % self.capacity
        head = min(n, self.capacity - start)
        return slice(start, start + head), slice(0, n - head)

    def _blank(self, first: int, stop: int) -> None:
        n_before = max(0, stop - self.capacity - first)
        first += n_before
        stamps = (
            self._last_stamp + np.arange(n_before + 1, stop - first + n_before + 1) / self.sfreq
        )
        head, tail = self._slots(first, stop - first)
        split = head.stop - head.start
        for slot, part in ((head, stamps[:split]), (tail, stamps[split:])):
            self._samples[:, slot] = np.nan
            self._timestamps[slot] = part
            self._arrivals[slot] = np.nan

    def _note_rate(self, chunk: Chunk) -> None:
        header = self._header
        if header["denied_stop"] != chunk.first_sample:
            header["denied_first"] = chunk.first_sample
        header["real_sfreq"], header["denied_stop"] = chunk.sfreq_by_stamps, chunk.stop_sample

    def _place(self, chunk: Chunk, arrival: float) -> None:
        n = min(chunk.n_times, self.capacity)
        skip = chunk.n_times - n
        head, tail = self._slots(chunk.first_sample + skip, n)
        split = skip + head.stop - head.start
        for slot, part in ((head, slice(skip, split)), (tail, slice(split, None))):
            self._samples[:, slot] = chunk.samples[:, part]
            self._timestamps[slot] = chunk.timestamps[part]
            self._arrivals[slot] = arrival
        self._last_stamp = float(chunk.timestamps[-1])

    def _copy(self, first: int, n: int) -> RingView:
        head, tail = self._slots(first, n)
        return RingView(
            np.concatenate([self._samples[:, head], self._samples[:, tail]], axis=1),
            np.concatenate([self._timestamps[head], self._timestamps[tail]]),
            np.concatenate([self._arrivals[head], self._arrivals[tail]]),
            first,
        )
