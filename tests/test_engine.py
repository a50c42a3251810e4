"""Engine and decoder process together: every window once, faults shown, clean ends."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.session import LiveSession, SessionConfig, default_bundle, engine_config
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.errors import SourceLost
from streaming.pipeline import Pipeline
from streaming.processes.decoder_process import DecoderConfig, Predicted
from streaming.processes.engine import Engine, EngineConfig
from streaming.sources.lsl import LSLSource
from streaming.sources.source_spec import parse_source
from streaming.stream import Chunk, Source, StreamInfo
from tests.support.fakes import NAMES, ScriptedSource, cut, eeg_like
from tests.support.lsl_sender import LslSender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SFREQ = 125.0
SIGNAL = eeg_like(len(NAMES), int(16 * SFREQ))
PATIENCE_S = 60.0


def scripted(lossless: bool, fails: bool = False) -> Source:
    """Make a source in the engine's process (top level, so that it can be pickled)."""
    chunks: list[Chunk | Exception] = list(cut(SIGNAL, range(125, 2000, 125), SFREQ))
    if fails:
        chunks[4:] = [SourceLost("the headset is gone: switch it on and connect again")]
    return ScriptedSource(chunks, StreamInfo("test", NAMES, SFREQ, lossless=lossless))


def collect(engine: Engine, until: Callable[[], bool]) -> list[Predicted]:
    """Poll until a condition holds, for at most a minute."""
    answers: list[Predicted] = []
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, f"still {engine.snapshot()}"
        answers += engine.poll(timeout_s=0.05)
    return answers


def test_two_processes_answer_as_one_does() -> None:
    config = DecoderConfig(default_bundle(), hop_s=1.0, with_features=True)
    engine = Engine(EngineConfig(partial(scripted, lossless=True), config))
    engine.start()
    try:
        answers = collect(engine, lambda: engine.done)
    finally:
        engine.stop()
        engine.stop()
    from mdjpt.alignment.config import recommended_alignment
    from mdjpt.bundle.bundle import load_bundle

    bundle = load_bundle(default_bundle())
    decoder = EmotionDecoder(bundle, 1.0, recommended_alignment(bundle))
    alone = list(Pipeline(scripted(lossless=True), decoder, hop_s=1.0).run())
    assert len(alone) == 12
    assert [a.prediction.index for a in answers] == [a.prediction.index for a in alone]
    for two, one in zip(answers, alone, strict=True):
        assert two.prediction.status == one.prediction.status
        assert two.prediction.simulated
        for name, p in one.prediction.probabilities.items():
            assert two.prediction.probabilities[name] == pytest.approx(p, abs=1e-6)
        if one.feature is not None:
            assert two.feature is not None
            np.testing.assert_allclose(two.feature, one.feature, atol=1e-6)


def test_a_source_that_is_lost_ends_the_engine_with_its_message() -> None:
    engine = Engine(EngineConfig(partial(scripted, lossless=False, fails=True)))
    engine.start()
    try:
        collect(engine, lambda: engine.done)
        shot = engine.snapshot()
    finally:
        engine.stop()
    assert shot.state == "failed"
    assert "switch it on" in shot.error
    assert shot.error_code == 3


