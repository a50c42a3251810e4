"""A BrainFlow board as a source."""

from __future__ import annotations

import subprocess
import sys
from subprocess import PIPE
from typing import TYPE_CHECKING

import numpy as np
import pytest
from brainflow.board_shim import BrainFlowInputParams

from mdjpt.errors import MdjptError, RecordingError, SourceError, SourceLost, SourceNotFound
from streaming.sources.boards import board_names
from streaming.sources.brainflow import BrainFlowSource
from streaming.sources.brainflow_board import BrainFlowBoard
from streaming.sources.source_spec import parse_source
from tests.support.fake_board import SFREQ, FakeBoard
from tests.support.hand_clock import HandClock

if TYPE_CHECKING:
    from pathlib import Path


def opened(board: FakeBoard, **options: object) -> tuple[BrainFlowSource, HandClock]:
    clock = HandClock()
    source = BrainFlowSource(board, clock=clock, wait=clock.wait, **options)
    source.open()
    return source, clock


def step(board: FakeBoard, clock: HandClock, n_times: int, marker: float = 0.0) -> None:
    """Let time pass and the board sample."""
    clock.now += n_times / SFREQ
    board.sample(n_times, marker)


def assert_in_place(source: BrainFlowSource) -> None:
    """Read what there is: samples are their own numbers."""
    while (chunk := source.read(0.0)).n_times:
        np.testing.assert_array_equal(
            chunk.samples[0], np.arange(chunk.first_sample, chunk.stop_sample)
        )


def test_the_synthetic_board_loses_nothing_and_says_that_it_is_simulated() -> None:
    source = BrainFlowSource.from_spec(parse_source("brainflow:synthetic"))
    info = source.open()
    try:
        assert info.simulated
        assert info.n_channels == 16
        assert (info.sfreq, info.clock) == (250.0, "unix")
        others = [column.label for column in info.others]
        assert {"package_num", "accel_1", "gyro_3", "ppg_2", "battery", "marker"} <= set(others)
        stop = 0
        while stop < 600:
            chunk = source.read(0.2)
            assert chunk.first_sample == stop
            stop = chunk.stop_sample
            assert chunk.others is not None
            package = chunk.others[others.index("package_num")]
            np.testing.assert_array_equal(np.diff(package) % 256, 1)
    finally:
        source.close()


SHARER = """
import sys, warnings
warnings.simplefilter("ignore")
from brainflow.board_shim import BoardIds, BoardShim, BrainFlowInputParams
BoardShim.disable_board_logger()
board = BoardShim(BoardIds.SYNTHETIC_BOARD, BrainFlowInputParams())
board.prepare_session()
board.add_streamer("streaming_board://225.1.1.1:6677")
board.add_streamer(f"file://{sys.argv[1]}:w")
board.start_stream()
print("shared", flush=True)
sys.stdin.readline()
board.stop_stream()
board.release_session()
"""


def read_on(source: BrainFlowSource, n_times: int) -> int:
    """Read samples without a gap until there are so many, or the source ends; return how many."""
    stop = 0
    while stop < n_times and not source.ended:
        chunk = source.read(0.2)
        assert chunk.first_sample == stop
        stop = chunk.stop_sample
    return stop


