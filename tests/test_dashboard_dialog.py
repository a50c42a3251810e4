"""Choosing a source, and opening the dashboard from the command line."""

from __future__ import annotations

import os

import pylsl
import pytest
from PySide6.QtWidgets import QToolButton

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.cli.dashboard import discover
from app.cli.main import run_command_line
from app.dashboard.application import Application
from app.dashboard.display import display_problem
from app.dashboard.source_dialog import SourceDialog
from app.dashboard.window import Dashboard
from app.source_choice import FoundSource, SourceChoice
from app.widgets.background import Background
from app.widgets.words import MINUS
from streaming.sources.source_spec import parse_source
from tests.support.fake_session import FakeSession

CAP = FoundSource("lsl:cap", "cap", "64 channels, 500 Hz, lab")
SIMULATED, LSL, BOARD, FILE = range(4)


@pytest.fixture
def ask(qtbot):
    """Return a function that opens the dialog."""
    kept = []

    def open_dialog(discover=list, last=None) -> SourceDialog:
        background = Background()
        dialog = SourceDialog(discover, background, last)
        kept.append(background)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return open_dialog


def test_the_simulated_participant_is_offered_first(ask):
    assert ask().choice() == SourceChoice("sim:?seed=7")


def test_the_number_of_the_participant_has_a_button_on_each_side(ask):
    dialog = ask()
    less, more = dialog.pages[0].seed.findChildren(QToolButton)
    # A style sheet lets Qt's own arrows collapse into two boxes without a sign.
    assert (less.text(), more.text()) == (MINUS, "+")
    more.click()
    more.click()
    less.click()
    assert dialog.choice() == SourceChoice("sim:?seed=8")
    field = dialog.pages[0].seed.box.lineEdit()
    assert field.width() > field.fontMetrics().horizontalAdvance("9999")


def test_found_streams_of_one_name_are_told_apart_and_every_text_reads_back():
    ids = {"Cap & co?": ["dev 0&x", "dev 1"], "Solo 50%": ["z"]}
    outlets = [
        pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, 100, "float32", source_id))
        for name, source_ids in ids.items()
        for source_id in source_ids
    ]
    found = [parse_source(f.source) for f in discover()]
    assert [(spec.name, dict(spec.options)) for spec in found] == [
        ("Cap & co?", {"source_id": "dev 0&x"}),
        ("Cap & co?", {"source_id": "dev 1"}),
        ("Solo 50%", {}),
    ]
    assert len(outlets) == 3


def test_streams_that_answer_are_listed_and_the_first_is_chosen(ask, qtbot):
    dialog = ask(lambda: [CAP])
    dialog.kinds.setCurrentRow(LSL)
    assert dialog.choice() is None
    qtbot.waitUntil(lambda: dialog.pages[LSL].streams.count() == 1, timeout=30_000)
    assert dialog.choice() == SourceChoice("lsl:cap")


def test_no_stream_is_said_in_words(ask, qtbot):
    dialog = ask()
    dialog.kinds.setCurrentRow(LSL)
    qtbot.waitUntil(lambda: "No stream answered" in dialog.pages[LSL].said.text(), timeout=30_000)
    assert dialog.choice() is None


def test_a_search_that_fails_says_why(ask, qtbot):
    def fail():
        raise OSError("no network")

    dialog = ask(fail)
    dialog.kinds.setCurrentRow(LSL)
    qtbot.waitUntil(lambda: "no network" in dialog.pages[LSL].said.text(), timeout=30_000)


def test_a_board_that_needs_a_port_waits_for_it(ask):
    dialog = ask()
    dialog.kinds.setCurrentRow(BOARD)
    page = dialog.pages[BOARD]
    assert dialog.choice() == SourceChoice("brainflow:synthetic")
    page.board.setCurrentIndex(1)
    assert dialog.choice() is None
    page.fields["serial_port"].setText("/dev/ttyUSB0")
    assert dialog.choice() == SourceChoice("brainflow:cyton?serial_port=/dev/ttyUSB0")


def test_a_file_must_exist(ask, tmp_path):
    dialog = ask()
    dialog.kinds.setCurrentRow(FILE)
    page = dialog.pages[FILE]
    page.path.setText(str(tmp_path / "none.edf"))
    assert dialog.choice() is None
    assert page.said.text() == "There is no such file."
    (tmp_path / "a b.edf").touch()
    page.path.setText(str(tmp_path / "a b.edf"))
    assert dialog.choice() == SourceChoice(f"file:{tmp_path / 'a b.edf'}")


def test_model_and_electrodes_go_with_the_choice(ask, qtbot):
    dialog = ask()
    dialog.model.setText("my.safetensors")
    dialog.montage.setText("Fp1, Fp2  C3")
    with qtbot.waitSignal(dialog.chosen) as asked:
        dialog.accept()
    expected = SourceChoice("sim:?seed=7", "my.safetensors", ("Fp1", "Fp2", "C3"))
    assert asked.args == [expected]


@pytest.mark.parametrize("scheme", ["sim:", "lsl:cap", "brainflow:cyton", "file:/a.edf"])
def test_the_dialog_opens_where_the_last_choice_was_made(ask, scheme):
    dialog = ask(last=SourceChoice(scheme, "m.safetensors", ("Cz",)))
    assert dialog.pages[dialog.kinds.currentRow()].scheme == scheme.split(":")[0]
    assert (dialog.model.text(), dialog.montage.text()) == ("m.safetensors", "Cz")


def test_a_machine_without_a_display_is_told_what_to_do():
    assert display_problem({}).startswith("no display: neither DISPLAY")
    assert display_problem({"QT_QPA_PLATFORM": "offscreen"}) == ""


@pytest.mark.parametrize("display", [":7531", "nohost.invalid:1", "nonsense"])
def test_a_display_that_does_not_answer_is_named(display):
    assert f"DISPLAY={display}" in display_problem({"DISPLAY": display})


def test_without_a_display_the_dashboard_returns_two_and_one_line(monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert run_command_line(["app", "--screenshot", "x.png"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mdjpt: no display")
    assert error.count("\n") == 1


def test_a_screenshot_is_saved_and_the_session_stopped(qapp, tmp_path):
    sessions, milestones = [], []

    def factory(_choice):
        sessions.append(FakeSession(head_start_s=30))
        return sessions[0]

    application = Application(lambda: Dashboard(factory, SourceChoice("sim:")))
    application.report_milestones(milestones.append)
    application.leave_after(1.0, tmp_path / "dashboard.png")
    status = application.run()
    assert status == 0
    assert (tmp_path / "dashboard.png").stat().st_size > 20_000
    assert milestones == ["painted", "first signal"]
    assert sessions[0].stopped == 1


def test_a_picture_that_cannot_be_saved_ends_with_an_error(qapp, tmp_path, capsys):
    path = tmp_path / "no folder" / "x.png"
    application = Application(lambda: Dashboard(lambda _choice: FakeSession()))
    application.leave_after(0.1, path)
    assert application.run() == 2
    assert str(path) in capsys.readouterr().err
