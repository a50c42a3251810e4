"""The calibration wizard as a person uses it, on a session whose clock is moved by hand."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent
from PySide6.QtTest import QTest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.calibration.markers import (
    BaselineMark,
    ConsentMark,
    PlanMark,
    RatingMark,
    SessionMark,
    TrialMark,
    marker_words,
    parse_mark,
)
from app.calibration.plan import Prompt, Trial
from app.calibration.session import Phase
from app.calibration.training import TrainingState
from app.dashboard.window import Dashboard
from app.source_choice import SourceChoice
from app.widgets.theme import DARK, LIGHT
from app.wizard.affect_grid import AffectGrid, affect_words
from app.wizard.electrode_words import judge_contact
from app.wizard.electrodes_page import ElectrodesPage
from app.wizard.media_player import media_player
from app.wizard.plan_page import PlanPage, minutes
from app.wizard.prompt_view import PromptView
from app.wizard.result_page import ResultPage, result_words
from app.wizard.run import Stage
from app.wizard.tools import TrainingWish
from mdjpt.errors import ProfileError
from mdjpt.signal.window import Preprocessor
from mdjpt.simulation import SimulatedParticipant, cap, class_set
from streaming.ring import RingView
from tests.support.fake_session import CH_NAMES_32 as NAMES
from tests.support.fake_session import FakeSession, ManualClock
from tests.support.fake_tools import FakeJob, FakeStore, fake_tools, made_summary
from tests.support.pictures import Photographer
from tests.test_dashboard import close, wait

if TYPE_CHECKING:
    from app.wizard.wizard import Wizard

SIM = SourceChoice("sim:")
KEY = Qt.Key


@dataclass
class Calibrated:
    """A dashboard with its wizard open."""

    window: Dashboard
    session: FakeSession
    clock: ManualClock
    store: FakeStore
    jobs: list[FakeJob]

    @property
    def wizard(self) -> Wizard:
        wizard = self.window.calibration.wizard
        assert wizard is not None
        return wizard

    @property
    def is_open(self) -> bool:
        return self.window.calibration.wizard is not None

    @property
    def phase(self) -> Phase:
        return self.wizard.run.view.phase

    def pass_time(self, seconds: float, step_s: float = 0.1) -> None:
        for _ in range(max(1, round(seconds / step_s))):
            self.clock.advance(step_s)
            self.window.tick()

    def press(self, *keys: Qt.Key) -> None:
        for key in keys:
            target = self.window.focusWidget() or self.wizard
            QTest.keyClick(target, key)
            self.pass_time(0.1)

    def agree(self, purpose: str = "a test") -> None:
        self.wizard.pages.who.purpose.setText(purpose)
        self.wizard.pages.who.consent.setChecked(True)

    def forward(self) -> None:
        self.wizard.foot.primary.click()
        self.pass_time(0.1)

    def set_up(self, trials: int = 2, baseline_s: int = 0, classes=("negative", "positive")):
        """Go to the page before the session, with a plan of `trials` of each class."""
        self.agree()
        self.forward()
        self.pass_time(1)
        self.forward()
        plan = self.wizard.pages.plan
        plan.classes.set_names(classes)
        plan.trials.choose(trials)
        plan.trial_s.choose(7)
        plan.baseline_s.choose(baseline_s)
        self.forward()

    def begin(self, **settings) -> None:
        self.set_up(**settings)
        self.forward()
        self.pass_time(0.3)
        assert self.wizard.run.stage is Stage.SESSION

    def until(self, reached) -> None:
        for _ in range(3000):
            if reached():
                return
            self.pass_time(0.25, step_s=0.25)
        raise AssertionError("it does not come to that")

    def until_phase(self, phase: Phase) -> None:
        self.until(lambda: self.phase is phase)

    def rate(self, valence: int = 7, arousal: int = 3, felt: int = 0) -> None:
        self.until_phase(Phase.RATING)
        self.pass_time(0.1)
        page = self.wizard.pages.session.rating
        page.grid.choose(valence, arousal)
        page.felt.button(felt).click()
        self.forward()

    def finish_trials(self) -> None:
        while self.wizard.run.stage is Stage.SESSION:
            self.rate()
        self.until(lambda: bool(self.jobs))

    def marks(self, kind) -> list:
        found = (parse_mark(text) for text in self.session.marks)
        return [mark for mark in found if isinstance(mark, kind)]


@pytest.fixture
def dashboard(qtbot, tmp_path):
    """Return a function that opens a dashboard on a fake session."""

    def open_dashboard(*, store=None, **arguments) -> Calibrated:
        clock = ManualClock()
        # Few electrodes draw fast; a calibration is many frames long.
        session = FakeSession(**{"ch_names": NAMES[:8]} | arguments, clock=clock, head_start_s=30)
        store = store or FakeStore.with_people(tmp_path)
        tools, jobs = fake_tools(store)
        window = Dashboard(lambda _choice: session, SIM, calibration=tools)
        qtbot.addWidget(window, before_close_func=partial(leave, qtbot))
        window.show()
        wait(qtbot, lambda: window.connection.state == "open")
        wait(qtbot, lambda: window.history.plot is not None)
        # The window's own timer would move the session between two lines of a test.
        window._timer.stop()
        window.tick()
        return Calibrated(window, session, clock, store, jobs)

    return open_dashboard


def leave(qtbot, window: Dashboard) -> None:
    wizard = window.calibration.wizard
    if wizard is not None:
        if wizard.run is not None:
            wizard.run.stop()
        wizard.closed.emit()
    close(qtbot, window)


@pytest.fixture
def calibrate(dashboard, qtbot):
    """Return a function that opens a dashboard and its wizard."""

    def open_wizard(**arguments) -> Calibrated:
        made = dashboard(**arguments)
        made.window.header.calibrate_button.click()
        wait(qtbot, lambda: made.wizard.pages.who.people.count() == 3)
        return made

    return open_wizard


class UnreadableStore(FakeStore):
    """Participants in a folder that cannot be read."""

    def list(self):
        raise ProfileError("profiles: cannot be read: check the folder's permissions")


def test_participants_that_cannot_be_read_are_not_looked_for_for_ever(dashboard, qtbot, tmp_path):
    made = dashboard(store=UnreadableStore(tmp_path))
    made.window.header.calibrate_button.click()
    page = made.wizard.pages.who
    wait(qtbot, lambda: page.missing == "The participants cannot be read")
    assert [page.people.item(k).text() for k in range(page.people.count())] == [page.missing]
    assert "check the folder's permissions" in made.wizard.messages.text
    assert not made.wizard.foot.primary.isEnabled()


def test_the_card_that_says_why_there_is_no_label_leads_to_a_calibration(dashboard):
    made = dashboard(simulated=False)
    made.session.model = replace(made.session.model, simulated=True)
    made.pass_time(1)
    assert made.window.emotion.headline.whole == "Not calibrated"
    made.window.emotion.calibrate.click()
    assert made.is_open


def test_the_button_waits_for_a_stream_with_a_model(dashboard):
    made = dashboard()
    assert made.window.header.calibrate_button.isEnabled()
    made.session.model = None
    made.window.tick()
    assert not made.window.header.calibrate_button.isEnabled()
    made.window.calibration.open()
    assert not made.is_open


def test_a_dashboard_without_profiles_offers_no_calibration(qtbot):
    window = Dashboard(lambda _choice: FakeSession(), SIM)
    qtbot.addWidget(window, before_close_func=partial(close, qtbot))
    assert not window.header.calibrate_button.isVisibleTo(window)


def test_a_recording_that_runs_is_not_taken_over(dashboard, tmp_path):
    made = dashboard()
    made.session.record(tmp_path / "mine.xdf")
    made.window.calibration.open()
    assert not made.is_open
    assert "stop it first" in made.window.messages.text


def test_the_whole_path_ends_with_the_decoder_in_use_and_its_person_in_the_header(calibrate):
    made = calibrate()
    who = made.wizard.pages.who.pseudonym
    made.begin(baseline_s=20)
    assert made.phase is Phase.BASELINE_OPEN
    made.until_phase(Phase.BASELINE_CLOSED)
    made.until_phase(Phase.COUNTDOWN)
    made.pass_time(30)
    assert made.phase is Phase.COUNTDOWN, "nothing is shown before the eyes are open"
    made.forward()
    made.finish_trials()
    assert made.session.snapshot().recording == ""
    assert made.jobs[0].wish.recording == made.session.recorded[0]
    assert made.jobs[0].wish.participant == who
    made.jobs[0].state = TrainingState("done", summary=made_summary())
    made.pass_time(0.1)
    assert made.wizard.page is made.wizard.pages.result
    made.forward()
    assert not made.is_open
    assert made.jobs[0].accepted
    assert made.session.profiles == [made.store.path_of(who)]
    made.window.tick()
    assert who in made.window.header.model_detail.whole


def test_the_recording_holds_plan_trials_and_ratings(calibrate):
    made = calibrate()
    made.begin()
    made.rate(valence=8, arousal=2, felt=1)
    assert made.session.snapshot().recording
    plan, begun, rated = made.marks(PlanMark), made.marks(TrialMark), made.marks(RatingMark)
    assert plan[0].settings["class_names"] == ["negative", "positive"]
    assert [mark.step for mark in begun] == ["begin", "end"]
    assert (rated[0].valence, rated[0].arousal, rated[0].felt) == (8, 2, "positive")
    assert parse_mark(made.session.marks[0]) == ConsentMark("a test")


def test_nothing_goes_on_without_a_purpose_and_consent(calibrate):
    made = calibrate()
    foot, who = made.wizard.foot, made.wizard.pages.who
    assert not foot.primary.isEnabled()
    who.purpose.setText("a test")
    assert foot.hint.whole == "The person must agree before anything is recorded"
    who.consent.setChecked(True)
    assert foot.primary.isEnabled()
    who.people.setCurrentRow(1)
    assert not foot.primary.isEnabled(), "consent is one person's"
    assert made.session.recorded == []


@pytest.mark.parametrize("name", ["", "a b", "Jürgen", "-x", "P-07c4e2b1"])
def test_a_pseudonym_that_is_none_or_taken_is_refused(calibrate, name):
    made = calibrate()
    made.agree()
    made.wizard.pages.who.new.field.setText(name)
    assert not made.wizard.foot.primary.isEnabled()
    assert "pseudonym" in made.wizard.foot.hint.whole


def test_a_profile_for_another_model_is_told_before_anything_is_recorded(dashboard, qtbot):
    made = dashboard()
    assert made.session.model is not None
    made.session.model = replace(made.session.model, sha256=64 * "1")
    made.window.calibration.open()
    who = made.wizard.pages.who
    wait(qtbot, lambda: who.people.count() == 3)
    assert who.people.item(1).text().endswith("other model")
    assert "other model" not in who.people.item(2).text()
    who.people.setCurrentRow(1)
    made.agree()
    assert not made.wizard.foot.primary.isEnabled()
    assert made.wizard.foot.hint.whole.startswith("This profile is for another model")
    who.versions.list.setCurrentRow(1)
    assert not who.versions.use_button.isEnabled(), "its decoder would be refused"
    assert who.versions.delete_button.isEnabled()
    who.people.setCurrentRow(2)
    made.agree()
    assert made.wizard.foot.primary.isEnabled()


def test_an_earlier_version_is_one_click_away(calibrate, qtbot):
    made = calibrate()
    who = made.wizard.pages.who
    who.people.setCurrentRow(1)
    assert who.versions.use_button.isEnabled(), (
        "version 3 is the newest, but nobody decodes with it"
    )
    who.versions.list.setCurrentRow(1)
    who.versions.use_button.click()
    wait(qtbot, lambda: bool(made.session.profiles))
    entry = made.store.list()[0]
    assert entry.in_use == 1
    assert made.session.profiles == [entry.path]
    assert "version 2" in who.people.item(1).text()


def test_a_profile_is_taken_off_and_put_on_again_without_losing_anything(calibrate, qtbot):
    made = calibrate()
    who = made.wizard.pages.who
    who.people.setCurrentRow(1)
    assert who.versions.off_button.isHidden(), "the session decodes without one"
    who.versions.use_button.click()
    wait(qtbot, lambda: bool(made.session.profiles))
    assert not who.versions.off_button.isHidden()
    assert not who.versions.use_button.isEnabled(), "it decodes with this version"
    who.versions.off_button.click()
    assert made.session.profiles[-1] is None
    assert made.session.snapshot().model.participant == ""
    assert who.versions.off_button.isHidden()
    assert len(made.store.list()[0].versions) == 3
    who.versions.use_button.click()
    wait(qtbot, lambda: made.session.profiles[-1] is not None)


@pytest.mark.parametrize("baseline_s", [0, 20])
def test_a_rest_is_announced_only_where_the_plan_has_one(calibrate, baseline_s):
    made = calibrate()
    made.set_up(baseline_s=baseline_s)
    assert made.wizard.pages.instructions.rest[0].isVisible() == (baseline_s > 0)


def test_a_double_click_on_continue_is_one_click(calibrate):
    made = calibrate()
    made.set_up()
    made.wizard.foot.back.click()
    assert made.wizard.page is made.wizard.pages.plan
    primary = made.wizard.foot.primary
    QTest.mouseClick(primary, Qt.MouseButton.LeftButton)
    QTest.mouseDClick(primary, Qt.MouseButton.LeftButton)
    QTest.mouseRelease(primary, Qt.MouseButton.LeftButton)
    made.pass_time(0.3)
    assert made.wizard.page is made.wizard.pages.instructions
    assert made.wizard.run is None, "nothing is recorded before the page was read"


def test_a_key_that_is_held_down_leaves_one_page(calibrate):
    made = calibrate()
    made.agree()
    held = QKeyEvent(QEvent.Type.KeyPress, KEY.Key_Return, Qt.KeyboardModifier.NoModifier)
    again = QKeyEvent(
        QEvent.Type.KeyPress, KEY.Key_Return, Qt.KeyboardModifier.NoModifier, "", True
    )
    for event in (held, again, again, again):
        made.wizard.keyPressEvent(event)
    assert made.wizard.page is made.wizard.pages.electrodes


def test_a_model_without_a_head_is_calibrated_in_the_window(calibrate):
    made = calibrate(class_names=())
    made.begin(trials=2)
    made.finish_trials()
    made.jobs[0].state = TrainingState("done", summary=made_summary())
    made.pass_time(0.1)
    made.forward()
    assert made.session.profiles


def test_a_second_switch_waits_for_the_first(calibrate, qtbot):
    made = calibrate()
    who = made.wizard.pages.who
    go, activate = threading.Event(), made.store.activate

    def wait_and_activate(path, number):
        assert go.wait(30)
        activate(path, number)

    made.store.activate = wait_and_activate
    who.people.setCurrentRow(1)
    who.versions.list.setCurrentRow(1)
    who.versions.use_button.click()
    who.versions.list.setCurrentRow(2)
    assert not who.versions.use_button.isEnabled()
    assert not who.versions.delete_button.isEnabled()
    go.set()
    wait(qtbot, lambda: bool(made.session.profiles))
    who.versions.list.setCurrentRow(2)
    assert who.versions.use_button.isEnabled()
    assert who.versions.delete_button.isEnabled()


def test_a_switch_that_fails_is_told_and_can_be_tried_again(calibrate, qtbot):
    made = calibrate()
    who = made.wizard.pages.who

    def refuse(path, number):
        raise ProfileError(f"{path.name}: the profile cannot be written: disk full")

    made.store.activate = refuse
    who.people.setCurrentRow(1)
    who.versions.list.setCurrentRow(1)
    who.versions.use_button.click()
    wait(qtbot, lambda: "disk full" in made.wizard.messages.text)
    assert made.session.profiles == []
    who.versions.list.setCurrentRow(1)
    assert who.versions.use_button.isEnabled()


def test_a_participant_is_deleted_only_after_a_yes(calibrate):
    made = calibrate()
    who = made.wizard.pages.who
    who.people.setCurrentRow(1)
    who.versions.delete_button.click()
    made.wizard.question.keep.click()
    assert len(made.store.list()) == 2
    who.versions.delete_button.click()
    made.wizard.question.act.click()
    assert [entry.pseudonym for entry in made.store.list()] == ["P-b81d53aa"]
    assert who.people.count() == 2


def test_the_dashboard_is_drawn_again_when_the_wizard_has_gone(calibrate):
    made = calibrate()
    seen = made.window.signals.canvas.stop_sample
    made.pass_time(40, step_s=1.0)
    assert made.window.signals.canvas.stop_sample == seen
    made.wizard.foot.back.click()
    made.window.tick()
    assert made.window.signals.canvas.stop_sample == made.session.latest(1).first_sample + 1
    assert made.window.header.time.text() == "1:10"


def test_a_deleted_person_is_decoded_no_longer(calibrate):
    made = calibrate()
    entry = made.store.list()[0]
    made.session.use_profile(entry.path)
    made.wizard.pages.who.people.setCurrentRow(1)
    made.wizard.pages.who.versions.delete_button.click()
    made.wizard.question.act.click()
    assert made.session.profiles[-1] is None


def test_a_deleted_person_is_decoded_no_longer_though_the_decoder_is_still_loading(calibrate):
    made = calibrate()
    entry = made.store.list()[0]
    model = made.session.model
    made.session.use_profile(entry.path)
    made.session.model = model
    who = made.wizard.pages.who
    who.people.setCurrentRow(2)
    who.versions.delete_button.click()
    made.wizard.question.act.click()
    assert made.session.profiles == [entry.path], "that was somebody else"
    who.people.setCurrentRow(1)
    who.versions.delete_button.click()
    made.wizard.question.act.click()
    assert made.session.profiles == [entry.path, None]


def test_a_person_in_a_folder_of_another_name_is_decoded_no_longer_when_deleted(dashboard, qtbot):
    made = dashboard()
    made.store.rename("P-07c4e2b1", "renamed")
    made.session.model = replace(made.session.model, participant="P-07c4e2b1")
    made.window.calibration.open()
    who = made.wizard.pages.who
    wait(qtbot, lambda: who.people.count() == 3)
    who.people.setCurrentRow(2)
    assert who.pseudonym == "renamed"
    who.versions.delete_button.click()
    made.wizard.question.act.click()
    assert made.session.profiles == [None]


def test_bad_electrodes_are_named_with_what_helps_and_more_than_half_stop_it(calibrate):
    made = calibrate(ch_names=NAMES)
    made.agree()
    made.forward()
    page, names = made.wizard.pages.electrodes, NAMES
    made.pass_time(1)
    assert page.verdict.text() == "All electrodes are good: go on"
    made.session.spoil("F7", "T8")
    made.pass_time(1)
    assert page.count.text() == "30 of 32 good"
    assert page.contact.advice[0][:2] == ("mains hum", "F7, T8")
    assert made.wizard.foot.primary.isEnabled()
    made.session.spoil(*names[:14])
    made.pass_time(1)
    assert made.wizard.foot.primary.isEnabled(), "more than half is enough"
    made.session.spoil(*names[:24])
    made.pass_time(1)
    assert not made.wizard.foot.primary.isEnabled()
    assert made.wizard.foot.hint.whole == "At least half of the electrodes must be good"
    made.session.stall()
    made.pass_time(1)
    assert page.verdict.text() == "Waiting for the signal"


def test_electrodes_off_the_scalp_do_not_count():
    session = FakeSession(["Fz", "Cz", "EOG"], clock=ManualClock(), head_start_s=10)
    session.start()
    view = session.latest(1250)
    contact = judge_contact(session.info.ch_names, view.samples, 250.0)
    assert (contact.n_all, contact.n_good) == (2, 2)
    nowhere = judge_contact(["EOG"], view.samples[2:], 250.0)
    assert not nowhere.enough


def scalp_signals(kind: str, n_channels: int, n_times: int = 1750) -> np.ndarray:
    """Return signals at 250 Hz, microvolts, of a kind."""
    rng = np.random.default_rng(3)
    if kind == "simulated":
        person = SimulatedParticipant(7, cap(n_channels), 250.0, class_set(3))
        return person.generate(n_times)
    if kind == "flat":
        return np.zeros((n_channels, n_times))
    if kind in ("one source", "joined"):
        gain = 1.0 if kind == "joined" else rng.uniform(0.5, 2.0, (n_channels, 1))
        return gain * rng.normal(0, 15, n_times) + rng.normal(0, 0.5, (n_channels, n_times))
    white = rng.normal(0, 15, (n_channels, n_times))
    return np.cumsum(white, axis=1) / 4 if kind == "brown noise" else white


@pytest.mark.parametrize("n_channels", [4, 8, 32])
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("simulated", "head"),
        ("white noise", "nothing shared"),
        ("brown noise", "nothing shared"),
        ("one source", "all the same"),
        ("joined", "all the same"),
    ],
)
def test_the_contact_is_judged_by_the_rule_for_live_windows(kind, field, n_channels):
    names = cap(n_channels)
    samples = scalp_signals(kind, n_channels)
    contact = judge_contact(names, samples, 250.0)
    assert (contact.n_good, contact.field) == (n_channels, field)
    live = Preprocessor(names, 250.0)(samples.astype(np.float32), 500, 7.0)
    assert live.familiar is (field == "head")


def test_flat_electrodes_have_no_contact_and_no_field_is_asked_of_them():
    contact = judge_contact(NAMES[:8], scalp_signals("flat", 8), 250.0)
    assert (contact.n_good, contact.enough, contact.field) == (0, False, "head")
    assert contact.advice[0][0] == "no contact"


def test_what_the_electrodes_share_is_unknown_before_five_seconds():
    names = NAMES[:8]
    assert judge_contact(names, scalp_signals("white noise", 8)[:, :1249], 250.0).field == "unknown"
    told = judge_contact(names, scalp_signals("white noise", 8)[:, :1250], 250.0)
    assert told.field == "nothing shared"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("white noise", "These signals share nothing: is the headset worn?"),
        ("one source", "All electrodes send the same signal: is the reference connected?"),
    ],
)
def test_signals_of_no_head_keep_a_calibration_from_beginning(qtbot, kind, words):
    clock = ManualClock()
    session = FakeSession(ch_names=NAMES[:8], clock=clock, head_start_s=10)
    session.start()
    shown = [scalp_signals(kind, 8)]
    page = ElectrodesPage(lambda n: RingView(shown[0][:, -n:], np.zeros(n), np.zeros(n), 0))
    qtbot.addWidget(page)
    page.follow(session.snapshot())
    assert page.verdict.text() == words
    assert page.count.text() == "No EEG seen"
    assert page.missing == "The signals must come from one head"
    shown[0] = session.latest(1750).samples
    clock.advance(1)
    page.follow(session.snapshot())
    assert (page.verdict.text(), page.missing) == ("All electrodes are good: go on", "")


def test_the_plan_says_how_long_it_takes_and_what_is_wrong_with_it(qtbot, tmp_path):
    page = PlanPage()
    qtbot.addWidget(page)
    page.show_classes(("sad", "happy"))
    page.trials.choose(4)
    assert page.warning.isHidden()
    assert "at best p = 0.014, if every trial is decoded right" in page.parts.text()
    page.trials.choose(3)
    assert not page.warning.isHidden()
    assert page.warning.text().startswith(
        "So few trials cannot be told from luck, at best p = 0.05"
    )
    assert page.warning.text().endswith("take at least 4 of each emotion.")
    assert page.plan.n_trials == 6
    assert page.total.text() == f"about {minutes(page.plan.duration_s + 48)}"
    page.classes.set_names(("sad", "sad"))
    page.classes.changed.emit()
    assert page.plan is None
    assert "different names" in page.missing
    page.classes.set_names(("sad", "happy"))
    page.material.choose(True)
    assert page.missing == "Choose the folder of your media"
    page.folder.setText(str(tmp_path))
    assert "no folder 'sad'" in page.missing
    for name in ("sad", "happy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    page.folder.setText(str(tmp_path) + "/")
    assert page.plan.media == tmp_path


def test_emotions_are_added_and_taken_away_between_two_and_nine(qtbot):
    page = PlanPage()
    qtbot.addWidget(page)
    page.show_classes(())
    assert page.classes.names == ("negative", "neutral", "positive")
    for k in range(6):
        page.classes.add_button.click()
        page.classes._fields[-1].setText(f"emotion {k}")
    assert len(page.plan.class_names) == 9
    assert not page.classes.add_button.isVisibleTo(page)
    for _ in range(7):
        page.classes._remove(page.classes._fields[0])
    assert len(page.plan.class_names) == 2


def test_a_pause_takes_the_trial_back_and_going_on_begins_it_again(calibrate):
    made = calibrate()
    made.begin()
    made.until_phase(Phase.TRIAL)
    made.wizard.foot.pause.click()
    assert made.wizard.pages.session.currentWidget() is made.wizard.pages.session.rest
    made.pass_time(60)
    assert made.wizard.run.view.paused
    made.forward()
    assert made.phase is Phase.COUNTDOWN
    made.until_phase(Phase.TRIAL)
    assert [mark.step for mark in made.marks(TrialMark)] == ["begin", "void", "begin"]


def test_samples_that_stay_away_pause_the_trial_and_say_so(calibrate):
    made = calibrate()
    made.begin()
    made.until_phase(Phase.TRIAL)
    made.session.stall()
    made.pass_time(2)
    assert made.wizard.run.view.paused
    assert "No samples arrive" in made.wizard.pages.session.rest.said.text()


def test_a_distracted_person_has_the_trial_again(calibrate):
    made = calibrate()
    made.begin()
    made.until_phase(Phase.RATING)
    made.pass_time(0.1)
    made.wizard.pages.session.rating.repeat_button.click()
    made.rate()
    assert [mark.step for mark in made.marks(TrialMark)] == ["begin", "end", "void", "begin", "end"]


def test_a_rating_begins_empty_and_cannot_be_saved_so(calibrate):
    made = calibrate()
    made.begin()
    made.rate()
    made.until_phase(Phase.RATING)
    made.pass_time(0.1)
    assert made.wizard.pages.session.rating.grid.place is None
    assert not made.wizard.foot.primary.isEnabled()
    made.wizard.foot.second.click()
    assert made.phase is not Phase.RATING
    assert len(made.marks(RatingMark)) == 1


def test_a_label_by_rating_needs_the_emotion_that_was_felt(calibrate):
    made = calibrate()
    made.set_up()
    made.wizard.foot.back.click()
    made.wizard.pages.plan.label_by.choose("rated")
    made.forward()
    made.forward()
    made.until_phase(Phase.RATING)
    made.pass_time(0.1)
    page = made.wizard.pages.session.rating
    page.grid.choose(5, 5)
    assert page.missing == "Choose what you felt"
    page.felt.button(1).click()
    assert page.rating.label == "positive"


def test_a_recording_that_fails_stops_the_calibration_at_once_and_says_why(calibrate):
    made = calibrate()
    made.begin()
    made.until_phase(Phase.TRIAL)
    made.session.fault(recording_error="x.xdf: no space left on the disk")
    made.pass_time(0.1)
    assert made.wizard.page is made.wizard.pages.ended
    assert made.wizard.pages.ended.lead.text() == "X.xdf: no space left on the disk."
    assert made.wizard.run.stage is Stage.FAILED
    assert not made.jobs


def test_a_recording_that_cannot_begin_shows_no_trial(calibrate):
    made = calibrate()
    made.set_up()
    made.session.fault(recording="", recording_error="/x: cannot be written: no permission")
    made.forward()
    assert made.wizard.page is made.wizard.pages.ended
    assert made.marks(PlanMark) == []


def test_a_recording_that_never_begins_is_given_up(calibrate):
    made = calibrate()
    made.set_up()
    made.session.fault(recording="")
    made.forward()
    made.pass_time(5)
    assert made.wizard.foot.hint.whole == "Recording begins…"
    made.pass_time(6)
    assert made.wizard.run.stage is Stage.FAILED


def test_a_source_that_fails_ends_the_calibration_with_its_error(calibrate):
    made = calibrate()
    made.begin()
    made.session.fault(state="failed", error="lsl:cap is gone for good")
    made.pass_time(0.1)
    assert "gone for good" in made.wizard.pages.ended.lead.text()


def test_a_folder_that_cannot_be_made_is_told_and_nothing_begins(calibrate):
    made = calibrate()
    made.set_up()

    def refuse(pseudonym=None):
        raise ProfileError("/x: cannot be made: permission denied")

    made.store.create = refuse
    made.forward()
    assert made.wizard.messages.text == "/x: cannot be made: permission denied"
    assert made.session.recorded == []


def test_stopping_is_asked_once_waits_meanwhile_and_keeps_the_recording(calibrate):
    made = calibrate()
    made.begin()
    made.rate()
    made.until_phase(Phase.TRIAL)
    made.wizard.foot.stop.click()
    made.pass_time(30)
    assert made.wizard.run.view.paused
    made.wizard.question.keep.click()
    assert not made.wizard.run.view.paused, "one answer is enough to go on"
    made.wizard.foot.stop.click()
    made.wizard.question.act.click()
    made.pass_time(0.1)
    assert made.wizard.page is made.wizard.pages.ended
    assert "1 of 4 trials were done" in made.wizard.pages.ended.lead.text()
    assert made.session.snapshot().recording == ""
    assert made.session.marks[-1] == "calibration/abort"
    made.forward()
    assert not made.is_open


@pytest.mark.parametrize("answer", ["keep", "act"])
def test_a_session_does_not_begin_behind_the_question_whether_to_stop_it(calibrate, answer):
    made = calibrate()
    made.set_up()
    made.wizard.foot.primary.click()
    assert made.wizard.run.stage is Stage.OPENING
    made.wizard.top.close_button.click()
    made.wizard.top.close_button.click()
    made.pass_time(30)
    assert made.wizard.run.stage is Stage.OPENING
    assert made.session.marks == []
    getattr(made.wizard.question, answer).click()
    made.pass_time(0.1)
    if answer == "keep":
        assert made.wizard.run.stage is Stage.SESSION
        assert not made.wizard.run.paused
        made.until_phase(Phase.TRIAL)
    else:
        assert not made.is_open
        assert made.session.marks == []
        assert made.session.snapshot().recording == ""


def test_a_stopped_session_with_enough_trials_can_still_be_trained(calibrate):
    made = calibrate()
    made.begin(trials=3)
    for _ in range(5):
        made.rate()
    made.wizard.foot.stop.click()
    made.wizard.question.act.click()
    made.pass_time(0.1)
    assert made.wizard.foot.second.text() == "Train with 5 trials"
    made.wizard.foot.second.click()
    made.pass_time(0.1)
    assert made.wizard.page is made.wizard.pages.training
    assert made.jobs[0].started


def test_closing_the_window_in_the_middle_asks_once_and_then_closes(calibrate, qtbot):
    made = calibrate()
    made.begin()
    made.until_phase(Phase.TRIAL)
    made.window.close()
    made.window.close()
    assert made.window.isVisible()
    made.wizard.question.keep.click()
    made.pass_time(1)
    assert made.wizard.run.stage is Stage.SESSION
    made.window.close()
    made.wizard.question.act.click()
    wait(qtbot, lambda: not made.window.isVisible())
    assert made.session.marks[-1] == "calibration/abort"
    assert made.session.stopped == 1


def test_staying_does_not_close_the_window_later(calibrate):
    made = calibrate()
    made.begin()
    made.window.close()
    made.wizard.question.keep.click()
    made.wizard.foot.stop.click()
    made.wizard.question.act.click()
    made.pass_time(0.1)
    made.forward()
    assert not made.is_open
    assert made.window.isVisible()


def test_a_refused_decoder_is_explained_and_changes_nothing(calibrate):
    made = calibrate()
    made.begin()
    made.finish_trials()
    made.jobs[0].state = TrainingState("refused", "refused, not better than chance: p = 0.31")
    made.pass_time(0.1)
    ended = made.wizard.pages.ended
    assert ended.heading.text() == "Not better, so not used"
    assert "p = 0.31" in ended.lead.text()
    assert "more trials" in ended.advice.text()
    made.forward()
    assert made.session.profiles == []


def test_a_training_that_fails_says_why(calibrate):
    made = calibrate()
    made.begin()
    made.finish_trials()
    made.jobs[0].state = TrainingState("failed", "class positive has one trial: two are needed")
    made.pass_time(0.1)
    assert made.wizard.pages.ended.lead.text() == "Class positive has one trial: two are needed."


def test_a_training_can_be_stopped(calibrate):
    made = calibrate()
    made.begin()
    made.finish_trials()
    made.pass_time(0.1)
    assert made.wizard.pages.training.stage.text() == "Comparing decoders on held-out trials"
    made.wizard.foot.stop.click()
    made.wizard.question.act.click()
    assert made.jobs[0].cancelled


def test_a_profile_that_cannot_be_used_is_told_in_the_dashboard(dashboard):
    made = dashboard()
    made.session.fault(profile_error="profile P-1 was made for another model")
    made.window.tick()
    assert made.window.messages.text == "profile P-1 was made for another model"


def test_discarding_throws_the_decoder_away_and_leaving_asks_first(calibrate):
    made = calibrate()
    made.begin()
    made.finish_trials()
    made.jobs[0].state = TrainingState("done", summary=made_summary())
    made.pass_time(0.1)
    made.wizard.top.close_button.click()
    made.wizard.question.keep.click()
    assert not made.jobs[0].cancelled
    made.wizard.foot.second.click()
    assert made.jobs[0].cancelled
    assert not made.is_open
    assert made.session.profiles == []


def test_the_words_of_a_result_promise_no_more_than_its_interval():
    clear = made_summary(35, 36, 0.5)
    assert result_words(clear)[0] == "Clearly better than before"
    luck = result_words(made_summary(10, 12, 0.6))
    assert luck[0] == "More trials right than before"
    assert "may be luck" in luck[2]
    assert "more trials would tell more" in luck[2]
    assert "Nothing was gained" in result_words(made_summary(8, 12, 8 / 12))[2]
    assert result_words(made_summary(10, 12, None))[0] == "Better than guessing"
    assert "Simulated" in luck[1]


def test_what_cannot_be_told_is_used_only_all_the_same(qtbot):
    page = ResultPage()
    qtbot.addWidget(page)
    page.show_summary(made_summary(35, 36, 0.5))
    assert page.forward == "Use it"
    proven = made_summary(35, 36, 0.5)
    lacks = ("calm in 1 separate block cannot be told from a drift of the signal",)
    decoder = replace(proven.decoder, unproven=True, notes=lacks)
    page.show_summary(replace(proven, decoder=decoder))
    assert page.forward == "Use it all the same"
    assert page.heading.text() == "Not to be told from guessing"
    assert page.notes.text() == lacks[0]


def test_the_wizard_can_be_used_with_the_keyboard_alone(calibrate):
    made = calibrate()
    who = made.wizard.pages.who
    assert made.window.focusWidget() is who.people
    who.purpose.setFocus()
    QTest.keyClicks(who.purpose, "a test")
    made.press(KEY.Key_Tab)
    assert made.window.focusWidget() is who.consent
    made.press(KEY.Key_Space, KEY.Key_Return)
    assert made.wizard.page is made.wizard.pages.electrodes
    made.pass_time(1)
    made.press(KEY.Key_Return)
    plan = made.wizard.pages.plan
    assert made.wizard.page is plan
    made.press(KEY.Key_Down, KEY.Key_Down)
    assert plan.plan.trials_per_class == 2
    plan.trial_s.choose(7)
    plan.baseline_s.choose(0)
    made.press(KEY.Key_Return, KEY.Key_Return)
    made.until_phase(Phase.TRIAL)
    made.press(KEY.Key_Space)
    assert made.wizard.run.view.paused
    made.press(KEY.Key_Space)
    assert not made.wizard.run.view.paused
    made.until_phase(Phase.RATING)
    made.pass_time(0.2)
    made.press(KEY.Key_Right, KEY.Key_Right, KEY.Key_Up, KEY.Key_2, KEY.Key_Return)
    rated = made.marks(RatingMark)[0]
    assert (rated.valence, rated.arousal, rated.felt) == (7, 6, "neutral")
    made.press(KEY.Key_Escape)
    assert made.wizard.question is not None
    assert made.wizard.question.focusWidget() is made.wizard.question.keep
    QTest.keyClick(made.wizard.question, KEY.Key_Escape)
    assert made.wizard.run.stage is Stage.SESSION


def test_the_keys_of_the_dashboard_sleep_while_the_wizard_is_open(calibrate, qtbot):
    made = calibrate()
    made.window.activateWindow()
    wait(qtbot, made.window.isActiveWindow)
    QTest.keyClick(made.window, KEY.Key_M)
    assert made.session.marks == []
    made.wizard.foot.back.click()
    assert not made.is_open
    QTest.keyClick(made.window, KEY.Key_M)
    assert made.session.marks == ["mark"]


def test_the_badge_of_simulation_is_there_on_every_page(calibrate):
    made = calibrate()
    seen = {}

    def note() -> None:
        page = type(made.wizard.page).__name__
        seen[page] = "SIMULATED SIGNAL" in made.wizard.top.badges.texts()

    note()
    made.set_up()
    note()
    made.forward()
    made.until_phase(Phase.TRIAL)
    note()
    made.finish_trials()
    made.pass_time(0.1)
    note()
    made.jobs[0].state = TrainingState("done", summary=made_summary())
    made.pass_time(0.1)
    note()
    assert len(seen) == 5
    assert all(seen.values())


def test_a_real_signal_and_model_carry_no_badge_of_simulation(calibrate):
    made = calibrate(simulated=False)
    assert not any("SIMULATED" in text for text in made.wizard.top.badges.texts())


def test_the_grid_takes_clicks_and_arrows_and_stays_within_its_borders(qtbot):
    grid = AffectGrid()
    qtbot.addWidget(grid)
    grid.resize(500, 380)
    grid.show()
    field = grid._field
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=(field.topRight().toPoint() - grid_pad()))
    assert grid.place == (9, 9)
    QTest.keyClick(grid, KEY.Key_Right)
    QTest.keyClick(grid, KEY.Key_Down)
    assert grid.place == (9, 8)
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid_pad())
    assert grid.place == (9, 8), "a click outside marks nothing"


def grid_pad():
    from PySide6.QtCore import QPoint

    return QPoint(4, -4)


def test_the_dashboard_shows_the_markers_of_a_calibration_in_words():
    shown = {
        str(TrialMark(3, "joy", "begin")): "3 joy",
        str(TrialMark(3, "joy", "end")): "",
        str(RatingMark(3, 5, 5)): "",
        str(BaselineMark("closed", "begin")): "eyes closed",
        str(SessionMark("pause")): "pause",
        str(SessionMark("resume")): "",
        str(ConsentMark("a test")): "",
        "mark": "mark",
        "trial/of/somebody": "trial/of/somebody",
    }
    assert {label: marker_words(label) for label in shown} == shown


def test_marks_are_put_into_plain_words():
    assert affect_words(9, 1) == "very pleasant, very calm"
    assert affect_words(5, 6) == "neither unpleasant nor pleasant, slightly activated"


def test_a_picture_is_scaled_to_the_page_and_a_broken_one_becomes_words(qtbot, tmp_path):
    view = PromptView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    image = QImage(800, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("#00ff00"))
    image.save(str(tmp_path / "green.png"))
    view.show_trial(Trial(1, "joy", Prompt("Look.", tmp_path / "green.png", "picture")))
    shot = view.grab().toImage()
    assert shot.pixelColor(200, 150) == QColor("#00ff00")
    assert shot.pixelColor(10, 150) == QColor("#00ff00")
    assert shot.pixelColor(200, 20) != QColor("#00ff00")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    view.show_trial(Trial(2, "joy", Prompt("Look.", tmp_path / "broken.png", "picture")))
    assert "cannot be shown" in view.note.text()
    assert view.text.text() != "Look."


@pytest.mark.skipif(media_player() is not None, reason="QtMultimedia is installed")
def test_without_multimedia_a_video_becomes_one_line_and_words(qtbot, tmp_path):
    view = PromptView()
    qtbot.addWidget(view)
    view.show_trial(Trial(1, "joy", Prompt("Watch.", tmp_path / "a.mp4", "video")))
    assert view.note.text() == "a.mp4 cannot be played: PySide6-Addons is not installed."
    assert "dance" in view.text.text() or view.text.text()


def test_the_pictures_show_every_page_in_both_themes_within_the_smallest_window(qtbot, tmp_path):
    for palette in (DARK, LIGHT):
        taker = Photographer(tmp_path, palette, (1000, 660))
        taker.take_all()
        for name in taker.names:
            theme = "dark" if palette.dark else "light"
            image = QImage(str(tmp_path / f"{name}-{theme}.png"))
            assert (image.width(), image.height()) == (1000, 660), name
        assert len(taker.names) == len(set(taker.names)) > 20


def test_a_wish_names_what_the_dashboard_is_connected_to(calibrate):
    made = calibrate()
    made.begin()
    made.finish_trials()
    wish = made.jobs[0].wish
    assert isinstance(wish, TrainingWish)
    assert wish.choice == SIM
    assert wish.profile.parent == wish.recording.parent.parent
