"""The simulated participant as a source, on a clock that the test moves."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.errors import MdjptError, SourceError
from mdjpt.simulation import BlockSchedule, SimulatedParticipant
from streaming.sources.simulated import SimulatedSource
from streaming.sources.source_spec import parse_source
from streaming.stream import Prompted

FEW = ("Fp1", "Cz", "Oz")


class HandClock:
    """A clock that stands still until someone waits on it or moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def person(seed: int = 7, sfreq: float = 250.0) -> SimulatedParticipant:
    return SimulatedParticipant(seed, FEW, sfreq, schedule=BlockSchedule(1, block_s=(2.0, 3.0)))


def source(clock: HandClock, speed: float = 1.0, duration_s: float | None = None, **who: float):
    return SimulatedSource(
        partial(person, **who), duration_s=duration_s, speed=speed, clock=clock, wait=clock.wait
    )


def read_all(stream: SimulatedSource) -> list:
    chunks = []
    while not stream.ended:
        chunks.append(stream.read(0.5))
    return chunks


def test_a_paced_source_delivers_what_the_clock_says_is_due() -> None:
    clock = HandClock()
    stream = source(clock)
    info = stream.open()
    assert (info.sfreq, info.ch_names, info.clock) == (250.0, FEW, "simulated")
    assert info.simulated
    assert not info.lossless
    clock.now += 0.4
    assert stream.read(0.1).n_times == 100
    assert clock.waits == []


def test_read_waits_for_the_next_packet_and_not_longer() -> None:
    clock = HandClock()
    stream = source(clock)
    stream.open()
    chunk = stream.read(0.5)
    assert chunk.n_times == 5
    assert clock.waits == [pytest.approx(0.02)]


def test_read_returns_empty_when_the_timeout_is_shorter() -> None:
    clock = HandClock()
    stream = source(clock)
    stream.open()
    chunk = stream.read(0.005)
    assert chunk.samples.shape == (3, 0)
    assert chunk.first_sample == 0
    assert clock.waits == [0.005]


def test_a_late_reader_loses_nothing_and_gets_at_most_a_second_at_once() -> None:
    clock = HandClock()
    stream = source(clock)
    stream.open()
    clock.now += 3.5
    chunks = [stream.read(0.0) for _ in range(4)]
    assert [chunk.n_times for chunk in chunks] == [250, 250, 250, 125]
    assert [chunk.first_sample for chunk in chunks] == [0, 250, 500, 750]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0.0, 1.5), min_size=1, max_size=10), st.sampled_from([128.0, 250.0]))
def test_any_rhythm_of_reading_gives_the_participants_samples(
    pauses: list[float], sfreq: float
) -> None:
    clock = HandClock()
    stream = source(clock, sfreq=sfreq)
    stream.open()
    chunks = []
    for pause in pauses:
        clock.now += pause
        chunks.append(stream.read(0.05))
    samples = np.concatenate([chunk.samples for chunk in chunks], axis=1)
    assert np.array_equal(samples, person(sfreq=sfreq).generate(samples.shape[1]))
    stamps = np.concatenate([chunk.timestamps for chunk in chunks])
    np.testing.assert_array_equal(stamps, np.arange(samples.shape[1]) / sfreq)


@pytest.mark.parametrize("speed", [1.0, 7.5, math.inf])
def test_the_stream_ends_after_its_duration_at_any_speed(speed: float) -> None:
    stream = source(HandClock(), speed, duration_s=4.01)
    info = stream.open()
    assert info.lossless == math.isinf(speed)
    chunks = read_all(stream)
    assert sum(chunk.n_times for chunk in chunks) == round(4.01 * 250)
    assert max(chunk.n_times for chunk in chunks) <= 250
    assert stream.read(0.5).n_times == 0


def test_truth_markers_are_the_schedules_transitions() -> None:
    stream = source(HandClock(), math.inf, duration_s=20.0)
    stream.open()
    for chunk in (chunks := read_all(stream)):
        for marker in chunk.markers:
            assert chunk.timestamps[0] <= marker.timestamp <= chunk.timestamps[-1]
    markers = [marker for chunk in chunks for marker in chunk.markers]
    expected = person().transitions(0, 5000)
    assert [(m.timestamp, m.label, m.kind) for m in markers] == [
        (change.sample / 250.0, change.state, "truth") for change in expected
    ]
    assert markers[0].timestamp == 0.0


