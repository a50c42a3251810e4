"""A recording that is killed, cut, rots or meets a failing disk: what is read back is true."""

from __future__ import annotations

import errno
import itertools
import os
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import mne
import numpy as np
import pytest
import pyxdf

from app.cli.main import run_command_line
from mdjpt.errors import RecordingError
from mdjpt.recordings.checksums import checksum_path
from mdjpt.recordings.xdf_file import read
from mdjpt.signal.units import MICROVOLTS_PER_VOLT
from streaming.pipeline import Pipeline
from streaming.recorder import Recorder
from streaming.recorder.storage import AppendedFile, CheckedFile, sync_folder
from tests.support.fakes import PowerDecoder, ScriptedSource
from tests.support.recording_child import N_CHUNK, PACE_S, SFREQ, counted
from tests.support.recordings_made import INFO, SmallDisk, chunks_with_gap, joined, write_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mdjpt.recordings import Recording

SEED = 20260101
HOP_S = 0.5
MAX_BYTES = 200_000
ROOT = Path(__file__).parent.parent
CHUNKS = chunks_with_gap()
SAMPLES, POSITIONS = joined(CHUNKS)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "whole.xdf", CHUNKS)


def read_or_none(path: Path) -> Recording | None:
    try:
        return read(path, None, None)
    except RecordingError:
        return None


def assert_true(recording: Recording | None) -> None:
    """Every sample that is read stands at its position and is what was recorded there."""
    if recording is None:
        return
    # What is read begins at position 0, also where the first part is damaged.
    first = int(np.flatnonzero((recording.samples[:, :1] == SAMPLES).all(axis=0))[0])
    positions = recording.positions + POSITIONS[first]
    columns = np.searchsorted(POSITIONS, positions)
    np.testing.assert_array_equal(POSITIONS[columns], positions)
    np.testing.assert_array_equal(SAMPLES[:, columns], recording.samples)


