"""The chunks of an XDF file, each held against the layout down to its last byte.

XDF 1.0 (https://github.com/sccn/xdf/wiki/Specifications): after the four bytes ``XDF:`` a file is a
row of chunks ``[number of length bytes][length][tag][content]``.
"""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.recordings.xdf_layout import BOUNDARY, LENGTH_BYTES, MAGIC, POSITIONS_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FILE_HEADER",
    "SAMPLES",
    "STREAM_HEADER",
    "ChunkWalk",
    "XdfChunk",
    "XdfHeader",
]

FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY_TAG, STREAM_FOOTER = 1, 2, 3, 4, 5, 6
_VALUE_BYTES = {"float32": 4, "double64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8}
_TEXT = "string"
_MAYBE_CHUNK = re.compile(rb"(?s)(?=(?:\x01.|\x04.{4}|\x08.{8})[\x01-\x06]\x00)")


@dataclass(frozen=True, slots=True)
class XdfHeader:
    """What the header of a stream says of its samples."""

    # As LSL has them; `kind` is its type.
    name: str
    kind: str
    n_channels: int
    """Values a sample."""
    value_bytes: int
    """Of each; 0 for text."""


@dataclass(frozen=True, slots=True)
class XdfChunk:
    """A chunk that is as the layout wants it."""

    # Its first byte in the file, and the one behind it.
    start: int
    stop: int
    tag: int
    """What it is."""
    stream: int = 0
    """Number of its stream, 0 for none."""
    header: XdfHeader | None = None
    """Of its stream."""
    n_times: int = 0
    """Samples in it."""
    is_timed: bool = True
    """Whether its first sample has a time stamp of its own."""
    # First and last time stamp, NaN without one.
    first_s: float = np.nan
    last_s: float = np.nan
    announced: int = 0
    """In a chunk of sample positions: how many samples of EEG stand behind it."""


class ChunkWalk:
    """Reads a file chunk by chunk, and finds its way again behind damage."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._headers: dict[int, XdfHeader] = {}
        self.holes: list[tuple[int, int]] = []
        """First damaged byte and first intact one behind it, of each damage met so far."""

    def __iter__(self) -> Iterator[XdfChunk]:
        """Yield every intact chunk in order."""
        position = len(MAGIC)
        while position < len(self._content):
            chunk = self._chunk(position)
            if chunk is None:
                found = self._next_intact(position + 1)
                self.holes.append((position, found))
                position = found
                continue
            if chunk.tag == STREAM_HEADER and chunk.header is not None:
                self._headers[chunk.stream] = chunk.header
            yield chunk
            position = chunk.stop

    def _next_intact(self, start: int) -> int:
        """Return where a chunk begins that is a boundary or followed by another, or the end."""
        end = len(self._content)
        for match in _MAYBE_CHUNK.finditer(self._content, start):
            chunk = self._chunk(match.start())
            if chunk is not None and (
                chunk.tag == BOUNDARY_TAG
                or chunk.stop == end
                or self._chunk(chunk.stop) is not None
            ):
                return match.start()
        return end

    def _chunk(self, start: int) -> XdfChunk | None:
        """Return the chunk that begins at a byte, None when there is none."""
        content = self._content
        n = content[start]
        body = start + 1 + n
        stop = body + int.from_bytes(content[start + 1 : body], "little")
        if n not in LENGTH_BYTES or not body + 2 <= stop <= len(content):
            return None
        (tag,) = struct.unpack_from("<H", content, body)
        chunk, inside = XdfChunk(start, stop, tag), content[body + 2 : stop]
        if tag == FILE_HEADER:
            return None if _xml(inside) is None else chunk
        if tag == BOUNDARY_TAG:
            return chunk if inside == BOUNDARY else None
        if tag not in (STREAM_HEADER, SAMPLES, CLOCK_OFFSET, STREAM_FOOTER) or len(inside) < 4:
            return None
        (stream,) = struct.unpack_from("<I", inside)
        header = _header(inside[4:]) if tag == STREAM_HEADER else self._headers.get(stream)
        if header is None:
            return None
        return _of_stream(replace(chunk, stream=stream, header=header), header, inside[4:])


def _of_stream(chunk: XdfChunk, header: XdfHeader, inside: bytes) -> XdfChunk | None:
    if chunk.tag == CLOCK_OFFSET:
        return chunk if len(inside) == 16 else None
    if chunk.tag == STREAM_FOOTER:
        return None if _xml(inside) is None else chunk
    if chunk.tag == STREAM_HEADER:
        return chunk
    counted = _number(inside, 0)
    if counted is None:
        return None
    n_times, start = counted
    return _with_samples(replace(chunk, n_times=n_times), header, inside[start:])


def _with_samples(chunk: XdfChunk, header: XdfHeader, rows: bytes) -> XdfChunk | None:
    """Read the time stamps of samples that fill `rows` exactly, None when they do not."""
    n, size = chunk.n_times, header.n_channels * header.value_bytes
    if size and n and len(rows) == n * (9 + size):
        # Every sample has its stamp, as this program writes them.
        table = np.frombuffer(rows, [("n_bytes", "u1"), ("stamp", "<f8"), ("values", f"V{size}")])
        if (table["n_bytes"] == 8).all():
            stamps = table["stamp"]
            announced = 0
            if header.kind == POSITIONS_TYPE and size == 16:
                announced = struct.unpack_from("<q", rows, len(rows) - 8)[0]
            return replace(
                chunk, first_s=float(stamps[0]), last_s=float(stamps[-1]), announced=announced
            )
    return _with_mixed_samples(chunk, header, rows)


def _with_mixed_samples(chunk: XdfChunk, header: XdfHeader, rows: bytes) -> XdfChunk | None:
    """Read samples of which some have a stamp and some count on, or texts."""
    stamps: list[float] = []
    is_timed, at, n_read = True, 0, 0
    while n_read < chunk.n_times:
        flag = rows[at] if at < len(rows) else -1
        if flag not in (0, 8):
            return None
        is_timed = flag == 8 if n_read == 0 else is_timed
        run, size = _run(rows, at, header, chunk.n_times - n_read)
        if not run:
            return None
        if flag == 8:
            ends = (at, at + (run - 1) * size)
            stamps += [struct.unpack_from("<d", rows, end + 1)[0] for end in ends]
        at += run * size
        n_read += run
    if at != len(rows):
        return None
    first_s, last_s = (stamps[0], stamps[-1]) if stamps else (np.nan, np.nan)
    return replace(chunk, is_timed=is_timed, first_s=first_s, last_s=last_s)


def _run(rows: bytes, at: int, header: XdfHeader, at_most: int) -> tuple[int, int]:
    """Return how many samples of one size follow a byte, 0 for none, and that size."""
    if not header.value_bytes:
        stop = _behind_values(rows, at + 1 + rows[at], header)
        return (0, 0) if stop is None else (1, stop - at)
    size = 1 + rows[at] + header.n_channels * header.value_bytes
    n = min(at_most, (len(rows) - at) // size)
    flags = np.frombuffer(rows, np.uint8)[at : at + n * size : size]
    others = np.flatnonzero(flags != rows[at])
    return (int(others[0]) if len(others) else n), size


def _behind_values(rows: bytes, at: int, header: XdfHeader) -> int | None:
    """Return where the texts of a sample end that begin at a byte."""
    for _ in range(header.n_channels):
        length = _number(rows, at)
        if length is None or length[0] > len(rows) - length[1]:
            return None
        at = length[0] + length[1]
    return at


def _number(content: bytes, at: int) -> tuple[int, int] | None:
    """Read ``[number of bytes][number]``; return it and where it ends, None when it is none."""
    n = content[at] if at < len(content) else 0
    stop = at + 1 + n
    if n not in LENGTH_BYTES or stop > len(content):
        return None
    return int.from_bytes(content[at + 1 : stop], "little"), stop


def _xml(text: bytes) -> ET.Element | None:
    """Parse XML without declarations of its own, None when it is none."""
    if b"<!" in text:
        return None
    try:
        return ET.fromstring(text)
    except (ET.ParseError, ValueError, LookupError):
        return None


def _header(text: bytes) -> XdfHeader | None:
    """Read the header of a stream, None when it does not say how its samples lie."""
    root = _xml(text)
    if root is None:
        return None
    count = (root.findtext("channel_count") or "").strip()
    value_format = (root.findtext("channel_format") or "").strip()
    if not count.isdecimal() or value_format not in (_TEXT, *_VALUE_BYTES):
        return None
    name, kind = ((root.findtext(key) or "").strip() for key in ("name", "type"))
    return XdfHeader(name, kind, int(count), _VALUE_BYTES.get(value_format, 0))
