"""Streams as people have them, sent by another process over LSL: nothing is lost or misplaced."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.errors import MdjptError, SourceNotFound
from streaming.sources.lsl import LSLSource
from tests.support.live_streams import (
    EVENT_EVERY_S,
    LiveStream,
    MarkerStream,
    Piece,
    on_clock,
    streams_sent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaming.stream import Chunk, Marker, StreamInfo

OPEN_S, SEND_S, PATIENCE_S = 60.0, 10.0, 60.0
AWAY = Piece(stop_s=3.0)
BACK = 5.0
EMOTIV = ("Timestamp", "Counter", "Interpolate", "AF3", "F7", "O1", "O2", "AF4", "Markers")
BIOSEMI = ("Trig1", *(f"A{n}" for n in range(1, 33)), "EX1", "EX2")

STEADY = (
    LiveStream("growing-jitter", jitter_s=0.005, worse_s=0.05),
    LiveStream("growing-jitter-1", jitter_s=0.005, worse_s=0.05, chunk=1),
    LiveStream("growing-jitter-drift", jitter_s=0.005, worse_s=0.03, drift=200e-6),
    LiveStream("bursts", burst_s=1.0),
    LiveStream("bursts-long", burst_s=2.0),
    LiveStream("wrong-rate", sfreq=250.0, real_sfreq=125.0),
    LiveStream("wrong-rate-up", sfreq=128.0, real_sfreq=256.0),
    LiveStream("milliseconds", pieces=(Piece(clock="milliseconds"),)),
    LiveStream("one-huge-sample", huge_at=1000),
)
DESCRIBED = (
    LiveStream("aux", types=("AUX",) * 8),
    LiveStream("exg", types=("ExG",) * 8, kind="ExG"),
    LiveStream("untyped", types=()),
    LiveStream("emotiv", labels=EMOTIV, types=("EEG",) * 9, chunk=1, sfreq=128.0),
    LiveStream("muse", labels=("TP9", "AF7", "AF8", "TP10", "Right AUX"), sfreq=256.0, chunk=12),
    LiveStream("biosemi", labels=BIOSEMI, sfreq=512.0, chunk=64),
    LiveStream("wrong-unit", dtype="double64", scale=1e-6),
    LiveStream("wrong-unit-1", dtype="double64", scale=1e-6, chunk=1),
)
RETURNING = (
    LiveStream("restart-zero", pieces=(AWAY, Piece(start_s=BACK, clock="zero"))),
    LiveStream("restart-unix", pieces=(AWAY, Piece(start_s=BACK, clock="unix"))),
    LiveStream("new-id", pieces=(AWAY, Piece(start_s=BACK, source_id="other"))),
    LiveStream("zombie", pieces=(Piece(silent_s=3.0), Piece(start_s=BACK))),
    LiveStream("other-order", pieces=(AWAY, Piece(start_s=BACK, reorder=True))),
    LiveStream("triplets", pieces=(Piece(), Piece(silent_s=0.0), Piece(silent_s=0.0))),
    LiveStream("silent", pieces=(Piece(silent_s=0.0),)),
)


@dataclass
class Heard:
    """What one source read."""

    info: StreamInfo | None = None
    chunks: list[Chunk] = field(default_factory=list)
    error: MdjptError | None = None

    @property
    def notes(self) -> list[str]:
        said = [] if self.info is None else list(self.info.notes)
        return list(dict.fromkeys(said + [n for c in self.chunks for n in c.notes]))

    @property
    def is_back(self) -> bool:
        """Whether it has ended, or samples of the second piece have come for a second."""
        newest = self.chunks[-1].samples[0] if self.chunks else np.empty(0)
        return self.error is not None or bool((newest > (BACK + 1.0) * 250.0).any())

    @property
    def n_lost(self) -> int:
        pairs = itertools.pairwise(self.chunks)
        return sum(after.first_sample - before.stop_sample for before, after in pairs)

    @property
    def gaps(self) -> list[int]:
        pairs = itertools.pairwise(self.chunks)
        lost = (after.first_sample - before.stop_sample for before, after in pairs)
        return [n for n in lost if n]

    @property
    def numbers(self) -> np.ndarray:
        return np.concatenate([chunk.samples[0] for chunk in self.chunks])

    @property
    def misplaced(self) -> int:
        """Most that a sample's position is off its number, once the first one is right."""
        first = self.chunks[0].samples[0, 0] - self.chunks[0].first_sample
        off = [c.samples[0] - np.arange(c.first_sample, c.stop_sample) - first for c in self.chunks]
        return int(np.abs(np.concatenate(off)).max())


