"""From the first sample recorded to the trained decoder: what happens, without a widget."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from app.calibration.markers import ConsentMark
from app.calibration.session import CalibrationSession, Phase, Rating, View
from app.widgets.words import has_stalled
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.calibration.plan import CalibrationPlan
    from app.calibration.training import TrainingJob, TrainingState
    from app.session import LiveSession
    from streaming.snapshot import Snapshot

__all__ = ["CalibrationRun", "Stage"]

LEAST_FOR_TRAINING = 2
STALLED = "No samples arrive: check the headset."
GIVE_UP_S = 10.0


class Stage(Enum):
    """What the run is at."""

    OPENING = auto()
    SESSION = auto()
    CLOSING = auto()
    STOPPED = auto()
    TRAINING = auto()
    FINISHED = auto()
    FAILED = auto()


class CalibrationRun:
    """One calibration. The GUI thread calls everything; nothing blocks.

    Its clock is the signal's: a session that stands still because no sample comes loses no time
    of a trial, and a recording that is played faster calibrates faster.

    Parameters
    ----------
    session : LiveSession
        Records, takes the markers.
    plan : CalibrationPlan
        What to show.
    recording : Path
        File to record into.
    purpose : str
        What the person agreed to; stands in the recording.
    make_job : callable
        Makes the training of the recording, not started yet.

    Attributes
    ----------
    stage : Stage
        What the run is at.
    problem : str
        One line when it failed, else "".
    why_paused : str
        Why the run paused by itself: "welcome" after eyes were closed, a sentence when no samples
        arrive, "" when nobody or the person did.
    """

    def __init__(
        self,
        session: LiveSession,
        plan: CalibrationPlan,
        recording: Path,
        purpose: str,
        make_job: Callable[[], TrainingJob],
    ) -> None:
        self.plan = plan
        self.recording = recording
        self.stage = Stage.OPENING
        self.problem = ""
        self.why_paused = ""
        self.job: TrainingJob | None = None
        self._session = session
        self._purpose = purpose
        self._make_job = make_job
        self._held = False
        self._now_s = session.snapshot().elapsed_s
        self._began_s = self._now_s
        self.steps = CalibrationSession(plan, session.mark, lambda: self._now_s)
        session.record(recording)

    @property
    def view(self) -> View:
        """What to show of the session."""
        return self.steps.view()

    @property
    def paused(self) -> bool:
        """Whether it waits for the person, the session begun or not."""
        return self._held or self.view.paused

    @property
    def can_train(self) -> bool:
        """Whether there are two trials of each class at least, if all classes came in turn."""
        return self.view.n_done >= LEAST_FOR_TRAINING * len(self.plan.class_names)

    @property
    def goes_on(self) -> bool:
        """Whether closing now would stop something."""
        return self.stage in (Stage.OPENING, Stage.SESSION, Stage.CLOSING, Stage.TRAINING)

    @property
    def training(self) -> TrainingState | None:
        """How far the training is, None before it."""
        return None if self.job is None else self.job.poll()

    @property
    def training_ended(self) -> bool:
        """Whether the training has come to its end, whichever."""
        state = self.training
        return state is not None and state.status != "running"

    def follow(self, snapshot: Snapshot) -> None:
        """Move on with the session; called 30 times a second."""
        self._now_s = max(self._now_s, snapshot.elapsed_s)
        if self.stage in (Stage.OPENING, Stage.SESSION):
            self._watch(snapshot)
        if self.stage is Stage.OPENING:
            self._open(snapshot)
        elif self.stage is Stage.SESSION:
            self._step(snapshot)
        elif self.stage is Stage.CLOSING and not snapshot.recording:
            self._closed(snapshot)
        elif self.stage is Stage.TRAINING and self.training_ended:
            self.stage = Stage.FINISHED

    def rate(self, rating: Rating) -> None:
        """Take a rating."""
        self.steps.rate(rating)

    def pause(self) -> None:
        """Wait for the person; a session that has not begun yet does not begin."""
        if self.stage is Stage.OPENING:
            self._held = True
        elif self.stage is Stage.SESSION and not self.view.paused:
            self.why_paused = ""
            self.steps.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self._held = False
        self.why_paused = ""
        self.steps.resume()

    def stop(self) -> None:
        """End the session before its time; what was recorded stays."""
        if self.stage in (Stage.OPENING, Stage.SESSION, Stage.CLOSING):
            self.steps.abort()
            self._session.stop_recording()
            self.stage = Stage.STOPPED
        elif self.stage is Stage.TRAINING and self.job is not None:
            self.job.cancel()
            self.stage = Stage.STOPPED

    def train(self) -> None:
        """Train as soon as the recording is closed."""
        self.stage = Stage.CLOSING

    def fail(self, problem: str) -> None:
        """Stop everything because of `problem`; what was recorded stays."""
        self.stop()
        self.problem, self.stage = problem, Stage.FAILED

    def _watch(self, snapshot: Snapshot) -> None:
        """Stop at once when there is nothing to record or nothing that records."""
        if snapshot.state in ("failed", "ended", "stopped"):
            self.fail(snapshot.error or "The signal has ended.")
        elif snapshot.recording_error:
            self.fail(snapshot.recording_error)
        elif self.stage is Stage.SESSION and not snapshot.recording:
            self.fail("The recording has ended.")

    def _open(self, snapshot: Snapshot) -> None:
        if snapshot.recording and self._held:
            return
        if snapshot.recording:
            self._session.mark(str(ConsentMark(self._purpose)))
            self.steps.start()
            self.stage = Stage.SESSION
        elif self._now_s - self._began_s > GIVE_UP_S:
            self.fail(f"{self.recording}: the recording does not begin; check the folder")

    def _step(self, snapshot: Snapshot) -> None:
        before = self.view
        if has_stalled(snapshot) and not before.paused:
            self.steps.pause()
            self.why_paused = STALLED
        view = self.steps.tick()
        if before.phase is Phase.BASELINE_CLOSED and view.phase is Phase.COUNTDOWN:
            # Eyes must open before anything is to be read.
            self.steps.pause()
            self.why_paused = "welcome"
        if view.phase is Phase.DONE:
            self._session.stop_recording()
            self.train()

    def _closed(self, snapshot: Snapshot) -> None:
        if snapshot.recording_error:
            self.fail(snapshot.recording_error)
            return
        job = self._make_job()
        try:
            job.start()
        except MdjptError as error:
            self.fail(str(error))
        else:
            self.job, self.stage = job, Stage.TRAINING
