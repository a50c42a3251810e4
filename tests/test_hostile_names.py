"""Names that streams, files and people choose, in everything that the program puts out."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import pyxdf
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from rich.console import Console

from app.cli.doctor import write_report
from app.cli.features import save_features
from app.cli.findings import Finding
from app.cli.main import run_command_line
from app.cli.terminal import render, terminal_view
from app.widgets.controls import ElidedLabel, label
from mdjpt.errors import MdjptError
from mdjpt.evaluation.report import Report, Table
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.cells import table_cell
from mdjpt.recordings import read_recording
from mdjpt.recordings.beside import read_beside
from mdjpt.recordings.export import export_recording
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.publishers.json_lines import JsonLinesPublisher
from streaming.recorder import Recorder
from streaming.snapshot import ModelCard, Snapshot
from streaming.stream import Chunk, Column, Marker, StreamInfo

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings.export import ExportKind

HOSTILE = "a\x1b]0;owned\x07\u202e\x9b2J\ud800[red]x[/red]<img src=x>|b\n\t&#27;"
CLEAN = "a?]0;owned???2J?[red]x[/red]<img src=x>|b &#27;"
FORMULA = "=cmd|'/c calc'!A1"

INFO = StreamInfo(
    HOSTILE,
    ("Fp1", "Cz", HOSTILE),
    250.0,
    source_id=HOSTILE,
    ch_units=(HOSTILE,) * 3,
    notes=(HOSTILE,),
    others=(Column(HOSTILE, HOSTILE, HOSTILE),),
)
CARD = ModelCard(f"{HOSTILE}.safetensors", "released", ("calm", "[red]x[/red]"), simulated=False)
PREDICTION = Prediction(
    index=3,
    start_s=1.5,
    end_s=6.5,
    timestamp=6.5,
    status="ok",
    label="[red]x[/red]",
    probabilities={"calm": 0.3, "[red]x[/red]": 0.7},
    confidence=0.7,
    quality=Quality(2, (INFO.ch_names[2],)),
    latency_ms=20.0,
    reason=f"bad electrode {INFO.ch_names[2]}",
)


def test_what_a_source_says_is_cleaned_where_it_comes_in() -> None:
    assert (INFO.name, INFO.source_id, INFO.ch_names[2], INFO.notes) == (
        *[CLEAN] * 3,
        (CLEAN,),
    )
    assert (INFO.others, INFO.ch_units) == ((Column(CLEAN, CLEAN, CLEAN),), (CLEAN,) * 3)
    assert Marker.of_label(1.0, HOSTILE).label == CLEAN
    assert str(MdjptError(f"{HOSTILE}: no such stream")) == f"{CLEAN}: no such stream"


def test_a_terminal_shows_markup_and_obeys_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    shot = Snapshot(state="streaming", info=INFO, model=CARD)
    console = Console(width=400, record=True, file=io.StringIO(), force_terminal=True)
    console.print(render(shot, PREDICTION, truth="[red]x[/red]"))
    drawn = console.export_text()
    assert drawn.count("[red]x[/red]") >= 5
    assert drawn.replace("\n", "").isprintable()
    with terminal_view() as lines:
        lines.show(shot)
        lines.predicted(PREDICTION, "[red]x[/red]")
    said = capsys.readouterr().out
    assert CLEAN in said
    assert said.replace("\n", "").isprintable()


def test_a_window_takes_no_text_for_html(qtbot: object) -> None:
    plain, elided = label(HOSTILE, "muted"), ElidedLabel("<b>x</b> " * 40)
    for made in (plain, elided):
        assert isinstance(made, QLabel)
        assert made.textFormat() == Qt.TextFormat.PlainText
    elided.resize(30, 20)
    assert "<b>" not in elided.toolTip()
    assert "&lt;b&gt;" in elided.toolTip()


def test_json_lines_hold_nothing_but_printable_ascii(tmp_path: Path) -> None:
    publisher = JsonLinesPublisher(tmp_path / "p.jsonl")
    publisher.publish(PREDICTION)
    publisher.close()
    (line,) = (tmp_path / "p.jsonl").read_text(encoding="ascii").splitlines()
    assert line.isprintable()
    assert json.loads(line)["quality"]["bad"] == [CLEAN]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a stream with hostile names, a column beside the EEG, and three events."""
    path = tmp_path_factory.mktemp("names") / "r.xdf"
    recorder = Recorder(path)
    recorder.open(INFO)
    samples = np.random.default_rng(0).normal(0, 20, (3, 1000)).astype(np.float32)
    stamps = np.arange(1000) / 250
    recorder.write(Chunk(samples, stamps, 0, others=np.zeros((1, 1000))))
    for second, text in ((1.0, HOSTILE), (2.0, FORMULA), (3.0, "-1")):
        recorder.mark(Marker(second, text))
    recorder.close()
    assert not recorder.error
    return path


