"""The calibration session as a state machine: time and the person move it, it sets markers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from app.calibration.markers import (
    BaselineMark,
    PlanMark,
    RatingMark,
    SessionMark,
    TrialMark,
)
from app.calibration.plan import make_trials

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.calibration.markers import CalibrationMark, Eyes, Step
    from app.calibration.plan import CalibrationPlan, Trial

__all__ = ["CalibrationSession", "Phase", "Rating", "View"]


class Phase(StrEnum):
    """What goes on; pausing is a flag of the :class:`View`."""

    READY = "ready"
    BASELINE_OPEN = "baseline_open"
    BASELINE_CLOSED = "baseline_closed"
    COUNTDOWN = "countdown"
    TRIAL = "trial"
    RATING = "rating"
    REST = "rest"
    BREAK = "break"
    DONE = "done"
    ABORTED = "aborted"


_EYES: dict[Phase, Eyes] = {Phase.BASELINE_OPEN: "open", Phase.BASELINE_CLOSED: "closed"}
_ENDED = (Phase.DONE, Phase.ABORTED)


@dataclass(frozen=True, slots=True)
class View:
    """What to show at this moment."""

    phase: Phase
    """What goes on."""
    paused: bool
    """True while the person has stopped the clock."""
    trial: Trial | None
    """The trial that is counted down to, shown, rated or just over; None where there is none."""
    # Trials planned, and those that are over and count.
    n_trials: int
    n_done: int
    remaining_s: float | None
    """Seconds until the phase ends; None when the person decides."""
    progress: float
    """Share of the trials that are over, 0 to 1; the one that is shown counts in part."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person says of a trial, on the scales of the self-assessment manikin.

    Raises ValueError when a scale is left.
    """

    # 1 (unpleasant, calm) to 9 (pleasant, excited).
    valence: int
    arousal: int
    label: str | None = None
    """The emotion that was felt, None where it is not said."""

    def __post_init__(self) -> None:
        for name, value in (("valence", self.valence), ("arousal", self.arousal)):
            if value not in range(1, 10):
                raise ValueError(f"{name} must be 1 to 9, got {value}")


class CalibrationSession:
    """Leads a person through a plan. One thread calls everything; nothing blocks.

    What the person asks for at a moment when it makes no sense (rating a trial that is not over,
    going on where nothing waits) is passed over: a button may be pressed while its page changes.

    Parameters
    ----------
    plan : CalibrationPlan
        What to show.
    mark : callable
        Sets a marker at this moment of the recording.
    clock : callable
        Seconds that never step back; of the stream, when the stream does not run in real time.

    Raises
    ------
    MdjptError
        When the media of the plan are gone.
    """

    def __init__(
        self,
        plan: CalibrationPlan,
        mark: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.trials = make_trials(plan)
        self._set_marker = mark
        self._clock = clock
        self._phase = Phase.READY
        self._index = 0
        self._n_done = 0
        self._until: float | None = None
        self._paused_left: float | None = None
        self._paused = False

    def start(self) -> None:
        """Begin with the baseline, or with the first countdown when there is none."""
        if self._phase is not Phase.READY:
            return
        self._mark(PlanMark(self.plan.to_dict()))
        if self.plan.baseline_s > 0:
            self._begin_baseline(Phase.BASELINE_OPEN)
        else:
            self._enter(Phase.COUNTDOWN, self.plan.countdown_s)

    def tick(self) -> View:
        """Move on by the clock and say what to show; call it about 30 times a second."""
        if not self._paused and self._until is not None and self._clock() >= self._until:
            self._time_is_up()
        return self.view()

    def view(self) -> View:
        """Say what to show, moving nothing."""
        trial = None
        if self._phase in (Phase.COUNTDOWN, Phase.TRIAL, Phase.RATING, Phase.REST, Phase.BREAK):
            trial = self.trials[self._index]
        return View(
            phase=self._phase,
            paused=self._paused,
            trial=trial,
            n_trials=len(self.trials),
            n_done=self._n_done,
            remaining_s=self._remaining_s(),
            progress=self._progress(),
        )

    def rate(self, rating: Rating) -> None:
        """Take the rating of the trial that is just over."""
        if self._phase is Phase.RATING and not self._paused:
            number = self.trials[self._index].number
            self._mark(RatingMark(number, rating.valence, rating.arousal, rating.label))
            self._after_rating()

    def go_on(self) -> None:
        """End a break or a rest, leave out a rating, or cut a baseline short."""
        if self._paused:
            return
        if self._phase in _EYES:
            self._end_baseline()
        elif self._phase is Phase.RATING:
            self._after_rating()
        elif self._phase in (Phase.REST, Phase.BREAK):
            self._next_trial()

    def pause(self) -> None:
        """Stop the clock; a trial or a baseline that goes on is taken back."""
        if self._paused or self._phase in (Phase.READY, *_ENDED):
            return
        self._paused_left = self._remaining_s()
        self._take_back()
        self._paused = True
        self._mark(SessionMark("pause"))

    def resume(self) -> None:
        """Go on; a paused trial comes again from its countdown, a baseline from its start."""
        if not self._paused:
            return
        self._paused = False
        self._mark(SessionMark("resume"))
        if self._phase in _EYES:
            self._begin_baseline(self._phase)
        elif self._phase in (Phase.COUNTDOWN, Phase.TRIAL):
            self._enter(Phase.COUNTDOWN, self.plan.countdown_s)
        else:
            self._enter(self._phase, self._paused_left)

    def repeat(self) -> None:
        """Take back the trial that is shown or just over, and show it again."""
        if self._paused:
            return
        if self._phase is Phase.TRIAL:
            self._take_back()
        elif self._phase in (Phase.RATING, Phase.REST, Phase.BREAK):
            self._mark_trial("void")
            self._n_done -= 1
        else:
            return
        self._enter(Phase.COUNTDOWN, self.plan.countdown_s)

    def abort(self) -> None:
        """End the session; trials that are over still count."""
        if self._phase in (Phase.READY, *_ENDED):
            self._phase = Phase.ABORTED if self._phase is Phase.READY else self._phase
            return
        if not self._paused:
            self._take_back()
        self._paused = False
        self._mark(SessionMark("abort"))
        self._enter(Phase.ABORTED, None)

    def _time_is_up(self) -> None:
        if self._phase in _EYES:
            self._end_baseline()
        elif self._phase is Phase.COUNTDOWN:
            self._mark_trial("begin")
            self._enter(Phase.TRIAL, self.plan.trial_s)
        elif self._phase is Phase.TRIAL:
            self._mark_trial("end")
            self._n_done += 1
            if self.plan.ratings:
                self._enter(Phase.RATING, None)
            else:
                self._after_rating()
        elif self._phase is Phase.REST:
            self._next_trial()

    def _begin_baseline(self, phase: Phase) -> None:
        self._mark(BaselineMark(_EYES[phase], "begin"))
        self._enter(phase, self.plan.baseline_s)

    def _end_baseline(self) -> None:
        self._mark(BaselineMark(_EYES[self._phase], "end"))
        if self._phase is Phase.BASELINE_OPEN:
            self._begin_baseline(Phase.BASELINE_CLOSED)
        else:
            self._enter(Phase.COUNTDOWN, self.plan.countdown_s)

    def _after_rating(self) -> None:
        every = self.plan.break_every
        if self._index + 1 == len(self.trials):
            self._mark(SessionMark("end"))
            self._enter(Phase.DONE, None)
        elif every and (self._index + 1) % every == 0:
            self._enter(Phase.BREAK, None)
        else:
            self._enter(Phase.REST, self.plan.rest_s)

    def _next_trial(self) -> None:
        self._index += 1
        self._enter(Phase.COUNTDOWN, self.plan.countdown_s)

    def _take_back(self) -> None:
        """Void what goes on, if it is marked."""
        if self._phase is Phase.TRIAL:
            self._mark_trial("void")
        elif self._phase in _EYES:
            self._mark(BaselineMark(_EYES[self._phase], "void"))

    def _enter(self, phase: Phase, seconds: float | None) -> None:
        self._phase = phase
        self._until = None if seconds is None else self._clock() + seconds

    def _mark_trial(self, step: Step) -> None:
        trial = self.trials[self._index]
        self._mark(TrialMark(trial.number, trial.label, step))

    def _mark(self, mark: CalibrationMark) -> None:
        self._set_marker(str(mark))

    def _remaining_s(self) -> float | None:
        if self._paused:
            return self._paused_left
        return None if self._until is None else max(0.0, self._until - self._clock())

    def _progress(self) -> float:
        part = 0.0
        if self._phase is Phase.TRIAL and not self._paused:
            part = max(0.0, 1.0 - (self._remaining_s() or 0.0) / self.plan.trial_s)
        return (self._n_done + part) / len(self.trials)
