"""`mdjpt doctor`: each fault that it looks for is made for real, and found."""

from __future__ import annotations

import errno
import importlib.metadata
import json
import shutil
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.cli.doctor import write_report
from app.cli.findings import (
    Finding,
    disk_findings,
    display_findings,
    gpu_findings,
    lsl_findings,
    stream_findings,
    timing_findings,
    version_findings,
)
from app.cli.main import run_command_line
from app.session import default_bundle
from mdjpt.errors import MdjptError
from mdjpt.signal.line_noise import line_noise
from streaming.diagnosis.network import (
    RoundTrip,
    SeenStream,
    duplicates,
    lsl_round_trip,
    seen_streams,
)
from streaming.diagnosis.timing import DecisionClock, TimedSource, Timing, certify, sent_test_stream
from streaming.processes.decoder_process import DecoderConfig
from streaming.sources.lsl_link.streams import StreamDescription
from streaming.stream import Chunk, StreamInfo
from tests.support.eeg_senders import EegStream, eeg_sent_elsewhere
from tests.support.fakes import NAMES, ScriptedSource
from tests.support.hand_clock import HandClock
from tests.test_publishers import prediction

if TYPE_CHECKING:
    from pathlib import Path


def verdicts(found: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.verdict for finding in found}


# Mains


@pytest.mark.parametrize("line_hz", [50.0, 60.0])
@pytest.mark.parametrize("sfreq", [160.0, 250.0, 256.0, 1000.0])
def test_mains_are_measured_beside_eeg(line_hz: float, sfreq: float) -> None:
    times = np.arange(round(4 * sfreq)) / sfreq
    noise = np.random.default_rng(1).normal(0, 10, (8, len(times)))
    line = 20 * np.sqrt(2) * np.sin(2 * np.pi * line_hz * times + 0.7)
    found_hz, rms = line_noise(noise + line, sfreq)
    assert found_hz == line_hz
    assert rms == pytest.approx(20, rel=0.1)
    quiet_hz, quiet = line_noise(noise, sfreq)
    assert quiet_hz in (0.0, 50.0, 60.0)
    assert quiet < 1.5


def test_mains_scale_with_the_signal_and_mind_no_offset() -> None:
    times = np.arange(1000) / 250.0
    x = np.random.default_rng(2).normal(0, 10, (4, 1000)) + 30 * np.sin(100 * np.pi * times)
    _, rms = line_noise(x, 250.0)
    assert line_noise(3 * x + 1e5, 250.0)[1] == pytest.approx(3 * rms, rel=1e-6)
    assert line_noise(x[:, ::3], 250 / 3) == (0.0, 0.0)
    x[0] = np.nan
    assert np.isfinite(line_noise(x, 250.0)[1])


# LSL


def test_an_own_stream_is_seen_and_heard_by_another_process() -> None:
    trip = lsl_round_trip()
    assert trip.found_s is not None
    assert trip.delay_ms is not None
    assert 0 < trip.delay_ms < 10_000
    assert verdicts(lsl_findings(trip, 118)) == {"liblsl": "ok", "own stream seen": "ok"}


def test_a_network_that_keeps_processes_apart_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another session is as far away as another network: nothing is heard.
    config = tmp_path / "lsl_api.cfg"
    config.write_text("[lab]\nSessionID = elsewhere\n[log]\nlevel = -3\n")
    monkeypatch.setenv("LSLAPICFG", str(config))
    trip = lsl_round_trip(timeout_s=1.0)
    assert trip == RoundTrip(None, None)
    assert verdicts(lsl_findings(trip, 118))["own stream seen"] == "fail"
    assert "firewall" in lsl_findings(trip, 118)[-1].advice


STREAMS = (
    EegStream("good", "good-1"),
    EegStream("twin", "twin-1"),
    EegStream("twin", "twin-1"),
    EegStream("slow", "slow-1", sfreq=500.0, real_sfreq=250.0),
    EegStream("silent", "silent-1", real_sfreq=0.0),
    EegStream("nameless", "", labels=("ch1", "ch2")),
    EegStream("humming", "humming-1", line_hz=60.0, line_rms=200.0),
    EegStream("volts", "volts-1", scale=1e-6),
)