def test_a_board_of_another_program_is_read_while_it_is_shared_and_from_its_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "shared board.csv"
    command = [sys.executable, "-c", SHARER, str(file)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as sharer:
        assert sharer.stdout is not None
        assert sharer.stdout.readline() == "shared\n"
        shared = "brainflow:streaming?ip_address=225.1.1.1&ip_port=6677&master_board=synthetic"
        source = BrainFlowSource.from_spec(parse_source(shared))
        info = source.open()
        try:
            assert (info.simulated, info.sfreq, info.n_channels) == (True, 250.0, 16)
            assert read_on(source, 500) >= 500
        finally:
            source.close()
        sharer.communicate("end")
    played = f"brainflow:playback_file?file={file}&master_board=synthetic"
    source = BrainFlowSource.from_spec(parse_source(played))
    assert source.open().ch_names == info.ch_names
    try:
        n_times = read_on(source, 10_000)
    finally:
        source.close()
    assert source.ended
    assert n_times == len(file.read_text().splitlines())


def test_options_are_the_fields_of_brainflow() -> None:
    known = set(vars(BrainFlowInputParams()))
    text = "&".join(f"{key}=1" for key in sorted(known))
    assert set(parse_source(f"brainflow:cyton?{text}").options) == known


def test_a_board_is_opened_once_in_a_program() -> None:
    first, second = (BrainFlowSource(BrainFlowBoard("synthetic")) for _ in range(2))
    first.open()
    try:
        with pytest.raises(SourceError, match="already open in this program"):
            second.open()
        second.close()
        assert first.read(0.5).n_times > 0
    finally:
        first.close()
    second.open()
    second.close()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("brainflow:cyton?serial_port=/dev/no-such-port", SourceNotFound, "is it plugged in"),
        ("brainflow:cyton", SourceNotFound, "serial_port="),
        ("brainflow:ganglion", SourceError, "--montage"),
        ("brainflow:playback_file", MdjptError, "which board sampled"),
        ("brainflow:streaming?master_board=cyton", MdjptError, "add ip_address and ip_port"),
        ("brainflow:playback_file?file=/none.csv&master_board=0", RecordingError, "no such file"),
        ("brainflow:streaming?master_board=cytn", MdjptError, "do you mean cyton"),
        ("brainflow:cytn", MdjptError, "do you mean cyton"),
    ],
)
def test_a_board_that_cannot_be_used_is_one_line(text: str, error: type, says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        BrainFlowSource.from_spec(parse_source(text)).open()
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == (3 if issubclass(error, SourceError) else 2)


def test_every_listed_board_has_rows() -> None:
    names = board_names()
    assert {"synthetic", "cyton", "cyton_daisy", "ganglion", "muse_2"} <= set(names)
    for name in names:
        rows = BrainFlowBoard(name).rows()
        assert len(rows.labels) == len(rows.eeg)
        assert rows.sfreq > 0


def test_a_montage_replaces_the_boards_own_electrodes() -> None:
    source = BrainFlowSource(FakeBoard(("", "")), montage=("Fp1", "Fp2"))
    info = source.open()
    assert info.ch_names == ("Fp1", "Fp2")
    assert "electrode names assumed from --montage" in info.notes
    source.close()


def test_lost_packets_are_gaps_of_their_number_even_whole_turns() -> None:
    board = FakeBoard()
    source, clock = opened(board)
    for n_lost in (0, 3, 600, 0, 255, 1):
        board.lose(n_lost)
        clock.now += n_lost / SFREQ
        for _ in range(30):
            step(board, clock, 10)
            assert_in_place(source)
    assert source.read(0.0).first_sample == board.number
    source.close()


def test_losses_that_the_board_counts_count_when_the_host_stalled() -> None:
    """For 100 ms nobody takes the samples; then all have nearly one stamp, and 12 are missing."""
    board = FakeBoard()
    source, clock = opened(board)
    for _ in range(40):
        step(board, clock, 10)
        assert_in_place(source)
    for n_lost, n_times in ((0, 5), (12, 8)):
        board.lose(n_lost)
        clock.now += (n_lost + n_times) / SFREQ
        board.sample(n_times, stamp=board.stamp_of(425))
    for _ in range(40):
        step(board, clock, 10)
        assert_in_place(source)
    assert source.read(0.0).first_sample == board.number
    source.close()


def test_a_wall_clock_that_is_set_changes_nothing() -> None:
    board = FakeBoard()
    source, clock = opened(board)
    for error_s in (0.0, 3600.0, -3600.0):
        board.clock_error_s = error_s
        for _ in range(50):
            step(board, clock, 10)
            assert_in_place(source)
    assert source.read(0.0).first_sample == board.number
    source.close()


def test_a_board_whose_package_number_does_not_count_samples_is_followed_by_its_stamps() -> None:
    board = FakeBoard(counts=False)
    source, clock = opened(board)
    step(board, clock, 500)
    assert_in_place(source)
    board.lose(250)
    clock.now += 1.0
    for _ in range(10):
        step(board, clock, 10)
        assert_in_place(source)
    assert source.read(0.0).first_sample == board.number
    source.close()


def test_inserted_markers_come_with_their_sample() -> None:
    board = FakeBoard()
    source, clock = opened(board)
    step(board, clock, 10)
    step(board, clock, 10, marker=7.0)
    chunk = source.read(0.0)
    (marker,) = chunk.markers
    assert (marker.label, marker.timestamp) == ("7", chunk.timestamps[10])
    source.close()


def test_a_backlog_comes_in_pieces_of_a_second() -> None:
    board = FakeBoard()
    source, clock = opened(board)
    step(board, clock, 1000)
    assert [source.read(0.0).n_times for _ in range(5)] == [250, 250, 250, 250, 0]
    source.close()


def test_a_board_that_falls_silent_is_connected_anew_and_continues_behind_a_gap() -> None:
    board = FakeBoard()
    source, clock = opened(board)
    for _ in range(50):
        step(board, clock, 10)
        source.read(0.0)
    board.plugged_in = False
    clock.now += 5.0
    while board.n_starts < 3:
        source.read(1.0)
    board.plugged_in = True
    while not board.streaming:
        source.read(1.0)
    board.number = 500 + round((clock.now - 102.0) * SFREQ)
    chunk = source.read(1.0)
    while not chunk.n_times:
        step(board, clock, 10)
        chunk = source.read(0.0)
    assert chunk.first_sample == pytest.approx(chunk.samples[0, 0], abs=2)
    np.testing.assert_array_equal(np.diff(chunk.samples[0]), 1)
    source.close()


def test_a_board_that_stays_silent_is_lost_for_good() -> None:
    source, clock = opened(FakeBoard(), lost_after_s=30.0)
    clock.now += 31.0
    with pytest.raises(SourceLost, match="silent for 31 s"):
        source.read(0.0)
    source.close()
