"""The ring buffer loses nothing, shows every gap and never returns torn data."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.errors import NotEnoughDataError
from streaming.ring import Gap, Overrun, RingBuffer
from streaming.stream import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator


def counter_chunk(first: int, n: int, n_channels: int = 2) -> Chunk:
    """Return samples whose value is their own position (exact in float32 up to 2**24)."""
    positions = np.arange(first, first + n)
    samples = np.tile(positions.astype(np.float32), (n_channels, 1))
    return Chunk(samples, positions / 100.0, first)


@pytest.fixture
def ring() -> Iterator[RingBuffer]:
    ring = RingBuffer.create(n_channels=2, capacity=50, sfreq=100.0)
    yield ring
    ring.close()


def test_what_was_written_is_read_back_across_the_wrap(ring: RingBuffer) -> None:
    for first in range(0, 90, 30):
        ring.write(counter_chunk(first, 30), arrival=first / 100)
    view = ring.read(45, 40)
    np.testing.assert_array_equal(view.samples[1], np.arange(45, 85))
    np.testing.assert_array_equal(view.timestamps, np.arange(45, 85) / 100)
    assert view.first_sample == 45


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 0, 0, 3, 70])), max_size=25))
def test_any_cut_of_the_stream_gives_the_same_samples(cuts: list[tuple[int, int]]) -> None:
    ring = RingBuffer.create(n_channels=1, capacity=64, sfreq=100.0)
    try:
        end, held = 0, []
        for n, lost in cuts:
            first = end + (lost if n else 0)
            ring.write(counter_chunk(first, n, 1), arrival=0.0)
            if n:
                held += [np.nan] * (first - end) + list(range(first, first + n))
                end = first + n
        newest = np.array(held[-64:], dtype=np.float32)
        np.testing.assert_array_equal(ring.latest(64).samples[0], newest)
        assert ring.written == end
        assert ring.n_samples + ring.n_lost == end
    finally:
        ring.close()


def test_a_window_that_touches_a_gap_is_refused(ring: RingBuffer) -> None:
    ring.write(counter_chunk(0, 10), arrival=0.0)
    ring.write(counter_chunk(13, 10), arrival=0.1)
    assert (ring.n_lost, ring.n_gaps) == (3, 1)
    with pytest.raises(Gap, match="3 of 20 samples"):
        ring.read(0, 20)
    assert ring.read(13, 10).samples[0, 0] == 13


def test_the_margin_in_front_of_a_window_ends_at_a_gap(ring: RingBuffer) -> None:
    ring.write(counter_chunk(0, 10), arrival=0.0)
    ring.write(counter_chunk(13, 20), arrival=0.1)
    assert ring.read(20, 10, n_margin=15).first_sample == 13
    assert ring.read(20, 10, n_margin=4).first_sample == 16
    assert ring.read(5, 5, n_margin=15).first_sample == 0


def test_a_gap_longer_than_the_buffer_leaves_only_the_new_samples(ring: RingBuffer) -> None:
    ring.write(counter_chunk(0, 50), arrival=0.0)
    ring.write(counter_chunk(1000, 5), arrival=1.0)
    view = ring.latest(50)
    assert np.isnan(view.samples[:, :45]).all()
    np.testing.assert_array_equal(view.samples[0, 45:], np.arange(1000, 1005))


def test_reading_too_early_or_too_late_says_which(ring: RingBuffer) -> None:
    ring.write(counter_chunk(0, 20), arrival=0.0)
    with pytest.raises(NotEnoughDataError, match="5 of 10"):
        ring.read(15, 10)
    ring.write(counter_chunk(20, 40), arrival=0.0)
    with pytest.raises(Overrun):
        ring.read(5, 10)


def test_a_chunk_that_overlaps_what_is_there_is_refused(ring: RingBuffer) -> None:
    ring.write(counter_chunk(0, 20), arrival=0.0)
    with pytest.raises(ValueError, match="before the end"):
        ring.write(counter_chunk(19, 5), arrival=0.0)


def test_an_attached_reader_sees_what_the_writer_wrote(ring: RingBuffer) -> None:
    ring.write(counter_chunk(0, 20), arrival=0.5)
    reader = RingBuffer.attach(ring.name)
    try:
        assert reader.sfreq == 100.0
        np.testing.assert_array_equal(reader.read(5, 5).arrivals, np.full(5, 0.5))
    finally:
        reader.close()
        reader.close()


def test_a_waiting_decoder_never_holds_the_writer_up(ring: RingBuffer) -> None:
    ring.want(needed=0, awaited=40)
    ring.write(counter_chunk(0, 30), arrival=0.0)
    assert ring.has_room_for(counter_chunk(30, 30))
    ring.write(counter_chunk(30, 15), arrival=0.0)
    assert not ring.has_room_for(counter_chunk(45, 10))
    ring.want(needed=10, awaited=50)
    assert ring.has_room_for(counter_chunk(45, 10))
    assert ring.has_room_for(counter_chunk(5000, 10)), "a long gap cannot be waited out"


def test_a_reader_never_gets_torn_samples_while_the_writer_runs() -> None:
    ring = RingBuffer.create(n_channels=4, capacity=256, sfreq=100.0)
    stop = threading.Event()
    torn = []

    def read() -> None:
        while not stop.is_set():
            written = ring.written
            try:
                view = ring.read(max(0, written - 200), min(written, 200))
            except Overrun:
                continue
            expected = np.arange(view.first_sample, view.first_sample + view.samples.shape[1])
            if not (view.samples == expected).all():
                torn.append(view.first_sample)

    reader = threading.Thread(target=read)
    reader.start()
    for first in range(0, 60_000, 40):
        ring.write(counter_chunk(first, 40, 4), arrival=0.0)
    stop.set()
    reader.join()
    ring.close()
    assert torn == []
