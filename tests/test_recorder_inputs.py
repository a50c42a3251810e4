"""What a recorder may be given: odd names, rates, numbers, clocks, storms, and folders that go."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pyxdf

from mdjpt.errors import RecordingError
from mdjpt.recordings import read_recording
from mdjpt.recordings.xdf_content import load_streams
from streaming.acquisition import Acquisition
from streaming.recorder import Recorder, RecordingSwitch
from streaming.stream import Chunk, Marker, StreamInfo
from tests.support.fakes import ScriptedSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streaming.recorder.storage import CheckedFile

NAMES = ("Fp1", "Cz")


def chunk(first: int, n_times: int, n_channels: int = 2, sfreq: float = 100.0) -> Chunk:
    """Return samples that differ everywhere."""
    positions = np.arange(first, first + n_times)
    samples = positions + 0.001 * np.arange(n_channels)[:, None]
    return Chunk(samples.astype(np.float32), positions / sfreq, first)


def recorded(
    path: Path,
    chunks: Sequence[Chunk],
    names: tuple[str, ...] = NAMES,
    sfreq: float = 100.0,
    markers: Sequence[Marker] = (),
) -> Recorder:
    """Record chunks, then markers; nothing may raise."""
    recorder = Recorder(path)
    recorder.open(StreamInfo("amp", names, sfreq))
    for one in chunks:
        recorder.write(one)
    for marker in markers:
        recorder.mark(marker)
    recorder.close()
    return recorder


def eeg_of(path: Path) -> dict:
    """Return the stream of EEG as pyxdf reads it."""
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    return next(s for s in streams if s["info"]["type"] == ["EEG"])


# Names and sizes


@pytest.mark.parametrize(
    "names",
    [
        ("Cz",),
        ("Fp1", "µ-ä", "日本", "😀", "C<&>3"),
        ("Fp1", "Fp1", "Cz"),
        ("Fp1", "", "Cz"),
        tuple(f"E{i}" for i in range(256)),
    ],
    ids=["one", "unicode", "twice", "empty", "256"],
)
def test_any_names_are_recorded_as_they_are(tmp_path: Path, names: tuple[str, ...]) -> None:
    given = chunk(0, 200, len(names))
    assert recorded(tmp_path / "r.xdf", [given], names).error == ""
    eeg = eeg_of(tmp_path / "r.xdf")
    channels = eeg["info"]["desc"][0]["channels"][0]["channel"]
    assert tuple(channel["label"][0] or "" for channel in channels) == names
    np.testing.assert_array_equal(eeg["time_series"].T, given.samples)


def test_what_xml_cannot_hold_becomes_a_question_mark(tmp_path: Path) -> None:
    assert recorded(tmp_path / "r.xdf", [chunk(0, 200)], ("Fp1", "Cz\x00\ud800")).error == ""
    channels = eeg_of(tmp_path / "r.xdf")["info"]["desc"][0]["channels"][0]["channel"]
    assert channels[1]["label"] == ["Cz??"]


@pytest.mark.parametrize("sfreq", [1.0, 1000 / 3, 20_000.0])
def test_any_rate_comes_back_exactly(tmp_path: Path, sfreq: float) -> None:
    n_times = max(30, int(2 * sfreq))
    cuts = [0, 1, n_times // 2, n_times]
    given = [chunk(a, b - a, 2, sfreq) for a, b in itertools.pairwise(cuts)]
    recorder = recorded(tmp_path / "r.xdf", given, sfreq=sfreq)
    assert recorder.recorded_s == pytest.approx(n_times / sfreq)
    recording = read_recording(tmp_path / "r.xdf")
    assert recording.sfreq == sfreq
    np.testing.assert_array_equal(recording.samples, np.hstack([c.samples for c in given]))


def test_a_path_in_other_letters_is_recorded_to(tmp_path: Path) -> None:
    folder = tmp_path / "日本 ä"
    folder.mkdir()
    assert recorded(folder / "ö 😀.xdf", [chunk(0, 200)]).error == ""
    assert read_recording(folder / "ö 😀.xdf").n_times == 200


# Numbers and clocks


def test_nan_and_infinity_are_recorded_bit_by_bit(tmp_path: Path) -> None:
    given = chunk(0, 300)
    given.samples[0, 5], given.samples[1, 7], given.samples[0, 9] = np.nan, np.inf, -np.inf
    given.timestamps[150] = np.nan
    assert recorded(tmp_path / "r.xdf", [given]).error == ""
    eeg = eeg_of(tmp_path / "r.xdf")
    assert eeg["time_series"].T.tobytes() == given.samples.tobytes()
    np.testing.assert_array_equal(eeg["time_stamps"], given.timestamps)
    finite = np.isfinite(given.samples)
    samples = read_recording(tmp_path / "r.xdf").samples
    np.testing.assert_array_equal(samples[finite], given.samples[finite])
    assert not np.isfinite(samples[~finite]).any()


def test_a_clock_that_jumps_back_moves_no_sample(tmp_path: Path) -> None:
    given = [chunk(first, 100) for first in (0, 100, 200)]
    for late in given[1:]:
        late.timestamps[:] -= 3600.0
    recorder = recorded(tmp_path / "r.xdf", given)
    assert recorder.recorded_s == 3.0
    recording = read_recording(tmp_path / "r.xdf")
    np.testing.assert_array_equal(recording.samples, np.hstack([c.samples for c in given]))
    np.testing.assert_array_equal(recording.positions, np.arange(300))
    (stamps,) = (s.stamps for s in load_streams(tmp_path / "r.xdf")[0] if s.kind == "EEG")
    np.testing.assert_array_equal(stamps, np.hstack([c.timestamps for c in given]))


def test_a_source_that_comes_back_goes_on_in_the_same_file(tmp_path: Path) -> None:
    recorder = recorded(tmp_path / "r.xdf", [chunk(0, 100), chunk(1100, 100)])
    assert recorder.recorded_s == 12.0
    recording = read_recording(tmp_path / "r.xdf")
    assert recording.positions[99:101].tolist() == [99, 1100]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (chunk(100, 100, 3), "expected 2 channels, got 3"),
        (chunk(50, 100), "sample 50 lies before the end, 100"),
    ],
    ids=["channels", "doubled"],
)
def test_a_chunk_that_would_spoil_the_file_ends_the_recording(
    tmp_path: Path, bad: Chunk, told: str
) -> None:
    recorder = recorded(tmp_path / "r.xdf", [chunk(0, 100), bad, chunk(200, 100)])
    assert recorder.failed
    assert told in recorder.error
    np.testing.assert_array_equal(
        eeg_of(tmp_path / "r.xdf")["time_series"].T, chunk(0, 100).samples
    )


def test_samples_of_another_type_are_recorded_as_numbers(tmp_path: Path) -> None:
    given = Chunk(np.ones((2, 200)), np.arange(200) / 100, 0)  # type: ignore[arg-type]
    assert recorded(tmp_path / "r.xdf", [given]).error == ""
    assert (eeg_of(tmp_path / "r.xdf")["time_series"] == 1.0).all()


# Markers


def test_ten_thousand_markers_in_a_second_are_all_there_in_order(tmp_path: Path) -> None:
    first = chunk(0, 100)
    inside = tuple(Marker(i / 10_000, f"in {i}") for i in range(10_000))
    behind = [Marker(1 + i / 10_000, f"by {i}") for i in range(10_000)]
    storm = Chunk(first.samples, first.timestamps, 0, inside)
    assert recorded(tmp_path / "r.xdf", [storm, chunk(100, 100)], markers=behind).error == ""
    expected = tuple((round(m.timestamp, 6), m.label) for m in (*inside, *behind))
    assert read_recording(tmp_path / "r.xdf").markers == expected


def test_markers_without_a_text_or_a_time_spoil_nothing(tmp_path: Path) -> None:
    odd = [Marker(0.5, ""), Marker(np.nan, "no time"), Marker(0.7, "a\n\ud800"), Marker(0.8, "b")]
    assert recorded(tmp_path / "r.xdf", [chunk(0, 200)], markers=odd).error == ""
    assert read_recording(tmp_path / "r.xdf").markers == ((0.7, "a ?"), (0.8, "b"))


# On and off, and folders


def test_a_hundred_recordings_on_and_off_leave_no_thread_and_no_file_open(tmp_path: Path) -> None:
    info = StreamInfo("amp", NAMES, 100.0)
    acquisition = Acquisition(ScriptedSource([chunk(k * 10, 10) for k in range(100)], info))
    acquisition.open()
    switch = RecordingSwitch(acquisition)
    n_threads = threading.active_count()
    for k in range(100):
        switch.start(tmp_path / f"{k}.xdf")
        acquisition.step(0.0)
        switch.stop()
        assert switch.error == ""
    acquisition.ring.close()
    assert threading.active_count() == n_threads
    for k in range(100):
        np.testing.assert_array_equal(
            eeg_of(tmp_path / f"{k}.xdf")["time_series"].T, chunk(k * 10, 10).samples
        )


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no open file")
def test_a_folder_that_is_deleted_is_told_and_no_file_is_promised(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    recorder = Recorder(folder / "r.xdf")
    recorder.open(StreamInfo("amp", NAMES, 100.0))
    recorder.write(chunk(0, 100))
    shutil.rmtree(folder)
    recorder.close()
    assert "the file was deleted; begin a new recording" in recorder.error
    assert "valid" not in recorder.error


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_is_placed_at_once(tmp_path: Path, error: int) -> None:
    def create(path: Path) -> CheckedFile:
        raise OSError(error, os.strerror(error), str(path))

    with pytest.raises(RecordingError, match=r"cannot be recorded: .*; choose another folder"):
        Recorder(tmp_path / "r.xdf", create=create)
