"""The chunks of an XDF file as bytes.

XDF 1.0 (https://github.com/sccn/xdf/wiki/Specifications): after the four bytes ``XDF:`` a file is a
row of chunks ``[number of length bytes][length][tag][content]``, all numbers little-endian; the
length counts tag and content.
"""

from __future__ import annotations

import re
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

import numpy as np

from mdjpt.recordings.xdf_layout import BOUNDARY, MAGIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streaming.stream import Column

__all__ = [
    "StreamHeader",
    "boundary",
    "clock_offset",
    "file_header",
    "foreign_header",
    "samples",
    "stream_footer",
    "stream_header",
    "texts",
]

FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY_TAG, STREAM_FOOTER = 1, 2, 3, 4, 5, 6
_XML = '<?xml version="1.0"?>'
_REFERENCE = re.compile("&#(x?)([0-9a-fA-F]{1,8});")
# What XML 1.0 has no way to write.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What the file says of one stream.

    Attributes
    ----------
    name, kind, source_id : str
        As LSL has them; `kind` is its type.
    channel_format : {"float32", "double64", "int64", "string"}
        Of every value.
    columns : tuple of Column
        One a channel; a channel without a kind has the stream's.
    sfreq : float
        Nominal rate in Hz, 0 for an irregular stream.
    description : mapping of str to str
        Further facts.
    """

    name: str
    kind: str
    channel_format: Literal["float32", "double64", "int64", "string"]
    columns: tuple[Column, ...]
    sfreq: float = 0.0
    source_id: str = ""
    description: Mapping[str, str] | None = None

    def to_xml(self) -> str:
        """Return the content of the stream's header chunk."""
        channels = "".join(
            "<channel>"
            + _element("label", column.label)
            + _element("type", column.kind or self.kind)
            + (_element("unit", column.unit) if column.unit else "")
            + "</channel>"
            for column in self.columns
        )
        facts = "".join(_element(key, value) for key, value in (self.description or {}).items())
        return (
            f"{_XML}<info>"
            + _element("name", self.name)
            + _element("type", self.kind)
            + _element("channel_count", str(len(self.columns)))
            + _element("nominal_srate", repr(float(self.sfreq)))
            + _element("channel_format", self.channel_format)
            + _element("source_id", self.source_id)
            + f"<desc><channels>{channels}</channels>{facts}</desc></info>"
        )


def file_header(datetime: str) -> bytes:
    """Return the beginning of a file whose recording began at an ISO 8601 time."""
    xml = f"{_XML}<info><version>1.0</version>{_element('datetime', datetime)}</info>"
    return MAGIC + _chunk(FILE_HEADER, xml.encode())


def stream_header(stream: int, header: StreamHeader) -> bytes:
    """Return the chunk that announces a stream; before its first samples."""
    return _of_stream(STREAM_HEADER, stream, header.to_xml().encode())


def foreign_header(stream: int, xml: str) -> bytes:
    """Return the chunk that announces a stream as its sender describes it.

    LSL lets control characters into a description that XML has no way to write: they would make the
    whole file unreadable and become question marks.
    """
    clean = _NO_XML.sub("?", _REFERENCE.sub(_referenced, xml))
    return _of_stream(STREAM_HEADER, stream, clean.encode())


def _referenced(match: re.Match[str]) -> str:
    """Return a character reference, or a question mark where XML knows no such character."""
    number = int(match[2], 16 if match[1] else 10)
    is_known = number <= sys.maxunicode and not _NO_XML.search(chr(number))
    return match[0] if is_known else "?"


def samples(stream: int, timestamps: NDArray[np.float64], values: NDArray[np.number]) -> bytes:
    """Return a chunk of numbers, shape (n_channels, n_times), a time stamp with every sample.

    They are in the stream's format.
    """
    one = np.dtype(
        [
            ("n_stamp_bytes", "u1"),
            ("stamp", "<f8"),
            ("values", values.dtype.newbyteorder("<"), (len(values),)),
        ]
    )
    rows = np.empty(len(timestamps), one)
    rows["n_stamp_bytes"] = 8
    rows["stamp"] = timestamps
    rows["values"] = values.T
    return _of_stream(SAMPLES, stream, _count(len(rows)) + rows.tobytes())


def texts(stream: int, events: Sequence[tuple[float, Sequence[str]]]) -> bytes:
    """Return a chunk of a stream of text: seconds of each sample, and the text of each channel."""
    body = b"".join(
        struct.pack("<Bd", 8, stamp) + b"".join(_text(text) for text in row)
        for stamp, row in events
    )
    return _of_stream(SAMPLES, stream, _count(len(events)) + body)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    return _count(len(encoded)) + encoded


def clock_offset(stream: int, collected_s: float, offset_s: float) -> bytes:
    """Return what is to be added to a stream's time stamps to get those of the file's clock."""
    return _of_stream(CLOCK_OFFSET, stream, struct.pack("<dd", collected_s, offset_s))


def boundary() -> bytes:
    """Return the chunk at which a reader of a damaged file finds its way again."""
    return _chunk(BOUNDARY_TAG, BOUNDARY)


def stream_footer(stream: int, first_s: float, last_s: float, n_times: int) -> bytes:
    """Return the chunk that sums a stream up; no reader may need it."""
    xml = (
        f"{_XML}<info>"
        + _element("first_timestamp", repr(first_s))
        + _element("last_timestamp", repr(last_s))
        + _element("sample_count", str(n_times))
        + "</info>"
    )
    return _of_stream(STREAM_FOOTER, stream, xml.encode())


def _chunk(tag: int, content: bytes) -> bytes:
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


def _of_stream(tag: int, stream: int, content: bytes) -> bytes:
    return _chunk(tag, struct.pack("<I", stream) + content)


def _count(n: int) -> bytes:
    return struct.pack("<BI", 4, n)


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(_NO_XML.sub('?', text))}</{name}>"
