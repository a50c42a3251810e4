"""Learning in the session: what somebody says they felt is marked, learned, and can be undone."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.calibration.from_recording import TrainingRequest, train_profile
from app.calibration.in_session import InSession, only_around
from app.calibration.labels import labels_from_markers
from app.calibration.markers import FeltMark, TrialMark
from app.calibration.profiles import ProfileStore
from app.calibration.training import TrainingJob, TrainingState, run_training
from app.dashboard.learning import SessionLearning, stretch_s, was_right
from app.dashboard.session_feed import SessionFeed
from app.dashboard.window import Dashboard
from app.session import LiveSession, SessionConfig
from app.source_choice import SourceChoice
from app.wizard.tools import CalibrationTools, TrainingWish
from mdjpt.bundle.bundle import save_bundle
from mdjpt.calibration.evidence import Evidence
from mdjpt.calibration.profile import load_profile_about, save_profile
from mdjpt.calibration.training import NotBetterError, UnprovenError
from mdjpt.calibration.trials import LabelledInterval
from mdjpt.calibration.verdict import Design
from mdjpt.recordings import Recording, read_recording
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.sources.source_spec import parse_source
from tests.support.calibration_cases import CLASSES, small_bundle
from tests.support.fake_session import FakeSession, ManualClock
from tests.support.fake_tools import FakeStore, fake_tools, made_summary
from tests.support.recording_files import write_xdf
from tests.test_calibration_command import NAMES, SFREQ, session
from tests.test_dashboard import show, wait

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QMenu

PATIENCE_S = 240.0


def answer(end_s: float, label: str | None, joy: float = 0.5) -> Prediction:
    shares = {"joy": joy, "calm": 1 - joy}
    quality = Quality(("Cz",), ())
    return Prediction(0, end_s - 5, end_s, end_s, "ok", label, shares, joy, quality, 1.0)


def evidence(n_correct: int, n_trials: int) -> Evidence:
    return Evidence(n_trials, n_correct, 0.1, 0.9, 0.34, 0.001, 0.7, 0.05, Design((5, 5)))


def trials(labels: str) -> tuple[LabelledInterval, ...]:
    return tuple(LabelledInterval(20.0 * k, 10.0, label) for k, label in enumerate(labels))


# --- what is spoken of --------------------------------------------------------------------------


def test_what_is_spoken_of_is_as_long_as_the_answer_has_been_the_same_within_bounds() -> None:
    answers = [answer(k / 2, "joy" if k < 60 else "calm") for k in range(200)]
    assert stretch_s(answers[:92], 45.5, 0.0) == 45.5 - 30.0
    assert stretch_s(answers[:64], 31.5, 0.0) == 8.0, "an answer that is new is too short"
    assert stretch_s(answers, 99.5, 0.0) == 30.0
    assert stretch_s(answers, 99.5, 95.0) == 4.5, "what was labelled is not labelled again"
    assert stretch_s([*answers, answer(100, None)], 100.0, 0.0) == 10.0


def test_a_decoder_is_right_when_its_mean_share_is_largest_for_what_was_felt() -> None:
    answers = [answer(10, "joy", 0.9), answer(11, "joy", 0.6), answer(12, "calm", 0.3)]
    assert was_right(answers, 5.0, "joy") is True
    assert was_right(answers, 7.0, "joy") is False, "windows from before do not count"
    assert was_right(answers, 8.0, "joy") is None
    assert was_right(answers, 5.0, "awe") is None


def test_of_one_moment_the_last_word_counts_and_neighbours_do_not_overlap() -> None:
    markers = [
        (20.0, str(FeltMark("joy", 10.0))),
        (24.0, str(FeltMark("calm", 8.0))),
        (34.5, str(FeltMark("joy", 10.7))),
        (3.0, str(FeltMark("calm", 8.0))),
    ]
    assert labels_from_markers(markers) == (
        LabelledInterval(0.0, 3.0, "calm"),
        LabelledInterval(16.0, 8.0, "calm"),
        LabelledInterval(24.0, 10.5, "joy"),
    )


# --- when a decoder is taken --------------------------------------------------------------------


def test_too_few_labels_are_noted_and_counted_before_anything_slow_happens() -> None:
    wish = InSession(("a", "b"))
    with pytest.raises(UnprovenError, match=r"3 times, by turns \(so far a 2, b 2\)"):
        wish.refuse_too_few(trials("aabbbab"), None)
    wish.refuse_too_few(trials("ababab"), None)
    recording = object()
    wish.refuse_too_few(trials("ab"), (recording, trials("abab")))  # type: ignore[arg-type]


def test_a_new_decoder_must_have_more_right_than_the_one_in_use_had_in_the_session() -> None:
    wish = InSession(("a", "b"), n_right=6, n_answered=10)
    wish.refuse_no_better(evidence(7, 10), None, None)
    with pytest.raises(NotBetterError, match=r"6 of 10 labelled stretches right.* 6 of 10"):
        wish.refuse_no_better(evidence(6, 10), None, None)


def test_a_long_session_costs_no_more_than_its_labels_and_they_are_all_there() -> None:
    recording = Recording(np.zeros((2, 100 * 600), np.float32), 100.0, ("Fz", "Cz"))
    found = only_around(recording, (LabelledInterval(100, 10, "a"), LabelledInterval(112, 10, "b")))
    seconds = found.columns / 100.0
    assert seconds[0] == 88.0
    assert seconds[-1] == 122.49
    assert np.allclose(np.diff(seconds), 0.01), "what belongs together stays together"


class Told:
    """The end of a connection that keeps what is sent."""

    def __init__(self) -> None:
        self.send = list[object]().append

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("in_session", "niceness"), [(None, []), (InSession(("a", "b")), [10])])
def test_a_training_beside_a_session_leaves_the_processor_to_the_decoder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_session: InSession | None,
    niceness: list[int],
) -> None:
    nicer: list[int] = []
    monkeypatch.setattr(os, "nice", nicer.append, raising=False)
    before = signal.getsignal(signal.SIGINT)
    nothing = tmp_path / "not-there.xdf"
    request = TrainingRequest(nothing, None, tmp_path / "p", nothing, in_session=in_session)
    try:
        run_training(request, tmp_path / "c", Told())  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGINT, before)
    assert nicer == niceness


def made_recording(path: Path, names: tuple[str, ...], seed: int, marks) -> None:
    recording, shown = session(seed=seed)
    path.parent.mkdir(exist_ok=True)
    write_xdf(path, recording.samples[: len(names)], SFREQ, labels=names, events=marks(shown))


def asked(shown):
    """Return the markers of a calibration."""
    return [
        (at, str(TrialMark(number, trial.label, step)))
        for number, trial in enumerate(shown, 1)
        for at, step in ((trial.onset_s, "begin"), (trial.end_s - 0.01, "end"))
    ]


def one_word(shown):
    """Return the marker of somebody who says once what they felt."""
    return [(shown[0].end_s, str(FeltMark(shown[0].label, 9.0)))]


def test_one_label_is_learned_from_together_with_the_calibration_and_replaces_itself(
    model, tmp_path
) -> None:
    profile, heard = tmp_path / "profile.safetensors", tmp_path / "session.xdf"
    made_recording(tmp_path / "calibrations" / "c.xdf", NAMES, 0, asked)
    request = TrainingRequest(tmp_path / "calibrations" / "c.xdf", None, profile, model)
    save_profile(profile, train_profile(request, str))
    made_recording(heard, NAMES, 1, one_word)
    wish = InSession(CLASSES, n_right=0, n_answered=1)
    request = TrainingRequest(heard, None, profile, model, in_session=wish)
    learned = train_profile(request, str)
    assert [v.evidence.n_trials for v in learned.versions] == [12, 13]
    save_profile(profile, learned)
    again = replace(wish, replaces=True)
    learned = train_profile(replace(request, in_session=again), str)
    assert [v.evidence.n_trials for v in learned.versions] == [12, 13]
    made_recording(heard, NAMES[:8], 1, one_word)
    with pytest.raises(UnprovenError, match="so far"):
        train_profile(request, str)


# --- in the window ------------------------------------------------------------------------------


@pytest.fixture
def live(qtbot, tmp_path):
    """Open a dashboard that can learn, on a session whose clock is moved by hand."""
    clock = ManualClock()
    session = FakeSession(clock=clock)
    tools, jobs = fake_tools(FakeStore(tmp_path))
    window = Dashboard(
        lambda _choice: session, SourceChoice("sim:"), calibration=tools, recordings=tmp_path
    )
    show(qtbot, window)
    wait(qtbot, lambda: window.connection.state == "open")

    def pass_time(seconds: float) -> None:
        for _ in range(round(seconds / 0.25)):
            clock.advance(0.25)
            window.tick()

    pass_time(20)
    return window, session, jobs, pass_time


def opened_menu(window: Dashboard) -> QMenu:
    from PySide6.QtWidgets import QApplication

    window.ask_what_was_felt()
    menu = QApplication.activePopupWidget()
    assert menu is not None
    return menu


def choose(window: Dashboard, words: str) -> None:
    menu = opened_menu(window)
    action = next(a for a in menu.actions() if words in a.text())
    action.trigger()
    menu.close()


def test_without_a_recording_nothing_can_be_learned_and_one_is_offered(live) -> None:
    window, session, _, pass_time = live
    choose(window, "Record from now on")
    pass_time(2)
    assert session.recorded
    menu = opened_menu(window)
    assert "Say it again in 6 s" in menu.actions()[0].text()
    menu.close()


def test_what_was_felt_is_marked_learned_put_to_use_and_taken_back(live, qtbot) -> None:
    window, session, jobs, pass_time = live
    window.toggle_recording()
    pass_time(40)
    choose(window, "Positive")
    (mark,) = session.marks
    assert mark.startswith("felt/positive/")
    assert "you felt Positive" in window.messages.text
    wait(qtbot, lambda: (pass_time(1), bool(jobs))[1])
    (job,) = jobs
    assert job.started
    assert str(job.wish.recording) == str(session.recorded[-1])
    assert job.wish.in_session.class_names == ("negative", "neutral", "positive")
    job.state = TrainingState("done", summary=made_summary())
    pass_time(0.5)
    assert job.accepted
    assert session.profiles == [job.wish.profile]
    assert "10 of 12 stretches right" in window.messages.text
    choose(window, "Back to the decoder")
    assert session.profiles[-1] is None
    assert not window.learning.can_go_back


def test_a_decoder_that_is_no_better_changes_nothing_and_says_so(live, qtbot) -> None:
    window, session, jobs, pass_time = live
    window.toggle_recording()
    pass_time(40)
    choose(window, "Neutral")
    wait(qtbot, lambda: (pass_time(1), bool(jobs))[1])
    jobs[0].state = TrainingState("refused", "kept the decoder in use: 3 of 4")
    pass_time(0.5)
    assert "Kept the decoder in use" in window.messages.text
    assert not session.profiles
    assert not jobs[0].accepted


def test_the_session_ends_while_it_learns_and_nothing_is_left(live, qtbot) -> None:
    window, _, jobs, pass_time = live
    window.toggle_recording()
    pass_time(40)
    choose(window, "Neutral")
    wait(qtbot, lambda: (pass_time(1), bool(jobs))[1])
    store = window.learning._store
    assert store is not None
    assert len(store.list()) == 1
    window.disconnect_source()
    wait(qtbot, lambda: window.connection.state == "idle")
    assert jobs[0].cancelled
    assert not store.list()


# --- with a real engine, a real recording and a real training ------------------------------------


class Words:
    """Keeps what would be shown."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def show_message(self, text: str, tone: str = "bad", action: str = "") -> None:
        assert tone == "calm"
        assert not action
        self.said.append(text)


