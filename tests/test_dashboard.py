"""The window: what it says in every state, and that nothing a session does brings it down."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolTip

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.dashboard.application import ExceptionHook
from app.dashboard.header import Header
from app.dashboard.key_reasons import why_not
from app.dashboard.shortcuts import KEYS, ShortcutsDialog
from app.dashboard.source_dialog import SourceDialog
from app.dashboard.window import Dashboard
from app.source_choice import SourceChoice
from app.widgets.controls import ElidedLabel
from app.widgets.theme import LIGHT
from app.widgets.words import NOTHING
from mdjpt.errors import RecordingError, SourceNotFound
from streaming.snapshot import ModelCard, Snapshot
from tests.support.fake_session import FakeSession, ManualClock

SIM = SourceChoice("sim:")
LABELS = {"Negative", "Neutral", "Positive"}


def wait(qtbot, condition) -> None:
    """Let events happen until `condition` holds; the limit is for machines under load."""
    qtbot.waitUntil(condition, timeout=30_000)


def show(qtbot, window: Dashboard) -> None:
    """Show a window that ends its session before the test ends."""
    qtbot.addWidget(window, before_close_func=partial(close, qtbot))
    window.show()


def close(qtbot, window: Dashboard) -> None:
    window.leaving.without_asking()
    wait(qtbot, lambda: not window.isVisible())


@dataclass
class Live:
    """A dashboard on a session whose clock is moved by hand."""

    window: Dashboard
    session: FakeSession
    clock: ManualClock

    def pass_time(self, seconds: float, step_s: float = 0.1) -> None:
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            self.window.tick()

    @property
    def headline(self) -> str:
        return self.window.emotion.headline.whole

    def health(self, key: str) -> str:
        return self.window.health.values[key].whole


@pytest.fixture
def connect(qtbot):
    """Return a function that opens a dashboard and connects it to a fake session."""

    def open_dashboard(session_type=FakeSession, **arguments) -> Live:
        clock = ManualClock()
        session = session_type(clock=clock, **arguments)
        window = Dashboard(lambda _choice: session, SIM)
        show(qtbot, window)
        wait(qtbot, lambda: window.connection.state == "open")
        wait(qtbot, lambda: window.history.plot is not None)
        window.tick()
        return Live(window, session, clock)

    return open_dashboard


def test_warming_up_counts_the_seconds_down_and_a_label_follows(connect):
    live = connect()
    live.pass_time(6)
    assert (live.headline, live.window.emotion.detail.text()) == ("Warming up", "4 s left")
    live.pass_time(6)
    assert live.headline in LABELS
    assert live.window.emotion.bars.trusted


def test_the_probabilities_on_show_are_those_of_the_newest_prediction(connect):
    live = connect(head_start_s=30)
    live.pass_time(1)
    shares = live.window.emotion.bars.aim
    assert set(shares) == {"negative", "neutral", "positive"}
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        ({"decoder_state": "restarting"}, "Restarting"),
        ({"decoder_state": "loading"}, "Loading the model"),
        ({"decoder_state": "failed", "decoder_error": "no memory"}, "Decoder failed"),
        ({"decoder_state": "none"}, "No model"),
        ({"state": "failed", "error": "unplugged"}, "Connection failed"),
        ({"state": "stalled", "sample_age_s": 1.4}, "No data"),
        ({"state": "ended"}, "Recording ended"),
        ({"state": "starting"}, "Connecting"),
        ({"state": "stopped"}, "Stopped"),
    ],
)
def test_a_state_without_an_answer_shows_no_label(connect, state, headline):
    live = connect(head_start_s=30)
    live.pass_time(1)
    assert live.headline in LABELS
    live.session.fault(**state)
    live.window.tick()
    assert live.headline == headline
    assert not live.window.emotion.bars.trusted
    assert live.window.emotion.bars.aim == {}


def test_an_unsure_decoder_shows_grey_bars_and_no_label(connect):
    live = connect(class_names=[f"emotion {i}" for i in range(9)], head_start_s=20)
    for _ in range(60):
        live.pass_time(0.5)
        if live.headline == "Unsure":
            break
    assert live.headline == "Unsure"
    assert live.window.emotion.detail.text().endswith("below 0.45")
    assert len(live.window.emotion.bars.aim) == 9
    assert not live.window.emotion.bars.trusted


def test_a_real_signal_on_a_model_of_simulated_people_shows_grey_bars_and_offers_a_calibration(
    qtbot, connect
):
    live = connect(simulated=False, head_start_s=30)
    emotion = live.window.emotion
    live.session.model = replace(live.session.model, simulated=True)
    live.pass_time(1)
    assert live.headline == "Not calibrated"
    assert "has only seen simulated people" in emotion.detail.text()
    assert len(emotion.bars.aim) == 3
    assert not emotion.bars.trusted
    assert not emotion.calibrate.isVisible(), "this window has nothing to calibrate with"
    emotion.can_calibrate = True
    live.window.tick()
    assert emotion.calibrate.isVisible()
    live.session.use_profile(Path("P-1/profile"))
    live.pass_time(1)
    assert live.headline in LABELS
    assert not emotion.calibrate.isVisible()


def test_too_many_bad_electrodes_are_counted_instead_of_a_label(connect):
    live = connect(head_start_s=30)
    live.session.spoil(*live.session.info.ch_names[:20])
    live.pass_time(1)
    assert live.headline == "Bad signal"
    assert live.window.emotion.detail.text() == "Mains on 20 of 32 electrodes"
    assert live.window.electrodes.quality.count.text() == "12 of 32 good"


def test_bad_electrodes_are_named_and_crossed_out(connect):
    live = connect(head_start_s=30)
    live.session.spoil("Fp1", "T7")
    live.pass_time(1)
    assert live.window.electrodes.quality.note.whole == "Left out, mains: Fp1, T7"
    scalp = live.window.electrodes.quality.map
    assert "Fp1, T7" in scalp.accessibleDescription()
    assert scalp._state_of("T7") == "left out (mains), replaced by its neighbours"


def test_channels_off_the_scalp_are_named_as_such(connect):
    live = connect(ch_names=["Fz", "Cz", "EOG"], head_start_s=30)
    live.pass_time(1)
    assert live.window.electrodes.quality.count.text() == "2 of 2 good"
    assert live.window.electrodes.quality.note.whole == "Not on the scalp: EOG"


def test_a_gap_takes_the_label_away_until_no_window_holds_it(connect):
    live = connect(head_start_s=30)
    live.session.lose(100)
    live.pass_time(2)
    assert live.headline == "Gap in the signal"
    assert live.window.emotion.detail.text() == "100 samples lost 1.6 s ago; back in 4 s"
    assert live.health("lost") == "100 in 1 gap"
    live.pass_time(6)
    assert live.headline in LABELS


def test_a_stall_is_on_screen_within_a_second_of_the_last_sample(connect):
    live = connect(head_start_s=30)
    live.session.stall()
    live.pass_time(0.7)
    assert live.headline in LABELS
    live.pass_time(0.3)
    assert live.headline == "No data"
    assert live.health("stream") == "▲ no data for 1.0 s"


def test_nothing_on_screen_looks_live_while_no_samples_come(connect):
    live = connect(head_start_s=30)
    live.pass_time(1)
    electrodes = live.window.electrodes.quality
    assert electrodes.count.text() == "32 of 32 good"
    live.session.stall()
    live.pass_time(120, step_s=1)
    assert [live.health(key) for key in ("rate", "latency", "decoder")] == [
        NOTHING,
        NOTHING,
        "waits for samples",
    ]
    assert (electrodes.count.text(), electrodes.map._bad) == ("not known", None)
    assert live.window.signals.canvas.veil == "No data for 2:00 min"
    live.session.fault(state="streaming", sample_age_s=0.01)
    live.window.tick()
    assert live.window.signals.canvas.veil == ""
    assert electrodes.count.text() == "32 of 32 good"


def test_a_connection_that_failed_shows_nothing_of_the_one_before(connect, qtbot):
    live = connect(head_start_s=30)
    live.pass_time(1)
    live.window.disconnect_source()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    assert live.window.signals.canvas.veil == "Disconnected"
    live.session.fault(state="failed", error="lsl: name it with --montage NAMES", info=None)
    live.window.connect_source(SIM)
    wait(qtbot, lambda: live.headline == "Connection failed")
    assert live.window.signals.canvas._n_channels == 0
    assert live.health("decoder") == NOTHING
    assert live.health("windows") == NOTHING
    assert "“Electrode names”" in live.window.messages.text
    assert live.window.header.connect_button.text() == "Connect…"
    live.window.header.connect_button.click()
    wait(qtbot, lambda: live.window.findChild(SourceDialog) is not None)


def test_history_keeps_legend_colours_and_truth_when_the_session_ends(connect, qtbot):
    live = connect(head_start_s=30)
    live.pass_time(40)
    shown = live.window.history.plot
    before = (shown._classes, shown._now_s, len(shown._labels), bool(shown._timeline.truth))
    live.window.disconnect_source()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    assert (shown._classes, shown._now_s, len(shown._labels), bool(shown._timeline.truth)) == before
    assert live.window.history.legend._names == before[0]


@pytest.mark.parametrize("size", [(1024, 700), (1280, 720), (1440, 900), (1920, 1080)])
@pytest.mark.parametrize("classes", [3, 9])
def test_everything_is_inside_the_window_at_every_size(connect, qtbot, size, classes):
    names = ["negative", "neutral", "positive", *(f"emotion number {k}" for k in range(6))][
        :classes
    ]
    live = connect(class_names=names, head_start_s=30)
    live.window.resize(*size)
    if classes == 3:
        live.window.messages.show_message("a message")
    live.pass_time(0.5)
    area = live.window.scroll_area
    bars = (area.verticalScrollBar(), area.horizontalScrollBar())
    wait(qtbot, lambda: not any(bar.isVisible() for bar in bars))
    assert (live.window.width(), live.window.height()) == size
    whole = live.window.rect()
    for part in (live.window.header.connect_button, live.window.history, live.window.health):
        corner = part.mapTo(live.window, part.rect().bottomRight())
        assert whole.contains(corner), part


def test_a_window_smaller_than_its_content_scrolls(connect, qtbot):
    live = connect(head_start_s=30)
    live.window.resize(700, 500)
    wait(qtbot, lambda: live.window.scroll_area.horizontalScrollBar().maximum() > 0)
    assert live.window.width() == 700


def test_a_text_that_is_cut_is_read_whole_with_the_keyboard(qtbot):
    label = ElidedLabel("a long text that does not fit")
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    label.activateWindow()
    wait(qtbot, label.isActiveWindow)
    assert label.focusPolicy() == Qt.FocusPolicy.TabFocus
    label.setFocus()
    assert label.hasFocus()
    wait(qtbot, lambda: label.whole in QToolTip.text())
    label.resize(400, 20)
    assert label.focusPolicy() == Qt.FocusPolicy.NoFocus


def test_closing_on_a_recording_asks_once_and_the_window_may_stay(connect, qtbot):
    live = connect(head_start_s=30)
    live.window.toggle_recording()
    live.pass_time(1)
    live.window.close()
    assert "0:01 min" in live.window.leaving.question.findChild(QLabel, "said").text()
    live.window.leaving.question.keep.click()
    live.pass_time(1)
    assert live.window.isVisible()
    assert live.session.stopped == 0
    live.window.close()
    live.window.leaving.question.act.click()
    wait(qtbot, lambda: not live.window.isVisible())
    assert live.session.stopped == 1


def test_what_was_recorded_is_told_with_its_size_and_folder(connect, tmp_path, monkeypatch):
    live = connect(head_start_s=30)
    live.window.recording.target = tmp_path
    live.window.toggle_recording()
    live.pass_time(65, step_s=1)
    live.session.recorded[0].write_bytes(bytes(2_500_000))
    live.window.toggle_recording()
    live.window.tick()
    path = live.session.recorded[0]
    assert live.window.messages.text == f"Recorded 1:05 min, 2.5 MB: {path}"
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    live.window.messages._action.click()
    assert opened == [QUrl.fromLocalFile(str(tmp_path))]


@pytest.mark.parametrize(
    ("name", "state", "shot", "words"),
    [
        ("mark", "idle", None, "Nothing is connected"),
        ("calibrate", "idle", None, "Nothing is connected"),
        ("freeze", "idle", None, "Nothing is connected"),
        ("connect", "open", Snapshot(), "disconnect first"),
        ("connect", "opening", None, "Please wait"),
        ("disconnect", "opening", None, ""),
        ("disconnect", "idle", None, "Nothing is connected"),
        ("mark_3", "idle", None, "Nothing is connected"),
        ("record", "open", Snapshot(state="ended"), "No samples come"),
        ("calibrate", "open", Snapshot(state="streaming"), "No model is running"),
        ("filter", "open", Snapshot(), "No signals have come"),
        ("felt", "open", Snapshot(state="streaming"), "not offered"),
        ("theme", "idle", None, ""),
        ("mark", "open", Snapshot(state="streaming"), ""),
    ],
)
def test_a_key_that_does_nothing_says_why(name, state, shot, words):
    assert set(KEYS) > {name}
    said = why_not(name, state, shot, can_calibrate=name != "felt")
    assert words in said
    assert bool(said) == bool(words)


def test_a_silent_key_speaks_in_the_window(qtbot):
    window = Dashboard(lambda _choice: FakeSession())
    show(qtbot, window)
    window.activateWindow()
    wait(qtbot, window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_M)
    assert window.messages.text == "Nothing is connected: choose a source first (Ctrl+K)"
    window.messages.clear()
    window.history.mark_wanted.emit()
    assert "Nothing is connected" in window.messages.text


def test_automatic_gain_keeps_most_curves_in_their_rows(connect):
    live = connect(head_start_s=30)
    live.pass_time(6)
    live.window.signals.fit_scale()
    canvas = live.window.signals.canvas
    heights = np.abs(canvas._heights(canvas.recent(5.0))) / canvas.row_height
    assert np.percentile(heights, 95, axis=1).max() < 1.0
    assert np.mean(np.percentile(heights, 95, axis=1) <= 0.5) >= 0.8
    assert np.median(np.percentile(heights, 95, axis=1)) > 0.1, "and no flat lines"


def test_samples_that_stay_away_count_as_a_stall_whatever_the_session_says(connect):
    live = connect(head_start_s=30)
    live.session.fault(state="streaming", sample_age_s=0.9)
    live.window.tick()
    assert live.headline == "No data"


def test_an_answer_that_grows_old_is_taken_away(connect):
    live = connect(head_start_s=30)
    live.pass_time(1)
    live.session.new_predictions = list
    live.pass_time(4)
    assert live.headline == "No recent answer"


def test_a_model_without_a_head_says_so(connect):
    live = connect(class_names=(), head_start_s=30)
    live.pass_time(1)
    assert live.headline == "No emotion head"


def test_a_simulated_signal_and_model_carry_badges(connect):
    live = connect(head_start_s=5)
    assert live.window.badges.texts() == [
        "SIMULATED SIGNAL",
        "SIMULATED MODEL",
        "Not a medical device · research use",
    ]


def test_lsl_carries_a_badge_and_a_real_signal_none_of_simulation(connect):
    live = connect(simulated=False, head_start_s=5)
    assert live.window.badges.texts() == [
        "Unencrypted LSL, reachable from the network",
        "Not a medical device · research use",
    ]


def test_a_recording_that_is_played_is_called_a_replay(connect):
    live = connect(simulated=False, head_start_s=30)
    live.session.fault(info=replace(live.session.info, clock="recording", lossless=True))
    live.window.tick()
    assert "REPLAY" in live.window.badges.texts()


def test_publishing_carries_the_network_badge(qtbot):
    window = Dashboard(lambda _choice: FakeSession(), SourceChoice("sim:", publish_lsl=True))
    show(qtbot, window)
    wait(qtbot, lambda: len(window.badges.texts()) == 4)


def test_a_simulated_model_on_a_real_signal_still_carries_its_badge(connect):
    live = connect(simulated=False, head_start_s=5)
    live.session.model = ModelCard("demo", "released", ("a", "b"), simulated=True)
    live.window.tick()
    assert "SIMULATED MODEL" in live.window.badges.texts()
    assert "SIMULATED SIGNAL" not in live.window.badges.texts()


def test_an_unproven_calibration_carries_a_badge(connect):
    live = connect(simulated=False, head_start_s=5)
    assert "UNPROVEN CALIBRATION" not in live.window.badges.texts()
    live.session.model = replace(live.session.model, unproven=True)
    live.window.tick()
    assert "UNPROVEN CALIBRATION" in live.window.badges.texts()


def test_truth_and_agreement_stand_beside_the_answer_only_when_known(connect):
    live = connect(head_start_s=60)
    live.pass_time(1)
    emotion = live.window.emotion
    assert emotion.truth.whole in LABELS
    assert emotion.agreement.whole.endswith("%")
    blind = connect(simulated=False, head_start_s=60)
    blind.pass_time(1)
    assert not blind.window.emotion.truth.isVisible()


def test_health_shows_rate_latency_and_skipped_windows(connect):
    live = connect(head_start_s=30)
    live.session.model = replace(live.session.model, device="NVIDIA H100")
    live.session.fault(n_windows=1234, n_skipped=5, recording="S001R03.edf")
    live.window.tick()
    assert live.health("rate") == "250.0 of 250 Hz"
    assert live.health("latency") == "38 ms"
    assert live.health("windows") == "1,234 · 5 skipped"
    assert live.health("recording") == "S001R03.edf"
    assert live.health("decoder") == "● running · NVIDIA H100"


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (None, "No source"),
        (Snapshot(), "Opening the source…"),
        (Snapshot(state="failed", error="no such stream"), "No source"),
    ],
)
def test_the_header_says_that_a_source_is_opened_only_while_it_is(qtbot, snapshot, says):
    header = Header()
    qtbot.addWidget(header)
    header.show_snapshot(snapshot)
    assert header.source.whole == says


def test_a_failed_source_offers_to_reconnect(connect, qtbot):
    live = connect(head_start_s=5)
    live.session.fault(state="failed", error="lsl:cap is gone for good")
    live.window.tick()
    assert live.window.messages.text == "lsl:cap is gone for good"
    live.session.fault(state="streaming", error="")
    live.window.messages._action.click()
    wait(qtbot, lambda: live.session.stopped == 1)
    wait(qtbot, lambda: live.window.connection.state == "open")
    assert live.window.messages.text == ""


def test_a_source_that_cannot_open_is_told_in_one_line(qtbot):
    def refuse(_choice):
        raise SourceNotFound("no LSL stream named 'cap'; see 'mdjpt sources'")

    window = Dashboard(refuse, SIM)
    show(qtbot, window)
    wait(qtbot, lambda: window.messages.text != "")
    assert window.messages.text == "no LSL stream named 'cap'; see 'mdjpt sources'"
    assert window.connection.state == "idle"


def test_disconnecting_stops_the_session_and_clears_the_answer(connect, qtbot):
    live = connect(head_start_s=30)
    live.pass_time(1)
    live.window.header.connect_button.click()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    assert live.session.stopped == 1
    assert live.headline == "Not connected"
    assert live.health("stream") == "not connected"


class SlowToStop(FakeSession):
    """Ends only when it is allowed to."""

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.allowed = threading.Event()
        self.trouble = ""

    def stop(self) -> None:
        assert self.allowed.wait(30)
        super().stop()
        if self.trouble:
            raise RecordingError(self.trouble)


def test_closing_stops_the_session_without_holding_up_the_event_loop(connect, qtbot):
    live = connect(SlowToStop)
    live.window.close()
    beats = []
    QTimer.singleShot(0, lambda: beats.append(1))
    wait(qtbot, lambda: beats == [1])
    assert live.window.isVisible()
    assert live.session.stopped == 0
    live.session.allowed.set()
    wait(qtbot, lambda: not live.window.isVisible())
    assert live.session.stopped == 1


def test_while_a_recording_is_finished_the_window_says_so(connect, qtbot):
    live = connect(SlowToStop)
    live.window.toggle_recording()
    live.pass_time(1)
    live.window.close()
    live.window.leaving.question.act.click()
    assert live.window.messages.text == "Finishing the recording…"
    beats = []
    QTimer.singleShot(0, lambda: beats.append(1))
    wait(qtbot, lambda: beats == [1])
    live.session.allowed.set()
    wait(qtbot, lambda: not live.window.isVisible())


def test_a_recording_whose_end_is_lost_is_not_called_recorded(connect, qtbot):
    live = connect(SlowToStop)
    live.window.toggle_recording()
    live.pass_time(1)
    live.session.trouble = "r.xdf: the disk does not answer; the end is missing"
    live.window.disconnect_source()
    assert live.window.messages.text == "Finishing the recording…"
    live.session.allowed.set()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    assert live.window.messages.text == live.session.trouble


def test_a_window_that_loses_the_end_of_a_recording_stays_to_say_so(connect, qtbot):
    live = connect(SlowToStop)
    live.window.toggle_recording()
    live.pass_time(1)
    live.session.trouble = "r.xdf: the disk does not answer; the end is missing"
    live.window.close()
    live.window.leaving.question.act.click()
    live.session.allowed.set()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    assert live.window.isVisible()
    assert live.window.messages.text == live.session.trouble
    live.window.close()
    assert not live.window.isVisible()


class SlowToStart(FakeSession):
    """Is open only when it is allowed to."""

    allowed = threading.Event()

    def start(self) -> None:
        self.allowed.wait(5)
        super().start()


def test_closing_while_a_source_opens_still_stops_it(qtbot):
    session = SlowToStart()
    window = Dashboard(lambda _choice: session, SIM)
    show(qtbot, window)
    wait(qtbot, lambda: window.connection.state == "opening")
    window.close()
    session.allowed.set()
    wait(qtbot, lambda: not window.isVisible())
    assert session.stopped == 1


class Stumbling(FakeSession):
    """Raises when it is asked for its state."""

    broken = False

    def snapshot(self):
        if self.broken:
            raise RuntimeError("the pipe is broken")
        return super().snapshot()


def test_an_exception_in_a_slot_is_shown_and_the_window_lives_on(connect, qtbot, caplog):
    live = connect(Stumbling, head_start_s=30)
    hook = ExceptionHook()
    hook.caught.connect(live.window.messages.show_message)
    hook.install()
    try:
        live.session.broken = True
        wait(qtbot, lambda: live.window.messages.text != "")
        live.session.broken = False
    finally:
        hook.remove()
    expected = "Unexpected error: RuntimeError: the pipe is broken. The session goes on."
    assert live.window.messages.text == expected
    assert caplog.text.count("Traceback") == 1
    live.pass_time(1)
    assert live.headline in LABELS


def test_the_exception_hook_gives_its_place_back():
    before = sys.excepthook
    hook = ExceptionHook()
    hook.install()
    assert sys.excepthook == hook.handle
    hook.remove()
    assert sys.excepthook is before


def test_a_message_put_away_stays_away_until_another_one_comes(connect):
    messages = connect().window.messages
    messages.show_message("first")
    messages.dismiss()
    messages.show_message("first")
    assert messages.text == ""
    messages.show_message("second")
    assert messages.text == "second"


def test_five_hundred_frames_leave_nothing_behind(connect):
    live = connect(head_start_s=620)
    live.pass_time(5)
    widgets = len(live.window.findChildren(QObject))
    kept = len(live.window._feed.timeline.predictions)
    for _ in range(500):
        live.pass_time(0.5, step_s=0.5)
    assert len(live.window.findChildren(QObject)) <= widgets
    assert len(live.window._feed.timeline.predictions) <= kept + 1


def test_the_spectrum_is_computed_while_its_tab_is_open_and_the_tab_stays(connect):
    live = connect(head_start_s=30)
    card = live.window.electrodes
    live.pass_time(1)
    assert not card.spectrum.plot._mean.size
    card.tabs.choose(1)
    live.pass_time(1)
    freqs, mean = card.spectrum.plot._freqs, card.spectrum.plot._mean
    assert 9 <= freqs[5:][mean[5:].argmax()] <= 11  # the fake participant's alpha
    card.connect_stream(None)
    assert not card.spectrum.plot._mean.size
    assert card.tabs.value == 1
    assert card.spectrum.isVisible()


def test_looking_back_lets_the_live_button_up_and_pressing_it_returns(connect):
    live = connect(head_start_s=60)
    history = live.window.history
    live.pass_time(1)
    history.plot._view.sigRangeChangedManually.emit([True, False])
    assert not history.live.isChecked()
    history.live.click()
    assert history.plot.live
    history.live.click()
    history.span.choose(600.0)
    assert history.live.isChecked()


def test_both_themes_and_the_smallest_size_paint(connect):
    live = connect(head_start_s=60)
    live.pass_time(1)
    dark = live.window.grab().toImage()
    live.window.toggle_palette()
    live.window.resize(1024, 700)
    light = live.window.grab().toImage()
    assert dark.pixelColor(2, 2).lightness() < 40
    assert light.pixelColor(2, 2) == LIGHT.window
    assert (light.width(), light.height()) == (1024, 700)


def test_marks_of_the_user_reach_the_session(connect):
    live = connect(head_start_s=5)
    live.window.mark()
    assert live.session.marks == ["mark"]


def test_a_stream_that_comes_back_changed_gets_new_rows(connect):
    live = connect(head_start_s=30)
    live.pass_time(1)
    changed = FakeSession(["TP9", "AF7", "AF8", "TP10"], 256.0, clock=live.clock, head_start_s=40)
    changed.start()
    live.session.snapshot, live.session.latest = changed.snapshot, changed.latest
    live.pass_time(1)
    assert live.window.electrodes.quality.count.text().endswith("of 4 good")
    assert live.window.header.source_detail.whole == "4 channels · 256 Hz"


def test_the_first_paint_and_the_first_signal_are_announced(qtbot):
    clock = ManualClock()
    window = Dashboard(lambda _choice: FakeSession(clock=clock, head_start_s=5), SIM)
    qtbot.addWidget(window, before_close_func=partial(close, qtbot))
    with qtbot.waitSignals([window.painted, window.first_signal], timeout=30_000):
        window.show()


def test_the_welcome_offers_the_simulated_participant(qtbot):
    asked = []

    def factory(choice):
        asked.append(choice)
        return FakeSession()

    window = Dashboard(factory)
    show(qtbot, window)
    assert window.welcome.isVisible()
    window.welcome.try_button.click()
    wait(qtbot, lambda: window.connection.state == "open")
    assert asked == [SIM]
    assert not window.welcome.isVisible()


def test_every_key_of_the_table_is_explained(qtbot):
    dialog = ShortcutsDialog()
    qtbot.addWidget(dialog)
    assert len({key for keys, _ in KEYS.values() for key in keys}) == len(
        [key for keys, _ in KEYS.values() for key in keys]
    )


def test_a_lossless_file_may_be_decoded_late(connect):
    live = connect(head_start_s=30)
    live.session.info = replace(live.session.info, lossless=True)
    live.pass_time(1)
    live.session.new_predictions = list
    live.pass_time(4)
    assert live.headline in LABELS
