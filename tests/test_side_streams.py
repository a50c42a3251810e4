"""Streams that are recorded beside the EEG: all of it, as it was sent, and never in its way."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pyxdf

from app.cli.main import run_command_line
from mdjpt.errors import MdjptError, SourceError, SourceNotFound
from mdjpt.recordings import read_recording
from streaming.processes.engine import Engine, EngineConfig
from streaming.recorder import Recorder
from streaming.recorder.side_streams import SideBlock, SideStreams
from streaming.sources.lsl import LSLSource
from streaming.sources.lsl_link.streams import StreamQuery
from tests.support.lsl_others import OtherStream, sent_elsewhere
from tests.support.lsl_sender import LslSender
from tests.support.recordings_made import INFO, chunks_with_gap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 60.0
ACC = OtherStream("acc", "ACC", "acc-1")
PPG = OtherStream("ppg", "PPG", "ppg-1", "int32", 1, 64.0)
NOTES = OtherStream("notes", "Text", "notes-1", "string", 2, 0.0)


def poll_until(engine: Engine, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert engine.failure is None, engine.failure
        assert time.monotonic() < deadline, f"still {engine.snapshot()}"
        engine.poll(timeout_s=0.02)


def recording_of(name: str, path: Path, *beside: str) -> Engine:
    """Return an engine that records an LSL stream and others beside it."""
    source = partial(LSLSource, name, markers=False)
    queries = tuple(StreamQuery(one) for one in beside)
    return Engine(EngineConfig(source, record=path, record_streams=queries))


def streams_of(path: Path) -> dict[str, dict[str, Any]]:
    found, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    return {stream["info"]["name"][0]: stream for stream in found}


def test_three_streams_are_in_one_file_complete_and_on_one_clock(tmp_path: Path) -> None:
    path = tmp_path / "r.xdf"
    with LslSender("eeg-3"), sent_elsewhere(ACC, PPG, NOTES):
        engine = recording_of("eeg-3", path, "acc", "ppg", "notes")
        engine.start()
        poll_until(engine, lambda: engine.snapshot().recorded_s > 3.0)
        engine.stop()
    assert engine.snapshot().recording_error == ""
    streams = streams_of(path)
    acc, ppg, notes = streams["acc"], streams["ppg"], streams["notes"]
    assert acc["info"]["type"] == ["ACC"]
    assert acc["info"]["desc"][0]["manufacturer"] == ["maker"]
    numbers = acc["time_series"][:, 0]
    assert len(numbers) > 100
    np.testing.assert_array_equal(np.diff(numbers), 1)
    np.testing.assert_allclose(acc["time_series"][:, 2] - numbers, 0.2, atol=1e-4)
    assert ppg["time_series"].dtype == np.int32
    np.testing.assert_array_equal(np.diff(ppg["time_series"][:, 0]), 1)
    rows = notes["time_series"]
    first = int(rows[0][0].split("-")[0])
    assert rows == [[f"{n}-0 ä", f"{n}-1 ä"] for n in range(first, first + len(rows))]
    # pyxdf adds the recorded offsets: one computer, one clock.
    eeg = streams["eeg-3"]["time_stamps"]
    for other in (acc, ppg, notes):
        assert abs(other["time_stamps"][-1] - eeg[-1]) < 1.0
    assert read_recording(path).n_times > 700


def test_a_sender_that_dies_and_returns_costs_nothing_but_its_own_samples(tmp_path: Path) -> None:
    path = tmp_path / "r.xdf"
    with LslSender("eeg-dies"):
        with sent_elsewhere(ACC) as sender:
            engine = recording_of("eeg-dies", path, "acc")
            engine.start()
            poll_until(engine, lambda: engine.snapshot().recorded_s > 1.0)
            os.kill(sender.pid, signal.SIGKILL)
            poll_until(engine, lambda: bool(engine.snapshot().recording_notes))
            assert "acc has gone" in engine.snapshot().recording_notes[0]
        with sent_elsewhere(ACC):
            poll_until(engine, lambda: not engine.snapshot().recording_notes)
            until = engine.snapshot().recorded_s + 1.0
            poll_until(engine, lambda: engine.snapshot().recorded_s > until)
        engine.stop()
    streams = streams_of(path)
    assert (np.diff(streams["acc"]["time_series"][:, 0]) < 0).sum() == 1
    assert read_recording(path).positions is not None
    np.testing.assert_array_equal(np.diff(streams["eeg-dies"]["time_series"][:, 0]), 1)


def test_a_sender_that_returns_with_another_shape_is_left_out_and_told(tmp_path: Path) -> None:
    with LslSender("eeg-shape"):
        with sent_elsewhere(ACC) as sender:
            engine = recording_of("eeg-shape", tmp_path / "r.xdf", "acc")
            engine.start()
            poll_until(engine, lambda: engine.snapshot().recorded_s > 1.0)
            os.kill(sender.pid, signal.SIGKILL)
            poll_until(engine, lambda: bool(engine.snapshot().recording_notes))
        with sent_elsewhere(replace(ACC, n_channels=2)):
            poll_until(
                engine,
                lambda: any("channels 3 -> 2" in n for n in engine.snapshot().recording_notes),
            )
        engine.stop()
    assert streams_of(tmp_path / "r.xdf")["acc"]["time_series"].shape[1] == 3


@pytest.mark.parametrize(
    ("queries", "error", "says"),
    [
        ([StreamQuery("nowhere")], SourceNotFound, "no LSL stream named 'nowhere' within 5 s"),
        ([StreamQuery("acc")], SourceError, "2 LSL streams match named 'acc'"),
    ],
)
def test_a_stream_that_is_not_there_or_not_the_only_one_is_refused(
    queries: list[StreamQuery], error: type[MdjptError], says: str
) -> None:
    with sent_elsewhere(ACC, replace(ACC, source_id="acc-2")), pytest.raises(error, match=says):
        SideStreams(queries, lambda _block: None).find()


def test_events_are_not_recorded_twice_and_files_have_no_such_clock() -> None:
    markers = OtherStream("events", "Markers", "events-1", "string", 1, 0.0)
    with sent_elsewhere(markers, ACC):
        events = SideStreams([StreamQuery("events")], lambda _block: None)
        events.find()
        with pytest.raises(MdjptError, match="recorded anyway"):
            events.begin("lsl")
        acc = SideStreams([StreamQuery("acc")], lambda _block: None)
        acc.find()
        with pytest.raises(MdjptError, match="measured now"):
            acc.begin("recording")


def test_a_description_that_xml_cannot_hold_does_not_spoil_the_file(tmp_path: Path) -> None:
    hostile = OtherStream("h\x01<x>\x1b[2J", "ACC", "hostile\x02", maker="\x03&ä\ufffe")
    path = tmp_path / "r.xdf"
    with LslSender("eeg-hostile"), sent_elsewhere(hostile):
        engine = recording_of("eeg-hostile", path, hostile.name)
        engine.start()
        poll_until(engine, lambda: engine.snapshot().recorded_s > 1.0)
        engine.stop()
    streams = streams_of(path)
    assert "h?<x>?[2J" in streams
    assert streams["h?<x>?[2J"]["info"]["desc"][0]["manufacturer"] == ["?&ä?"]


def test_offsets_of_the_senders_clock_put_its_samples_beside_the_eeg(tmp_path: Path) -> None:
    chunks = chunks_with_gap(n_lost=0)
    recorder = Recorder(tmp_path / "r.xdf")
    recorder.open(INFO)
    header = (
        "<info><name>far</name><type>ACC</type><channel_count>1</channel_count>"
        "<channel_format>float32</channel_format><nominal_srate>10</nominal_srate>"
        "<source_id>far</source_id><desc /></info>"
    )
    for second, chunk in enumerate(chunks):
        recorder.write(chunk)
        stamp = float(chunk.timestamps[0]) + 1000.0
        recorder.beside(
            SideBlock(
                7, header, np.array([stamp]), np.array([[second]], np.float32), (stamp, -1000.0)
            )
        )
    recorder.close()
    far = streams_of(tmp_path / "r.xdf")["far"]
    np.testing.assert_allclose(
        far["time_stamps"], [float(c.timestamps[0]) for c in chunks], atol=1e-6
    )
    np.testing.assert_array_equal(far["time_series"][:, 0], np.arange(len(chunks)))


def test_eeg_beside_the_eeg_has_places_of_its_own(tmp_path: Path) -> None:
    other = OtherStream("second", "EEG", "eeg-b", n_channels=3, sfreq=100.0)
    path = tmp_path / "r.xdf"
    with LslSender("first", source_id="eeg-a"), sent_elsewhere(other):
        engine = recording_of("first", path, "second")
        engine.start()
        poll_until(engine, lambda: engine.snapshot().recorded_s > 2.0)
        engine.stop()
    with pytest.raises(MdjptError, match="several streams match"):
        read_recording(path)
    first = read_recording(path, stream="eeg-a")
    # Its first column counts its samples, the other two are electrodes.
    second = read_recording(path, stream="eeg-b", montage=("Cz", "Pz"))
    assert (first.sfreq, second.sfreq) == (250.0, 100.0)
    # The first one's positions are not held against the second one's samples.
    assert not any("positions" in note for note in second.notes)
    assert second.gaps == ()


def test_run_records_a_further_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LslSender("eeg-run"), sent_elsewhere(ACC):
        arguments = ["run", "lsl:eeg-run", "--duration", "2", "--out", "-"]
        record = ["--record", str(tmp_path), "--record-stream", "acc?source_id=acc-1"]
        assert run_command_line(arguments + record) == 0
    (path,) = tmp_path.glob("*.xdf")
    assert len(streams_of(path)["acc"]["time_stamps"]) > 20
    capsys.readouterr()
    assert run_command_line([*arguments, "--record-stream", "acc"]) == 2
    assert "--record-stream needs --record" in capsys.readouterr().err
