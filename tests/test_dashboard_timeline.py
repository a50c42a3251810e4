"""What the dashboard says and counts, without a window."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from app.dashboard.answer import age_text, answer
from app.dashboard.boards import board_source
from app.dashboard.timeline import (
    KEEP_S,
    Agreement,
    Timeline,
    TruthTimeline,
    label_spans,
    readout,
    stacked,
)
from app.widgets.words import clock_text, has_stalled, titled
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.reasons import only_simulated, unlike_anything
from streaming.snapshot import ModelCard, Snapshot
from streaming.stream import StreamInfo

STREAMING = Snapshot(
    state="streaming",
    decoder_state="running",
    elapsed_s=20.0,
    model=ModelCard("demo", "released", ("calm", "joy"), simulated=True),
)


def predicted(end_s: float, label: str | None = "joy", status="ok") -> Prediction:
    shares = {"calm": 0.3, "joy": 0.7} if status in ("ok", "unsure") else {}
    return Prediction(
        index=int(end_s * 2),
        start_s=end_s - 5,
        end_s=end_s,
        timestamp=end_s,
        status=status,
        label=label,
        probabilities=shares,
        confidence=max(shares.values(), default=0.0),
        quality=Quality(3),
        latency_ms=30.0,
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (65.9, "1:05"), (3599, "59:59"), (3607, "1:00:07")]
)
def test_times_read_as_minutes_and_hours(seconds, text):
    assert clock_text(seconds) == text


def test_class_names_are_written_as_headings():
    assert titled("high_arousal") == "High arousal"
    assert titled("") == ""


def test_nothing_connected_is_said_first():
    assert answer(None, predicted(20)).headline == "Not connected"


def test_a_label_comes_with_its_confidence():
    said = answer(STREAMING, predicted(20))
    assert (said.headline, said.detail, said.tone) == ("Joy", "70% confident", "label")


def test_a_label_that_is_held_says_what_is_ahead_of_it():
    held = replace(predicted(20), probabilities={"joy": 0.38, "calm": 0.42}, confidence=0.38)
    said = answer(STREAMING, held)
    assert said.headline == "Joy"
    assert said.detail == "38% confident; Calm has 42%, too small a lead to change the answer"


def test_a_signal_unlike_all_that_was_learned_is_no_case_of_doubt_between_emotions():
    unknown = replace(predicted(20, None, "unsure"), reason=unlike_anything(calibrated=True))
    said = answer(STREAMING, unknown)
    assert said.headline == "Unfamiliar signal"
    assert said.detail == "Unlike anything in the calibration"


@pytest.mark.parametrize("status", ["warming_up", "bad_signal", "gap", "unsure"])
def test_no_abstention_is_worded_as_a_label(status):
    said = answer(STREAMING, predicted(20, None, status))
    assert said.tone != "label"
    assert said.headline not in ("Joy", "Calm")


@pytest.mark.parametrize(
    ("status", "reason", "headline", "detail"),
    [
        ("warming_up", "warming up, 3 s left", "Warming up", "3 s left"),
        ("bad_signal", "mains on 5 of 8 electrodes", "Bad signal", "Mains on 5 of 8 electrodes"),
        ("gap", "12 samples lost 1.2 s ago", "Gap in the signal", "12 samples lost 1.2 s ago"),
        ("unsure", "confidence 0.41 below 0.48", "Unsure", "Confidence 0.41 below 0.48"),
    ],
)
def test_the_reason_stands_under_the_status(status, reason, headline, detail):
    said = answer(STREAMING, replace(predicted(20, None, status), reason=reason))
    assert (said.headline, said.detail, said.calibrate) == (headline, detail, False)
    assert said.decoded == (status == "unsure")


def test_what_only_knows_simulated_people_is_not_calibrated_on_a_real_signal():
    """The probabilities are shown, and the way to a label; noise and bad signals come first."""
    real = replace(STREAMING, info=StreamInfo("cap", ("Cz",), 250.0))
    unsure = replace(predicted(20, None, "unsure"), reason=only_simulated(calibrated=False))
    said = answer(real, unsure)
    assert (said.headline, said.tone) == ("Not calibrated", "warn")
    assert said.detail.startswith("This model has only seen simulated people: calibrate")
    assert said.decoded
    assert said.calibrate
    noise = answer(real, replace(unsure, reason="no EEG", probabilities={}))
    assert (noise.headline, noise.calibrate) == ("Unsure", False)
    personal = replace(STREAMING.model, participant="P-1")
    assert not answer(replace(real, model=personal), unsure).calibrate
    someone_made_up = replace(real, model=replace(personal, person_simulated=True))
    assert answer(someone_made_up, unsure).calibrate


def test_a_model_without_a_head_offers_a_calibration():
    said = answer(replace(STREAMING, model=replace(STREAMING.model, class_names=())), None)
    assert (said.headline, said.calibrate) == ("No emotion head", True)


def test_a_stall_is_told_by_state_or_by_age():
    assert not has_stalled(STREAMING)
    assert has_stalled(replace(STREAMING, sample_age_s=0.9))
    assert has_stalled(replace(STREAMING, state="stalled"))
    assert not has_stalled(replace(STREAMING, state="ended", sample_age_s=100.0))


def test_truth_holds_until_it_changes_and_before_it_was_first_seen():
    truth = TruthTimeline()
    assert truth.at(3) is None
    for time_s, label in ((2.0, "calm"), (5.0, "calm"), (10.0, "joy")):
        truth.observe(time_s, label)
    assert [truth.at(t) for t in (0, 9.9, 10, 99)] == ["calm", "calm", "joy", "joy"]
    assert truth.segments(4, 12) == [(4, 10.0, "calm"), (10.0, 12, "joy")]


def test_agreement_judges_labels_at_the_middle_of_their_window():
    timeline = Timeline()
    timeline.truth.observe(0, "calm")
    timeline.truth.observe(10, "joy")
    for prediction in (predicted(12, "calm"), predicted(13, "joy"), predicted(12, "joy")):
        timeline.add(prediction)
    assert (timeline.agreement.n_agreeing, timeline.agreement.n_labelled) == (2, 3)
    assert timeline.agreement.share == pytest.approx(2 / 3)


def test_abstentions_are_counted_but_not_judged_and_warming_up_is_neither():
    agreement = Agreement()
    agreement.add(predicted(20, None, "unsure"), "joy")
    agreement.add(predicted(20, None, "warming_up"), "joy")
    agreement.add(predicted(20), None)
    assert (agreement.n_windows, agreement.n_labelled, agreement.share) == (1, 0, None)


def test_a_truth_without_a_class_is_not_counted():
    agreement = Agreement()
    agreement.add(predicted(5.0, "joy"), "rest")
    assert agreement == Agreement()


def test_a_day_at_the_screen_stays_small_and_loses_no_change():
    timeline = Timeline()
    for k in range(8 * 3600 * 2):
        label = "calm" if k // 2 % 900 == 7 else "joy"
        timeline.add(predicted(k * 0.5, label))
    assert len(timeline.predictions) == KEEP_S * 2 + 1
    assert len(timeline.older) < 8 * 3600 / 5 + 300
    spans = label_spans(timeline.all_predictions)
    assert [name for *_, name in spans] == ["joy", "calm"] * 32 + ["joy"]
    assert all(earlier[1] == later[0] for earlier, later in itertools.pairwise(spans))
    times_s, _ = stacked(timeline.all_predictions, ("calm", "joy"))
    assert np.count_nonzero(np.diff(times_s) == 0) == 2, "one run, its edges there twice"


def test_the_readout_says_why_there_is_no_label_and_what_is_wrong_with_electrodes():
    timeline = Timeline()
    quality = Quality(6, ("T7", "O1"), ("flat", "mains"))
    reason = "confidence 0.41 below 0.48"
    timeline.add(replace(predicted(20, None, "unsure"), quality=quality, reason=reason))
    assert readout(timeline, 20.0).splitlines() == [
        "0:20  no label",
        "Because: confidence 0.41 below 0.48",
        "Joy 70%",
        "Calm 30%",
        "Left out, flat: T7; mains: O1",
    ]


def test_the_age_of_an_answer_counts_what_did_not_come_since():
    late = replace(STREAMING, elapsed_s=21.0, sample_age_s=75.0)
    assert age_text(late, predicted(20)) == "1:16 min old"
    assert age_text(None, None) == ""


def test_a_board_is_named_with_the_parameters_that_were_given():
    source = board_source("cyton", serial_port=" /dev/ttyUSB0 ", mac_address="")
    assert source == "brainflow:cyton?serial_port=/dev/ttyUSB0"
    assert board_source("synthetic") == "brainflow:synthetic"
