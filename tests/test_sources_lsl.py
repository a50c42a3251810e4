"""An LSL stream as a source: found or refused, complete, and back when its sender returns."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pylsl
import pytest

from mdjpt.errors import SourceChanged, SourceError, SourceLost, SourceNotFound
from streaming.sources.discovery import list_boards, list_lsl
from streaming.sources.lsl import LSLSource
from streaming.sources.lsl_link.markers import MarkerInlets
from streaming.sources.lsl_link.streams import StreamQuery, StreamWatch
from tests.support.hand_clock import HandClock
from tests.support.lsl_others import OtherStream, sent_elsewhere
from tests.support.lsl_sender import NAMES, LslSender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streaming.stream import Chunk


@pytest.fixture
def sources() -> Iterator[list[LSLSource]]:
    """Sources that are closed at the end of the test."""
    opened: list[LSLSource] = []
    yield opened
    for source in opened:
        source.close()


def read(source: LSLSource, n_times: int, at_most: int = 400) -> list[Chunk]:
    """Read chunks until there are `n_times` samples."""
    chunks: list[Chunk] = []
    for _ in range(at_most):
        chunk = source.read(0.2)
        if chunk.n_times:
            chunks.append(chunk)
        if sum(c.n_times for c in chunks) >= n_times:
            return chunks
    raise AssertionError(f"only {sum(c.n_times for c in chunks)} samples came")


def wait_for(condition: Callable[[], object]) -> None:
    """Ask until something holds, for at most half a minute."""
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def numbers(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples[0] for chunk in chunks])


def test_every_sample_comes_once_in_microvolts_on_the_lsl_clock(sources: list[LSLSource]) -> None:
    with LslSender("all", sfreq=500.0):
        source = LSLSource("all")
        sources.append(source)
        info = source.open()
        assert (info.name, info.ch_names, info.sfreq, info.clock) == ("all", NAMES, 500.0, "lsl")
        assert (info.source_id, info.lossless) == ("sender-1", False)
        chunks = read(source, 800)
        np.testing.assert_array_equal(np.diff(numbers(chunks)), 1)
        assert [c.first_sample for c in chunks[1:]] == [c.stop_sample for c in chunks[:-1]]
        stamps = np.concatenate([chunk.timestamps for chunk in chunks])
        assert abs(pylsl.local_clock() - stamps[-1]) < 1.0
        np.testing.assert_allclose(np.diff(stamps), 1 / 500.0, atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "scale", "dtype"),
    [
        ("volts", 1e-6, "double64"),
        ("mV", 1e-3, "float32"),
        ("µV", 1.0, "int32"),
        ("-6", 1.0, "float32"),
    ],
)
def test_units_and_formats_become_microvolts(
    sources: list[LSLSource], unit: str, scale: float, dtype: str
) -> None:
    with LslSender("units", unit=unit, scale=scale, dtype=dtype):
        source = LSLSource("units", markers=False)
        sources.append(source)
        assert source.open().ch_units == (unit,) * 8
        np.testing.assert_allclose(np.diff(numbers(read(source, 50))), 1.0, rtol=1e-3)


@pytest.mark.parametrize(
    ("scale", "says"), [(1e-6, "taken as volts"), (1.0, "taken as microvolts")]
)
def test_an_unnamed_unit_is_told_by_the_size_of_the_signal(
    sources: list[LSLSource], scale: float, says: str
) -> None:
    with LslSender("unitless", unit="", scale=scale, dtype="double64"):
        source = LSLSource("unitless", markers=False)
        sources.append(source)
        assert says in source.open().notes[-1]
        chunks = read(source, 100)
        assert chunks[0].first_sample == 0
        np.testing.assert_allclose(np.diff(numbers(chunks)), 1.0, rtol=1e-3)


@pytest.mark.parametrize("flat_s", [0.0, 1.2])
def test_volts_of_a_stream_that_begins_late_or_flat_are_told_when_they_come(
    sources: list[LSLSource], flat_s: float
) -> None:
    with LslSender("late", unit="", scale=1e-6, dtype="double64") as sender:
        sender.pause()
        source = LSLSource("late", markers=False)
        sources.append(source)
        assert source.open().notes == ()
        sender.flat_s = flat_s
        sender.resume()
        chunks = read(source, 500)
    assert any("taken as volts" in note for chunk in chunks for note in chunk.notes)
    assert chunks[0].first_sample == 0
    np.testing.assert_allclose(np.diff(numbers(chunks)[400:]), 1.0, rtol=1e-3)


def test_only_the_electrodes_are_kept(sources: list[LSLSource]) -> None:
    labels = ("Timestamp", "Counter", "Interpolate", "AF3", "F7", "O1", "HardwareMarker", "Markers")
    with LslSender("EmotivDataStream-EEG", ch_names=labels, dtype="double64"):
        source = LSLSource("EmotivDataStream-EEG", markers=False)
        sources.append(source)
        info = source.open()
        assert info.ch_names == ("AF3", "F7", "O1")
        assert "Counter" in info.notes[0]
        assert [column.label for column in info.others] == [
            "Timestamp", "Counter", "Interpolate", "HardwareMarker", "Markers"
        ]  # fmt: skip
        chunk = read(source, 20)[0]
        assert chunk.samples.shape[0] == 3
        # The sender numbers its samples in every column.
        np.testing.assert_array_equal(chunk.others, np.tile(chunk.samples[:1], (5, 1)))


def test_a_stream_without_labels_needs_a_montage(sources: list[LSLSource]) -> None:
    with LslSender("bare", ch_names=(), n_channels=2):
        with pytest.raises(SourceError, match="--montage"):
            LSLSource("bare", markers=False).open()
        with pytest.raises(SourceError, match="names 3 electrodes"):
            LSLSource("bare", markers=False, montage=("Fz", "Cz", "Pz")).open()
        source = LSLSource("bare", markers=False, montage=("Fz", "Oz"))
        sources.append(source)
        assert source.open().ch_names == ("Fz", "Oz")


def test_no_such_stream_is_told_with_those_that_are_there() -> None:
    with LslSender("another"), pytest.raises(SourceNotFound) as raised:
        LSLSource("missing", timeout_s=0.4).open()
    assert "no LSL stream of EEG named 'missing' within 0.4 s" in str(raised.value)
    assert "another (EEG, 8 ch, 250 Hz, source_id=sender-1)" in str(raised.value)
    assert raised.value.exit_code == 3


def test_several_streams_are_refused_and_listed(sources: list[LSLSource]) -> None:
    with LslSender("twin", source_id="left"), LslSender("twin", source_id="right"):
        with pytest.raises(SourceError, match="2 LSL streams match") as raised:
            LSLSource("twin").open()
        assert "source_id=left" in str(raised.value)
        assert "source_id=right" in str(raised.value)
        source = LSLSource("twin", source_id="right", markers=False)
        sources.append(source)
        assert source.open().source_id == "right"


def test_of_streams_with_one_name_that_of_type_eeg_is_meant(sources: list[LSLSource]) -> None:
    with (
        LslSender("Muse", stream_type="ACC", source_id="acc", ch_names=("X", "Y", "Z")),
        LslSender("Muse", source_id="eeg"),
    ):
        source = LSLSource("Muse", markers=False)
        sources.append(source)
        assert source.open().source_id == "eeg"


def test_a_query_prints_as_it_was_asked() -> None:
    query = StreamQuery("demo", "EEG", "id-1")
    assert str(query) == " named 'demo', type=EEG, source_id=id-1"


def test_lost_samples_are_a_gap_and_the_rest_is_in_its_place(sources: list[LSLSource]) -> None:
    with LslSender("gaps") as sender:
        source = LSLSource("gaps", markers=False)
        sources.append(source)
        source.open()
        first = read(source, 500)
        sender.drop(200)
        chunks = first + read(source, 500)
        offset = numbers(chunks)[0]
        for chunk in chunks:
            assert chunk.samples[0, 0] - offset == chunk.first_sample
        assert max(c.first_sample - b.stop_sample for b, c in itertools.pairwise(chunks)) == 200


def test_a_stream_that_returns_is_taken_up_where_its_clock_is(sources: list[LSLSource]) -> None:
    source = LSLSource("back", markers=False)
    sources.append(source)
    with LslSender("back"):
        source.open()
        before = read(source, 250)
    with LslSender("back", first=10_000):
        after = read(source, 250)
    lost = after[0].first_sample - before[-1].stop_sample
    away_s = after[0].timestamps[0] - before[-1].timestamps[-1]
    assert lost == pytest.approx(away_s * 250.0 - 1, abs=2)
    assert after[0].samples[0, 0] >= 10_000


@pytest.mark.parametrize("clock", ["from 0", "unix"])
def test_a_stream_that_returns_with_another_clock_was_away_for_the_time_that_passed(
    sources: list[LSLSource], clock: str
) -> None:
    source = LSLSource("reset", markers=False)
    sources.append(source)
    with LslSender("reset"):
        source.open()
        before = read(source, 250)
    left_at = pylsl.local_clock()
    shift = -left_at if clock == "from 0" else time.time() - left_at
    with LslSender("reset", first=100_000, clock_shift_s=shift):
        after = read(source, 250)
    away_s = after[0].timestamps[0] - shift - before[-1].timestamps[-1]
    lost = after[0].first_sample - before[-1].stop_sample
    assert lost == pytest.approx(away_s * 250.0, abs=25)
    np.testing.assert_array_equal(np.diff(numbers(after)), 1)


def test_a_declared_rate_that_is_wrong_is_told_with_the_real_one(
    sources: list[LSLSource],
) -> None:
    source = LSLSource("wrong", markers=False)
    told = LSLSource("wrong", markers=False, sfreq=125.0)
    sources += [source, told]
    with LslSender("wrong", real_sfreq=125.0):
        source.open()
        assert told.open().sfreq == 125.0
        chunks = read(source, 1000)
        as_told = read(told, 1000)
    (note,) = [note for chunk in chunks for note in chunk.notes]
    assert note == (
        "declared 250 Hz, but 125.0 Hz by its time stamps: no labels; "
        "lsl:wrong?sfreq=125 decodes it at that rate"
    )
    assert chunks[-1].sfreq_by_stamps == pytest.approx(125.0, rel=0.01)
    assert chunks[-1].stop_sample == sum(chunk.n_times for chunk in chunks)
    assert [note for chunk in as_told for note in chunk.notes] == []


def test_a_stream_that_returns_under_another_identity_is_taken_up_with_a_note(
    sources: list[LSLSource],
) -> None:
    source, asked = LSLSource("renamed", markers=False), LSLSource("renamed", source_id="run-1")
    sources.append(source)
    sources.append(asked)
    with LslSender("renamed", source_id="run-1"):
        source.open()
        asked.open()
        read(source, 50)
        read(asked, 50)
    with LslSender("renamed", source_id="run-2", first=10_000):
        after = read(source, 250)
        assert not any(asked.read(0.1).n_times for _ in range(10))
    assert numbers(after)[-1] >= 10_000
    (note,) = [note for chunk in after for note in chunk.notes]
    assert note == "LSL stream 'renamed' came back under another source_id, run-2: taken up again"


def test_a_stream_without_a_rate_is_refused_with_the_reason_or_read_at_the_rate_given(
    sources: list[LSLSource],
) -> None:
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("bare rate", "EEG", 2, 0.0, "float32", "bare"))
    text = pylsl.StreamOutlet(pylsl.StreamInfo("bare text", "EEG", 1, 250.0, "string", "text"))
    with pytest.raises(SourceNotFound, match=r"declares no rate: give it, as in lsl:bare rate\?"):
        LSLSource("bare rate", timeout_s=5.0).open()
    with pytest.raises(SourceNotFound, match="which sends text"):
        LSLSource("bare text", timeout_s=5.0).open()
    source = LSLSource("bare rate", montage=("Cz", "Oz"), markers=False, sfreq=100.0)
    sources.append(source)
    assert source.open().sfreq == 100.0
    now = pylsl.local_clock()
    for number in range(100):
        outlet.push_sample([float(number)] * 2, now + number / 100.0)
    np.testing.assert_array_equal(numbers(read(source, 100)), np.arange(100.0))
    assert text.channel_count == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ch_names": NAMES[:4]}, "channels 8 -> 4"),
        ({"sfreq": 500.0}, "rate 250 Hz -> 500 Hz"),
        ({"ch_names": ("Fz", *NAMES[1:])}, "labels Fp1"),
        ({"unit": "volts"}, "units microvolts"),
    ],
)
def test_a_stream_that_returns_changed_is_refused(
    sources: list[LSLSource], changed: dict, says: str
) -> None:
    source = LSLSource("other", markers=False)
    sources.append(source)
    with LslSender("other"):
        source.open()
        read(source, 100)
    with LslSender("other", **changed), pytest.raises(SourceChanged, match=says):
        read(source, 100)


def test_a_silent_stream_is_left_for_the_same_one_started_anew(sources: list[LSLSource]) -> None:
    source = LSLSource("silent", markers=False)
    sources.append(source)
    with LslSender("silent") as sender:
        source.open()
        read(source, 100)
        sender.pause()
        with LslSender("silent", first=50_000):
            assert numbers(read(source, 100))[-1] >= 50_000


def test_a_stream_that_stays_away_is_lost_for_good(sources: list[LSLSource]) -> None:
    clock = HandClock()
    source = LSLSource("gone", markers=False, lost_after_s=60.0, clock=clock)
    sources.append(source)
    with LslSender("gone"):
        source.open()
        read(source, 50)
    clock.now += 61.0
    with pytest.raises(SourceLost, match="silent for"):
        read(source, 1000)


def test_events_come_with_the_samples_of_their_time(sources: list[LSLSource]) -> None:
    events = pylsl.StreamOutlet(pylsl.StreamInfo("paradigm", "Markers", 1, 0, "string", "events"))
    with LslSender("marked"):
        source = LSLSource("marked")
        sources.append(source)
        source.open()
        read(source, 100)
        now = pylsl.local_clock()
        events.push_sample(["happy"], now + 0.1)
        events.push_sample(["sad"], now)
        chunks = read(source, 250)
        marked = [(m, chunk) for chunk in chunks for m in chunk.markers]
        assert [marker.label for marker, _ in marked] == ["sad", "happy"]
        marker, chunk = marked[1]
        assert chunk.timestamps[0] - 0.02 <= marker.timestamp <= chunk.timestamps[-1]
        assert marker.timestamp == pytest.approx(now + 0.1, abs=1e-3)


def test_a_stream_whose_events_begin_later_is_marked_all_the_same(sources: list[LSLSource]) -> None:
    with LslSender("early"):
        source = LSLSource("early")
        sources.append(source)
        source.open()
        info = pylsl.StreamInfo("late paradigm", "Markers", 1, 0, "string", "late-events")
        events = pylsl.StreamOutlet(info)
        for _ in range(100):
            (_chunk,) = read(source, 1)[:1]
            if events.have_consumers():
                break
        events.push_sample(["now"])
        labels: list[str] = []
        while not labels:
            labels += [m.label for chunk in read(source, 1) for m in chunk.markers]
        assert labels == ["now"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_a_sender_of_events_that_does_not_answer_at_first_is_tried_again() -> None:
    watch = StreamWatch()
    events = OtherStream("busy paradigm", "Markers", "busy", "string", 1, 0.0)
    with sent_elsewhere(events) as process, ThreadPoolExecutor(2) as worker:
        wait_for(lambda: "busy paradigm" in [info.name() for info in watch.visible()])
        os.kill(process.pid, signal.SIGSTOP)
        inlets = MarkerInlets(watch, worker)
        try:
            inlets.connect(60.0)
            wait_for(lambda: inlets.pull(time.monotonic(), 0.0, 0.0) or inlets.notes)
            assert inlets.notes == [
                "marker stream 'busy paradigm' does not answer; it is tried again"
            ]
        finally:
            os.kill(process.pid, signal.SIGCONT)
        now = pylsl.local_clock()
        wait_for(lambda: inlets.pull(time.monotonic(), now, 0.0))
        assert inlets.notes[-1] == "marker stream 'busy paradigm' answers now"
        inlets.close()


@pytest.mark.parametrize(
    ("eeg_shift_s", "event_shift_s"), [(0.0, 1.7e9), (1.7e9, 0.0), (1.7e9, 1.7e9), (-500.0, 99.0)]
)
def test_events_on_another_clock_are_placed_by_their_arrival(
    sources: list[LSLSource], eeg_shift_s: float, event_shift_s: float
) -> None:
    events = pylsl.StreamOutlet(pylsl.StreamInfo("foreign", "Markers", 1, 0, "string", "foreign"))
    with LslSender("own", clock_shift_s=eeg_shift_s):
        source = LSLSource("own")
        sources.append(source)
        source.open()
        read(source, 100)
        now = pylsl.local_clock()
        events.push_sample(["go"], now + event_shift_s)
        chunks = read(source, 250)
    (marker,) = [m for chunk in chunks for m in chunk.markers]
    assert marker.timestamp == pytest.approx(now + eeg_shift_s, abs=0.05)
    said = [note for chunk in chunks for note in chunk.notes]
    assert bool(said) == (eeg_shift_s != event_shift_s)
    assert all("'foreign' are on another clock than the EEG" in note for note in said)


def test_events_are_taken_whatever_their_stream_is_called_and_made_of(
    sources: list[LSLSource],
) -> None:
    kinds = {
        "Marker": ("string", 1, ["a"]),
        "Events": ("int32", 1, [5]),
        "annotations": ("string", 2, ["b", "{}"]),
        "TRIGGER": ("float32", 1, [2.0]),
    }
    outlets = {
        kind: pylsl.StreamOutlet(pylsl.StreamInfo(kind, kind, n, 0, form, kind))
        for kind, (form, n, _) in kinds.items()
    }
    line = pylsl.StreamOutlet(pylsl.StreamInfo("line", "Markers", 2, 1000, "int32", "line"))
    with LslSender("many"):
        source = LSLSource("many")
        sources.append(source)
        source.open()
        read(source, 10)
        assert all(outlet.wait_for_consumers(30.0) for outlet in (*outlets.values(), line))
        for kind, outlet in outlets.items():
            outlet.push_sample(kinds[kind][2])
        for value in (0, 7, 7, 7, 0, 0, 9, 9, 0):
            line.push_sample([value, 0])
        labels: list[str] = []
        while len(labels) < 6:
            labels += [m.label for chunk in read(source, 1) for m in chunk.markers]
    assert sorted(labels) == ["2", "5", "7", "9", "a", "b/{}"]


def test_streams_are_listed_with_their_measured_rate() -> None:
    events = pylsl.StreamOutlet(pylsl.StreamInfo("what happens", "Markers", 1, 0, "string", "ev"))
    with LslSender("listed", sfreq=100.0):
        found = {stream.name: stream for stream in list_lsl(1.0, measure_s=0.5)}
    listed = found["listed"]
    assert (listed.n_channels, listed.sfreq, listed.ch_names) == (8, 100.0, NAMES)
    assert listed.measured_sfreq == pytest.approx(100.0, rel=0.02)
    assert (found["what happens"].type, found["what happens"].measured_sfreq) == ("Markers", 0.0)
    assert events.channel_count == 1


def test_boards_are_listed_with_their_inputs() -> None:
    boards = {board.name: board for board in list_boards()}
    assert boards["cyton_daisy"].n_channels == 16
    assert boards["synthetic"].sfreq == 250.0
    assert boards["ganglion"].ch_names == ()
