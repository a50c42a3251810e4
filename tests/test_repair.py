"""Repair of damaged recordings: all that is intact comes back exactly, and all else is named."""

from __future__ import annotations

import contextlib
import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from app.cli.main import run_command_line
from mdjpt.errors import RecordingError
from mdjpt.recordings import read_recording
from mdjpt.recordings.checksums import checksum_path
from mdjpt.recordings.repair import repaired, unpacked
from mdjpt.recordings.xdf_chunks import SAMPLES, ChunkWalk
from mdjpt.recordings.xdf_file import read
from tests.support.recordings_made import chunks_with_gap, joined, write_recording

SEED = 20260102
CHUNKS = chunks_with_gap()
VALUES, POSITIONS = joined(CHUNKS)
# Written by LabRecorder: its samples have no stamps where the stream was regular.
FOREIGN = Path(__file__).parent / "data" / "rec_muse.xdf"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A recording and its checksums."""
    path = write_recording(tmp_path_factory.mktemp("whole") / "r.xdf", CHUNKS)
    return path.read_bytes(), checksum_path(path).read_bytes()


def joined_pieces(content: bytes, checksums: bytes | None = None) -> tuple[bytes, tuple[str, ...]]:
    found = repaired(content, checksums)
    return b"".join(piece for piece, _ in found.pieces), found.notes


def assert_exact(path: Path) -> int:
    """Every sample that is read stands at its position and is what was recorded there."""
    recording = read(path, None, None)
    assert recording.positions is not None
    columns = np.searchsorted(POSITIONS, recording.positions)
    np.testing.assert_array_equal(POSITIONS[columns], recording.positions)
    np.testing.assert_array_equal(VALUES[:, columns], recording.samples)
    return recording.n_times


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


def test_what_is_whole_stays_to_the_last_byte(whole: tuple[bytes, bytes]) -> None:
    content, checksums = whole
    for lines in (checksums, None):
        assert joined_pieces(content, lines) == (content, ())


@pytest.mark.parametrize("with_checksums", [True, False])
def test_a_file_cut_anywhere_gives_its_exact_prefix(
    whole: tuple[bytes, bytes], tmp_path: Path, with_checksums: bool
) -> None:
    content, checksums = whole
    rng = np.random.default_rng(SEED)
    first = next(c for c in ChunkWalk(content) if c.tag == SAMPLES and c.header.kind == "EEG")
    path = tmp_path / "r.xdf"
    for at in rng.integers(first.stop, len(content), 60).tolist():
        kept, notes = joined_pieces(content[:at], checksums if with_checksums else None)
        assert content.startswith(kept)
        assert notes or len(kept) == at
        path.write_bytes(kept)
        n_whole = sum(
            c.n_times for c in ChunkWalk(content)
            if c.tag == SAMPLES and c.header.kind == "EEG" and c.stop <= at
        )  # fmt: skip
        assert assert_exact(path) == n_whole


def test_with_checksums_every_flipped_bit_costs_its_part_only(
    whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    content, checksums = whole
    rng = np.random.default_rng(SEED)
    headers_end = int(checksums.split(b"\n")[1].split()[1])
    path = tmp_path / "r.xdf"
    for at in rng.integers(headers_end, len(content), 40).tolist():
        kept, notes = joined_pieces(flipped(content, at), checksums)
        assert "damaged by their checksums" in notes[0]
        path.write_bytes(kept)
        assert assert_exact(path) >= VALUES.shape[1] - 25


def test_without_checksums_damage_of_the_layout_costs_the_chunks_it_hit(
    whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    content, _ = whole
    chunks = [c for c in ChunkWalk(content) if c.tag == SAMPLES]
    path = tmp_path / "r.xdf"
    rng = np.random.default_rng(SEED)
    for chunk in rng.choice(np.array(chunks[3:-3], object), 30, replace=False):
        # Bytes of length and tag, of stream number and count: nothing of it may be believed.
        at = chunk.start + int(rng.integers(0, 16))
        damaged = content[:at] + rng.bytes(3) + content[at + 3 :]
        if damaged == content:
            continue
        kept, notes = joined_pieces(damaged)
        assert notes
        path.write_bytes(kept)
        assert assert_exact(path) >= VALUES.shape[1] - 2 * 25
        pyxdf.load_xdf(str(path))


def test_each_hole_is_named_with_its_bytes_and_seconds(whole: tuple[bytes, bytes]) -> None:
    content, _ = whole
    eeg = [c for c in ChunkWalk(content) if c.tag == SAMPLES and c.header.kind == "EEG"]
    at = eeg[10].start
    _, notes = joined_pieces(content[: at + 8] + b"\xff" * 40 + content[at + 48 :])
    size = eeg[10].stop - at
    assert notes[0] == (
        f"{size} bytes are damaged and left out, from byte {at}, between 1.99 s and 2.20 s"
    )
    assert notes[1] == (
        "1 samples of 'mdjpt-positions' beside damage are left out: their time is not known"
    )


def test_samples_behind_damage_wait_for_a_time_stamp(tmp_path: Path) -> None:
    """A stream of another program: every fifth chunk has a stamp, the others count on."""

    def chunk(tag: int, content: bytes) -> bytes:
        return struct.pack("<BIH", 4, len(content) + 2, tag) + content

    header = (
        b"<info><name>a</name><type>EEG</type><channel_count>1</channel_count>"
        b"<channel_format>float32</channel_format><nominal_srate>100</nominal_srate>"
        b"<source_id>a</source_id><desc><channels><channel><label>Cz</label><unit>uV</unit>"
        b"</channel></channels></desc></info>"
    )
    parts = [b"XDF:", chunk(1, b"<info><version>1.0</version></info>")]
    parts.append(chunk(2, struct.pack("<I", 1) + header))
    n_parts, n_each = 40, 20
    for part in range(n_parts):
        rows = b""
        for number in range(n_each):
            value = part * n_each + number
            timed = part % 5 == 0 and number == 0
            stamp = struct.pack("<d", 50 + value / 100) if timed else b""
            rows += bytes([len(stamp)]) + stamp + struct.pack("<f", value)
        parts.append(chunk(3, struct.pack("<IBI", 1, 4, n_each) + rows))
    damaged = list(parts)
    damaged[3 + 12] = b"\x04" + damaged[3 + 12][1:].replace(b"\x03\x00", b"\x09\x00", 1)
    kept, notes = joined_pieces(b"".join(damaged))
    path = tmp_path / "r.xdf"
    path.write_bytes(kept)
    stream = pyxdf.load_xdf(str(path), dejitter_timestamps=False)[0][0]
    np.testing.assert_allclose(
        stream["time_stamps"], 50 + stream["time_series"][:, 0] / 100, atol=1e-9
    )
    assert len(stream["time_stamps"]) == (n_parts - 3) * n_each
    assert notes[1] == "40 samples of 'a' beside damage are left out: their time is not known"


def test_damaged_headers_are_kept_while_they_can_be_read(
    whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    content, checksums = whole
    at = content.index(b"<label>Fp1")
    kept, notes = joined_pieces(content[: at + 7] + b"AF3" + content[at + 10 :], checksums)
    assert "its headers are damaged and kept as they are" in " ".join(notes)
    (tmp_path / "r.xdf").write_bytes(kept)
    assert assert_exact(tmp_path / "r.xdf") == VALUES.shape[1]
    unreadable = content.replace(b"<channel_count>8", b"<channel_count>x")
    with pytest.raises(RecordingError, match="no XDF stream of signals is left"):
        repaired(unreadable, checksums)


@pytest.mark.parametrize(
    "content", [b"", b"XDF:", b"EDF 0  ", b"\x00" * 100, b"XDF:" + b"\x04" * 9]
)
def test_what_holds_nothing_is_refused(content: bytes) -> None:
    with pytest.raises(RecordingError, match="no XDF stream"):
        repaired(content)


def test_a_file_of_another_program_cut_and_packed_gives_its_prefix(tmp_path: Path) -> None:
    content = FOREIGN.read_bytes()
    assert joined_pieces(content) == (content, ())
    packed = gzip.compress(content)
    assert unpacked(packed) == (content, ())
    cut, notes = unpacked(packed[: len(packed) // 2])
    assert notes == ("its compression is damaged: the rest is lost",)
    assert content.startswith(cut)
    kept, _ = joined_pieces(cut)
    assert content.startswith(kept)
    (tmp_path / "r.xdf").write_bytes(kept)
    before, after = (read_recording(path) for path in (FOREIGN, tmp_path / "r.xdf"))
    assert 0 < after.n_times < before.n_times
    np.testing.assert_array_equal(after.samples, before.samples[:, : after.n_times])


def test_mutants_never_crash_it_and_what_is_left_can_be_read(
    whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    content, _ = whole
    rng = np.random.default_rng(SEED)
    for _ in range(150):
        data = bytearray(content)
        for at in rng.integers(0, len(data), rng.integers(1, 6)).tolist():
            n = int(rng.integers(1, 40))
            data[at : at + n] = rng.bytes(n) if rng.random() < 0.5 else b""
        with contextlib.suppress(RecordingError):
            kept, _ = joined_pieces(bytes(data))
            assert joined_pieces(kept)[0] == kept
            (tmp_path / "r.xdf").write_bytes(kept)
            pyxdf.load_xdf(str(tmp_path / "r.xdf"))


# The command


def test_repair_writes_a_new_file_that_checks_and_overwrites_nothing(
    whole: tuple[bytes, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session.xdf"
    path.write_bytes(flipped(whole[0], 60_000))
    checksum_path(path).write_bytes(whole[1])
    before = path.read_bytes()
    assert run_command_line(["repair", str(path)]) == 0
    out = capsys.readouterr().out
    new = tmp_path / "session_repaired.xdf"
    assert f"repaired: {new}" in out
    assert re.search(r"note: 1 of its \d+ parts are damaged by their checksums and left out", out)
    assert path.read_bytes() == before
    assert assert_exact(new) == VALUES.shape[1] - 25
    assert run_command_line(["check", str(new)]) == 0
    assert "its checksums agree" in capsys.readouterr().out
    assert run_command_line(["repair", str(path)]) == 2
    assert "exists already and is not overwritten" in capsys.readouterr().err


def test_repair_of_a_whole_file_writes_nothing(
    whole: tuple[bytes, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session.xdf"
    path.write_bytes(whole[0])
    assert run_command_line(["repair", str(path)]) == 0
    assert "there is nothing to repair" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [path]
    assert run_command_line(["repair", str(tmp_path / "none.xdf")]) == 2
    assert "no such recording" in capsys.readouterr().err
