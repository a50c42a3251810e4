"""What the dashboard asks of a running session, and what it says to have one made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.ring import RingView
    from streaming.snapshot import Snapshot
    from streaming.stream import Marker

__all__ = ["Discover", "FoundSource", "Session", "SessionFactory", "SourceChoice"]


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """What the user wants to connect to.

    Attributes
    ----------
    source : str
        As on the command line: ``sim:``, ``lsl:NAME``, ``brainflow:BOARD``, ``file:PATH``.
    model : str
        Path of a model bundle, "" for the built-in one.
    montage : tuple of str
        Electrode names for a source whose labels say nothing; empty to take its own.
    publish_lsl : bool
        True when the predictions leave as an LSL stream.
    """

    source: str
    model: str = ""
    montage: tuple[str, ...] = ()
    publish_lsl: bool = False


@dataclass(frozen=True, slots=True)
class FoundSource:
    """A source that answered to a search.

    Attributes
    ----------
    source : str
        What connects to it, see :attr:`SourceChoice.source`.
    title : str
        Its name.
    detail : str
        Channels, rate and host on one line.
    kind : {"lsl", "brainflow"}
        Page of the source dialog that lists it.
    """

    source: str
    title: str
    detail: str = ""
    kind: Literal["lsl", "brainflow"] = "lsl"


class Session(Protocol):
    """A session as the dashboard sees it.

    ``start`` and ``stop`` may block and are called from the dashboard's worker thread, one at a
    time. Every other method is called from the GUI thread, about 30 times a second, and must
    never block.
    """

    def start(self) -> None:
        """Connect and decode; raises :class:`mdjpt.errors.MdjptError` when that cannot begin."""
        ...

    def stop(self) -> None:
        """End everything, which may take many seconds while a recording is finished.

        Safe to call twice. Raises :class:`mdjpt.errors.MdjptError` when something is lost by it.
        """
        ...

    def snapshot(self) -> Snapshot:
        """Return the state of this moment."""
        ...

    def new_predictions(self) -> list[Prediction]:
        """Return the predictions made since the last call."""
        ...

    def new_markers(self) -> list[tuple[int, Marker]]:
        """Return the events since the last call, each with its sample position."""
        ...

    def latest(self, n_times: int) -> RingView | None:
        """Return a copy of up to `n_times` newest samples, None before the first."""
        ...

    def mark(self, label: str) -> None:
        """Set an event at this moment."""
        ...

    def record(self, path: Path) -> None:
        """Record into a new file from now on, in a folder that exists.

        The snapshot then names it, or says in its `recording_error` why there is none. Does nothing
        while another one is being written.
        """
        ...

    def stop_recording(self) -> None:
        """End the recording, if there is one; the snapshot then names none."""
        ...

    def use_profile(self, path: Path | None) -> None:
        """Decode with a person's calibration, or with none, within seconds.

        The model card then names the participant; a profile that cannot be used changes nothing
        and stands in the snapshot's `profile_error`.
        """
        ...

    @property
    def wanted_profile(self) -> Path | None:
        """The calibration that was asked for last, whether or not it is in use yet."""
        ...


SessionFactory = Callable[[SourceChoice], Session]
Discover = Callable[[], Sequence[FoundSource]]
