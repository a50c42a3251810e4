"""What the wizard asks of the world: a session that records, a place for profiles, a trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.calibration.profiles import ProfileEntry
    from app.calibration.training import TrainingState
    from app.session_types import SourceChoice

__all__ = ["CalibrationTools", "Job", "Store", "TrainingWish"]


class Store(Protocol):
    """The participants on this computer, see :class:`app.calibration.profiles.ProfileStore`.

    Every method raises :class:`mdjpt.errors.ProfileError` when a file is in the way.
    """

    def list(self) -> tuple[ProfileEntry, ...]:
        """Return everybody."""
        ...

    def create(self, pseudonym: str | None = None) -> str:
        """Make a participant."""
        ...

    def path_of(self, pseudonym: str) -> Path:
        """Return where a participant's profile is or will be."""
        ...

    def recordings_of(self, pseudonym: str) -> Path:
        """Return the folder of a participant's recordings."""
        ...

    def activate(self, path: Path, number: int) -> None:
        """Put a version of a profile into use."""
        ...

    def delete(self, pseudonym: str) -> None:
        """Delete a participant with everything."""
        ...


class Job(Protocol):
    """A training, see :class:`app.calibration.training.TrainingJob`. Nothing blocks."""

    def start(self) -> None:
        """Begin."""
        ...

    def poll(self) -> TrainingState:
        """Return how far it is."""
        ...

    def accept(self) -> Path:
        """Put what was trained into its place."""
        ...

    def cancel(self) -> None:
        """Throw it away; safe at any time and twice."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingWish:
    """What is to be trained.

    Attributes
    ----------
    recording : Path
        EEG and markers of the session.
    profile : Path
        What gets a new version.
    participant : str
        Pseudonym.
    choice : SourceChoice or None
        What the dashboard is connected to: says which model and which electrodes.
    """

    recording: Path
    profile: Path
    participant: str
    choice: SourceChoice | None


@dataclass(frozen=True, slots=True)
class CalibrationTools:
    """What a dashboard is given so that it can calibrate.

    Attributes
    ----------
    make_store : callable
        Opens the participants; called in a thread, because what reads a profile is slow to import.
    train : callable
        Makes a job of a wish; the job is not started yet.
    """

    make_store: Callable[[], Store]
    train: Callable[[TrainingWish], Job]
