"""Every hole is told, and nothing else is: by stamps with jitter and by counters that wrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mdjpt.positions.gaps import GapDetector, sample_positions
from tests.support.stamped_stream import StampedStream, told_holes

JITTER_S = 0.010
kinds = st.sampled_from(["sample", "chunk"])
rates = st.sampled_from([125.0, 128.0, 250.0, 256.0, 500.0])
seeds = st.integers(0, 2**32 - 1)
drifts = st.floats(-200e-6, 200e-6)


@settings(max_examples=40, deadline=None)
@given(
    sfreq=rates,
    kind=kinds,
    jitter_s=st.floats(0, JITTER_S),
    n_lost=st.one_of(st.integers(3, 12), st.integers(3, 1250)),
    at_s=st.floats(4.0, 12.0),
    drift=drifts,
    seed=seeds,
)
def test_a_hole_of_three_samples_or_more_is_told_within_a_second(
    sfreq: float, kind: str, jitter_s: float, n_lost: int, at_s: float, drift: float, seed: int
) -> None:
    stream = StampedStream(sfreq, jitter_s=jitter_s, per=kind, drift=drift, seed=seed)
    stamps = stream.stamps(at_s + 1.0, holes=[(at_s, n_lost)])
    told = told_holes(GapDetector(sfreq), stamps, stream.n_chunk)
    assert [number for number, _ in told if number < at_s * sfreq - stream.n_chunk] == []
    assert told, "the hole was not told"
    tolerance = 1 + 2.5 * jitter_s * sfreq
    assert abs(sum(n for _, n in told) - n_lost) <= tolerance


@settings(max_examples=10, deadline=None)
@given(sfreq=st.sampled_from([125.0, 250.0, 500.0, 1000.0]), kind=kinds, drift=drifts, seed=seeds)
def test_ten_milliseconds_of_jitter_are_no_hole(
    sfreq: float, kind: str, drift: float, seed: int
) -> None:
    stream = StampedStream(sfreq, jitter_s=JITTER_S, per=kind, drift=drift, seed=seed)
    assert told_holes(GapDetector(sfreq), stream.stamps(30.0), stream.n_chunk) == []


@settings(max_examples=30, deadline=None)
@given(
    rate=st.sampled_from([124.7, 126.25, 121.25, 130.0, 93.0, 51.0]),
    kind=kinds,
    n_lost=st.integers(3, 60),
    seed=seeds,
)
def test_another_rate_than_the_nominal_one_is_no_hole_and_hides_none(
    rate: float, kind: str, n_lost: int, seed: int
) -> None:
    stream = StampedStream(125.0, rate=rate, jitter_s=0.005, per=kind, seed=seed)
    detector = GapDetector(125.0)
    stamps = stream.stamps(20.0, holes=[(15.0, n_lost)])
    told = told_holes(detector, stamps, stream.n_chunk)
    assert min(number for number, _ in told) >= 15.0 * rate - 1
    assert abs(sum(n for _, n in told) - n_lost) <= 4
    assert detector.effective_sfreq == pytest.approx(rate, rel=0.005)


@settings(max_examples=30, deadline=None)
@given(sfreq=rates, seconds=st.floats(0.3, 3600.0), seed=seeds, n_chunk=st.integers(1, 60))
def test_a_hole_that_stands_out_of_the_jitter_is_told_with_its_first_sample(
    sfreq: float, seconds: float, seed: int, n_chunk: int
) -> None:
    stream = StampedStream(sfreq, jitter_s=JITTER_S, seed=seed)
    n_lost = round(seconds * sfreq)
    stamps = stream.stamps(4.0, holes=[(2.0, n_lost)])
    ((number, n_told),) = told_holes(GapDetector(sfreq), stamps, n_chunk)
    assert number == round(2.0 * sfreq)
    assert n_told == pytest.approx(n_lost, rel=0.01, abs=2 + 2 * JITTER_S * sfreq)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), seed=seeds)
def test_any_cut_of_a_stream_gives_the_same_positions(data: st.DataObject, seed: int) -> None:
    stream = StampedStream(250.0, jitter_s=0.005, seed=seed)
    stamps = stream.stamps(10.0, holes=[(5.0, 7), (7.0, 20)])
    cuts = data.draw(st.lists(st.integers(0, len(stamps)), max_size=12).map(sorted))
    detector = GapDetector(250.0)
    parts = np.split(stamps, cuts)
    cut = np.concatenate([detector.positions(part) for part in parts])
    np.testing.assert_array_equal(cut, GapDetector(250.0).positions(stamps))


def test_positions_are_cut_into_runs_at_the_holes() -> None:
    stamps = StampedStream(100.0).stamps(3.0, holes=[(1.0, 50)])
    runs = GapDetector(100.0).split(stamps)
    assert [(run.start, run.stop, run.first_sample) for run in runs] == [
        (0, 100, 0),
        (100, 300, 150),
    ]
    assert GapDetector(100.0).split(np.empty(0)) == []


def test_several_holes_are_told_apart() -> None:
    stream = StampedStream(250.0, jitter_s=0.004, per="chunk", seed=3)
    stamps = stream.stamps(30.0, holes=[(8.0, 3), (14.0, 250), (22.0, 10)])
    told = told_holes(GapDetector(250.0), stamps, stream.n_chunk)
    assert [n for _, n in told] == pytest.approx([3, 250, 10], abs=2)


def test_what_a_stalled_sender_stamps_and_sends_late_but_whole_is_no_hole() -> None:
    stamps = StampedStream(250.0, jitter_s=0.004).stamps(20.0)
    stamps[2000:2200] = np.maximum(stamps[2000:2200], stamps[2200])
    detector = GapDetector(250.0)
    parts = [detector.positions(part) for part in np.split(stamps, [2000, 2210, 3000])]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(5000))


@pytest.mark.parametrize("jump_s", [-3600.0, -10.0, 10.0, 3600.0])
def test_a_clock_that_is_set_is_no_hole_when_the_arrival_is_known(jump_s: float) -> None:
    stamps = StampedStream(250.0, jitter_s=0.003).stamps(12.0)
    arrivals = stamps + 0.02
    stamps[1500:] += jump_s
    detector = GapDetector(250.0)
    parts = [
        detector.positions(stamps[i : i + 5], arrival_s=arrivals[i + 4])
        for i in range(0, len(stamps), 5)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(len(stamps)))


def test_a_hole_is_told_although_the_clock_was_set_before() -> None:
    stamps = StampedStream(250.0, jitter_s=0.003).stamps(12.0, holes=[(9.0, 500)])
    arrivals = stamps + 0.02
    stamps[1000:] += 3600.0
    detector = GapDetector(250.0)
    parts = [
        detector.positions(stamps[i : i + 5], arrival_s=arrivals[i + 4])
        for i in range(0, len(stamps), 5)
    ]
    told = np.diff(np.concatenate(parts)) - 1
    assert told[told > 0].tolist() == [pytest.approx(500, abs=3)]


@pytest.mark.parametrize("fault", ["nan", "equal", "backwards", "one ahead", "one behind"])
def test_single_wrong_stamps_are_no_hole(fault: str) -> None:
    stamps = StampedStream(250.0, jitter_s=0.002).stamps(20.0)
    at = np.arange(1000, 4000, 97)
    if fault == "nan":
        stamps[at] = np.nan
    elif fault == "equal":
        stamps[at] = stamps[at - 1]
    elif fault == "backwards":
        stamps[at], stamps[at + 1] = stamps[at + 1], stamps[at].copy()
    else:
        stamps[at] += 10.0 if fault == "one ahead" else -10.0
    assert told_holes(GapDetector(250.0), stamps, 125) == []


def test_a_stream_without_a_single_stamp_has_no_hole() -> None:
    positions = GapDetector(250.0).positions(np.full(1000, np.nan))
    np.testing.assert_array_equal(positions, np.arange(1000))


def test_a_stream_that_was_away_resumes_where_its_stamps_say() -> None:
    detector = GapDetector(250.0)
    detector.positions(np.arange(250) / 250.0)
    detector.resume()
    assert detector.positions(np.array([1.02, 1.024]))[0] == 255


counters = st.sampled_from([(1, 256), (2, 256), (1, 128), (1, 65536)])


@settings(max_examples=25, deadline=None)
@given(
    counter=counters,
    holes=st.lists(st.tuples(st.integers(100, 4000), st.integers(1, 1250)), max_size=4),
    n_chunk=st.integers(4, 60),
    first=st.integers(0, 255),
    seed=seeds,
)
def test_a_counter_tells_every_lost_sample_even_whole_turns(
    counter: tuple[int, int], holes: list[tuple[int, int]], n_chunk: int, first: int, seed: int
) -> None:
    step, modulus = counter
    kept = np.arange(5000)
    for at, n_lost in holes:
        kept = kept[(kept < at) | (kept >= at + n_lost)]
    # One or two samples between holes of whole turns: no stamp tells on which side they lie.
    runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    assume(all(len(run) > 2 for run in runs))
    values = (first + kept * step) % modulus
    stamps = 1.7e9 + kept / 250.0 + np.random.default_rng(seed).uniform(0, 0.004, len(kept))
    detector = GapDetector(250.0, counter_modulus=modulus)
    told = np.concatenate(
        [
            detector.positions(stamps[part], values[part], kept[part][-1] / 250.0)
            for part in (slice(i, i + n_chunk) for i in range(0, len(kept), n_chunk))
        ]
    )
    np.testing.assert_array_equal(told, kept)
    whole = sample_positions(250.0, len(kept), stamps, values, modulus)
    np.testing.assert_array_equal(whole, kept)


def test_a_counter_is_believed_when_the_wall_clock_is_set() -> None:
    numbers = np.delete(np.arange(4000), slice(2000, 2010))
    stamps = 1.7e9 + numbers / 250.0
    stamps[1000:] += 3600.0
    stamps[3000:] -= 7200.0
    detector = GapDetector(250.0, counter_modulus=256)
    told = np.concatenate(
        [
            detector.positions(stamps[part], numbers[part] % 256, numbers[part][-1] / 250.0)
            for part in (slice(i, i + 10) for i in range(0, len(numbers), 10))
        ]
    )
    np.testing.assert_array_equal(told, numbers)


def test_packets_out_of_order_or_twice_are_no_turn_of_the_counter() -> None:
    numbers = np.arange(2000)
    stamps = numbers / 250.0
    numbers[1000], numbers[1001] = numbers[1001], numbers[1000].copy()
    numbers[1500] = numbers[1499]
    positions = GapDetector(250.0, counter_modulus=256).positions(stamps, numbers % 256)
    assert np.diff(positions).max() <= 3
    assert positions[-1] <= 2003


def test_a_whole_recording_has_its_holes_where_they_began() -> None:
    stream = StampedStream(250.0, jitter_s=0.004, per="chunk", seed=1)
    stamps = stream.stamps(20.0, holes=[(10.0, 25)])
    positions = sample_positions(250.0, len(stamps), stamps)
    (at,) = np.flatnonzero(np.diff(positions) > 1)
    assert abs(at + 1 - 2500) <= stream.n_chunk
    assert positions[-1] - len(stamps) + 1 == pytest.approx(25, abs=2)


def test_without_stamps_and_counter_every_sample_follows_the_last() -> None:
    np.testing.assert_array_equal(sample_positions(250.0, 5), np.arange(5))
    assert sample_positions(250.0, 0, np.empty(0)).shape == (0,)