def chunks_of(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield end, tag and content of each whole chunk."""
    at = 4
    while at + 5 <= len(content):
        (length,) = struct.unpack_from("<I", content, at + 1)
        if at + 5 + length > len(content):
            return
        (tag,) = struct.unpack_from("<H", content, at + 5)
        yield at + 5 + length, tag, content[at + 7 : at + 5 + length]
        at += 5 + length


def eeg_ends(content: bytes) -> list[tuple[int, int]]:
    """Return the end of each chunk of EEG and the samples up to there."""
    ends, n_times = [], 0
    for end, tag, body in chunks_of(content):
        if tag == 3 and struct.unpack_from("<I", body)[0] == 1:
            n_times += struct.unpack_from("<I", body, 5)[0]
            ends.append((end, n_times))
    return ends


# Cut anywhere


def cut_everywhere(path: Path, n_cuts: int, with_checksums: bool) -> None:
    rng = np.random.default_rng(SEED)
    content = path.read_bytes()
    ends = eeg_ends(content)
    starts = [int(line.split()[0]) for line in checksum_path(path).read_text().splitlines()[1:]]
    cut_path = path.with_name(f"cut-{with_checksums}.xdf")
    if with_checksums:
        checksum_path(cut_path).write_bytes(checksum_path(path).read_bytes())
    for at in rng.integers(0, len(content), n_cuts):
        cut_path.write_bytes(content[:at])
        whole_until = max((s for s in starts if s <= at), default=0) if with_checksums else at
        expected = max((n for end, n in ends if end <= whole_until), default=0)
        recording = read_or_none(cut_path)
        found = 0 if recording is None else recording.n_times
        assert found == expected, f"cut at byte {at}, seed {SEED}"
        assert_true(recording)
        if recording is not None:
            np.testing.assert_array_equal(recording.samples, SAMPLES[:, :expected])


@pytest.mark.parametrize("with_checksums", [True, False])
def test_a_file_that_is_cut_gives_the_exact_prefix(whole: Path, with_checksums: bool) -> None:
    cut_everywhere(whole, 60, with_checksums)


@pytest.mark.slow
def test_two_thousand_cuts_give_the_exact_prefix(whole: Path) -> None:
    cut_everywhere(whole, 1000, with_checksums=True)
    cut_everywhere(whole, 1000, with_checksums=False)


# Bits that flip


def flip_and_count(path: Path, flipped: Path, n_flips: int) -> int:
    """Flip one bit of a file at a time and return how often reading told of it."""
    rng = np.random.default_rng(SEED)
    content = flipped.read_bytes()
    n_told = 0
    for _ in range(n_flips):
        rotten = bytearray(content)
        at, bit = int(rng.integers(len(content))), int(rng.integers(8))
        rotten[at] ^= 1 << bit
        flipped.write_bytes(rotten)
        recording = read_or_none(path)
        assert_true(recording)
        n_told += recording is None or any("checksums" in note for note in recording.notes)
    flipped.write_bytes(content)
    return n_told


def test_a_flipped_bit_is_told_and_nothing_read_is_wrong(whole: Path) -> None:
    assert flip_and_count(whole, whole, 60) == 60


def test_a_flipped_bit_of_the_checksums_spoils_no_sample(whole: Path) -> None:
    assert flip_and_count(whole, checksum_path(whole), 60) >= 50


@pytest.mark.slow
def test_fifteen_hundred_flipped_bits_are_told(whole: Path) -> None:
    told = flip_and_count(whole, whole, 1500)
    told_of_lines = flip_and_count(whole, checksum_path(whole), 500)
    print(f"{told} of 1500 flips told, {told_of_lines} of 500 in the checksums")  # noqa: T201
    assert told >= 0.999 * 1500


def test_a_rotten_part_is_named_by_byte_and_second_and_the_rest_is_kept(whole: Path) -> None:
    content = bytearray(whole.read_bytes())
    ends = eeg_ends(bytes(content))
    content[ends[20][0] - 3] ^= 0x10
    whole.write_bytes(content)
    recording = read(whole, None, None)
    assert_true(recording)
    assert recording.n_times == SAMPLES.shape[1] - 25
    note = next(n for n in recording.notes if "checksums" in n)
    assert "1 of its" in note
    assert "(4.0 s)" in note


# The command


def test_check_says_what_is_in_a_recording(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["check", str(whole)]) == 0
    said = capsys.readouterr().out
    assert (
        "8 channels, 125 Hz, 12.3 s, 40 samples lost in 1 gap, 1 events (SIMULATED SIGNAL)" in said
    )
    assert "its checksums agree" in said


def test_check_ends_with_2_on_a_rotten_file(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 1
    whole.write_bytes(content)
    assert run_command_line(["check", str(whole)]) == 2
    said = capsys.readouterr()
    assert "1 of its" in said.out
    assert said.err.count("\n") == 1
    assert "damaged" in said.err


def test_check_says_when_there_are_no_checksums(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checksum_path(whole).unlink()
    assert run_command_line(["check", str(whole)]) == 0
    assert "no checksums beside it" in capsys.readouterr().out


# Killed


def kill_while_recording(path: Path, acknowledge: int) -> tuple[int, int, int]:
    """Kill a recording once so many samples are written; return given, written, read back."""
    command = [sys.executable, "-m", "tests.support.recording_child", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        given = written = 0
        try:
            while written < acknowledge:
                given, written = map(int, child.stdout.readline().split())
        finally:
            child.kill()
        for line in child.stdout:
            if line.endswith("\n"):
                given, written = map(int, line.split())
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    eeg = next(s for s in streams if s["info"]["type"] == ["EEG"])
    n_times = len(eeg["time_stamps"])
    np.testing.assert_array_equal(eeg["time_series"][:, 0], np.arange(n_times))
    raw = in_mne(eeg)
    assert raw.n_times == n_times
    np.testing.assert_allclose(raw.get_data(units="uV"), counted(0, n_times), atol=1e-6)
    return given, written, n_times


def in_mne(eeg: dict) -> mne.io.RawArray:
    """Return a stream that pyxdf read as MNE has it; MNE itself reads no XDF."""
    channels = eeg["info"]["desc"][0]["channels"][0]["channel"]
    assert {channel["unit"][0] for channel in channels} == {"uV"}
    names = [channel["label"][0] for channel in channels]
    info = mne.create_info(names, float(eeg["info"]["nominal_srate"][0]), "eeg")
    return mne.io.RawArray(eeg["time_series"].T / MICROVOLTS_PER_VOLT, info, verbose="error")


def kills(folder: Path, n_kills: int) -> float:
    """Kill recordings at random moments; return the longest time that one lost, in seconds."""
    rng = np.random.default_rng(SEED)
    worst = 0.0
    for k in range(n_kills):
        path = folder / f"{k}.xdf"
        given, written, read_back = kill_while_recording(path, int(rng.integers(5, 900)))
        assert read_back >= written, f"acknowledged samples are missing, seed {SEED}, kill {k}"
        worst = max(worst, (given - read_back) / N_CHUNK * PACE_S)
        assert worst <= 0.5
    return worst


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals")
def test_a_recording_that_is_killed_is_readable_and_keeps_what_was_written(tmp_path: Path) -> None:
    kills(tmp_path, 3)


@pytest.mark.slow
def test_two_hundred_kills_leave_two_hundred_that_pyxdf_and_mne_read(tmp_path: Path) -> None:
    print(f"longest loss of 200 kills: {1000 * kills(tmp_path, 200):.0f} ms")  # noqa: T201


# Disks


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("n_bytes", [1_000, 9_000, 30_000])
def test_a_disk_that_fails_stops_no_decoding(tmp_path: Path, error: int, n_bytes: int) -> None:
    chunks = chunks_with_gap(seconds=16, gap_at_s=14.0)
    alone = list(Pipeline(ScriptedSource(chunks, INFO), PowerDecoder()).run())
    path = tmp_path / "r.xdf"
    recorder = Recorder(path, create=SmallDisk(n_bytes, error).create)
    answers = list(Pipeline(ScriptedSource(chunks, INFO), PowerDecoder(), sink=recorder).run())
    assert [a.prediction.status for a in answers] == [a.prediction.status for a in alone]
    assert recorder.failed
    assert str(path) in recorder.error
    recording = read_or_none(path)
    samples, _ = joined(chunks)
    n_times = 0 if recording is None else recording.n_times
    assert n_times == max((n for _, n in eeg_ends(path.read_bytes())), default=0)
    if recording is not None:
        np.testing.assert_array_equal(recording.samples, samples[:, :n_times])


def test_a_disk_that_takes_no_more_is_told_with_the_first_chunk_that_does_not_fit(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.xdf"
    command = [sys.executable, "-m", "tests.support.recording_child", str(path), str(MAX_BYTES)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *lines, error = child.stdout.splitlines()
    given, written = map(int, lines[-1].split())
    assert (given - written) / SFREQ <= 1.0
    assert "file too large; the file is valid up to there" in error
    content = path.read_bytes()
    ends = eeg_ends(content)
    assert len(content) <= MAX_BYTES
    assert list(chunks_of(content))[-1][0] == len(content)
    assert ends[-1][1] == written > 1000
    eeg = next(s for s in pyxdf.load_xdf(str(path))[0] if s["info"]["type"] == ["EEG"])
    np.testing.assert_array_equal(eeg["time_series"].T, counted(0, written))


@pytest.mark.parametrize("n_syncs", [1, 3])
def test_the_names_in_the_folder_are_made_durable_once(tmp_path: Path, n_syncs: int) -> None:
    kept: list[Path] = []
    file = CheckedFile(tmp_path / "r.xdf", open_file=partial(AppendedFile, keep_names=kept.append))
    for _ in range(n_syncs):
        file.append(b"part", 0.0)
        file.sync()
    file.close()
    assert kept == [tmp_path, tmp_path]


class RefusingFolders:
    """A file system that syncs no folder; notes how large a file was when it was asked to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sizes: list[int] = []

    def sync(self, fd: int) -> None:
        assert os.path.samestat(os.fstat(fd), self._path.parent.stat())
        self.sizes.append(self._path.stat().st_size)
        raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="the system opens no folder")
