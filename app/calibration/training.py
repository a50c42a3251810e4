"""Training a personal decoder beside a program that must go on: a job in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.calibration.training_process import Outcome, Stage, TrainingRequest, run_training
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from app.calibration.training_process import CalibrationSummary

__all__ = ["TrainingJob", "TrainingState"]


@dataclass(frozen=True, slots=True)
class TrainingState:
    """How far a job is.

    Attributes
    ----------
    status : {"running", "refused", "failed", "cancelled", "done"}
        "refused": the decoder is not better than what there is; "failed": it could not be trained.
    text : str
        One line: the stage while it runs, else the reason.
    summary : CalibrationSummary or None
        What was learned, when it is done.
    """

    status: Literal["running", "refused", "failed", "cancelled", "done"]
    text: str = ""
    summary: CalibrationSummary | None = None


class TrainingJob:
    """Trains from a recording in a process of its own. One thread calls everything; nothing blocks.

    The profile stays as it is until :meth:`accept`; the new one waits beside it.

    Parameters
    ----------
    recording : Path
        EEG of the calibration.
    labels : Path or None
        Table of the trials; None takes them from the markers of the recording.
    profile_path : Path
        Profile that gets a new version, or that is to be made; its folder exists.
    bundle_path : Path
        Model bundle.
    participant : str, optional
        Pseudonym for a new profile; a random one by default.
    montage : tuple of str
        Electrode names for a recording whose labels say nothing.
    alignment : str
        Kind of alignment before the head.
    """

    def __init__(
        self,
        recording: Path,
        labels: Path | None,
        profile_path: Path,
        bundle_path: Path,
        *,
        participant: str | None = None,
        montage: tuple[str, ...] = (),
        alignment: str = "moments",
    ) -> None:
        self._profile_path = profile_path
        self._folder: Path | None = None
        self._process: SpawnProcess | None = None
        self._state = TrainingState("running", "starting")
        self._request = TrainingRequest(
            recording, labels, profile_path, bundle_path, participant, montage, alignment
        )

    def start(self) -> None:
        """Start the process; returns at once.

        Raises
        ------
        ProfileError
            The profile's folder cannot be written.
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

        Raises
        ------
        ProfileError
            There is nothing to accept, or it cannot be written.
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
