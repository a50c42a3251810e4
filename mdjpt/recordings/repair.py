"""What is intact in a damaged XDF file, piece by piece.

Where the file has checksums beside it they decide. Beyond them, and for files of other programs,
every chunk is held against the layout; damage inside the values of a sample cannot be seen there.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.checksums import check_parts
from mdjpt.recordings.xdf_chunks import (
    FILE_HEADER,
    SAMPLES,
    STREAM_HEADER,
    ChunkWalk,
)
from mdjpt.recordings.xdf_layout import EEG_TYPE, MAGIC, POSITIONS_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mdjpt.recordings.xdf_chunks import XdfChunk

__all__ = ["Repaired", "repaired", "unpacked"]

PIECE_BYTES = 1 << 15
MAX_UNPACKED = 1 << 31
_MOST_NAMED = 8
_STEP = 1 << 16
_FILE_HEADER = b'<?xml version="1.0"?><info><version>1.0</version></info>'


@dataclass(frozen=True, slots=True)
class Repaired:
    """The intact part of a file."""

    pieces: tuple[tuple[bytes, float], ...]
    """In order; together they are an XDF file. With each the seconds of signal before it."""
    duration_s: float
    """Seconds from the first stamp of the EEG that is left to the last."""
    notes: tuple[str, ...]
    """One line for everything that is left out or restored; empty when nothing is damaged."""


def unpacked(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Decompress what is compressed by gzip, as far as it goes; remark on a missing or damaged end.

    Raises RecordingError: it swells beyond reason.
    """
    if not content.startswith(b"\x1f\x8b"):
        return content, ()
    found, start, whole = bytearray(), 0, False
    try:
        while content.startswith(b"\x1f\x8b", start):  # a file may hold several members
            gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            while start < len(content) and not gzip.eof:
                part = content[start : start + _STEP]
                found += gzip.decompress(part)
                start += len(part) - len(gzip.unused_data)
                if len(found) > MAX_UNPACKED:
                    raise RecordingError("swells to more than 2 GiB when unpacked")
            whole = gzip.eof
    except zlib.error:
        whole = False
    return bytes(found), () if whole else ("its compression is damaged: the rest is lost",)


def repaired(content: bytes, checksums: bytes | None = None) -> Repaired:
    """Take out of a damaged recording what is intact, and change nothing in it.

    Left out besides what is damaged (by the checksums beside it, where there are some): samples
    behind damage without a time stamp of their own, up to the first one with a stamp, for nobody
    knows how many are missing before them; and in this program's own files samples without their
    positions and positions without their samples.

    Raises RecordingError: nothing is left: it is no XDF file, or what describes its streams is
    damaged.
    """
    notes: list[str] = []
    if checksums is not None:
        content = _as_checked(content, checksums, notes)
    walk = ChunkWalk(content)
    chunks = list(walk)
    kept = _with_positions(_timed(chunks, walk.holes))
    times = _Times(chunks)
    if not any(_is_signal(chunk) for chunk in kept):
        said = f" ({notes[0]})" if notes else ""
        raise RecordingError(f"no XDF stream of signals is left in it{said}")
    notes += _on_holes(walk.holes, chunks, times)
    notes += _on_left_out(chunks, kept)
    begins = MAGIC
    if kept[0].tag != FILE_HEADER or not content.startswith(MAGIC):
        notes.append("the beginning of the file is damaged: a plain one is written")
    if kept[0].tag != FILE_HEADER:
        begins += struct.pack("<BBH", 1, len(_FILE_HEADER) + 2, FILE_HEADER) + _FILE_HEADER
    return Repaired(_pieces(content, begins, kept, times), _duration_s(kept, times), tuple(notes))


def _is_signal(chunk: XdfChunk) -> bool:
    """Tell samples of numbers from texts and from positions."""
    header = chunk.header if chunk.tag == SAMPLES else None
    return header is not None and header.value_bytes > 0 and header.kind != POSITIONS_TYPE


def _as_checked(content: bytes, checksums: bytes, notes: list[str]) -> bytes:
    """Return what the checksums do not find damaged; headers stay as long as they can be read."""
    checked = check_parts(content, checksums)
    notes += checked.notes()
    if checked.torn_bytes:
        notes.append(f"its last part is torn: {checked.torn_bytes} bytes are left out")
    if not checked.damaged or checked.damaged[0][0] != 0:
        return checked.content
    # Without its headers nothing in the file can be read: doubtful ones are better than none.
    headers = bytearray()
    for chunk in ChunkWalk(content):
        if chunk.tag not in (FILE_HEADER, STREAM_HEADER):
            break
        headers += content[chunk.start : chunk.stop]
    notes.append(
        "its headers are damaged and kept as they are: compare names, rate and units with what "
        "you know of the recording"
    )
    return MAGIC + bytes(headers) + checked.content


