"""The recording at one look: folder, size, time, room on the disk, named marks and notes."""

from __future__ import annotations

import os

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QPushButton

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.dashboard.recording_panel import RecordingPanel, _left
from app.dashboard.window import Dashboard
from app.settings import Settings
from app.source_choice import SourceChoice
from tests.support.fake_session import FakeSession, ManualClock
from tests.test_dashboard import Live, show, wait


@pytest.fixture
def live(qtbot, tmp_path):
    clock = ManualClock()
    session = FakeSession(clock=clock, head_start_s=30)
    settings = Settings(tmp_path / "window.toml")
    window = Dashboard(lambda _choice: session, SourceChoice("sim:"), settings=settings)
    show(qtbot, window)
    wait(qtbot, lambda: window._info is not None)
    window.recording.target = tmp_path / "recordings"
    window.activateWindow()
    wait(qtbot, window.isActiveWindow)
    return Live(window, session, clock)


def shown(panel: RecordingPanel) -> dict[str, str]:
    return {key: value.whole for key, value in panel.values.items()}


def test_keys_set_marks_by_the_names_that_were_given_and_keep_them(live):
    live.window.panel.names[1].setText("stimulus on")
    QTest.keyClick(live.window, Qt.Key.Key_2)
    QTest.keyClick(live.window, Qt.Key.Key_9)
    QTest.keyClick(live.window, Qt.Key.Key_M)
    assert live.session.marks == ["stimulus on", "mark 9", "mark"]
    again = Settings(live.window.settings.path)
    panel = RecordingPanel(live.window.recording, again, live.window)
    assert panel.names[1].text() == "stimulus on"
    asked = []
    panel.mark_wanted.connect(asked.append)
    next(b for b in panel.findChildren(QPushButton) if b.text() == "2").click()
    assert asked == ["stimulus on"]


def test_a_note_is_a_mark_and_the_field_is_ready_for_the_next(live):
    panel = live.window.panel
    panel.note.setText("  she  laughed ")
    QTest.keyClick(panel.note, Qt.Key.Key_Return)
    QTest.keyClick(panel.note, Qt.Key.Key_Return)
    assert live.session.marks == ["note: she laughed"]
    assert panel.note.text() == ""


def test_a_mark_without_a_session_says_why(live, qtbot):
    live.window.disconnect_source()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    next(b for b in live.window.panel.findChildren(QPushButton) if b.text() == "1").click()
    assert "Nothing is connected" in live.window.messages.text


def test_the_panel_tells_file_length_size_and_room(live):
    panel = live.window.panel
    panel.show()
    panel.show_snapshot(live.session.snapshot(), now_s=100.0)
    assert shown(panel)["file"] == "nothing is recorded"
    assert shown(panel)["left"].endswith("GB")
    live.window.toggle_recording()
    live.pass_time(65, step_s=1)
    live.session.recorded[0].write_bytes(bytes(2_500_000))
    panel.show_snapshot(live.session.snapshot(), now_s=1e12)
    told = shown(panel)
    assert told["file"] == live.session.recorded[0].name
    assert (told["length"], told["size"]) == ("1:05 min", "2.5 MB")
    assert "at this rate" in told["left"]
    assert told["folder"] == str(live.window.recording.target)


def test_another_folder_is_taken_for_the_next_recording_and_tomorrow(live, tmp_path, monkeypatch):
    chosen = str(tmp_path / "study")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: chosen)
    live.window.panel.choose_folder()
    live.window.toggle_recording()
    assert str(live.session.recorded[0].parent) == chosen
    tomorrow = Dashboard(
        lambda _choice: FakeSession(), settings=Settings(live.window.settings.path)
    )
    assert str(tomorrow.recording.target) == chosen
    tomorrow.leaving.without_asking()


def test_room_is_told_in_hours_and_days():
    assert _left(10**9, 0.0) == "1.0 GB"
    assert _left(36 * 10**8, 10**5) == "3.6 GB, about 10 h at this rate"
    assert _left(36 * 10**9, 10**5) == "36.0 GB, about 4 days at this rate"