def heard(
    streams: tuple[LiveStream | MarkerStream, ...],
    sources: dict[str, Callable[[], LSLSource]],
    back: tuple[str, ...],
) -> tuple[dict[str, Heard], float]:
    """Read from all sources at once, each on a thread, until those that return are back."""
    found = {name: Heard() for name in sources}
    opened = threading.Barrier(len(sources) + 1)
    ended = threading.Event()

    def read(name: str) -> None:
        source, got = sources[name](), found[name]
        try:
            got.info = source.open()
            opened.wait(OPEN_S)
            while not ended.is_set():
                chunk = source.read(0.1)
                got.chunks += [chunk] if chunk.n_times or chunk.markers else []
        except MdjptError as error:
            got.error = error
        finally:
            source.close()

    with streams_sent(*streams) as begin:
        threads = [threading.Thread(target=read, args=(name,)) for name in sources]
        for thread in threads:
            thread.start()
        opened.wait(OPEN_S)
        began = begin()
        ended.wait(SEND_S)
        deadline = time.monotonic() + PATIENCE_S
        while not all(found[name].is_back for name in back) and time.monotonic() < deadline:
            ended.wait(0.1)
        ended.set()
        for thread in threads:
            thread.join()
    return found, began


def by_name(*streams: LiveStream) -> dict[str, Callable[[], LSLSource]]:
    return {s.name: partial(LSLSource, s.name, markers=False, timeout_s=30.0) for s in streams}


@pytest.fixture(scope="module")
def all_heard() -> dict[str, Heard]:
    """Everything that the streams without events give.

    Those that go away are apart: two dozen listeners that search at once hear no answer in time.
    """
    there = (*STEADY, *DESCRIBED)
    found = heard(there, by_name(*there), ())[0]
    away = tuple(stream.name for stream in RETURNING[:5])
    return found | heard(RETURNING, by_name(*RETURNING), away)[0]


@pytest.mark.parametrize(
    "name",
    ["growing-jitter", "growing-jitter-1", "growing-jitter-drift", "bursts", "bursts-long"],
)
def test_jitter_and_bursts_lose_nothing(all_heard: dict[str, Heard], name: str) -> None:
    got = all_heard[name]
    assert got.error is None
    assert len(got.numbers) > 1200
    np.testing.assert_array_equal(np.diff(got.numbers), 1)
    assert got.n_lost == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("wrong-rate", "declared 250 Hz, but 125.0 Hz by its time stamps"),
        ("wrong-rate-up", "declared 128 Hz, but 256.0 Hz by its time stamps"),
    ],
)
def test_a_wrong_rate_is_told_with_the_real_one_and_loses_nothing(
    all_heard: dict[str, Heard], name: str, says: str
) -> None:
    got = all_heard[name]
    assert says in " ".join(got.notes)
    assert got.n_lost == 0


def test_stamps_in_milliseconds_are_told_and_lose_nothing(all_heard: dict[str, Heard]) -> None:
    got = all_heard["milliseconds"]
    assert "its time stamps count milliseconds, not seconds: taken so" in got.notes
    assert got.n_lost == 0
    assert got.chunks[-1].sfreq_by_stamps == pytest.approx(250.0, rel=0.01)
    assert abs(got.chunks[-1].timestamps[-1] - time.time()) < 60.0


def test_one_huge_sample_comes_through_alone(all_heard: dict[str, Heard]) -> None:
    samples = np.concatenate([c.samples for c in all_heard["one-huge-sample"].chunks], axis=1)
    assert (np.abs(samples) > 1e30).sum() == 1


@pytest.mark.parametrize(
    ("name", "n_used", "left_out"),
    [
        ("aux", 8, ""),
        ("exg", 8, ""),
        ("untyped", 8, ""),
        ("emotiv", 5, "Timestamp, Counter, Interpolate, Markers"),
        ("muse", 4, "Right AUX"),
        ("biosemi", 32, "Trig1, EX1, EX2"),
    ],
)
def test_electrodes_are_used_and_other_columns_named(
    all_heard: dict[str, Heard], name: str, n_used: int, left_out: str
) -> None:
    info = all_heard[name].info
    assert info is not None
    assert info.n_channels == n_used
    assert left_out in " ".join(info.notes)
    assert ", ".join(column.label for column in info.others) == left_out