def test_opening_again_begins_again() -> None:
    stream = source(HandClock(), math.inf, duration_s=2.0)
    first = stream.open(), read_all(stream)
    stream.close()
    second = stream.open(), read_all(stream)
    assert first[0] == second[0]
    assert np.array_equal(first[1][0].samples, second[1][0].samples)


def test_closing_is_safe_at_any_time_and_reading_then_is_an_error() -> None:
    stream = source(HandClock())
    stream.close()
    with pytest.raises(SourceError, match="open"):
        stream.read(0.1)
    stream.open()
    stream.close()
    stream.close()
    with pytest.raises(SourceError, match="open"):
        stream.read(0.1)


def test_the_real_clock_paces_by_itself() -> None:
    stream = SimulatedSource(person, duration_s=0.1)
    stream.open()
    assert sum(chunk.n_times for chunk in read_all(stream)) == 25
    stream.close()


def test_a_spec_names_person_cap_rate_and_classes() -> None:
    spec = parse_source("sim:?seed=3&sfreq=128&n_channels=14&duration=2&classes=5")
    stream = SimulatedSource.from_spec(spec, speed=math.inf)
    info = stream.open()
    assert (info.sfreq, info.n_channels, info.source_id) == (128.0, 14, "simulated-3")
    samples = np.concatenate([chunk.samples for chunk in read_all(stream)], axis=1)
    assert samples.shape == (14, 256)


def test_a_bare_spec_and_given_electrodes_work() -> None:
    assert SimulatedSource.from_spec(parse_source("sim:")).open().n_channels == 32
    stream = SimulatedSource.from_spec(parse_source("sim:"), montage=FEW)
    assert stream.open().ch_names == FEW
    few = SimulatedSource.from_spec(parse_source("sim:"), montage=(FEW[0], "-", FEW[1], "-"))
    assert few.open().ch_names == FEW[:2]
    with pytest.raises(MdjptError, match="sim:"):
        SimulatedSource.from_spec(parse_source("sim:"), montage=("-", "-"))


@pytest.mark.parametrize("text", ["sim:?sfreq=50", "sim:?n_channels=65"])
def test_a_spec_out_of_range_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(MdjptError, match=text.split("?")[1].split("=")[0]) as error:
        SimulatedSource.from_spec(parse_source(text))
    assert "\n" not in str(error.value)


def test_a_spec_with_an_electrode_of_nowhere_is_refused() -> None:
    with pytest.raises(MdjptError, match="'ECG' has no known position"):
        SimulatedSource.from_spec(parse_source("sim:"), montage=("Cz", "ECG"))


@pytest.mark.parametrize(
    "wrong", [{"speed": 0.0}, {"speed": math.nan}, {"duration_s": 0.0}, {"duration_s": math.inf}]
)
def test_a_pace_or_length_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(MdjptError, match="must be positive"):
        SimulatedSource(person, **wrong)


def test_a_prompted_source_tells_the_truth_of_what_was_asked_for() -> None:
    stream = source(HandClock(), math.inf)
    assert isinstance(stream, Prompted)
    stream.open()
    chunks = [stream.read(0.5)]
    for state in ("Happiness", "rest", "an emotion of my own", None):
        stream.prompt(state)
        chunks += [stream.read(0.5) for _ in range(3)]
    told = [(m.timestamp, m.label) for chunk in chunks for m in chunk.markers]
    assert told[0][0] == 0.0
    # The first state keeps the two seconds that a transition takes. The emotion that nobody knows
    # is rest, which it was before.
    assert told[1:3] == [(2.0, "happy"), (4.0, "rest")]
    assert told[3][0] == 10.0
    assert told[3][1] == "negative"


def test_a_prompt_of_before_the_opening_is_forgotten() -> None:
    stream = source(HandClock(), math.inf)
    stream.prompt("joy")
    stream.open()
    assert stream.read(0.5).markers[0].label == person().state_at(0)
