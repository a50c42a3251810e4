"""The window's end of the engine: what becomes of a recording when the session ends."""

from __future__ import annotations

import multiprocessing
import re
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.cli.dashboard import make_session
from app.session import LiveSession, SessionConfig, default_bundle
from app.source_choice import SourceChoice
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.errors import MdjptError, RecordingError
from mdjpt.recordings import read_recording
from streaming.processes.engine import EngineConfig
from streaming.sources.source_spec import parse_source
from tests.support.hanging_driver import HangingDriver

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 60.0


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LiveSession:
    """Record from a driver until it hangs."""
    monkeypatch.setattr("app.session.engine_config", lambda _: EngineConfig(HangingDriver))
    session = LiveSession(SessionConfig(parse_source("sim:"), None))
    session.start()
    session.record(tmp_path / "r.xdf")
    deadline = time.monotonic() + PATIENCE_S
    while session.snapshot().state != "stalled":
        assert session.snapshot().state != "failed", session.snapshot().error
        assert time.monotonic() < deadline, f"still {session.snapshot()}"
    return session


def test_a_driver_that_hangs_costs_no_end_of_the_recording(
    hanging: LiveSession, tmp_path: Path
) -> None:
    hanging.stop()
    assert b"<sample_count>" in (tmp_path / "r.xdf").read_bytes(), "the footers are there"


def test_a_recording_whose_end_is_missing_is_told(
    hanging: LiveSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.session.STOP_WITHIN_S", 0.0)
    with pytest.raises(RecordingError, match=r"r\.xdf: the engine had to be ended by force"):
        hanging.stop()
    hanging.stop()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_an_engine_that_dies_leaves_a_valid_recording_and_says_where_it_stops(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.xdf"
    config = SessionConfig(parse_source("sim:?n_channels=8"), None, record=path)
    session = LiveSession(config)
    session.start()
    deadline = time.monotonic() + PATIENCE_S
    while session.snapshot().recorded_s < 3.0:
        assert time.monotonic() < deadline, f"still {session.snapshot()}"
    (engine,) = (p for p in multiprocessing.active_children() if p.name == "mdjpt-engine")
    engine.kill()
    while session.snapshot().state != "failed":
        assert time.monotonic() < deadline
    said = session.snapshot().error
    session.stop()
    found = re.fullmatch(
        r"the engine process ended unexpectedly: connect again; "
        rf"{re.escape(str(path))} is valid up to (\d+\.\d) s",
        said,
    )
    assert found
    assert read_recording(path).duration_s >= float(found[1]) - 0.05


def test_a_model_without_a_head_runs_so_that_it_can_be_calibrated(tmp_path: Path) -> None:
    model = tmp_path / "headless.safetensors"
    save_bundle(model, replace(load_bundle(default_bundle()), head=None, class_names=(), sha256=""))
    config = SessionConfig(parse_source("sim:"), default_bundle())
    session = make_session(config, None, SourceChoice("sim:?n_channels=8", str(model)))
    session.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while session.snapshot().model is None:
            assert session.snapshot().decoder_state != "failed", session.snapshot().decoder_error
            assert time.monotonic() < deadline, f"still {session.snapshot()}"
        assert session.snapshot().model.class_names == ()
    finally:
        session.stop()


def test_a_source_with_an_impossible_setting_is_refused_before_a_process_is_started() -> None:
    config = SessionConfig(parse_source("sim:"), default_bundle())
    with pytest.raises(MdjptError, match=r"sim:\?n_channels=128: n_channels must lie between"):
        make_session(config, None, SourceChoice("sim:?n_channels=128"))