def test_a_stream_that_declares_no_rate_is_refused_or_read_at_the_one_given() -> None:
    with streams_sent(LiveStream("no-rate", sfreq=0.0)):
        with pytest.raises(SourceNotFound, match=r"declares no rate: .*lsl:no-rate\?sfreq=250"):
            LSLSource("no-rate", markers=False, timeout_s=5.0).open()
        source = LSLSource("no-rate", markers=False, timeout_s=30.0, sfreq=250.0)
        try:
            assert source.open().sfreq == 250.0
        finally:
            source.close()


def test_a_cap_of_biosemi_is_not_taken_for_the_electrodes_of_these_names(
    all_heard: dict[str, Heard],
) -> None:
    info = all_heard["biosemi"].info
    assert info is not None
    assert info.ch_names[:3] == ("FP1", "AF3", "F7")
    assert "biosemi32" in " ".join(info.notes)


@pytest.mark.parametrize("name", ["wrong-unit", "wrong-unit-1"])
def test_volts_that_call_themselves_microvolts_are_told(
    all_heard: dict[str, Heard], name: str
) -> None:
    got = all_heard[name]
    assert "it says microvolts, but the signal has the size of volts: volts taken" in got.notes
    np.testing.assert_allclose(np.diff(got.numbers), 1.0, rtol=1e-2)


@pytest.mark.parametrize("name", ["restart-zero", "restart-unix", "new-id", "zombie"])
def test_a_stream_that_was_away_is_taken_up_again_behind_one_gap(
    all_heard: dict[str, Heard], name: str
) -> None:
    got = all_heard[name]
    assert got.error is None
    assert got.numbers[-1] > (BACK + 1.0) * 250.0
    assert len(got.gaps) == 1
    assert got.misplaced <= 60


def test_a_stream_that_returns_under_another_name_for_itself_says_so(
    all_heard: dict[str, Heard],
) -> None:
    assert "came back under another source_id, other" in " ".join(all_heard["new-id"].notes)


def test_another_order_of_channels_on_return_is_refused(all_heard: dict[str, Heard]) -> None:
    error = all_heard["other-order"].error
    assert error is not None
    assert error.exit_code == 3
    assert "came back changed (labels Fp1,Fp2" in str(error)


def test_of_three_with_one_identity_the_one_that_sends_is_found(
    all_heard: dict[str, Heard],
) -> None:
    got = all_heard["triplets"]
    assert got.error is None
    assert got.numbers[-1] > 0.8 * SEND_S * 250.0


def test_a_silent_stream_gives_nothing_and_no_error(all_heard: dict[str, Heard]) -> None:
    assert all_heard["silent"].error is None
    assert all_heard["silent"].chunks == []


EVENTS = (
    MarkerStream("plain"),
    MarkerStream("singular", "Marker"),
    MarkerStream("events", "Events"),
    MarkerStream("notes", "annotations"),
    MarkerStream("pair", n_columns=2),
    MarkerStream("unix", clock="unix"),
    MarkerStream("unix-ms", clock="milliseconds"),
    MarkerStream("device", clock="zero"),
    MarkerStream("number", dtype="int32"),
    MarkerStream("trigger", dtype="int32", n_columns=2, code=7),
    MarkerStream("codes", dtype="float32", rest=255.0, code=2.5),
)
AMPS = (
    LiveStream("on-lsl"),
    LiveStream("on-unix", pieces=(Piece(clock="unix"),)),
    LiveStream("on-device", pieces=(Piece(clock="zero"),)),
    LiveStream("restarting", pieces=(AWAY, Piece(start_s=BACK, clock="zero"))),
)


@pytest.fixture(scope="module")
def marked() -> tuple[dict[str, Heard], float]:
    """EEG on three clocks, each with the events of all marker streams."""
    sources = {s.name: partial(LSLSource, s.name, timeout_s=30.0) for s in AMPS}
    return heard((*AMPS, *EVENTS), sources, ("restarting",))


def event_times(got: Heard) -> dict[str, list[float]]:
    """Return the stamps of each label."""
    times: dict[str, list[float]] = {}
    for chunk in got.chunks:
        for marker in chunk.markers:
            times.setdefault(marker.label, []).append(marker.timestamp)
    return times