def test_a_folder_that_cannot_be_synced_ends_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "r.xdf"
    folders = RefusingFolders(path)
    keep_names = partial(sync_folder, sync=folders.sync)
    create = partial(CheckedFile, open_file=partial(AppendedFile, keep_names=keep_names))
    # A second passes between two looks at the clock: each part is synced.
    recorder = Recorder(path, create=create, clock=itertools.count(0.0).__next__)
    recorder.open(INFO)
    for chunk in CHUNKS:
        recorder.write(chunk)
    recorder.close()
    assert (recorder.error, recorder.failed) == ("", False)
    assert len(folders.sizes) == 2  # the recording and its checksums, once each
    assert max(folders.sizes) < 0.5 * path.stat().st_size
    np.testing.assert_array_equal(read(path, None, None).samples, SAMPLES)


def test_a_recording_goes_on_in_a_folder_that_was_renamed_before_the_first_sync(
    tmp_path: Path,
) -> None:
    folder, later = tmp_path / "before", tmp_path / "later"
    folder.mkdir()
    file = CheckedFile(folder / "r.xdf")
    file.append(b"one", 0.0)
    folder.rename(later)
    file.sync()
    file.append(b"two", 0.0)
    file.close()
    assert (later / "r.xdf").read_bytes() == b"onetwo"
