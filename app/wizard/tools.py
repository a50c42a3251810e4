"""What the wizard asks of the world: a session that records, a place for profiles, a trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.calibration.in_session import InSession
    from app.calibration.profiles import ProfileStore
    from app.calibration.training import TrainingJob
    from app.source_choice import SourceChoice

__all__ = ["CalibrationTools", "TrainingWish"]


@dataclass(frozen=True, slots=True)
class TrainingWish:
    """What is to be trained."""

    recording: Path
    """EEG and markers of the session."""
    profile: Path
    """What gets a new version."""
    participant: str
    """Pseudonym."""
    choice: SourceChoice | None
    """What the dashboard is connected to: says which model and which electrodes."""
    in_session: InSession | None = None
    """Of a training in a session that goes on; None after a calibration."""


@dataclass(frozen=True, slots=True)
class CalibrationTools:
    """What a dashboard is given so that it can calibrate."""

    make_store: Callable[[], ProfileStore]
    """Opens the participants; called in a thread, because what reads a profile is slow to
    import."""
    train: Callable[[TrainingWish], TrainingJob]
    """Makes a job of a wish; the job is not started yet."""