@pytest.fixture(scope="module")
def seen() -> list[SeenStream]:
    with eeg_sent_elsewhere(*STREAMS):
        found = seen_streams(look_s=1.5, measure_s=4.0)
    return [stream for stream in found if stream.stream.name in {s.name for s in STREAMS}]


def test_every_stream_is_seen_with_what_it_really_sends(seen: list[SeenStream]) -> None:
    by_name = {stream.stream.name: stream for stream in seen}
    assert len(seen) == len(STREAMS)
    assert by_name["good"].electrodes == NAMES
    assert by_name["good"].measured_sfreq == pytest.approx(250, rel=0.01)
    assert by_name["slow"].measured_sfreq == pytest.approx(250, rel=0.01)
    assert by_name["silent"].measured_sfreq == 0.0
    assert "--montage" in by_name["nameless"].problem
    assert by_name["humming"].line_hz == 60.0
    assert by_name["humming"].line_microvolts == pytest.approx(200, rel=0.1)
    assert by_name["volts"].amplitude_microvolts < 0.5
    assert duplicates(seen) == ["twin (EEG, source_id twin-1)"]


def test_each_fault_of_a_stream_is_a_finding(seen: list[SeenStream]) -> None:
    found = verdicts(stream_findings(seen))
    assert found["identity"] == "fail"
    assert found["good"] == found["good: rate"] == found["good: labels"] == "ok"
    (good,) = (stream for stream in seen if stream.stream.name == "good")
    assert found["good: units"] == "ok"
    assert found.get("good: line noise") == ("ok" if good.line_hz else None)
    assert found["slow: rate"] == found["silent: rate"] == "fail"
    assert found["nameless"] == found["nameless: labels"] == "note"
    assert found["humming: line noise"] == "note"
    assert found["volts: units"] == "note"


def test_a_name_that_steers_terminals_is_shown_without_that() -> None:
    hostile = StreamDescription("\x1b]0;x\x07[red]x[/y]", "EEG", "", "host", "uid", 1, 250.0)
    found = stream_findings([SeenStream(hostile, is_regular=True, answers=False)])
    assert found[0].what == "?]0;x?[red]x[/y]"
    assert verdicts(found)["?]0;x?[red]x[/y]: connection"] == "fail"


def test_no_stream_is_a_note_and_not_a_fault() -> None:
    assert [finding.verdict for finding in stream_findings([])] == ["note"]


# Timing


def test_ages_are_those_of_the_clock_of_the_stamps() -> None:
    clock = HandClock(50.0)
    chunk = Chunk(np.zeros((1, 3), np.float32), np.array([49.9, 49.95, 50.0]), 0)
    empty = Chunk(np.zeros((1, 0), np.float32), np.empty(0), 3)
    info = StreamInfo("x", ("Cz",), 20.0, clock="lsl")
    source = TimedSource(ScriptedSource([chunk, empty], info), {"lsl": clock})
    decisions = DecisionClock(source)
    source.open()
    clock.now = 50.02
    source.read(0.1)
    source.read(0.1)
    np.testing.assert_allclose(source.ages_s, [[0.12, 0.07, 0.02]])
    assert source.arrivals_s == [50.02]
    clock.now = 50.3
    decisions.publish(replace(prediction("high"), timestamp=50.0))
    decisions.publish(replace(prediction(None), status="warming_up"))
    np.testing.assert_allclose(decisions.ages_s, [0.3])
    source.forget()
    decisions.forget()
    assert source.ages_s == source.arrivals_s == decisions.ages_s == decisions.made_s == []


def test_a_file_has_no_timing() -> None:
    info = StreamInfo("x", ("Cz",), 20.0, clock="recording")
    inner = ScriptedSource([], info)
    with pytest.raises(MdjptError, match="measured now"):
        TimedSource(inner, {}).open()
    assert inner.closed == 1


def test_the_whole_live_path_is_measured_on_a_stream_of_another_process() -> None:
    told: list[float] = []
    with sent_test_stream(20.0) as make_source:
        timing = certify(make_source, DecoderConfig(default_bundle()), 2.0, tell=told.append)
    assert timing.n_lost == 0
    assert timing.n_samples == pytest.approx(250 * timing.seconds, rel=0.2)
    assert timing.n_decisions >= 2
    assert 0 < timing.sample_age_ms[0] <= timing.sample_age_ms[1]
    # A decision is later than its newest sample, by transport and by thinking.
    assert 0 < timing.decision_age_ms[0] <= timing.decision_age_ms[1]
    assert np.isfinite([timing.arrival_jitter_ms, timing.decision_jitter_ms]).all()
    assert told == sorted(told)
    assert told[-1] <= timing.seconds


