"""The recorder: what went in comes back, whatever happens to the file or the disk."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pyxdf

from mdjpt.errors import RecordingError
from mdjpt.recordings import read_recording
from mdjpt.recordings.xdf_content import load_streams
from mdjpt.recordings.xdf_layout import POSITIONS_TYPE
from mdjpt.signal.quality import Quality
from streaming.pipeline import Pipeline
from streaming.prediction import Prediction
from streaming.recorder import Recorder
from streaming.recorder.byte_queue import ByteQueue
from streaming.snapshot import ModelCard
from streaming.sources.recording import RecordingSource
from streaming.sources.simulated import SimulatedSource
from streaming.sources.source_spec import parse_source
from streaming.stream import Chunk, Column, Marker
from tests.support.fakes import NAMES, PowerDecoder, ScriptedSource
from tests.support.hand_clock import HandClock
from tests.support.recordings_made import (
    INFO,
    SFREQ,
    SmallDisk,
    StuckDisk,
    chunks_with_gap,
    joined,
    write_recording,
)

if TYPE_CHECKING:
    from pathlib import Path

CARD = ModelCard("demo.safetensors", "released", ("low", "high"), simulated=True)


def prediction(index: int) -> Prediction:
    return Prediction(
        index, index * 0.5, index * 0.5 + 5, index * 0.5 + 5, "ok", "low",
        {"low": 0.75, "high": 0.25}, 0.75, Quality(8), 31.5, ("model",),
    )  # fmt: skip


def streams_of(path: Path) -> dict[str, dict]:
    """Return what pyxdf finds, by type."""
    found, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    return {stream["info"]["type"][0]: stream for stream in found}


# What is recorded


def test_samples_stamps_and_positions_come_back_exactly(tmp_path: Path) -> None:
    chunks = chunks_with_gap()
    path = write_recording(tmp_path / "r.xdf", chunks)
    recording = read_recording(path)
    samples, positions = joined(chunks)
    np.testing.assert_array_equal(recording.samples, samples)
    np.testing.assert_array_equal(recording.positions, positions)
    (stamps,) = (stream.stamps for stream in load_streams(path)[0] if stream.kind == "EEG")
    np.testing.assert_array_equal(stamps, np.concatenate([c.timestamps for c in chunks]))
    assert recording.ch_names == NAMES
    assert recording.sfreq == SFREQ
    assert recording.simulated
    assert recording.notes == ("samples are missing, no window reaches across: 0.32 s at 7.0 s",)


def test_pyxdf_finds_the_streams_with_their_labels(tmp_path: Path) -> None:
    chunks = chunks_with_gap()
    streams = streams_of(write_recording(tmp_path / "r.xdf", chunks))
    eeg = streams["EEG"]
    channels = eeg["info"]["desc"][0]["channels"][0]["channel"]
    assert [c["label"][0] for c in channels] == list(NAMES)
    assert {c["unit"][0] for c in channels} == {"uV"}
    assert eeg["info"]["desc"][0]["simulated"] == ["true"]
    assert eeg["info"]["source_id"] == ["amp-1"]
    np.testing.assert_array_equal(eeg["time_series"].T, joined(chunks)[0])
    assert int(eeg["footer"]["info"]["sample_count"][0]) == len(eeg["time_stamps"])


def test_lost_samples_are_annotated_where_the_signal_goes_on(tmp_path: Path) -> None:
    chunks = chunks_with_gap(gap_at_s=7.0, n_lost=40)
    markers = streams_of(write_recording(tmp_path / "r.xdf", chunks))["Markers"]
    texts = [row[0] for row in markers["time_series"]]
    assert texts == ["gap/40", "eyes closed"]
    assert markers["time_stamps"][0] == 7.0 + 40 / SFREQ


def test_what_was_sent_beside_the_electrodes_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    columns = (Column("Counter"), Column("ACC_X", "g", "ACC"))
    rng = np.random.default_rng(1)
    # A counter beyond what float32 holds, and fractions beyond it.
    chunks = [
        replace(
            chunk,
            others=np.stack(
                [
                    2.0**40 + np.arange(chunk.first_sample, chunk.stop_sample),
                    rng.random(chunk.n_times),
                ]
            ),
        )
        for chunk in chunks_with_gap()
    ]
    path = write_recording(tmp_path / "r.xdf", chunks, replace(INFO, others=columns))
    streams = streams_of(path)
    others = streams["Others"]
    sent = np.concatenate([chunk.others for chunk in chunks if chunk.others is not None], axis=1)
    np.testing.assert_array_equal(others["time_series"].T, sent)
    np.testing.assert_array_equal(others["time_stamps"], streams["EEG"]["time_stamps"])
    described = others["info"]["desc"][0]["channels"][0]["channel"]
    assert [c["label"][0] for c in described] == ["Counter", "ACC_X"]
    assert described[1]["unit"] == ["g"]
    assert described[1]["type"] == ["ACC"]
    np.testing.assert_array_equal(read_recording(path).samples, joined(chunks)[0])


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "r.xdf"
    path.write_bytes(b"dear")
    with pytest.raises(RecordingError, match="exists already"):
        Recorder(path)
    assert path.read_bytes() == b"dear"


def test_only_its_owner_may_read_a_recording(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "r.xdf", chunks_with_gap())
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_marks_of_any_thread_and_predictions_are_in_the_file(tmp_path: Path) -> None:
    chunks = chunks_with_gap()
    recorder = Recorder(tmp_path / "r.xdf")
    recorder.mark(Marker(-1.0, "before the first sample"))
    recorder.open(INFO)
    for chunk in chunks:
        recorder.write(chunk)
    recorder.mark(Marker(11.0, "joy <&> Freude ä"))
    recorder.mark(Marker(11.5, "happy", "truth"))
    for index in range(3):
        recorder.predict(prediction(index), CARD)
    recorder.close()
    recorder.close()
    assert recorder.error == ""
    recording = read_recording(tmp_path / "r.xdf")
    assert recording.markers == (
        (0.0, "before the first sample"),
        (11.0, "joy <&> Freude ä"),
        (11.5, "truth/happy"),
    )
    stored = streams_of(tmp_path / "r.xdf")["Predictions"]
    assert [json.loads(row[0]) for row in stored["time_series"]] == [
        prediction(index).to_json() for index in range(3)
    ]
    assert stored["info"]["desc"][0]["model"] == ["demo.safetensors"]


def test_another_model_begins_another_stream_of_predictions(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.xdf")
    recorder.open(INFO)
    recorder.write(chunks_with_gap()[0])
    recorder.predict(prediction(0), CARD)
    recorder.predict(prediction(1), None)
    recorder.close()
    found, _ = pyxdf.load_xdf(str(tmp_path / "r.xdf"))
    models = [
        stream["info"]["desc"][0].get("model", ["none"])[0]
        for stream in found
        if stream["info"]["type"] == ["Predictions"]
    ]
    assert models == ["demo.safetensors", "none"]


def test_a_recording_into_which_nothing_came_leaves_no_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.xdf")
    recorder.close()
    assert recorder.error == ""
    assert list(tmp_path.iterdir()) == []


# Replay


@pytest.mark.parametrize("n_lost", [0, 40])
def test_a_replay_decodes_as_the_live_session_did(tmp_path: Path, n_lost: int) -> None:
    chunks = chunks_with_gap(seconds=25, gap_at_s=13.0, n_lost=n_lost, seed=3)
    recorder = Recorder(tmp_path / "r.xdf")
    source = ScriptedSource(chunks, INFO)
    live = [a.prediction for a in Pipeline(source, PowerDecoder(), sink=recorder).run()]
    assert recorder.error == ""
    source = RecordingSource(tmp_path / "r.xdf", speed="max")
    pipeline = Pipeline(source, PowerDecoder())
    again = [a.prediction for a in pipeline.run()]
    assert pipeline.acquisition.info.simulated
    decoded = {p.index: p for p in again}
    assert sum(p.status == "ok" for p in live) > 3
    assert [p.status for p in live].count("gap") == (0 if not n_lost else 10)
    for one in live:
        two = decoded[one.index]
        assert two.status == one.status
        for name, p in one.probabilities.items():
            assert two.probabilities[name] == pytest.approx(p, abs=1e-6)


def test_the_truth_of_a_simulated_participant_is_recorded_and_replayed(tmp_path: Path) -> None:
    spec = parse_source("sim:?seed=3&n_channels=8&duration=20")
    source = SimulatedSource.from_spec(spec, speed=float("inf"))
    recorder = Recorder(tmp_path / "r.xdf")
    live = Pipeline(source, PowerDecoder(), sink=recorder)
    list(live.run())
    again = Pipeline(RecordingSource(tmp_path / "r.xdf", speed="max"), PowerDecoder())
    list(again.run())
    assert list(again.acquisition.markers) == list(live.acquisition.markers)
    assert again.acquisition.truth == live.acquisition.truth is not None


def test_a_recording_that_begins_late_knows_the_state_it_begins_in(tmp_path: Path) -> None:
    spec = parse_source("sim:?seed=3&n_channels=8&duration=20")
    pipeline = Pipeline(SimulatedSource.from_spec(spec, speed=float("inf")), PowerDecoder())
    pipeline.open()
    pipeline.step()
    recorder = Recorder(tmp_path / "r.xdf")
    pipeline.acquisition.sink = recorder
    for _ in range(4):
        pipeline.step()
    truth = pipeline.acquisition.truth
    pipeline.close()
    recorder.close()
    recording = read_recording(tmp_path / "r.xdf")
    assert recording.markers == ((0.0, f"truth/{truth}"),)
    (rows,) = (s.values for s in load_streams(tmp_path / "r.xdf")[0] if s.kind == POSITIONS_TYPE)
    assert rows[0, 0] == 250
    assert RecordingSource(recording).open().simulated


# Disks that fail


def recorded_on(disk: SmallDisk, path: Path) -> Recorder:
    recorder = Recorder(path, create=disk.create)
    recorder.open(INFO)
    for chunk in chunks_with_gap():
        recorder.write(chunk)
    recorder.close()
    return recorder


def test_a_full_disk_ends_the_recording_and_the_file_is_valid_to_its_last_chunk(
    tmp_path: Path,
) -> None:
    recorder = recorded_on(SmallDisk(20_000), tmp_path / "r.xdf")
    assert recorder.failed
    assert "r.xdf: recording ended after " in recorder.error
    assert "s: no space left on device; the file is valid up to there" in recorder.error
    recording = read_recording(tmp_path / "r.xdf")
    samples, _ = joined(chunks_with_gap())
    n_times = recording.n_times
    assert 300 < n_times < samples.shape[1]
    assert n_times % 25 == 0
    np.testing.assert_array_equal(recording.samples, samples[:, :n_times])
    assert recording.notes == ()


def test_a_disk_that_is_full_at_once_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no space left"):
        Recorder(tmp_path / "r.xdf", create=SmallDisk(3).create)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such file or directory; choose another folder"):
        Recorder(tmp_path / "none" / "r.xdf")


def test_what_comes_after_a_failure_is_dropped_without_an_error(tmp_path: Path) -> None:
    recorder = recorded_on(SmallDisk(20_000), tmp_path / "r.xdf")
    recorder.write(chunks_with_gap()[0])
    recorder.mark(Marker(0.0, "late"))
    assert recorder.has_room
    recorder.close()


def test_a_disk_that_falls_behind_ends_the_recording_and_keeps_what_it_took(
    tmp_path: Path,
) -> None:
    disk, chunks = StuckDisk(), chunks_with_gap()
    recorder = Recorder(tmp_path / "r.xdf", create=disk.create, max_waiting_bytes=20_000)
    recorder.open(INFO)
    recorder.write(chunks[0])
    assert disk.reached.wait(60.0)
    n_given = 1
    while not recorder.failed:
        recorder.write(chunks[n_given])
        n_given += 1
    assert "the disk is slower than the signal" in recorder.error
    disk.released.set()
    recorder.close()
    recording = read_recording(tmp_path / "r.xdf")
    assert recording.n_times == 25 * (n_given - 1)
    np.testing.assert_array_equal(recording.samples, joined(chunks)[0][:, : 25 * (n_given - 1)])


def test_a_disk_that_does_not_answer_is_told_while_it_does_not(tmp_path: Path) -> None:
    disk, clock = StuckDisk(), HandClock()
    recorder = Recorder(tmp_path / "r.xdf", create=disk.create, clock=clock)
    recorder.open(INFO)
    recorder.write(chunks_with_gap()[0])
    assert disk.reached.wait(60.0)
    assert recorder.error == ""
    clock.now += 6.0
    assert "the disk does not answer" in recorder.error
    assert not recorder.failed
    disk.released.set()
    recorder.close()
    assert recorder.error == ""


def test_a_source_that_can_wait_is_asked_to_while_much_waits(tmp_path: Path) -> None:
    disk = StuckDisk()
    recorder = Recorder(tmp_path / "r.xdf", create=disk.create)
    recorder.open(INFO)
    large = Chunk(np.zeros((len(NAMES), 140_000), np.float32), np.arange(140_000.0), 0)
    recorder.write(large)
    assert disk.reached.wait(60.0)
    recorder.write(replace(large, first_sample=140_000))
    assert not recorder.has_room
    disk.released.set()
    recorder.close()
    assert recorder.has_room
    assert not recorder.failed


def test_a_queue_that_is_full_refuses_and_loses_nothing_it_took() -> None:
    queue: ByteQueue[str] = ByteQueue(100)
    assert queue.put("larger than all of it", 150)
    assert not queue.put("no room", 1)
    assert queue.get(0.0) == "larger than all of it"
    assert queue.put("a", 60)
    assert not queue.put("b", 60)
    assert queue.put("c", 40)
    queue.close()
    assert [queue.get(10.0), queue.get(10.0), queue.get(10.0)] == ["a", "c", None]
    assert queue.n_bytes == 0
