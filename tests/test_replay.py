"""A recording sent as an LSL stream by one process and read by another."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.errors import MdjptError, RecordingError
from mdjpt.recordings import Recording
from streaming.sources.cutter import ChunkCutter
from streaming.sources.fault_kinds import Faults, fault_help, parse_faults
from streaming.sources.faults import FaultyDevice, Sent
from streaming.sources.lsl import LSLSource
from streaming.sources.replay import Replayer
from tests.support.fakes import NAMES, eeg_like

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streaming.stream import Chunk

SFREQ = 250.0
SENDER = """
import pickle, sys
from streaming.sources.replay import Replayer
recording, options = pickle.load(open(sys.argv[1], "rb"))
Replayer(recording, wait_for_consumer_s=30.0, **options).run()
"""


def counting(seconds: float, lost: int = 0, markers: tuple = ()) -> Recording:
    """Return a recording that counts its samples; `lost` of them are missing in the middle."""
    n_times = round(seconds * SFREQ)
    samples = np.tile(np.arange(n_times, dtype=np.float32), (len(NAMES), 1))
    positions = np.arange(n_times)
    positions[n_times // 2 :] += lost
    return Recording(samples, SFREQ, NAMES, positions=positions, markers=markers)


@contextmanager
def sent(folder: Path, recording: Recording, **options: object) -> Iterator[LSLSource]:
    """Send a recording from another process; yields the open source that reads it."""
    task = folder / "task"
    task.write_bytes(pickle.dumps((recording, options)))
    sender = subprocess.Popen([sys.executable, "-c", SENDER, str(task)])
    source = LSLSource(str(options["stream_name"]), timeout_s=30.0)
    try:
        source.open()
        yield source
    finally:
        source.close()
        sender.terminate()
        sender.wait()


def read(source: LSLSource, n_times: int) -> list[Chunk]:
    chunks: list[Chunk] = []
    for _ in range(600):
        chunk = source.read(0.2)
        chunks += [chunk] if chunk.n_times else []
        if sum(c.n_times for c in chunks) >= n_times:
            return chunks
    raise AssertionError(f"only {sum(c.n_times for c in chunks)} samples came")


def test_all_samples_of_a_recording_arrive_with_its_events(tmp_path: Path) -> None:
    recording = counting(4.0, markers=((1.0, "T1"), (3.0, "T2")))
    with sent(tmp_path, recording, stream_name="whole") as source:
        chunks = read(source, 1000)
    np.testing.assert_array_equal(np.concatenate([c.samples for c in chunks], 1), recording.samples)
    assert [c.first_sample for c in chunks[1:]] == [c.stop_sample for c in chunks[:-1]]
    began = chunks[0].timestamps[0]
    events = [(m.label, m.timestamp - began) for chunk in chunks for m in chunk.markers]
    assert events == [("T1", pytest.approx(1.0, abs=2e-3)), ("T2", pytest.approx(3.0, abs=2e-3))]


def test_a_gap_of_the_recording_is_a_gap_of_the_stream(tmp_path: Path) -> None:
    with sent(tmp_path, counting(2.0, lost=150), stream_name="gap") as source:
        chunks = read(source, 500)
    (gap,) = {c.first_sample - b.stop_sample for b, c in itertools.pairwise(chunks)} - {0}
    assert gap == 150


def test_a_loop_goes_on_without_a_gap(tmp_path: Path) -> None:
    with sent(tmp_path, counting(1.0), stream_name="loop", loop=True) as source:
        chunks = read(source, 700)
    numbers = np.concatenate([chunk.samples[0] for chunk in chunks])
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)) % 250)
    assert chunks[-1].stop_sample == len(numbers)


def test_dropped_samples_are_told_as_lost(tmp_path: Path) -> None:
    faults = Faults(drop=100, every_s=2.0)
    with sent(tmp_path, counting(7.0), stream_name="drop", faults=faults) as source:
        chunks = read(source, 1300)
    for chunk in chunks:
        assert chunk.samples[0, 0] == chunk.first_sample
    assert chunks[-1].stop_sample > 1500


def test_jitter_and_stalls_are_no_loss(tmp_path: Path) -> None:
    faults = Faults(jitter_ms=10.0, stall_s=0.5, every_s=2.0)
    with sent(tmp_path, counting(6.0), stream_name="jitter", faults=faults) as source:
        chunks = read(source, 1500)
    assert chunks[-1].stop_sample == 1500


def test_a_part_at_another_speed(tmp_path: Path) -> None:
    with sent(tmp_path, counting(6.0), stream_name="fast", speed=2.0, start_s=2.0) as source:
        chunks = read(source, 1000)
    assert chunks[0].samples[0, 0] == 500
    stamps = np.concatenate([chunk.timestamps for chunk in chunks])
    np.testing.assert_allclose(np.diff(stamps), 1 / SFREQ / 2, atol=1e-6)


def test_it_ends_when_it_is_told_to() -> None:
    replayer = Replayer(counting(60.0), stream_name="stopped")
    stopped = threading.Event()
    stopped.set()
    replayer.run(stopped)
    assert replayer.n_sent == 0
    assert replayer.duration_s == 60.0


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"speed": 0.0}, MdjptError, "speed must be above 0"),
        ({"speed": float("nan")}, MdjptError, "speed must be above 0"),
        ({"start_s": -1.0}, MdjptError, "start must be 0 s or later"),
        ({"start_s": 9.0}, RecordingError, r"nothing at 9 s, it is 2\.0 s long"),
    ],
)
def test_impossible_replays_are_refused(options: dict, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        Replayer(counting(2.0), **options)


def spoiled(n_times: int = 4000, n_chunk: int = 25, **kinds: float) -> tuple[Sent, np.ndarray]:
    """Return 16 s of a signal through a faulty device, and its stamps without a fault."""
    positions = np.arange(n_times)
    x = eeg_like(len(NAMES), n_times).T
    stamps = 1000.0 + positions / SFREQ
    device = FaultyDevice(Faults(every_s=8.0, **kinds), len(NAMES), SFREQ)
    sent = [
        device.send(x[part], positions[part], stamps[part])
        for part in (slice(a, a + n_chunk) for a in range(0, n_times, n_chunk))
    ]
    whole = Sent(
        np.concatenate([s.samples for s in sent]), np.concatenate([s.stamps for s in sent])
    )
    return whole, stamps


def test_every_kind_of_fault_does_something_and_is_told_in_the_help() -> None:
    whole, stamps = spoiled()
    for kind in fields(Faults):
        assert f"{kind.name}=" in fault_help()
        if kind.name in ("every_s", "for_s", "seed", "chunk", "stall_s", "twin", "no_id"):
            continue
        got, _ = spoiled(**{kind.name: 5})
        same = got.samples.shape == whole.samples.shape and np.array_equal(
            got.samples, whole.samples
        )
        assert not (same and np.array_equal(got.stamps, stamps)), kind.name


def test_a_seed_gives_the_same_faults_again() -> None:
    one, again, other = (spoiled(jitter_ms=20, nan=3, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.stamps, again.stamps)
    np.testing.assert_array_equal(one.samples, again.samples)
    assert not np.array_equal(one.stamps, other.stamps)


def test_faults_come_at_the_end_of_each_period() -> None:
    got, stamps = spoiled(drop=100, n_chunk=40)
    lost = np.setdiff1d(stamps, got.stamps)
    expected = [1000.0 + n / SFREQ for end in (2000, 4000) for n in range(end - 100, end)]
    np.testing.assert_allclose(lost, expected)
    twice, _ = spoiled(duplicate=10, n_chunk=50)
    assert len(twice.stamps) == 4020
    bad, _ = spoiled(nan=3)
    rows = np.isnan(bad.samples).sum(axis=1)
    assert set(rows[1500:2000]) == {3}
    assert set(rows[:1500]) == {0}


def test_stamps_go_wrong_as_asked() -> None:
    def off(**kinds: float) -> np.ndarray:
        got, stamps = spoiled(**kinds)
        return got.stamps - stamps

    assert off(jump_s=-10.0)[2000] == pytest.approx(-10.0)
    assert off(jump_s=-10.0)[1999] == 0.0
    assert off(drift_ppm=200.0)[-1] == pytest.approx(200e-6 * 3999 / SFREQ)
    assert np.isnan(off(no_stamp=4)).sum() == 8
    got, _ = spoiled(backwards=20)
    assert (np.diff(got.stamps) < 0).sum() == 38
    got, _ = spoiled(equal=20)
    assert (np.diff(got.stamps) == 0).sum() == 38


@pytest.mark.parametrize(
    "kinds",
    [
        {"duplicate": 50},
        {"reorder": 50},
        {"backwards": 25},
        {"equal": 25},
        {"no_stamp": 25},
        {"jump_s": 10.0},
        {"drift_ppm": 200.0},
        {"jitter_ms": 50.0},
        {"chunk": 1},
        {"chunk": 700},
        {"stall_s": 1.0},
    ],
)
def test_faults_that_lose_nothing_are_no_loss_for_a_listener(kinds: dict[str, float]) -> None:
    faults = Faults(every_s=8.0, **kinds)
    n_chunk = int(kinds.get("chunk", 25))
    positions = np.arange(4000)
    device = FaultyDevice(faults, 1, SFREQ)
    cutter = ChunkCutter(1, SFREQ)
    read: list[Chunk] = []
    for start in range(0, 4000, n_chunk):
        part = positions[start : start + n_chunk]
        sent = device.send(part[:, np.newaxis].astype(np.float32), part, 1000.0 + part / SFREQ)
        cutter.take(sent.samples.T, sent.stamps, 50.0 + part[-1] / SFREQ)
        while cutter:
            read.append(cutter.next())
    assert sum(chunk.n_times for chunk in read) >= 3900
    assert [b.first_sample - a.stop_sample for a, b in itertools.pairwise(read) if b.n_times] == [
        0
    ] * (len(read) - 1)


def test_a_counter_and_a_twin_of_it_disturb_no_listener(tmp_path: Path) -> None:
    faults = Faults(counter=256, twin=1, blink_uv=100.0)
    with sent(tmp_path, counting(3.0), stream_name="twin", faults=faults) as source:
        chunks = read(source, 500)
    assert chunks[0].samples.shape[0] == len(NAMES)
    counted = np.concatenate([c.others for c in chunks if c.others is not None], axis=1)[0]
    np.testing.assert_array_equal(np.diff(counted) % 256, 1)


def test_a_part_is_repeated_with_its_events_in_step(tmp_path: Path) -> None:
    recording = counting(4.0, markers=((1.0, "left out"), (3.0, "kept")))
    options = {"stream_name": "part", "start_s": 2.0, "loop": True, "speed": 2.0}
    with sent(tmp_path, recording, **options) as source:
        chunks = read(source, 1250)
    events = [marker for chunk in chunks for marker in chunk.markers]
    assert {marker.label for marker in events} == {"kept"}
    assert len(events) >= 2
    stamps = np.concatenate([chunk.timestamps for chunk in chunks])
    numbers = np.concatenate([chunk.samples[0] for chunk in chunks])
    for marker in events:
        assert abs(numbers[np.abs(stamps - marker.timestamp).argmin()] - 750) <= 1


def test_faults_are_read_from_their_text() -> None:
    assert parse_faults(["drop=25", "every_s=5"]) == Faults(drop=25, every_s=5.0)
    assert parse_faults([]) == Faults()


@pytest.mark.parametrize(
    "text", ["lose=3", "drop", "drop=-1", "drop=2.5", "jitter_ms=nan", "stall_s="]
)
def test_a_wrong_fault_is_bad_usage(text: str) -> None:
    with pytest.raises(MdjptError, match="--fault"):
        parse_faults([text])
