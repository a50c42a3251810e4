"""A recording as a source: complete at any pace, with its gaps and markers in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.errors import MdjptError, RecordingError
from mdjpt.recordings import Recording
from streaming.sources.recording import RecordingSource
from tests.support.hand_clock import HandClock

if TYPE_CHECKING:
    from streaming.stream import Chunk

SFREQ = 200.0


def counting(n_times: int = 1000, **fields: object) -> Recording:
    """Return a recording whose samples are their own number."""
    samples = np.tile(np.arange(n_times, dtype=np.float32), (2, 1))
    return replace(Recording(samples, SFREQ, ("Fz", "Cz"), source="a/b.edf"), **fields)


def played(source: RecordingSource, timeout_s: float = 0.1) -> list[Chunk]:
    source.open()
    chunks = []
    while not source.ended:
        chunks.append(source.read(timeout_s))
    return [chunk for chunk in chunks if chunk.n_times]


@settings(max_examples=40, deadline=None)
@given(
    speed=st.sampled_from([0.5, 1.0, 3.7, 20.0, "max"]),
    timeout_s=st.floats(0.001, 2.0),
    lost=st.lists(st.tuples(st.integers(1, 900), st.integers(60, 500)), max_size=4),
)
def test_every_sample_comes_once_in_its_place_at_any_speed(
    speed: float, timeout_s: float, lost: list[tuple[int, int]]
) -> None:
    positions = np.arange(1000)
    for at, n_lost in lost:
        positions[at:] += n_lost
    clock = HandClock()
    recording = counting(positions=positions)
    source = RecordingSource(recording, speed=speed, clock=clock, wait=clock.wait)
    chunks = played(source, timeout_s)
    np.testing.assert_array_equal(np.concatenate([c.samples for c in chunks], 1), recording.samples)
    told = np.concatenate([np.arange(c.first_sample, c.stop_sample) for c in chunks])
    np.testing.assert_array_equal(told, positions)
    assert max(chunk.n_times for chunk in chunks) <= SFREQ


def test_a_paced_recording_hands_out_no_sample_before_its_time() -> None:
    clock = HandClock()
    source = RecordingSource(counting(), speed=2.0, clock=clock, wait=clock.wait)
    source.open()
    source.read(0.0)
    began = clock.now
    while not source.ended:
        chunk = source.read(0.05)
        assert chunk.stop_sample <= (clock.now - began) * 2.0 * SFREQ + 1e-6
    assert clock.now - began == pytest.approx(1000 / SFREQ / 2.0, abs=0.03)


def test_it_waits_for_a_reader_that_is_late_and_loses_nothing() -> None:
    clock = HandClock()
    source = RecordingSource(counting(), clock=clock, wait=clock.wait)
    source.open()
    source.read(0.0)
    clock.now += 1e4
    assert [source.read(0.0).n_times for _ in range(5)] == [200] * 5
    assert source.ended


def test_a_read_without_timeout_never_waits() -> None:
    clock = HandClock()
    source = RecordingSource(counting(), clock=clock, wait=clock.wait)
    source.open()
    assert source.read(0.0).n_times == 0
    assert clock.waits == []


def test_markers_come_with_the_samples_they_belong_to() -> None:
    recording = counting(markers=((4.999, "end"), (0.0, "begin"), (2.5, "middle"), (9.0, "behind")))
    source = RecordingSource(recording, speed="max")
    seen = [(m.label, c) for c in played(source) for m in c.markers]
    assert [label for label, _ in seen] == ["begin", "middle", "end", "behind"]
    middle = seen[1][1]
    assert middle.timestamps[0] <= 2.5 <= middle.timestamps[-1]


def test_the_start_can_be_left_out() -> None:
    recording = counting(markers=((1.0, "before"), (3.0, "after")))
    source = RecordingSource(recording, speed="max", start_s=2.0)
    chunks = played(source)
    assert (chunks[0].first_sample, chunks[0].samples[0, 0]) == (0, 400)
    assert chunks[0].timestamps[0] == 2.0
    assert [m.label for c in chunks for m in c.markers] == ["after"]


def test_what_is_excluded_is_a_gap() -> None:
    recording = counting(positions=np.arange(50, 1050), excluded=((300, 301), (400, 500)))
    chunks = played(RecordingSource(recording, speed="max"))
    told = np.concatenate([np.arange(c.first_sample, c.stop_sample) for c in chunks])
    np.testing.assert_array_equal(told, np.r_[50:300, 301:400, 500:1050])
    np.testing.assert_array_equal(np.concatenate([c.samples[0] for c in chunks]), told - 50)
    np.testing.assert_array_equal(np.concatenate([c.timestamps for c in chunks]), told / SFREQ)


def test_a_start_within_a_gap_keeps_the_time_up_to_its_end() -> None:
    recording = counting(positions=np.r_[0:300, 500:1200])
    chunks = played(RecordingSource(recording, speed="max", start_s=2.0))
    assert (chunks[0].first_sample, chunks[0].samples[0, 0]) == (100, 300)
    assert chunks[0].timestamps[0] == 2.5


def test_a_recording_waits_for_its_reader() -> None:
    assert RecordingSource(counting(), speed="max").open().lossless


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(MdjptError, match="speed must be above 0"):
        RecordingSource(counting(), speed=speed)


def test_a_start_behind_the_end_is_refused() -> None:
    with pytest.raises(RecordingError, match=r"nothing at 5 s, it is 5\.0 s long"):
        RecordingSource(counting(), start_s=5.0).open()


def test_a_missing_file_is_told_when_it_is_opened() -> None:
    with pytest.raises(RecordingError, match="no such file"):
        RecordingSource("nowhere.edf").open()
