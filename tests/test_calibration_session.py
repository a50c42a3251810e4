"""The session as a state machine: whatever the person does, its markers nest and it can end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calibration.labels import labels_from_markers
from app.calibration.markers import (
    BaselineMark,
    PlanMark,
    RatingMark,
    SessionMark,
    TrialMark,
    parse_mark,
)
from app.calibration.plan import CalibrationPlan
from app.calibration.session import CalibrationSession, Phase, Rating, View
from tests.support.hand_clock import HandClock

CLASSES = ("joy", "sad", "a/b")
PLAN = CalibrationPlan(
    CLASSES, 2, trial_s=8.0, rest_s=4.0, countdown_s=3.0, break_every=4, baseline_s=5.0
)
RATING = Rating(6, 4, "joy")
ENDED = (Phase.DONE, Phase.ABORTED)


class Led:
    """A session on a clock that the test moves, and what it has marked."""

    def __init__(self, plan: CalibrationPlan = PLAN) -> None:
        self.clock = HandClock()
        self.marked: list[tuple[float, str]] = []
        self.session = CalibrationSession(
            plan, lambda label: self.marked.append((self.clock(), label)), self.clock
        )

    def wait(self, seconds: float) -> View:
        self.clock.wait(seconds)
        return self.session.tick()

    def until(self, phase: Phase) -> View:
        """Let time pass, rating and going on at once, until a phase begins."""
        for _ in range(2000):
            view = self.session.view()
            if view.phase is phase:
                return view
            if view.phase is Phase.RATING:
                self.session.rate(RATING)
            elif view.phase is Phase.BREAK:
                self.session.go_on()
            else:
                self.wait(0.25)
        raise AssertionError(f"{phase} never came")

    @property
    def labels(self) -> list[str]:
        return [label for _, label in self.marked]


def check_nesting(labels: list[str]) -> None:
    """Assert that markers make sense one after another."""
    marks = [parse_mark(label) for label in labels]
    going: object = None
    over: int | None = None
    paused = ended = False
    for k, mark in enumerate(marks):
        assert mark is not None
        assert not ended
        assert isinstance(mark, PlanMark) == (k == 0)
        if isinstance(mark, SessionMark):
            assert going is None
            assert mark.turn != "resume" or paused
            assert mark.turn != "pause" or not paused
            paused = mark.turn == "pause"
            ended = mark.turn in ("end", "abort")
        elif isinstance(mark, BaselineMark):
            assert going == (None if mark.step == "begin" else mark.eyes)
            going = mark.eyes if mark.step == "begin" else None
        elif isinstance(mark, TrialMark):
            assert not paused
            if mark.step == "void" and going is None:
                assert over == mark.number
            else:
                key = (mark.number, mark.label)
                assert going == (None if mark.step == "begin" else key)
                going = key if mark.step == "begin" else None
            over = mark.number if mark.step == "end" else None
        elif isinstance(mark, RatingMark):
            assert going is None
            assert over == mark.number


def test_a_session_that_nobody_disturbs_goes_from_the_baseline_to_the_end() -> None:
    led = Led()
    assert led.session.tick() == View(Phase.READY, False, None, 6, 0, None, 0.0)
    led.session.start()
    phases = []
    while led.session.view().phase is not Phase.DONE:
        view = led.session.tick()
        if not phases or phases[-1] is not view.phase:
            phases.append(view.phase)
        if view.phase is Phase.RATING:
            led.session.rate(RATING)
        elif view.phase is Phase.BREAK:
            led.session.go_on()
        else:
            led.wait(0.5)
    trial = [Phase.COUNTDOWN, Phase.TRIAL, Phase.RATING]
    assert phases == [
        *(Phase.BASELINE_OPEN, Phase.BASELINE_CLOSED),
        *([*trial, Phase.REST] * 3),
        *([*trial, Phase.BREAK]),
        *([*trial, Phase.REST]),
        *trial,
    ]
    assert led.session.view() == View(Phase.DONE, False, None, 6, 6, None, 1.0)
    check_nesting(led.labels)
    trials = labels_from_markers(led.marked)
    assert [t.label for t in trials] == [t.label for t in led.session.trials]
    assert {t.duration_s for t in trials} == {8.0}
    assert {(t.valence, t.arousal) for t in trials} == {(6.0, 4.0)}
    assert led.labels[-1] == "calibration/end"


def test_the_seconds_that_remain_are_those_of_the_phase() -> None:
    led = Led()
    led.session.start()
    assert led.session.view().remaining_s == 5.0
    assert led.wait(2.0).remaining_s == 3.0
    led.until(Phase.TRIAL)
    view = led.wait(2.0)
    assert view.remaining_s == 6.0
    assert view.progress == pytest.approx(0.25 / 6)
    led.until(Phase.RATING)
    assert led.session.view().remaining_s is None


def test_a_pause_in_a_trial_takes_it_back_and_shows_it_again() -> None:
    led = Led()
    led.session.start()
    shown = led.until(Phase.TRIAL).trial
    led.wait(3.0)
    led.session.pause()
    view = led.wait(100.0)
    assert (view.phase, view.paused, view.remaining_s) == (Phase.TRIAL, True, 5.0)
    led.session.resume()
    view = led.session.tick()
    assert (view.phase, view.trial, view.remaining_s) == (Phase.COUNTDOWN, shown, 3.0)
    took_back, paused, resumed = (parse_mark(label) for label in led.labels[-3:])
    assert shown is not None
    assert took_back == TrialMark(1, shown.label, "void")
    assert (paused, resumed) == (SessionMark("pause"), SessionMark("resume"))
    led.until(Phase.RATING)
    assert len(labels_from_markers(led.marked)) == 1


def test_a_pause_in_a_rest_stops_its_clock() -> None:
    led = Led()
    led.session.start()
    led.until(Phase.REST)
    led.wait(1.0)
    led.session.pause()
    led.wait(50.0)
    led.session.resume()
    assert led.session.view().remaining_s == 3.0


def test_a_baseline_that_was_paused_begins_again_and_can_be_cut_short() -> None:
    led = Led()
    led.session.start()
    led.wait(2.0)
    led.session.pause()
    led.session.resume()
    assert led.session.view().remaining_s == 5.0
    led.session.go_on()
    assert led.session.view().phase is Phase.BASELINE_CLOSED
    led.session.go_on()
    assert led.session.view().phase is Phase.COUNTDOWN
    assert led.labels[1:4] == ["baseline/open/begin", "baseline/open/void", "calibration/pause"]
    assert led.labels[-3:] == ["baseline/open/end", "baseline/closed/begin", "baseline/closed/end"]


def test_a_trial_that_is_repeated_counts_once() -> None:
    led = Led()
    led.session.start()
    led.until(Phase.RATING)
    led.session.rate(RATING)
    assert led.session.view().n_done == 1
    led.session.repeat()
    assert led.session.view().n_done == 0
    assert labels_from_markers(led.marked) == ()
    led.until(Phase.TRIAL)
    led.session.repeat()
    led.until(Phase.RATING)
    assert len(labels_from_markers(led.marked)) == 1
    check_nesting(led.labels)


def test_an_aborted_session_keeps_the_trials_that_are_over() -> None:
    led = Led()
    led.session.start()
    led.until(Phase.REST)
    led.until(Phase.TRIAL)
    led.session.abort()
    led.session.abort()
    assert led.session.view().phase is Phase.ABORTED
    assert led.labels[-1] == "calibration/abort"
    assert led.labels.count("calibration/abort") == 1
    assert len(labels_from_markers(led.marked)) == 1


def test_a_session_that_never_began_ends_without_a_marker() -> None:
    led = Led()
    led.session.abort()
    led.session.start()
    assert led.session.view().phase is Phase.ABORTED
    assert led.marked == []


def test_without_ratings_and_baseline_trial_follows_trial() -> None:
    plan = CalibrationPlan(CLASSES, 2, baseline_s=0, break_every=0, ratings=False, rest_s=0)
    led = Led(plan)
    led.session.start()
    assert led.session.view().phase is Phase.COUNTDOWN
    led.until(Phase.DONE)
    assert not any(label.startswith(("rating", "baseline")) for label in led.labels)
    assert len(labels_from_markers(led.marked)) == 6


def test_a_rating_stays_on_its_scale() -> None:
    for valence, arousal in ((0, 5), (10, 5), (5, 0)):
        with pytest.raises(ValueError, match="must be 1 to 9"):
            Rating(valence, arousal)


ACTIONS = st.one_of(
    st.sampled_from(["start", "pause", "resume", "go_on", "repeat", "abort", "rate"]),
    st.floats(0.0, 30.0),
)


@given(st.lists(ACTIONS, max_size=60))
def test_whatever_the_person_does_markers_nest_and_the_session_can_end(actions) -> None:
    led = Led()
    session = led.session
    session.start()
    for action in actions:
        if action == "abort" and len(led.marked) % 5:
            continue  # often enough at the end; most sessions should live on
        if isinstance(action, float):
            led.wait(action)
        elif action == "rate":
            session.rate(RATING)
        else:
            getattr(session, action)()
        view = session.view()
        assert 0.0 <= view.progress <= 1.0
        assert view.remaining_s is None or view.remaining_s >= 0.0
        assert (view.trial is None) == (
            view.phase in (*ENDED, Phase.READY, Phase.BASELINE_OPEN, Phase.BASELINE_CLOSED)
        )
        assert view.n_done == len(labels_from_markers(led.marked))
    check_nesting(led.labels)
    session.resume()
    if session.view().phase not in ENDED:
        led.until(Phase.DONE)
        assert len(labels_from_markers(led.marked)) == len(session.trials)
    check_nesting(led.labels)
    n_marked = len(led.marked)
    for action in (session.start, session.pause, session.resume, session.go_on, session.repeat):
        action()
    session.abort()
    led.wait(100.0)
    assert len(led.marked) == n_marked


def test_late_ticks_make_a_trial_longer_and_skip_nothing() -> None:
    led = Led()
    led.session.start()
    for _ in range(200):
        if led.wait(20.0).phase is Phase.RATING:
            led.session.rate(RATING)
        led.session.go_on()
    assert led.session.view().phase is Phase.DONE
    assert len(labels_from_markers(led.marked)) == 6
    check_nesting(led.labels)
