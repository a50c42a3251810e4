"""Promises of assets/reliability.md that need the whole live path; the long ones are slow tests."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pylsl
import pytest

from app.session import SessionConfig, default_bundle, engine_config
from mdjpt.signal.quality import Quality
from mdjpt.signal.window import PreparedWindow, Preprocessor
from mdjpt.signal.windower import Windower
from mdjpt.simulation import SimulatedParticipant, cap
from streaming.acquisition import RING_S, Acquisition
from streaming.diagnosis.timing import TimedSource
from streaming.inference import Inference
from streaming.processes.engine import Engine, EngineConfig
from streaming.recorder import Recorder
from streaming.sources.lsl import LSLSource
from streaming.sources.source_spec import parse_source
from streaming.stream import Chunk, StreamInfo
from tests.support.fakes import PowerDecoder, eeg_like
from tests.support.live_streams import LiveStream, Piece, streams_sent

if TYPE_CHECKING:
    from collections.abc import Callable

HOP_S = 0.5
PERIOD_S = 8  # of the EEG, which then begins again
PATIENCE_S = 60.0

linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")


# 1: nothing is lost, doubled or reordered


class CountedSource:
    """EEG whose last channel numbers the samples; as fast as it is read."""

    def __init__(self, n_channels: int, sfreq: float, seconds: int) -> None:
        names = (*cap(n_channels - 1), "Counter")
        self._info = StreamInfo("counted", names, sfreq, lossless=True)
        person = SimulatedParticipant(7, cap(n_channels - 1), max(sfreq, 100.0))
        self.eeg = person.generate(round(PERIOD_S * sfreq))
        self._stop = round(seconds * sfreq)
        self._position = 0

    @property
    def ended(self) -> bool:
        return self._position >= self._stop

    def open(self) -> StreamInfo:
        return self._info

    def samples(self, first: int, stop: int) -> np.ndarray:
        numbers = np.arange(first, stop)
        rows = self.eeg[:, numbers % self.eeg.shape[1]]
        return np.vstack([rows, numbers[np.newaxis]]).astype(np.float32)

    def read(self, timeout_s: float) -> Chunk:
        first = self._position
        stop = min(first + round(0.1 * self._info.sfreq), self._stop)
        self._position = stop
        stamps = np.arange(first, stop) / self._info.sfreq
        return Chunk(self.samples(first, stop), stamps, first)

    def close(self) -> None:
        pass


def resident_bytes() -> int:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * resource.getpagesize()


class WatchedPreprocessor(Preprocessor):
    """The preprocessor, which looks at every sample of a window and its margin before."""

    def __init__(self, source: CountedSource, info: StreamInfo) -> None:
        super().__init__(info.ch_names, info.sfreq)
        self._source = source
        self.n_windows = self.n_ready = 0
        self.most_bytes = self.bytes_at_first_turn = 0

    def __call__(
        self,
        raw: np.ndarray,
        n_margin: int,
        stop: int,
        filtered: np.ndarray | None = None,
    ) -> PreparedWindow:
        np.testing.assert_array_equal(raw, self._source.samples(stop - raw.shape[1], stop))
        self.n_windows += 1
        prepared = super().__call__(raw, n_margin, stop, filtered)
        self.n_ready += prepared.window is not None
        self.most_bytes = max(self.most_bytes, resident_bytes())
        if stop <= 2 * RING_S * self.sfreq:
            self.bytes_at_first_turn = self.most_bytes
        return prepared


def record_counted(path: Path, n_channels: int, sfreq: float, seconds: int) -> int:
    """Record and prepare every window; return by how many bytes memory grew."""
    recorder = Recorder(path)
    source = CountedSource(n_channels, sfreq, seconds)
    acquisition = Acquisition(source, recorder)
    info = acquisition.open()
    looked = WatchedPreprocessor(source, info)
    inference = Inference(acquisition.ring, info, looked, PowerDecoder(), hop_s=HOP_S)
    pause = threading.Event()
    while not inference.finished:
        if not acquisition.step(0.0):
            pause.wait(0.002)  # as the engine does while the disk is behind
        while inference.step() is not None:
            pass
    acquisition.close()
    recorder.close()
    acquisition.ring.close()
    assert recorder.error == ""
    assert looked.n_windows == int((seconds - 5) / HOP_S) + 1
    assert looked.n_ready > 0.9 * (looked.n_windows - 10)  # all but the 10 s of warming up
    return looked.most_bytes - looked.bytes_at_first_turn


def assert_counted(path: Path, n_channels: int, sfreq: float, n_times: int) -> None:
    """Compare every recorded number, chunk by chunk."""
    source = CountedSource(n_channels, sfreq, 1)
    row = np.dtype([("n", "u1"), ("stamp", "<f8"), ("values", "<f4", (n_channels,))])
    expected = 0
    with path.open("rb") as file:
        file.seek(4)
        while head := file.read(5):
            body = file.read(struct.unpack("<BI", head)[1])
            if struct.unpack_from("<HI", body) == (3, 1):
                values = np.frombuffer(body, row, offset=11)["values"]
                stop = expected + len(values)
                np.testing.assert_array_equal(values.T, source.samples(expected, stop))
                expected = stop
    assert expected == n_times


@linux
def test_no_sample_is_lost_on_its_way_to_the_file_and_the_prepared_windows(
    tmp_path: Path,
) -> None:
    record_counted(tmp_path / "r.xdf", 16, 250.0, 130)
    assert_counted(tmp_path / "r.xdf", 16, 250.0, 130 * 250)


@linux
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_an_hour_of_64_channels_loses_nothing_and_needs_no_memory(tmp_path: Path) -> None:
    began_s = time.process_time()
    grown = record_counted(tmp_path / "r.xdf", 64, 1000.0, 3600)
    # Seconds of the processor: those of the clock tell more of what else the machine does.
    spent_s = time.process_time() - began_s
    assert_counted(tmp_path / "r.xdf", 64, 1000.0, 3_600_000)
    print(f"memory grew by {grown / 1e6:.1f} MB, {spent_s:.1f} s of processor time")  # noqa: T201
    assert grown <= 20e6
    assert spent_s <= 90.0


# 2: the same over LSL


@pytest.mark.slow
def test_a_minute_of_64_channels_over_lsl_is_in_the_ring_without_a_gap_in_25_ms() -> None:
    stream = LiveStream("fast", labels=tuple(cap(64)), sfreq=1000.0, chunk=4)
    source = TimedSource(
        LSLSource("fast", markers=False, timeout_s=30.0), {"lsl": pylsl.local_clock}
    )
    with streams_sent(stream) as begin:
        acquisition = Acquisition(source)
        acquisition.open()
        begin()
        while acquisition.ring.written < 2000:
            acquisition.step(0.1)
        source.forget()
        while acquisition.ring.written < 62_000:
            acquisition.step(0.1)
        lost, gaps = acquisition.ring.n_lost, acquisition.ring.n_gaps
        newest = acquisition.ring.latest(1000).samples[0]
        acquisition.close()
        acquisition.ring.close()
    p50, p99 = np.percentile(1e3 * np.concatenate(source.ages_s), [50, 99])
    print(f"push to ring: median {p50:.1f} ms, p99 {p99:.1f} ms")  # noqa: T201
    np.testing.assert_array_equal(np.diff(newest), 1)
    assert (lost, gaps) == (0, 0)
    assert p99 <= 25.0


# 5, 6: a stall is shown, and the source comes back


@pytest.mark.slow
def test_a_stall_is_shown_in_a_second_and_its_end_in_three() -> None:
    away, back = Piece(stop_s=4.0), Piece(start_s=7.0)
    with streams_sent(LiveStream("away", pieces=(away, back))) as begin:
        engine = Engine(EngineConfig(partial(LSLSource, "away", markers=False, timeout_s=30.0)))
        engine.start()
        poll_until(engine, lambda: engine.snapshot().info is not None)
        began = begin()
        poll_until(engine, lambda: engine.snapshot().n_samples > 500)
        poll_until(engine, lambda: engine.snapshot().state == "stalled")
        shown_s = pylsl.local_clock() - began - away.stop_s
        poll_until(engine, lambda: engine.snapshot().state == "streaming")
        back_s = pylsl.local_clock() - began - back.start_s
        shot = engine.snapshot()
        engine.stop()
    print(f"shown after {shown_s:.2f} s, back after {back_s:.2f} s")  # noqa: T201
    assert shown_s <= 1.0
    assert back_s <= 3.0
    assert shot.n_gaps == 1


def poll_until(engine: Engine, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"still {engine.snapshot()}"
        engine.poll(timeout_s=0.02)


# 9: latency does not creep


class SlowDecoder(PowerDecoder):
    """Takes three hops a window, on a clock of its own."""

    def __init__(self, hop_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self._takes_s = 3 * hop_s

    def clock(self) -> float:
        return self.now

    def decode(self, window: np.ndarray, index: int, own: object = None):
        self.now += self._takes_s
        return super().decode(window, index)


class ReadyPreprocessor:
    """Takes no time and finds every window good."""

    def __init__(self) -> None:
        self._window = eeg_like(60, 625)

    def __call__(self, raw: np.ndarray, n_margin: int, stop: int) -> PreparedWindow:
        return PreparedWindow(self._window, Quality(8), usable=True)


def test_decisions_of_a_model_three_times_too_slow_are_no_older_after_an_hour() -> None:
    hop_s, sfreq = 0.1, 125.0
    decoder = SlowDecoder(hop_s)
    info = StreamInfo("live", cap(8), sfreq)
    source = CountedSource(9, sfreq, 3600)
    acquisition = Acquisition(source, clock=decoder.clock)
    acquisition.open()
    inference = Inference(
        acquisition.ring,
        info,
        ReadyPreprocessor(),
        decoder,
        hop_s=hop_s,
        clock=decoder.clock,
    )
    ages: list[float] = []
    while not acquisition.ring.ended:
        while acquisition.ring.written < min(decoder.now * sfreq, 3600 * sfreq):
            acquisition.step(0.0)
        answer = inference.step()
        if answer is None:
            decoder.now += 0.02
            if decoder.now > 3600:
                acquisition.step(0.0)
        elif answer.prediction.status == "ok":
            ages.append(decoder.now - answer.prediction.end_s)
    acquisition.ring.close()
    n_hour = Windower(sfreq, hop_s).newest(3600 * 125) + 1
    assert len(ages) + inference.n_skipped == pytest.approx(n_hour, abs=5)
    assert len(ages) > 11_000
    assert max(ages) <= 0.5 + 1e-6


# 15: the decoder dies


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_predictions_are_back_five_seconds_after_the_decoders_death() -> None:
    spec = parse_source("sim:?seed=3&n_channels=64&sfreq=500")
    engine = Engine(engine_config(SessionConfig(spec, default_bundle())))
    engine.start()
    poll_until(engine, lambda: engine.snapshot().n_windows > 1)
    told: list[float] = []
    back: list[float] = []
    for _ in range(5):
        before = engine.snapshot().n_windows
        assert engine.decoder_pid is not None
        os.kill(engine.decoder_pid, signal.SIGKILL)
        died = time.monotonic()
        poll_until(engine, lambda: engine.snapshot().decoder_state == "restarting")
        told.append(time.monotonic() - died)
        poll_until(engine, lambda before=before: engine.snapshot().n_windows > before)
        back.append(time.monotonic() - died)
    shot = engine.snapshot()
    engine.stop()
    print(f"told after {max(told):.2f} s, back after {max(back):.2f} s")  # noqa: T201
    assert shot.n_lost == 0
    assert max(told) <= 1.0
    assert max(back) <= 5.0


# 21: local by default


def test_a_session_opens_no_connection_and_listens_to_none() -> None:
    command = [sys.executable, "-m", "app", "run", "sim:?n_channels=8", "--duration", "7"]
    seen, pause = 0, threading.Event()
    with subprocess.Popen(
        [*command, "--out", "-"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            pause.wait(0.2)
            with contextlib.suppress(psutil.NoSuchProcess):
                engine = psutil.Process(process.pid)
                for one in (engine, *engine.children(recursive=True)):
                    assert one.net_connections(kind="inet") == []
                    seen += 1
    assert seen >= 20  # engine and decoder, many times
    assert process.returncode == 0


# The table


def test_every_test_that_the_table_names_is_there() -> None:
    here = Path(__file__).parent
    table = (here.parent / "assets" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", table)
    assert len(named) > 30
    for file, name in named:
        assert f"def {name}(" in (here / file).read_text(encoding="utf-8"), f"{file}::{name}"
