"""The table in the terminal says what is known, and nothing that is not."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from app.cli.record import tell_new
from app.cli.terminal import render, terminal_view
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.snapshot import AlignmentStatus, ModelCard, Snapshot
from streaming.stream import StreamInfo

PREDICTION = Prediction(
    index=3,
    start_s=1.5,
    end_s=6.5,
    timestamp=6.5,
    status="ok",
    label="calm",
    probabilities={"calm": 0.7, "tense": 0.3},
    confidence=0.7,
    quality=Quality(8),
    latency_ms=20.0,
)
SHOT = Snapshot(state="streaming", info=StreamInfo("cap", ("Cz",), 250.0))


def drawn(shot, prediction=PREDICTION):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(shot, prediction))
    return console.export_text()


def test_the_table_shows_the_class_and_its_probability():
    text = drawn(SHOT)
    assert "calm" in text
    assert "0.70" in text
    assert "alignment" not in text
    assert "valence" not in text
    assert "loading" in drawn(replace(SHOT, decoder_state="loading"), None)


def test_the_table_shows_how_far_the_alignment_is():
    status = AlignmentStatus("moments", 45.0, 0.57, converged=False, frozen=False)
    assert "moments, 43% from this session's 45 s" in drawn(replace(SHOT, alignment=status))
    assert "as calibrated" in drawn(replace(SHOT, alignment=replace(status, frozen=True)))
    assert "alignment  none" in drawn(replace(SHOT, alignment=AlignmentStatus()))
    bare = ModelCard("bare", "released", (), simulated=False, normalisation="stream")
    own = replace(SHOT, alignment=replace(status, kind="rows"), model=bare)
    assert "rows, by this session's last 45 s alone" in drawn(own)


def test_an_unproven_calibration_is_called_so_above_every_label():
    card = ModelCard("demo", "released", ("calm", "tense"), simulated=False, unproven=True)
    assert "model demo (UNPROVEN CALIBRATION)" in drawn(replace(SHOT, model=card))
    assert "UNPROVEN" not in drawn(replace(SHOT, model=replace(card, unproven=False)))


def test_the_table_says_why_there_is_no_label():
    unsure = replace(PREDICTION, status="unsure", label=None, reason="confidence 0.70 below 0.80")
    assert "no label: confidence 0.70 below 0.80" in drawn(SHOT, unsure)
    assert "no label" not in drawn(SHOT)


def test_plain_lines_say_a_reason_until_it_changes(capsys):
    with terminal_view() as view:
        for label, reason in (
            (None, "flat: T7"),
            (None, "flat: T7"),
            ("calm", ""),
            (None, "mains"),
        ):
            view.predicted(replace(PREDICTION, label=label, reason=reason), None)
    lines = capsys.readouterr().out.splitlines()
    assert ["flat" in line for line in lines] == [True, False, False, False]
    assert lines[3].endswith("  mains")
    assert not any(line.endswith(" ") for line in lines)


def test_a_calibration_of_a_simulated_person_is_called_so():
    card = ModelCard("m", "released", ("calm", "tense"), simulated=False, person_simulated=True)
    assert "model m (SIMULATED PERSON)" in drawn(replace(SHOT, model=card))


def test_valence_is_shown_where_a_profile_tells_it():
    text = drawn(SHOT, replace(PREDICTION, valence=6.25))
    assert "valence" in text
    assert "6.2" in text
    assert "arousal" not in text


def test_that_a_model_knows_no_brain_is_told_once_with_the_command_that_helps(capsys):
    card = ModelCard("demo", "released", ("calm", "tense"), simulated=True)
    told = frozenset()
    for _ in range(3):
        told = tell_new(replace(SHOT, model=card), told)
    (said,) = capsys.readouterr().err.splitlines()
    assert said == (
        "note: no labels: this model has only seen simulated people: calibrate "
        "(mdjpt calibrate-live), or choose another"
    )
    for model in (replace(card, simulated=False), replace(card, participant="P-1")):
        assert not replace(SHOT, model=model).remarks
    assert not replace(SHOT, model=card, info=replace(SHOT.info, simulated=True)).remarks


def test_a_remark_is_told_when_it_comes_when_it_is_over_and_when_it_comes_back(capsys):
    told = frozenset()
    for state in ("streaming", "stalled", "stalled", "streaming", "stalled"):
        told = tell_new(replace(SHOT, state=state, n_samples=9), told)
    said = capsys.readouterr().err.splitlines()
    silent = "note: no samples come; waiting for them"
    assert said == [silent, "note: samples come again", silent]
    told = tell_new(replace(SHOT, decoder_state="restarting"), frozenset())
    assert "starts again" in capsys.readouterr().err
    tell_new(SHOT, told)
    assert capsys.readouterr().err == "note: the decoder is back\n"
