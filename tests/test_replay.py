"""A recording sent as an LSL stream by one process and read by another."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.errors import MdjptError, RecordingError
from mdjpt.recordings import Recording
from streaming.sources.lsl import LSLSource
from streaming.sources.replay import Faults, Replayer, parse_faults
from tests.support.fakes import NAMES

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


def test_faults_are_read_from_their_text() -> None:
    assert parse_faults(["drop=25", "every_s=5"]) == Faults(drop=25, every_s=5.0)
    assert parse_faults([]) == Faults()


@pytest.mark.parametrize(
    "text", ["lose=3", "drop", "drop=-1", "drop=2.5", "jitter_ms=nan", "stall_s="]
)
def test_a_wrong_fault_is_bad_usage(text: str) -> None:
    with pytest.raises(MdjptError, match="--fault"):
        parse_faults([text])