def test_a_recording_holds_names_that_every_reader_can_read(recorded: Path) -> None:
    streams, _ = pyxdf.load_xdf(str(recorded))
    eeg = next(s for s in streams if s["info"]["type"] == ["EEG"])
    labels = [c["label"][0] for c in eeg["info"]["desc"][0]["channels"][0]["channel"]]
    assert (eeg["info"]["name"], labels[2]) == ([CLEAN], CLEAN)
    assert [label for _, label in read_recording(recorded).markers] == [CLEAN, FORMULA, "-1"]


@pytest.mark.parametrize(
    ("kind", "name"), [("csv", "r.csv"), ("edf", "r.edf"), ("brainvision", "r.vhdr")]
)
def test_what_is_exported_steers_neither_terminal_nor_spreadsheet(
    recorded: Path, tmp_path: Path, kind: ExportKind, name: str
) -> None:
    recording = read_recording(recorded)
    exported = export_recording(recording, read_beside(recording), kind, tmp_path / name)
    for path in exported.files:
        assert path.parent == tmp_path
        assert path.name.isprintable()
        if path.suffix in (".csv", ".tsv", ".vhdr", ".vmrk"):
            text = path.read_text(encoding="utf-8")
            assert re.sub(r"[\n\r\t]", "", text).isprintable()
            assert not re.search(r"(?m)(^|[\t,])\"?=cmd", text) or path.suffix == ".vmrk"
    if kind == "csv":
        with (tmp_path / name).open(newline="") as file:
            cells = [row[-1] for row in csv.reader(file) if row[-1]]
        assert cells[1:] == [CLEAN, f"'{FORMULA}", "-1"]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+cmd|' /C calc'!A0", "'-2+cmd|' /C calc'!A0"),
        ("+A1", "'+A1"),
        ("+", "+"),
        ("-1.5e-3", "-1.5e-3"),
        ("-inf", "-inf"),
        ("-1.20 [-2.00, 0.40]", "-1.20 [-2.00, 0.40]"),
        ("a\tb\nc", "a b c"),
    ],
)
def test_a_cell_is_no_formula_and_a_number_stays_one(text: str, cell: str) -> None:
    assert table_cell(text) == cell


def test_reports_are_neither_html_nor_formulas_of_someone_else(tmp_path: Path) -> None:
    table = Table(HOSTILE, ("arm", "score"), ((HOSTILE, "-1.5"), (FORMULA, "0.5")))
    report = Report(HOSTILE, (HOSTILE,), (table,), (HOSTILE,))
    assert "<img" not in report.html()
    markdown = report.markdown()
    assert not re.search(r"(?<!\\)<", markdown)
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    assert markdown.replace("\n", "").isprintable()
    read = pd.read_csv(io.StringIO(table.csv()), dtype=str)
    assert read.to_numpy().tolist() == [[CLEAN, "-1.5"], [f"'{FORMULA}", "0.5"]]
    finding = Finding("streams", CLEAN, "fail", CLEAN, CLEAN)
    write_report([finding], as_json=False, html=tmp_path / "d.html")
    page = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "[red]x[/red]" in page


# Where it is written


@pytest.mark.parametrize("target", ["kept.txt", "nowhere", "/dev/null", "folder"])
def test_no_output_follows_a_link(tmp_path: Path, target: str) -> None:
    kept, link = tmp_path / "kept.txt", tmp_path / "link"
    kept.write_text("kept")
    (tmp_path / "folder").mkdir()
    link.symlink_to(target)
    with pytest.raises(MdjptError, match="a link"):
        write_file(link, b"new")
    with pytest.raises(MdjptError, match="a link"):
        save_features(link, np.zeros((1, 512), np.float32), np.zeros(1))
    if target in ("kept.txt", "nowhere"):
        with pytest.raises(MdjptError, match="a link"):
            JsonLinesPublisher(link)
    assert link.is_symlink()
    assert kept.read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


def test_no_device_is_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MdjptError, match="no regular file"):
        write_file(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()


OUTPUTS = {
    "features": ["features", "none.edf", "--out"],
    "calibrate": ["calibrate", "none.edf", "--out"],
    "import": ["model", "import", "none.ckpt", "--out"],
    "repair": ["repair", "none.xdf", "--out"],
    "pretrain": ["pretrain", "none.toml", "--out"],
    "prepare": ["data", "prepare", "seed", "--raw", "none", "--out"],
    "person": ["evaluate", "person", "none.edf", "--out"],
    "run": ["run", "file:none.edf", "--features"],
}


@pytest.mark.parametrize("what", OUTPUTS)
def test_where_it_is_written_is_looked_at_before_any_work(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert run_command_line([*OUTPUTS[what], "file/out.npz"]) == 2
    said = capsys.readouterr().err
    assert f"{OUTPUTS[what][-1]} file/out.npz" in said
    assert "none" not in said.replace("out.npz", "")
