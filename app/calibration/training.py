"""Training a personal decoder beside a program that must go on: a job in a process of its own.

This module imports no torch at its head, because a spawned process imports it before the thread
variables are in force; the window that waits for it goes on drawing.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.calibration.from_recording import TrainingRequest, train_profile
from mdjpt.errors import MdjptError, ProfileError, one_line

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from mdjpt.calibration.personal_decoder import VersionAbout
    from mdjpt.calibration.profile import Profile

__all__ = [
    "CalibrationSummary",
    "Outcome",
    "Stage",
    "TrainingJob",
    "TrainingState",
    "run_training",
    "summary_of",
]

_BEHIND = 10
"""Niceness of a training beside a session: the windows that are decoded live come first."""


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """What a calibration has brought."""

    participant: str
    """Pseudonym."""
    simulated: bool
    """True when the participant was simulated."""
    # Number of the new version, from 1, and how many the profile holds.
    version: int
    n_versions: int
    decoder: VersionAbout
    """What was learned, without its arrays."""
    candidate: Path
    """The profile with the new version, not yet in its place."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """How far a job is."""

    status: Literal["running", "refused", "failed", "cancelled", "done"]
    """Refused when it is not better than what there is; failed when it could not be trained."""
    text: str = ""
    """One line: the stage while it runs, else the reason."""
    summary: CalibrationSummary | None = None
    """What was learned, when it is done."""


@dataclass(frozen=True, slots=True)
class Stage:
    """From the process: what it does now, one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """From the process: how it ended."""

    status: Literal["refused", "failed", "done"]
    text: str = ""
    summary: CalibrationSummary | None = None


class TrainingJob:
    """Trains from a recording in a process of its own. One thread calls everything; nothing blocks.

    The profile stays as it is until :meth:`accept`; the new one waits beside it.
    """

    def __init__(self, request: TrainingRequest) -> None:
        self._request, self._profile_path = request, request.profile
        self._folder: Path | None = None
        self._process: SpawnProcess | None = None
        self._state = TrainingState("running", "starting")

    def start(self) -> None:
        """Start the process; returns at once.

        Raises ProfileError: the profile's folder cannot be written.
        """
        try:
            folder = tempfile.mkdtemp(prefix=".candidate-", dir=self._profile_path.parent)
        except OSError as error:
            raise ProfileError(
                f"{self._profile_path}: cannot be written: {error.strerror}; choose another folder"
            ) from None
        self._folder = Path(folder)
        # One thread a process: the decoder and the window need the other core.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=run_training,
            args=(self._request, self._folder / self._profile_path.name, theirs),
            name="mdjpt-training",
            daemon=True,
        )
        process.start()
        theirs.close()
        self._process = process

    def poll(self) -> TrainingState:
        """Return how far it is."""
        while self._process is not None and self._state.status == "running":
            try:
                if not self._connection.poll():
                    break
                self._take(self._connection.recv())
            except (EOFError, OSError):
                self._finish(TrainingState("failed", "the training ended unexpectedly: try again"))
        return self._state

    def accept(self) -> Path:
        """Put the trained profile in the place of the old one and return its path.

        Raises ProfileError: there is nothing to accept, or it cannot be written.
        """
        summary = self.poll().summary
        if summary is None or not summary.candidate.exists():
            raise ProfileError(f"{self._profile_path}: no trained decoder waits; calibrate again")
        try:
            summary.candidate.replace(self._profile_path)
        except OSError as error:
            raise ProfileError(
                f"{self._profile_path}: cannot be written: {error.strerror}; choose another folder"
            ) from None
        self._clear()
        return self._profile_path

    def cancel(self) -> None:
        """Stop the process and throw away what it made; safe at any time and twice."""
        if self._process is not None:
            self._process.kill()
            self._process.join(2.0)
            self._process = None
            self._connection.close()
        if self._state.status == "running":
            self._state = TrainingState("cancelled", "cancelled: the profile is as it was")
        self._clear()

    def _take(self, message: object) -> None:
        if isinstance(message, Stage):
            self._state = TrainingState("running", message.text)
        elif isinstance(message, Outcome):
            self._finish(TrainingState(message.status, message.text, message.summary))

    def _finish(self, state: TrainingState) -> None:
        self._state = state
        if state.status != "done":
            self._clear()

    def _clear(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def run_training(request: TrainingRequest, candidate: Path, connection: Connection) -> None:
    """Body of the process: the same function as ``mdjpt calibrate``.

    The profile is written to `candidate`; the connection gives `Stage`, then one `Outcome`.
    """
    # Ctrl-C reaches the whole group; whoever started us decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if request.in_session is not None and hasattr(os, "nice"):
        os.nice(_BEHIND)
    from mdjpt.calibration.profile import save_profile
    from mdjpt.calibration.training import NotBetterError

    try:
        profile = train_profile(request, lambda text: connection.send(Stage(text)))
        save_profile(candidate, profile)
        outcome = Outcome("done", summary=summary_of(profile, candidate))
    except NotBetterError as error:
        outcome = Outcome("refused", str(error))
    except MdjptError as error:
        outcome = Outcome("failed", str(error))
    except Exception as error:  # the window shows it; a traceback helps nobody there
        outcome = Outcome("failed", f"unexpected {type(error).__name__}: {one_line(error)}")
    connection.send(outcome)
    connection.close()


def summary_of(profile: Profile, path: Path) -> CalibrationSummary:
    """Return what the version in use of a profile has brought."""
    return CalibrationSummary(
        participant=profile.participant,
        simulated=profile.simulated,
        version=profile.active + 1,
        n_versions=len(profile.versions),
        decoder=profile.current.about,
        candidate=path,
    )