def test_a_model_that_is_missing_fails_once_and_signals_go_on(tmp_path: Path) -> None:
    config = DecoderConfig(tmp_path / "none.safetensors")
    engine = Engine(EngineConfig(partial(scripted, lossless=True), config))
    engine.start()
    try:
        collect(engine, lambda: engine.failure is not None and engine.snapshot().state == "ended")
        shot = engine.snapshot()
    finally:
        engine.stop()
    assert shot.decoder_state == "failed"
    assert "none.safetensors" in shot.decoder_error
    assert shot.n_samples == SIGNAL.shape[1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_decoder_that_is_killed_comes_back_and_no_sample_is_lost() -> None:
    spec = parse_source("sim:?seed=3&n_channels=8")
    engine = Engine(engine_config(SessionConfig(spec, default_bundle(), hop_s=0.1)))
    engine.start()
    try:
        first = collect(engine, lambda: engine.snapshot().n_windows > 0)[0].prediction.index
        before = engine.snapshot().n_windows
        assert engine.decoder_pid is not None
        os.kill(engine.decoder_pid, signal.SIGKILL)
        collect(engine, lambda: engine.snapshot().decoder_state == "restarting")
        again = collect(engine, lambda: engine.snapshot().n_windows > before + 1)
        shot = engine.snapshot()
    finally:
        engine.stop()
    assert shot.n_lost == 0
    indices = [a.prediction.index for a in again]
    assert indices == sorted(set(indices))
    # Windows that nobody decoded meanwhile are told, if it was away for so long.
    assert shot.n_windows + shot.n_skipped == indices[-1] - first + 1


def test_a_stream_that_is_found_and_never_sends_is_told() -> None:
    with LslSender("mute") as sender:
        sender.pause()
        engine = Engine(EngineConfig(partial(LSLSource, "mute", markers=False)))
        engine.start()
        try:
            collect(engine, lambda: engine.snapshot().state == "stalled")
            shot = engine.snapshot()
            assert shot.remarks == ("no sample has come yet; is the device on, and does it send?",)
            assert 0.8 < shot.sample_age_s < 5.0
            sender.resume()
            collect(engine, lambda: engine.snapshot().state == "streaming")
            assert engine.snapshot().remarks == ()
            sender.pause()
            collect(engine, lambda: engine.snapshot().state == "stalled")
            assert engine.snapshot().remarks == ("no samples come; waiting for them",)
        finally:
            engine.stop()


def test_a_session_shows_signals_and_predictions_and_ends() -> None:
    spec = parse_source("sim:?seed=3&n_channels=8&duration=7")
    session = LiveSession(SessionConfig(spec, default_bundle(), speed=4.0))
    session.start()
    deadline = time.monotonic() + PATIENCE_S
    predictions, markers = [], []
    try:
        while session.snapshot().state != "ended":
            assert time.monotonic() < deadline, f"still {session.snapshot()}"
            predictions += session.new_predictions()
            markers += session.new_markers()
        view = session.latest(250)
        shot = session.snapshot()
        predictions += session.new_predictions()
    finally:
        session.stop()
        session.stop()
    assert view is not None
    assert view.samples.shape == (8, 250)
    assert shot.info is not None
    assert shot.info.simulated
    assert shot.truth in ("negative", "neutral", "positive")
    assert markers[0][0] == 0
    assert markers[0][1].kind == "truth"
    assert {p.status for p in predictions} <= {"warming_up"}
    assert session.latest(10) is None


def test_predictions_are_written_line_by_line(tmp_path: Path) -> None:
    spec = parse_source("sim:?seed=3&n_channels=8&duration=13")
    out = tmp_path / "predictions.jsonl"
    config = SessionConfig(spec, default_bundle(), speed=float("inf"), out=out)
    engine = Engine(engine_config(config))
    engine.start()
    try:
        answers = collect(engine, lambda: engine.done)
    finally:
        engine.stop()
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["index"] for line in lines] == [a.prediction.index for a in answers]
    assert lines[0]["status"] == "warming_up"
    assert lines[-1]["status"] in ("ok", "unsure")
    assert lines[-1]["simulated"] is True


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_what_the_alignment_learned_survives_the_decoder() -> None:
    spec = parse_source("sim:?seed=3&n_channels=8")
    session = SessionConfig(spec, default_bundle(), hop_s=1.0, speed=6.0, alignment="moments")
    engine = Engine(engine_config(session))

    def learned_s() -> float:
        status = engine.snapshot().alignment
        return 0.0 if status is None else status.effective_s

    engine.start()
    try:
        collect(engine, lambda: learned_s() > 5.0)
        before, pid = learned_s(), engine.decoder_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        collect(engine, lambda: engine.decoder_pid not in (pid, None))
        collect(engine, lambda: learned_s() != before)
        status = engine.snapshot().alignment
    finally:
        engine.stop()
    assert status is not None
    assert status.kind == "moments"
    assert status.effective_s > before
    assert status.prior_share < 1.0