GOOD = Timing(60.0, 15_000, 0, 120, 0, (4.0, 9.0), 5.0, (40.0, 80.0), 20.0)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({}, None),
        ({"sample_age_ms": (4.0, 26.0)}, "sample age"),
        ({"decision_age_ms": (40.0, 501.0)}, "decision age"),
        ({"decision_jitter_ms": 251.0}, "decision jitter"),
        ({"decision_jitter_ms": float("nan")}, "decision jitter"),
        ({"n_lost": 1}, "lost"),
        ({"n_skipped": 1}, "lost"),
    ],
)
def test_what_is_beyond_a_limit_fails_and_names_it(
    change: dict[str, object], what: str | None
) -> None:
    found = timing_findings(replace(GOOD, **change), 0.5, is_test_signal=True)
    failed = [finding for finding in found if finding.verdict == "fail"]
    assert [finding.what for finding in failed] == ([what] if what else [])
    assert all(finding.advice for finding in failed)


def test_a_device_may_send_older_samples_than_the_test_signal() -> None:
    late = replace(GOOD, sample_age_ms=(60.0, 110.0))
    assert verdicts(timing_findings(late, 0.5, is_test_signal=False))["sample age"] == "ok"


# The computer


def test_versions_that_do_not_fit_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {finding.verdict for finding in version_findings()} == {"ok"}
    needed = ["numpy<1", "not-a-package>2", "torch; python_version < '3'", "pandas; extra == 'x'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: needed)
    failed = [f for f in version_findings() if f.verdict == "fail" and f.what != "packages"]
    assert [(f.what, f.value == "not installed") for f in failed] == [
        ("numpy", False), ("not-a-package", True)
    ]  # fmt: skip


def test_the_disk_of_recordings_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "not" / "there"
    usage = shutil.disk_usage(tmp_path)
    for free, verdict in ((int(500e9), "ok"), (int(5e9), "note"), (int(5e8), "fail")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _p, free=free: usage._replace(free=free))
        assert disk_findings(place)[0].verdict == verdict
    assert disk_findings(place)[1].verdict == "ok"

    def fails(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", fails)
    assert "Read-only" in disk_findings(place)[1].value
    assert disk_findings(place)[1].verdict == "fail"


def test_screens_are_asked_in_another_process_and_none_is_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    (found,) = display_findings()
    assert found.verdict == "ok"
    assert "800 x 800" in found.value
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    assert display_findings()[0].verdict == "fail"
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert display_findings()[0].verdict == "note"


def test_a_computer_without_a_gpu_is_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert gpu_findings()[0].verdict == "ok"


# The report


def test_the_command_fails_when_something_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    arguments = ["doctor", "--seconds", "0", "--json", "--html", str(page)]
    with eeg_sent_elsewhere(*STREAMS[:3]):
        assert run_command_line(arguments) == 1
    found = json.loads(capsys.readouterr().out)
    assert {"versions", "LSL", "streams", "disk", "GPU", "display"} <= {f["group"] for f in found}
    assert [f["value"] for f in found if f["what"] == "identity"] == [
        "twin (EEG, source_id twin-1)"
    ]
    assert "twin (EEG, source_id twin-1)" in page.read_text(encoding="utf-8")
    assert run_command_line(arguments) == 2
    assert "is not overwritten" in capsys.readouterr().err


def test_a_page_and_a_table_take_no_markup_from_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Finding("streams", "<script>[red]x[/y]", "fail", "<b>&", "do <this>")]
    write_report(found, as_json=False, html=tmp_path / "a.html")
    assert "<script>[red]x[/y]" in capsys.readouterr().out
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    with pytest.raises(MdjptError, match="cannot be written"):
        write_report(found, as_json=True, html=tmp_path / "none" / "a.html")


def test_a_source_without_timing_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["doctor", "sim:", "--seconds", "1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (timing,) = (f for f in found if f["group"] == "timing")
    assert "measured now" in timing["advice"]
