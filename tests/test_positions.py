"""Every gap is told, and nothing else is: by stamps with jitter and by counters that wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mdjpt.positions.gaps import PositionTracker, Run, runs_of, sample_positions
from tests.support.stamped_stream import (
    StampedStream,
    bursts,
    busy_sender,
    gaps_of,
    growing_jitter,
    positions_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
def test_a_gap_of_three_samples_or_more_is_told_within_a_second(
    sfreq: float, kind: str, jitter_s: float, n_lost: int, at_s: float, drift: float, seed: int
) -> None:
    stream = StampedStream(sfreq, jitter_s=jitter_s, per=kind, drift=drift, seed=seed)
    stamps = stream.stamps(at_s + 1.0, gaps=[(at_s, n_lost)])
    told = gaps_of(sfreq, stamps, stream.n_chunk)
    assert [number for number, _ in told if number < at_s * sfreq - stream.n_chunk] == []
    assert told, "the gap was not told"
    tolerance = 1 + 2.5 * jitter_s * sfreq
    assert abs(sum(n for _, n in told) - n_lost) <= tolerance


@settings(max_examples=10, deadline=None)
@given(sfreq=st.sampled_from([125.0, 250.0, 500.0, 1000.0]), kind=kinds, drift=drifts, seed=seeds)
def test_ten_milliseconds_of_jitter_are_no_gap(
    sfreq: float, kind: str, drift: float, seed: int
) -> None:
    stream = StampedStream(sfreq, jitter_s=JITTER_S, per=kind, drift=drift, seed=seed)
    assert gaps_of(sfreq, stream.stamps(30.0), stream.n_chunk) == []


@pytest.mark.parametrize("seed", range(5))
def test_jitter_that_grows_tenfold_is_no_gap(seed: int) -> None:
    assert gaps_of(250.0, growing_jitter(250.0, seed), 10) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("longest_s", [0.3, 1.0, 2.0, 3.0])
def test_bursts_of_up_to_three_seconds_under_one_stamp_are_no_gap(
    longest_s: float, seed: int
) -> None:
    assert gaps_of(250.0, bursts(250.0, seed, longest_s), 60) == []


def test_a_gap_of_a_link_that_delivers_in_bursts_is_told_with_its_length() -> None:
    for seed in range(5):
        stamps = bursts(250.0, seed, 2.0)
        late = int(np.searchsorted(stamps, 5030.0))
        stamps[late:] += 4.0
        ((at, n_lost),) = gaps_of(250.0, stamps, 60)
        assert (at, n_lost) == (late, pytest.approx(1000, abs=2))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sfreq", [160.0, 500.0])
def test_a_starved_sender_that_loses_nothing_shows_no_gap(sfreq: float, seed: int) -> None:
    assert gaps_of(sfreq, busy_sender(sfreq, seed), 8) == []


@settings(max_examples=30, deadline=None)
@given(
    rate=st.sampled_from([124.7, 126.25, 121.25, 130.0, 93.0, 51.0]),
    kind=kinds,
    n_lost=st.integers(3, 60),
    seed=seeds,
)
def test_another_rate_than_the_nominal_one_is_no_gap_and_hides_none(
    rate: float, kind: str, n_lost: int, seed: int
) -> None:
    stream = StampedStream(125.0, rate=rate, jitter_s=0.005, per=kind, seed=seed)
    stamps = stream.stamps(20.0, gaps=[(15.0, n_lost)])
    tracker = PositionTracker(125.0)
    lost = np.diff(positions_of(tracker, stamps, stream.n_chunk)) - 1
    assert np.flatnonzero(lost).min() >= 15.0 * rate - 2
    assert abs(lost.sum() - n_lost) <= 4
    assert tracker.effective_sfreq == pytest.approx(rate, rel=0.005)


@pytest.mark.parametrize(("declared", "real"), [(250.0, 125.0), (256.0, 200.0), (250.0, 500.0)])
def test_a_wrong_rate_is_known_within_eight_seconds_and_loses_nothing(
    declared: float, real: float
) -> None:
    stream = StampedStream(declared, rate=real, jitter_s=0.005)
    tracker = PositionTracker(declared)
    stamps = stream.stamps(8.0)
    np.testing.assert_array_equal(positions_of(tracker, stamps, 7), np.arange(len(stamps)))
    assert tracker.effective_sfreq == pytest.approx(real, rel=0.01)


def test_the_rate_is_not_known_before_four_seconds() -> None:
    tracker = PositionTracker(250.0)
    positions_of(tracker, StampedStream(250.0).stamps(3.9), 10)
    assert tracker.effective_sfreq is None


@settings(max_examples=30, deadline=None)
@given(sfreq=rates, seconds=st.floats(0.3, 3600.0), seed=seeds, n_chunk=st.integers(1, 60))
def test_a_gap_that_stands_out_of_the_jitter_is_told_with_its_first_sample(
    sfreq: float, seconds: float, seed: int, n_chunk: int
) -> None:
    stream = StampedStream(sfreq, jitter_s=JITTER_S, seed=seed)
    n_lost = round(seconds * sfreq)
    stamps = stream.stamps(4.0, gaps=[(2.0, n_lost)])
    ((number, n_told),) = gaps_of(sfreq, stamps, n_chunk)
    assert number == round(2.0 * sfreq)
    assert n_told == pytest.approx(n_lost, rel=0.01, abs=2 + 2 * JITTER_S * sfreq)


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    world=st.sampled_from(
        ["small gaps", "long gaps", "bursts", "counter", "wrong rate", "late first", "clock set"]
    ),
    seed=seeds,
)
def test_any_cut_of_a_stream_gives_the_same_positions(
    data: st.DataObject, world: str, seed: int
) -> None:
    stream = StampedStream(250.0, jitter_s=0.005, per="chunk", seed=seed)
    gaps = {"small gaps": [(5.0, 7), (7.0, 20)], "long gaps": [(1.0, 90), (6.0, 3000), (6.2, 400)]}
    stamps = stream.stamps(10.0, gaps.get(world, [(8.0, 100)]))
    counter, modulus = None, 0
    if world == "bursts":
        stamps = bursts(250.0, seed)[:2500]
    elif world == "counter":
        kept = np.delete(np.arange(3000), [*range(3, 6), *range(500, 525), *range(1000, 1380)])
        counter, modulus = kept % 256, 256
        stamps = stream.stamps(12.0)[kept]
    elif world == "wrong rate":
        slow = StampedStream(250.0, rate=125.0, jitter_s=0.005, seed=seed)
        stamps = slow.stamps(20.0, [(15.0, 125)])
    arrivals = stamps + 0.02
    if world == "late first":
        stamps[:3] += 0.8
    elif world == "clock set":
        stamps[1200:] -= 3600.0

    def placed(cuts: int | list[int]) -> NDArray[np.int64]:
        tracker = PositionTracker(250.0, counter_modulus=modulus)
        return positions_of(tracker, stamps, cuts, counter, arrivals)

    cuts = data.draw(st.lists(st.integers(0, len(stamps)), max_size=30))
    np.testing.assert_array_equal(placed(cuts), placed(1))


def test_nothing_is_placed_when_nothing_came() -> None:
    tracker = PositionTracker(100.0, counter_modulus=256)
    assert tracker.place(np.empty(0), np.empty(0, np.int64)).shape == (0,)
    assert tracker.finish().shape == (0,)


def test_samples_without_doubt_are_placed_at_once() -> None:
    tracker = PositionTracker(250.0)
    stamps = StampedStream(250.0, jitter_s=0.004).stamps(20.0)
    for part in np.split(stamps, 500):
        assert len(tracker.place(part)) == len(part)


def test_several_gaps_are_told_apart() -> None:
    stream = StampedStream(250.0, jitter_s=0.004, per="chunk", seed=3)
    stamps = stream.stamps(30.0, gaps=[(8.0, 3), (14.0, 250), (22.0, 10)])
    told = gaps_of(250.0, stamps, stream.n_chunk)
    assert [n for _, n in told] == pytest.approx([3, 250, 10], abs=2)


def test_a_burst_behind_a_gap_hides_it_not() -> None:
    """A link stalls for 1 s; 100 samples are lost meanwhile, the others come at once."""
    numbers = np.delete(np.arange(5000), slice(2500, 2600))
    stamps = numbers / 250.0
    stalled = (numbers >= 2400) & (numbers < 2650)
    stamps[stalled] = 2650 / 250.0
    told = gaps_of(250.0, stamps, 10)
    assert sum(n for _, n in told) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("jump_s", [-3600.0, -10.0, 10.0, 3600.0])
def test_a_clock_that_is_set_is_no_gap_when_the_arrival_is_known(jump_s: float) -> None:
    stamps = StampedStream(250.0, jitter_s=0.003).stamps(12.0)
    arrivals = stamps + 0.02
    stamps[1500:] += jump_s
    placed = positions_of(PositionTracker(250.0), stamps, 5, arrivals=arrivals)
    np.testing.assert_array_equal(placed, np.arange(len(stamps)))


@pytest.mark.parametrize("to_s", [0.0, 1.7e9])
def test_a_clock_that_begins_anew_leaves_a_gap_of_the_time_that_passed(to_s: float) -> None:
    stamps = StampedStream(250.0, jitter_s=0.003).stamps(12.0)
    arrivals = stamps + 0.02
    arrivals[1500:] += 4.0
    arrivals[1500:1510] = arrivals[1510]
    stamps[1500:] += to_s - stamps[1500]
    tracker = PositionTracker(250.0)
    before = positions_of(tracker, stamps[:1500], 5, arrivals=arrivals[:1500])
    tracker.resume()
    after = positions_of(tracker, stamps[1500:], 5, arrivals=arrivals[1500:])
    assert before[-1] == 1499
    assert after[0] - 1500 == pytest.approx(1000, abs=5)
    np.testing.assert_array_equal(np.diff(after), 1)


def test_a_gap_is_told_although_the_clock_was_set_before() -> None:
    stamps = StampedStream(250.0, jitter_s=0.003).stamps(12.0, gaps=[(9.0, 500)])
    arrivals = stamps + 0.02
    stamps[1000:] += 3600.0
    lost = np.diff(positions_of(PositionTracker(250.0), stamps, 5, arrivals=arrivals)) - 1
    assert lost[lost > 0].tolist() == [pytest.approx(500, abs=3)]


@pytest.mark.parametrize("fault", ["nan", "equal", "backwards", "one ahead", "one behind"])
def test_single_wrong_stamps_are_no_gap(fault: str) -> None:
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
    assert gaps_of(250.0, stamps, 125) == []


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_a_stream_whose_stamps_tell_nothing_has_no_gap(value: float) -> None:
    stamps = np.full(1000, value)
    placed = positions_of(PositionTracker(250.0), stamps, 50)
    np.testing.assert_array_equal(placed, np.arange(1000))


def test_a_stream_that_was_away_resumes_where_its_stamps_say() -> None:
    tracker = PositionTracker(250.0)
    tracker.place(np.arange(250) / 250.0)
    tracker.resume()
    assert tracker.place(1.02 + np.arange(50) / 250.0)[0] == 255


counters = st.sampled_from([(1, 256), (2, 256), (1, 128), (1, 65536)])


@settings(max_examples=25, deadline=None)
@given(
    counter=counters,
    gaps=st.lists(st.tuples(st.integers(100, 4000), st.integers(1, 1250)), max_size=4),
    n_chunk=st.integers(4, 60),
    first=st.integers(0, 255),
    seed=seeds,
)
def test_a_counter_tells_every_lost_sample_even_whole_turns(
    counter: tuple[int, int], gaps: list[tuple[int, int]], n_chunk: int, first: int, seed: int
) -> None:
    step, modulus = counter
    kept = np.arange(5000)
    for at, n_lost in gaps:
        kept = kept[(kept < at) | (kept >= at + n_lost)]
    # Few samples between gaps of whole turns: no stamp tells on which side they lie.
    runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    assume(all(len(run) > 75 for run in runs))
    values = (first + kept * step) % modulus
    stamps = 1.7e9 + kept / 250.0 + np.random.default_rng(seed).uniform(0, 0.004, len(kept))
    tracker = PositionTracker(250.0, counter_modulus=modulus)
    placed = positions_of(tracker, stamps, n_chunk, values, kept / 250.0)
    np.testing.assert_array_equal(placed, kept)
    whole = sample_positions(250.0, len(kept), stamps, values, modulus)
    np.testing.assert_array_equal(whole, kept)


@pytest.mark.parametrize("n_lost", [1, 12, 25, 200])
def test_losses_that_the_device_counts_count_whatever_the_stamps_say(n_lost: int) -> None:
    """The host stalls for 100 ms and stamps all that waited with nearly one time."""
    numbers = np.delete(np.arange(4000), slice(2010, 2010 + n_lost))
    stamps = 1.7e9 + numbers / 250.0
    stalled = (numbers >= 2000) & (numbers < 2025 + n_lost)
    stamps[stalled] = stamps[stalled][-1] + np.arange(stalled.sum()) * 1e-5
    placed = positions_of(
        PositionTracker(250.0, counter_modulus=256), stamps, 25, numbers % 256, numbers / 250.0
    )
    np.testing.assert_array_equal(placed, numbers)


def test_a_counter_is_believed_when_the_wall_clock_is_set() -> None:
    numbers = np.delete(np.arange(4000), slice(2000, 2010))
    stamps = 1.7e9 + numbers / 250.0
    stamps[1000:] += 3600.0
    stamps[3000:] -= 7200.0
    placed = positions_of(
        PositionTracker(250.0, counter_modulus=256), stamps, 10, numbers % 256, numbers / 250.0
    )
    np.testing.assert_array_equal(placed, numbers)


def test_a_counter_that_begins_anew_leaves_it_to_the_stamps_how_long_the_device_was_away() -> None:
    tracker = PositionTracker(250.0, counter_modulus=256)
    numbers = np.arange(1000)
    positions_of(tracker, numbers / 250.0, 10, numbers % 256)
    tracker.resume()
    away = positions_of(tracker, (1700 + numbers) / 250.0, 10, (numbers + 40) % 256)
    np.testing.assert_array_equal(away, 1700 + numbers)


def test_packets_out_of_order_or_twice_are_no_turn_of_the_counter() -> None:
    numbers = np.arange(2000)
    stamps = numbers / 250.0
    numbers[1000], numbers[1001] = numbers[1001], numbers[1000].copy()
    numbers[1500] = numbers[1499]
    placed = positions_of(PositionTracker(250.0, counter_modulus=256), stamps, 9, numbers % 256)
    assert np.diff(placed).max() <= 2
    assert placed[-1] <= 2000


def test_packets_that_stand_in_for_lost_ones_lose_none() -> None:
    """A Cyton sends the packet before once more for one that its radio missed: 2 4 4 8, step 2."""
    numbers = np.arange(1000)
    counter = 2 * numbers
    counter[500] = counter[499]
    counter[700:702] = counter[699]
    positions = sample_positions(125.0, 1000, numbers / 125.0, counter % 256, 256)
    np.testing.assert_array_equal(positions, numbers)


def test_a_whole_recording_has_its_gaps_where_they_began() -> None:
    stream = StampedStream(250.0, jitter_s=0.004, per="chunk", seed=1)
    stamps = stream.stamps(20.0, gaps=[(10.0, 25)])
    before, behind = runs_of(sample_positions(250.0, len(stamps), stamps))
    assert abs(before.stop - 2500) <= stream.n_chunk
    assert behind.first_sample - before.stop == pytest.approx(25, abs=2)


def test_stamps_without_jitter_show_a_single_lost_sample_of_a_recording() -> None:
    numbers = np.delete(np.arange(1000), [500])
    np.testing.assert_array_equal(sample_positions(250.0, 999, numbers / 246.0), numbers)


def test_without_stamps_and_counter_every_sample_follows_the_last() -> None:
    np.testing.assert_array_equal(sample_positions(250.0, 5), np.arange(5))
    assert sample_positions(250.0, 0, np.empty(0)).shape == (0,)


def test_positions_are_cut_into_runs_at_the_gaps() -> None:
    positions = np.array([0, 1, 2, 10, 11])
    assert runs_of(positions) == [Run(0, 3, 0), Run(3, 5, 10)]
    assert runs_of(np.empty(0, np.int64)) == []