@pytest.mark.parametrize("amp", ["on-lsl", "on-unix", "on-device"])
@pytest.mark.parametrize(
    "stream",
    ["plain", "singular", "events", "notes", "pair", "unix", "unix-ms", "device", "number"],
)
def test_each_event_lies_at_its_sample_whatever_the_clocks(
    marked: tuple[dict[str, Heard], float], amp: str, stream: str
) -> None:
    found, began = marked
    got, times = found[amp], event_times(found[amp])
    clock = next(s for s in AMPS if s.name == amp).pieces[0].clock
    last = int((SEND_S - 1.0) / EVENT_EVERY_S)
    off = []
    for k in range(4, last):
        (stamp,) = times[f"{k}" if stream == "number" else f"{stream}{k}"]
        off.append(stamp - on_clock(clock, began + k * EVENT_EVERY_S, began))
    assert np.abs(off).max() < 0.05
    differs = stream in ("unix", "unix-ms", "device") or clock != "lsl"
    told = f"events of {stream!r} are on another clock than the EEG" in " ".join(got.notes)
    same = (clock, stream) in (("unix", "unix"), ("unix", "unix-ms"), ("zero", "device"))
    assert told == (differs and not same)


def test_events_on_the_clock_of_the_eeg_lie_within_a_millisecond(
    marked: tuple[dict[str, Heard], float],
) -> None:
    found, began = marked
    times = event_times(found["on-lsl"])
    off = [
        times[f"{stream}{k}"][0] - (began + k * EVENT_EVERY_S)
        for stream in ("plain", "singular", "events", "notes", "pair")
        for k in range(4, int((SEND_S - 1.0) / EVENT_EVERY_S))
    ]
    assert np.median(np.abs(off)) <= 1e-3
    assert np.percentile(np.abs(off), 99) <= 5e-3


@pytest.mark.parametrize("amp", ["on-lsl", "on-unix", "on-device"])
@pytest.mark.parametrize("label", ["7/7", "2.5"])
def test_a_sampled_line_gives_one_event_a_pulse(
    marked: tuple[dict[str, Heard], float], amp: str, label: str
) -> None:
    times = event_times(marked[0][amp])
    assert len(times[label]) >= 0.5 * SEND_S / EVENT_EVERY_S
    assert np.diff(times[label]).min() == pytest.approx(EVENT_EVERY_S, abs=0.05)
    assert "255" not in times


def test_events_go_on_when_the_clock_of_the_device_begins_anew(
    marked: tuple[dict[str, Heard], float],
) -> None:
    got = marked[0]["restarting"]
    assert got.misplaced <= 60
    for chunk in got.chunks:
        for marker in chunk.markers:
            if not marker.label.startswith("plain"):
                continue
            due = 250.0 * EVENT_EVERY_S * int(marker.label.removeprefix("plain"))
            if due > 500 and not 2.5 * 250 < due < (BACK + 2.0) * 250:
                at = int(np.searchsorted(chunk.timestamps, marker.timestamp))
                n = chunk.samples[0, min(at, chunk.n_times - 1)]
                assert abs(n - due) <= 15


STIMULUS_PC = """
import os, sys, time, pylsl
pylsl.set_config_filename(os.environ["LSLAPICFG"])
outlet = pylsl.StreamOutlet(pylsl.StreamInfo("stim", "Markers", 1, 0, "string", "stim"))
print("ready", flush=True)
while True:
    now = pylsl.local_clock()
    outlet.push_sample([repr(now)], now)
    time.sleep(0.05)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux's unshare")
def test_events_of_a_computer_with_another_name_are_taken() -> None:
    shell = 'hostname stimulus-pc && exec "$0" -c "$1"'
    command = ["unshare", "--uts", "sh", "-c", shell, sys.executable, STIMULUS_PC]
    with subprocess.Popen(command, stdout=PIPE, stderr=DEVNULL, text=True) as pc:
        assert pc.stdout is not None
        if pc.stdout.readline() != "ready\n":
            pytest.skip("this user may not rename a computer")
        source = LSLSource("eeg-here", timeout_s=30.0)
        with streams_sent(LiveStream("eeg-here")) as begin:
            source.open()
            begin()
            markers: list[Marker] = []
            while len(markers) < 10:
                markers += source.read(0.2).markers
            source.close()
        pc.kill()
    assert all(abs(float(m.label) - m.timestamp) < 1e-3 for m in markers)
