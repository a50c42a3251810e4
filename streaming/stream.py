"""What a source says of itself and what it delivers: the vocabulary of the live path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from mdjpt.errors import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "RATE_TOLERANCE",
    "TRUTH_PREFIX",
    "Chunk",
    "Column",
    "Marker",
    "MarkerKind",
    "Prompt",
    "Prompted",
    "Source",
    "StreamInfo",
]

TRUTH_PREFIX = "truth/"
"""Labels that begin so, in files and over LSL, are the states of a simulated participant."""

RATE_TOLERANCE = 0.05
"""Share of the declared rate by which the real one may differ: the filters forgive no more."""

Clock = Literal["lsl", "unix", "recording", "simulated"]
MarkerKind = Literal["marker", "truth"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream, as it describes itself.

    Attributes
    ----------
    label, unit, kind : str
        "" where the stream says nothing.
    """

    label: str
    unit: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        for part in ("label", "unit", "kind"):
            object.__setattr__(self, part, printable(getattr(self, part)))


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """An opened stream of EEG.

    Attributes
    ----------
    name : str
        What to call the stream on screen.
    ch_names : tuple of str
        Electrode labels as the source gives them, in the order of the samples' rows.
    sfreq : float
        Nominal sampling rate in Hz.
    source_id : str
        Identity that survives a restart of the device, "" when there is none.
    clock : {"lsl", "unix", "recording", "simulated"}
        What the time stamps count: LSL's local clock, Unix time, or seconds since the beginning.
    ch_units : tuple of str
        Units before conversion, one a channel; samples are always delivered in microvolts.
    lossless : bool
        True when the source can wait (files): every window is then decoded and none skipped.
    simulated : bool
        True when the signal comes from no brain; every output says so.
    notes : tuple of str
        One-line remarks for the user ("electrode names assumed from --montage").
    others : tuple of Column
        Columns that are no electrodes (counter, accelerometer): recorded, never decoded.
    """

    name: str
    ch_names: tuple[str, ...]
    sfreq: float
    source_id: str = ""
    clock: Clock = "recording"
    ch_units: tuple[str, ...] = ()
    lossless: bool = False
    simulated: bool = False
    notes: tuple[str, ...] = ()
    others: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        if not self.ch_names:
            raise ValueError("ch_names must name at least one channel")
        if not (np.isfinite(self.sfreq) and self.sfreq > 0):
            raise ValueError(f"sfreq must be positive, got {self.sfreq} Hz")
        for part in ("name", "source_id"):
            object.__setattr__(self, part, printable(getattr(self, part)))
        for part in ("ch_names", "ch_units", "notes"):
            object.__setattr__(self, part, tuple(map(printable, getattr(self, part))))

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.ch_names)


@dataclass(frozen=True, slots=True)
class Marker:
    """An event on the stream's clock.

    Attributes
    ----------
    timestamp : float
        Source clock, seconds.
    label : str
        The event's name.
    kind : {"marker", "truth"}
        "truth": the emotional state that a simulated participant enters.
    """

    timestamp: float
    label: str
    kind: MarkerKind = "marker"

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", printable(self.label))

    @classmethod
    def of_label(cls, timestamp: float, label: str) -> Marker:
        """Return the event that a label in a file or a marker stream stands for."""
        if label.startswith(TRUTH_PREFIX):
            return cls(timestamp, label.removeprefix(TRUTH_PREFIX), "truth")
        return cls(timestamp, label)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples without a gap.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_channels, n_times)
        Microvolts.
    timestamps : ndarray of float64, shape (n_times,)
        Source clock in seconds, as the device gave them (not de-jittered).
    first_sample : int
        Position of the first column since the stream was opened. Lost samples count: a jump
        against the end of the previous chunk is a gap of that many samples.
    markers : tuple of Marker
        Events that arrived with these samples.
    others : ndarray of float64, shape (n_others, n_times), or None
        The stream's columns beside its electrodes, as it sent them.
    notes : tuple of str
        One-line remarks for the user that these samples gave reason for.
    sfreq_by_stamps : float
        Rate in Hz by the time stamps so far, NaN before they tell one.
    """

    samples: NDArray[np.float32]
    timestamps: NDArray[np.float64]
    first_sample: int
    markers: tuple[Marker, ...] = field(default=())
    others: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    sfreq_by_stamps: float = np.nan

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.timestamps.shape != self.samples.shape[1:]:
            raise ValueError(
                f"samples {self.samples.shape} and timestamps {self.timestamps.shape} do not match"
            )
        if self.others is not None and self.others.shape[1:] != self.timestamps.shape:
            raise ValueError(
                f"others {self.others.shape} and timestamps {self.timestamps.shape} do not match"
            )

    @property
    def n_times(self) -> int:
        """Number of samples per channel; 0 for a chunk that only says "nothing new"."""
        return int(self.samples.shape[1])

    @property
    def stop_sample(self) -> int:
        """Position just behind the last column."""
        return self.first_sample + self.n_times


class Source(Protocol):
    """Where EEG comes from. One thread opens, reads and closes it.

    ``read`` never returns more than about a second of signal and never blocks longer than its
    timeout. The end of a source that ends (a file) is told by ``ended``, never by an exception;
    a source that is lost for good raises :class:`mdjpt.errors.SourceLost`.
    """

    @property
    def ended(self) -> bool:
        """True once no further sample will come."""
        ...

    def open(self) -> StreamInfo:
        """Connect; raises :class:`mdjpt.errors.SourceError` or RecordingError when it cannot."""
        ...

    def read(self, timeout_s: float) -> Chunk:
        """Return what has arrived, waiting at most `timeout_s`; the chunk may be empty."""
        ...

    def close(self) -> None:
        """Let go of the device; safe to call twice and before ``open``."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a participant is asked to feel.

    Attributes
    ----------
    state : str or None
        An emotion or "rest"; None: whatever they like.
    """

    state: str | None


@runtime_checkable
class Prompted(Protocol):
    """A source whose participant does as it is told, as only a simulated one does."""

    def prompt(self, state: str | None) -> None:
        """Ask for a state from now on, see :class:`Prompt`; any thread, never blocks."""
        ...
