"""Choosing a source, and opening the dashboard from the command line."""

from __future__ import annotations

import os

import pylsl
import pytest
from PySide6.QtWidgets import QFileDialog, QPushButton, QToolButton

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.cli.dashboard import discover
from app.cli.main import run_command_line
from app.dashboard.application import Application
from app.dashboard.boards import _NEEDS
from app.dashboard.display import display_problem
from app.dashboard.source_dialog import SourceDialog
from app.dashboard.source_report import look_at
from app.dashboard.window import Dashboard
from app.session import demo_recording
from app.settings import Settings
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

    def open_dialog(discover=list, last=None, **arguments) -> SourceDialog:
        background = Background()
        dialog = SourceDialog(discover, background, last, **arguments)
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
    streams = discover()
    found = [parse_source(f.source) for f in streams]
    assert [(spec.name, dict(spec.options)) for spec in found] == [
        ("Cap & co?", {"source_id": "dev 0&x"}),
        ("Cap & co?", {"source_id": "dev 1"}),
        ("Solo 50%", {}),
    ]
    for stream, source_id in zip(streams, ["dev 0&x", "dev 1", "z"], strict=True):
        assert "electrodes not named" in stream.detail
        assert "sends nothing now" in stream.detail
        assert f"· {source_id} ·" in stream.detail
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
    qtbot.waitUntil(lambda: "No stream answers" in dialog.pages[LSL].said.text(), timeout=30_000)
    assert dialog.choice() is None


def test_a_search_that_fails_says_why(ask, qtbot):
    def fail():
        raise OSError("no network")

    dialog = ask(fail)
    dialog.kinds.setCurrentRow(LSL)
    qtbot.waitUntil(lambda: "no network" in dialog.pages[LSL].said.text(), timeout=30_000)


def board_page(dialog, qtbot):
    dialog.kinds.setCurrentRow(BOARD)
    page = dialog.pages[BOARD]
    qtbot.waitUntil(lambda: page.board.count() > 0, timeout=30_000)
    return page


def test_a_board_that_needs_a_port_waits_for_it(ask, qtbot):
    dialog = ask()
    page = board_page(dialog, qtbot)
    assert dialog.choice() == SourceChoice("brainflow:synthetic")
    page.board.setCurrentIndex(1)
    assert dialog.choice() is None
    assert "needed" in page.fields["serial_port"].placeholderText()
    page.fields["serial_port"].setText("/dev/ttyUSB0")
    assert dialog.choice() == SourceChoice("brainflow:cyton?serial_port=/dev/ttyUSB0")
    page.fields["ip_port"].setText("many")
    assert dialog.choice() is None
    assert "ip_port must be a whole number" in page.said.text()


def test_every_board_with_eeg_is_on_offer_with_a_need_that_brainflow_knows(ask, qtbot):
    from brainflow.board_shim import BrainFlowInputParams

    from streaming.sources.discovery import list_boards

    page = board_page(ask(), qtbot)
    offered = [page.board.itemData(i) for i in range(page.board.count())]
    assert {board.name for board in offered} == {info.name for info in list_boards()}
    assert len(offered) > 50
    assert {board.needs for board in offered} - {""} <= set(vars(BrainFlowInputParams()))
    assert {name for names in _NEEDS.values() for name in names} <= {b.name for b in offered}


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
    dialog = ask(lambda: [CAP])
    dialog.kinds.setCurrentRow(LSL)
    qtbot.waitUntil(lambda: dialog.choice() is not None, timeout=30_000)
    dialog.model.setText("my.safetensors")
    dialog.montage.setText("Fp1, Fp2  C3")
    with qtbot.waitSignal(dialog.chosen) as asked:
        dialog.accept()
    assert asked.args == [SourceChoice("lsl:cap", "my.safetensors", ("Fp1", "Fp2", "C3"))]


@pytest.mark.parametrize(
    "source", ["sim:?seed=7", "lsl:cap", "brainflow:cyton?serial_port=/dev/x", "file:FILE"]
)
def test_the_dialog_opens_where_the_last_choice_was_made(ask, qtbot, tmp_path, source):
    (tmp_path / "a.edf").touch()
    source = source.replace("FILE", str(tmp_path / "a.edf"))
    last = SourceChoice(source, "m.safetensors", ("Cz",))
    dialog = ask(lambda: [CAP], last)
    qtbot.waitUntil(lambda: dialog.choice() == last, timeout=30_000)