class AtOnce:
    """Does at once what a window does in a thread."""

    def run(self, work, on_done, on_error, name="") -> None:
        assert callable(on_error), name
        on_done(work())


class Participant:
    """A simulated person in a real session who says what they feel, once a state."""

    def __init__(self, folder: Path, model: Path, *, wrong: bool = False) -> None:
        self.store, self.words, self.model = ProfileStore(folder / "profiles"), Words(), model
        self.session = LiveSession(
            SessionConfig(parse_source("sim:?seed=12&n_channels=8"), model, hop_s=2.0, speed=30.0)
        )
        self.feed, self.wrong = SessionFeed(), wrong
        tools = CalibrationTools(lambda: self.store, self._train)
        self.learning = SessionLearning(self.words, tools, AtOnce())  # type: ignore[arg-type]
        self.cpu_s: list[float] = []
        self.spoken_s, self.silent = 0.0, False
        self.rng = np.random.default_rng(3)

    def _train(self, wish: TrainingWish) -> TrainingJob:
        request = TrainingRequest(
            wish.recording,
            None,
            wish.profile,
            self.model,
            wish.participant,
            in_session=wish.in_session,
        )
        return TrainingJob(request)

    def live(self, until) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            self.feed.poll(self.session)
            snapshot = self.feed.snapshot
            assert snapshot is not None
            assert snapshot.state not in ("failed", "ended"), snapshot.error
            self.learning.follow(self.session, snapshot, None)
            self.speak(snapshot.elapsed_s)
            assert time.monotonic() < deadline, self.words.said[-3:]
            self.session._connection.poll(0.02)

    def speak(self, now_s: float) -> None:
        truth = self.feed.timeline.truth
        if (
            self.silent
            or not truth
            or now_s < self.spoken_s + 12
            or truth.at(now_s - 12.0) != truth.at(now_s)
        ):
            return
        state = str(self.rng.choice(CLASSES)) if self.wrong else truth.at(now_s)
        assert state is not None
        before = len(self.words.said)
        self.learning.felt(self.session, self.feed, state)
        if len(self.words.said) > before:
            self.spoken_s = now_s


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Write a model whose head knows nothing."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_bundle(path, replace(small_bundle(), sha256=""))
    return path


def test_a_person_who_says_what_they_feel_gets_a_decoder_while_the_session_goes_on(
    model, tmp_path
) -> None:
    person = Participant(tmp_path, model)
    session = person.session
    session.start()
    try:
        person.live(lambda: session.snapshot().state == "streaming" and session.snapshot().model)
        session.record(tmp_path / "session.xdf")
        person.live(lambda: person.learning.can_go_back)
        person.silent = True
        person.live(lambda: session.snapshot().model.participant)
        card = session.snapshot().model
        assert card.profile_version == 1
        path = session.wanted_profile
        assert path is not None
        version = load_profile_about(path).versions[0]
        assert version.evidence.verdict == "better"
        assert set(version.class_names) == set(CLASSES)
        person.learning.go_back(session)
        person.live(lambda: session.snapshot().model.participant == "")
    finally:
        person.learning.end()
        session.stop()
    felt = labels_from_markers(read_recording(tmp_path / "session.xdf").markers)
    assert len(felt) >= version.evidence.n_trials
