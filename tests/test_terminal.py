"""The table in the terminal says what is known, and nothing that is not."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from app.cli.record import tell_new
from app.cli.terminal import render
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


def test_an_unproven_calibration_is_called_so_above_every_label():
    card = ModelCard("demo", "released", ("calm", "tense"), simulated=False, unproven=True)
    assert "model demo (UNPROVEN CALIBRATION)" in drawn(replace(SHOT, model=card))
    assert "UNPROVEN" not in drawn(replace(SHOT, model=replace(card, unproven=False)))


def test_valence_is_shown_where_a_profile_tells_it():
    text = drawn(SHOT, replace(PREDICTION, valence=6.25))
    assert "valence" in text
    assert "6.2" in text
    assert "arousal" not in text


def test_a_remark_is_told_when_it_comes_and_again_when_it_comes_back(capsys):
    told = frozenset()
    for state in ("streaming", "stalled", "stalled", "streaming", "stalled"):
        told = tell_new(replace(SHOT, state=state, n_samples=9), told)
    said = capsys.readouterr().err.splitlines()
    assert said == ["note: no samples come; waiting for them"] * 2
    tell_new(replace(SHOT, decoder_state="restarting"), told)
    assert "starts again" in capsys.readouterr().err