def test_names_typed_for_one_source_are_not_those_of_the_next(ask, qtbot):
    raw = FoundSource("lsl:raw", "raw", "8 channels")
    dialog = ask(lambda: [CAP, raw])
    dialog.kinds.setCurrentRow(LSL)
    streams = dialog.lsl.streams
    qtbot.waitUntil(lambda: streams.count() == 2, timeout=30_000)
    streams.setCurrentRow(1)
    dialog.montage.setText("O2, O1")
    assert dialog.choice() == SourceChoice("lsl:raw", "", ("O2", "O1"))
    streams.setCurrentRow(0)
    assert dialog.choice() == SourceChoice("lsl:cap")
    dialog.kinds.setCurrentRow(SIMULATED)
    assert dialog.choice() == SourceChoice("sim:?seed=7")
    dialog.kinds.setCurrentRow(LSL)
    streams.setCurrentRow(1)
    assert dialog.montage.text() == "O2, O1"


def test_a_source_that_names_its_electrodes_uses_no_typed_names_and_says_so(ask, qtbot):
    dialog = ask(look_at=look_at)
    dialog.kinds.setCurrentRow(FILE)
    dialog.file.path.setText(str(demo_recording()))
    dialog.montage.setText("Cz, Pz")
    qtbot.waitUntil(lambda: "not used" in dialog.report.text.text(), timeout=30_000)
    assert not dialog.montage.isEnabled()
    with qtbot.waitSignal(dialog.chosen) as asked:
        dialog.accept()
    assert asked.args == [SourceChoice(f"file:{demo_recording()}")]


def test_connect_waits_for_the_look_at_the_source(ask, qtbot):
    dialog = ask(look_at=look_at)
    dialog.kinds.setCurrentRow(FILE)
    dialog.file.path.setText(str(demo_recording()))
    with qtbot.waitSignal(dialog.chosen, timeout=30_000):
        dialog.accept()
        assert dialog.isVisible()


def test_a_source_that_cannot_be_connected_says_why_before_the_start(ask, qtbot, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n")
    dialog = ask(look_at=look_at)
    dialog.kinds.setCurrentRow(FILE)
    dialog.file.path.setText(str(path))
    button = dialog.findChild(QPushButton, "connect")
    qtbot.waitUntil(lambda: "notes.csv" in dialog.report.text.text(), timeout=30_000)
    assert not button.isEnabled()


def test_what_was_connected_before_is_offered_again_with_its_names(ask, tmp_path):
    kept = Settings(tmp_path / "window.toml")
    dialog = ask(last=SourceChoice("sim:?seed=9"), settings=kept)
    dialog.accept()
    (tmp_path / "a.edf").touch()
    file = SourceChoice(f"file:{tmp_path / 'a.edf'}", "", ("Cz", "Pz"))
    ask(last=file, settings=kept).accept()
    dialog = ask(settings=Settings(tmp_path / "window.toml"))
    texts = [dialog.recent.item(i).text() for i in range(dialog.recent.count())]
    assert texts == [file.source, "sim:?seed=9"]
    dialog.recent.itemClicked.emit(dialog.recent.item(0))
    assert dialog.choice() == file
    assert kept.get("folders", "open", "") == str(tmp_path)


def test_the_chooser_of_files_opens_where_the_last_file_was(ask, tmp_path, monkeypatch):
    kept = Settings()
    kept.put("folders", "open", str(tmp_path))
    asked = []

    def choose(_parent, _title, start, _pattern):
        asked.append(start)
        return str(tmp_path / "b.edf"), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    dialog = ask(settings=kept)
    dialog.kinds.setCurrentRow(FILE)
    browse = next(b for b in dialog.file.findChildren(QPushButton) if b.text() == "Browse…")
    browse.click()
    browse.click()
    assert asked == [str(tmp_path), str(tmp_path / "b.edf")]


def test_streams_come_and_go_and_the_choice_stays(ask, qtbot):
    other = FoundSource("lsl:amp", "amp", "8 channels")
    answers = iter([[CAP], [other, CAP]])
    dialog = ask(lambda: next(answers, [other]))
    dialog.kinds.setCurrentRow(LSL)
    qtbot.waitUntil(lambda: dialog.lsl.streams.count() == 1, timeout=30_000)
    dialog.search()
    qtbot.waitUntil(lambda: dialog.lsl.streams.count() == 2, timeout=30_000)
    assert dialog.choice() == SourceChoice("lsl:cap")
    dialog.search()
    qtbot.waitUntil(lambda: dialog.lsl.streams.count() == 1, timeout=30_000)
    assert dialog.choice() is None, "another stream is never chosen in the place of one that left"


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