class _Times:
    """Seconds of signal by the stamps of the EEG, or of the first stream that has some."""

    def __init__(self, chunks: Sequence[XdfChunk]) -> None:
        timed = [c for c in chunks if c.tag == SAMPLES and np.isfinite(c.first_s)]
        eeg = [c for c in timed if c.header is not None and c.header.kind == EEG_TYPE]
        self._stream, self._origin = -1, 0.0
        for chunk in (eeg or timed)[:1]:
            self._stream, self._origin = chunk.stream, chunk.first_s

    def spans(self, chunks: Iterable[XdfChunk]) -> list[tuple[float, float]]:
        """Return the first and last second of each chunk of that stream."""
        own = (c for c in chunks if c.tag == SAMPLES and c.stream == self._stream)
        return [
            (c.first_s - self._origin, c.last_s - self._origin)
            for c in own
            if np.isfinite(c.first_s)
        ]


def _duration_s(kept: Sequence[XdfChunk], times: _Times) -> float:
    spans = times.spans(kept)
    return spans[-1][1] - spans[0][0] if spans else 0.0


def _timed(chunks: Sequence[XdfChunk], holes: Sequence[tuple[int, int]]) -> list[XdfChunk]:
    """Leave out samples behind a hole until one has a time stamp, stream by stream."""
    kept: list[XdfChunk] = []
    hole_ends = [stop for _, stop in holes]
    streams = {chunk.stream for chunk in chunks}
    waiting: set[int] = set()
    for chunk in chunks:
        if hole_ends and chunk.start >= hole_ends[0]:
            hole_ends.pop(0)
            waiting = set(streams)
        if chunk.tag == SAMPLES and chunk.stream in waiting:
            if not chunk.is_timed:
                continue
            waiting.discard(chunk.stream)
        kept.append(chunk)
    return kept


def _with_positions(chunks: list[XdfChunk]) -> list[XdfChunk]:
    """Keep of this program's own EEG only samples that have their positions, and the reverse."""
    if not any(c.header is not None and c.header.kind == POSITIONS_TYPE for c in chunks):
        return chunks
    kept: list[XdfChunk] = []
    announced = -1  # where the last positions stand whose samples have not come
    for chunk in chunks:
        kind = chunk.header.kind if chunk.header is not None and chunk.tag == SAMPLES else ""
        is_broken = kind not in ("", EEG_TYPE) or (kept and chunk.start != kept[-1].stop)
        if announced >= 0 and is_broken:
            del kept[announced]
            announced = -1
        if kind == EEG_TYPE:
            if announced < 0 or kept[announced].announced != chunk.n_times:
                continue
            announced = -1
        elif kind == POSITIONS_TYPE:
            announced = len(kept)
        kept.append(chunk)
    if announced >= 0:
        del kept[announced]
    return kept


def _on_holes(
    holes: Sequence[tuple[int, int]], chunks: Sequence[XdfChunk], times: _Times
) -> list[str]:
    """Say of each hole where it is and how long."""
    notes = []
    for start, stop in holes[:_MOST_NAMED]:
        before = times.spans(c for c in chunks if c.stop <= start)
        behind = times.spans(c for c in chunks if c.start >= stop)
        since = f"{before[-1][1]:.2f} s" if before else "the beginning"
        until = f"{behind[0][0]:.2f} s" if behind else "the end"
        notes.append(
            f"{stop - start} bytes are damaged and left out, from byte {start}, between {since} "
            f"and {until}"
        )
    if len(holes) > _MOST_NAMED:
        n_bytes = sum(stop - start for start, stop in holes[_MOST_NAMED:])
        notes.append(f"{len(holes) - _MOST_NAMED} more places are damaged, {n_bytes} bytes")
    return notes


def _on_left_out(chunks: Sequence[XdfChunk], kept: Sequence[XdfChunk]) -> list[str]:
    """Say how many intact samples are left out because their place is not known."""
    starts = {chunk.start for chunk in kept}
    lost: Counter[str] = Counter()
    for chunk in chunks:
        if chunk.start not in starts and chunk.header is not None:
            lost[chunk.header.name] += chunk.n_times
    return [
        f"{n_times} samples of {name!r} beside damage are left out: their time is not known"
        for name, n_times in lost.items()
    ]


def _pieces(
    content: bytes, begins: bytes, kept: Sequence[XdfChunk], times: _Times
) -> tuple[tuple[bytes, float], ...]:
    """Join chunks to pieces of some size, the headers being the first."""
    pieces: list[tuple[bytes, float]] = []
    piece, at_s, newest_s, in_headers = bytearray(begins), 0.0, 0.0, True
    for chunk in kept:
        headers_end = in_headers and chunk.tag not in (FILE_HEADER, STREAM_HEADER)
        if headers_end or len(piece) >= PIECE_BYTES:
            pieces.append((bytes(piece), at_s))
            piece, at_s, in_headers = bytearray(), newest_s, False
        piece += content[chunk.start : chunk.stop]
        newest_s = max(newest_s, *(last_s for _, last_s in times.spans([chunk])), 0.0)
    pieces.append((bytes(piece), at_s))
    return tuple(pieces)
