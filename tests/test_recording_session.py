"""Recording in a running session: from the engine, from its process, from the header's button."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import re
import stat
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.cli.main import run_command_line
from app.dashboard.window import Dashboard
from app.recording_files import default_recordings, new_recording
from app.session import LiveSession, SessionConfig, default_bundle, engine_config
from app.source_choice import SourceChoice
from mdjpt.errors import MdjptError
from mdjpt.recordings.xdf_content import load_streams
from mdjpt.recordings.xdf_file import read
from mdjpt.recordings.xdf_layout import POSITIONS_TYPE
from streaming.processes.engine import Engine, EngineConfig
from streaming.processes.engine_process import Record, Report, run_engine
from streaming.sources.source_spec import parse_source
from tests.support.fake_session import FakeSession, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 60.0
SIM = parse_source("sim:?seed=3&n_channels=8")


def poll_until(engine: Engine, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"still {engine.snapshot()}"
        engine.poll(timeout_s=0.02)


def signals_only(speed: float = 20.0) -> EngineConfig:
    return engine_config(SessionConfig(SIM, None, speed=speed))


# The engine


def test_a_recording_begins_and_ends_in_the_middle_of_a_session(tmp_path: Path) -> None:
    engine = Engine(signals_only())
    engine.start()
    try:
        poll_until(engine, lambda: engine.snapshot().n_samples > 500)
        engine.start_recording(tmp_path / "a.xdf")
        engine.start_recording(tmp_path / "ignored.xdf")
        assert engine.snapshot().recording == str(tmp_path / "a.xdf")
        poll_until(engine, lambda: engine.snapshot().recorded_s > 2)
        engine.mark("now")
        engine.stop_recording()
        engine.stop_recording()
        assert engine.snapshot().recording == ""
        engine.start_recording(tmp_path / "b.xdf")
        poll_until(engine, lambda: engine.snapshot().recorded_s > 1)
    finally:
        engine.stop()
    assert engine.snapshot().recording_error == ""
    first = read(tmp_path / "a.xdf", None, None)
    (rows,) = (s.values for s in load_streams(tmp_path / "a.xdf")[0] if s.kind == POSITIONS_TYPE)
    assert rows[0, 0] > 500
    assert first.duration_s > 2
    assert [label for _, label in first.markers][-1] == "now"
    assert read(tmp_path / "b.xdf", None, None).duration_s > 1
    assert not (tmp_path / "ignored.xdf").exists()


def test_a_recording_that_cannot_begin_is_told_and_the_session_goes_on(tmp_path: Path) -> None:
    engine = Engine(signals_only())
    engine.start()
    try:
        engine.start_recording(tmp_path / "none" / "a.xdf")
        shot = engine.snapshot()
        assert "a.xdf: cannot be recorded" in shot.recording_error
        assert shot.recording == ""
        poll_until(engine, lambda: engine.snapshot().n_samples > 500)
        engine.start_recording(tmp_path / "b.xdf")
        assert engine.snapshot().recording_error == ""
    finally:
        engine.stop()


def test_predictions_are_recorded_and_the_recording_ends_with_the_stream(tmp_path: Path) -> None:
    spec = parse_source("sim:?seed=3&n_channels=8&duration=13")
    config = SessionConfig(spec, default_bundle(), speed=float("inf"), record=tmp_path / "r.xdf")
    engine = Engine(engine_config(config))
    engine.start()
    try:
        poll_until(engine, lambda: engine.done)
        n_windows = engine.snapshot().n_windows
        engine.poll(timeout_s=0.0)
        assert engine.snapshot().recording == ""
    finally:
        engine.stop()
    content = (tmp_path / "r.xdf").read_bytes()
    assert content.count(b'"probabilities"') == n_windows > 10
    assert read(tmp_path / "r.xdf", None, None).duration_s == 13.0


# The engine's process


def test_a_session_records_when_it_is_told_to(tmp_path: Path) -> None:
    session = LiveSession(SessionConfig(SIM, None, speed=20.0))
    session.start()
    deadline = time.monotonic() + PATIENCE_S
    try:
        session.record(tmp_path / "r.xdf")
        while session.snapshot().recorded_s < 2:
            assert time.monotonic() < deadline, f"still {session.snapshot()}"
        assert session.snapshot().recording == str(tmp_path / "r.xdf")
        session.stop_recording()
        while session.snapshot().recording:
            assert time.monotonic() < deadline, f"still {session.snapshot()}"
    finally:
        session.stop()
    assert read(tmp_path / "r.xdf", None, None).duration_s >= 2


def test_a_recording_is_closed_properly_when_the_window_dies(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_engine, args=(signals_only(), theirs))
    process.start()
    theirs.close()
    ours.send(Record(tmp_path / "r.xdf"))
    told_s = 0.0
    while told_s < 2:
        assert ours.poll(PATIENCE_S)
        report = ours.recv()
        assert isinstance(report, Report)
        told_s = report.snapshot.recorded_s
    ours.close()
    process.join(PATIENCE_S)
    assert process.exitcode == 0
    assert b"<sample_count>" in (tmp_path / "r.xdf").read_bytes()
    recording = read(tmp_path / "r.xdf", None, None)
    assert recording.duration_s >= told_s
    assert recording.notes == ()


# Names and folders


def test_a_recording_gets_a_name_that_is_not_taken(tmp_path: Path) -> None:
    now = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    folder = tmp_path / "participants" / "one"
    first = new_recording(folder, now)
    assert first.parent == folder
    assert re.fullmatch(r"mdjpt_20260102-030405_[0-9a-f]{6}\.xdf", first.name)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert default_recordings().parts[-2:] == ("mdjpt-live", "recordings")


def test_two_recordings_that_begin_in_the_same_second_get_two_files(tmp_path: Path) -> None:
    now = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    paths = [new_recording(tmp_path, now) for _ in range(2)]
    spec = parse_source("sim:?seed=3&n_channels=8&duration=6")
    engines = [
        Engine(engine_config(SessionConfig(spec, None, speed=float("inf"), record=path)))
        for path in paths
    ]
    for engine in engines:
        engine.start()
    for engine in engines:
        poll_until(engine, lambda engine=engine: engine.done)
        engine.stop()
    assert [engine.snapshot().recording_error for engine in engines] == ["", ""]
    assert [read(path, None, None).duration_s for path in paths] == [6.0, 6.0]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(MdjptError, match="a file, not a folder"):
        new_recording(tmp_path / "taken")


def test_run_records_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "sim:?duration=6&n_channels=8", "--speed", "max", "--out", "-"]
    assert run_command_line([*arguments, "--record", str(tmp_path / "rec")]) == 0
    (path,) = (tmp_path / "rec").glob("mdjpt_*.xdf")
    assert f"recorded: {path}" in capsys.readouterr().err
    assert read(path, None, None).duration_s == 6.0


# The button


class Recording:
    """A dashboard that records into a folder, on a session whose clock is moved by hand."""

    def __init__(self, qtbot, folder: Path) -> None:
        self.clock = ManualClock()
        self.session = FakeSession(clock=self.clock, head_start_s=20)
        self.window = Dashboard(lambda _: self.session, SourceChoice("sim:"), recordings=folder)
        qtbot.addWidget(self.window, before_close_func=partial(self._close, qtbot))
        self.window.show()
        qtbot.waitUntil(lambda: self.window.connection.state == "open", timeout=30_000)
        self.window.tick()

    @property
    def button(self):
        return self.window.header.record_button

    def tick(self, seconds: float = 0.1) -> None:
        self.clock.advance(seconds)
        self.window.tick()

    @staticmethod
    def _close(qtbot, window: Dashboard) -> None:
        window.close()
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)


def test_the_button_records_and_shows_for_how_long(qtbot, tmp_path: Path) -> None:
    live = Recording(qtbot, tmp_path / "rec")
    assert live.button.text() == "● Record"
    live.button.click()
    live.tick(65)
    (path,) = live.session.recorded
    assert path.parent == tmp_path / "rec"
    assert live.button.text() == "■ 1:05"
    assert str(path) in live.button.toolTip()
    live.button.click()
    live.tick()
    assert live.button.text() == "● Record"
    assert live.window.messages.text == f"Recorded 1:05 min: {path}"


def test_the_button_waits_for_a_stream(qtbot, tmp_path: Path) -> None:
    window = Dashboard(lambda _: FakeSession(), None, recordings=tmp_path)
    qtbot.addWidget(window)
    window.show()
    assert not window.header.record_button.isEnabled()
    window.toggle_recording()


def test_a_failed_recording_is_on_screen_with_the_next_frame(qtbot, tmp_path: Path) -> None:
    live = Recording(qtbot, tmp_path)
    live.button.click()
    live.tick()
    live.session.fault(recording="", recording_error="r.xdf: no space left; choose another folder")
    live.tick()
    assert live.window.messages.text == "r.xdf: no space left; choose another folder"
    assert live.button.text() == "● Record"


def test_a_folder_that_cannot_be_made_is_told(qtbot, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    live = Recording(qtbot, tmp_path / "taken")
    live.button.click()
    assert "a file, not a folder" in live.window.messages.text
    assert live.session.recorded == []


def test_disconnecting_while_recording_names_the_file(qtbot, tmp_path: Path) -> None:
    live = Recording(qtbot, tmp_path)
    live.button.click()
    live.tick()
    live.window.disconnect_source()
    qtbot.waitUntil(lambda: live.window.connection.state == "idle", timeout=30_000)
    assert live.window.messages.text.endswith(f" min: {live.session.recorded[0]}")
