"""Checksums of a recording's parts, in a file beside it.

``REC.xdf.crc`` is text: a first line, then one line for every part of ``REC.xdf`` in the order of
writing, ``offset length crc32 seconds``. A part is what was written at once, one chunk of XDF or a
few that belong together. Its line is written just before it, so whatever is in the file has one. A
last line without its end was torn and does not count.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CHECKSUM_HEADER", "Checked", "check_parts", "checksum_line", "checksum_path"]

CHECKSUM_HEADER = b"mdjpt-crc32 1\n"


@dataclass(frozen=True, slots=True)
class _Line:
    offset: int
    length: int
    crc: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checksums say of a file."""

    content: bytes
    """The file without what is damaged, torn or cannot be checked; what follows the last line
    stays."""
    n_parts: int
    """Parts that the file should hold."""
    damaged: tuple[tuple[int, float], ...] = ()
    """Byte and second of each part that is not as it was written."""
    torn_bytes: int = 0
    """Bytes of a last part that is not whole."""
    n_unchecked: int = 0
    """Bytes left out because their line is damaged."""
    lines_damaged: bool = False
    """True when the file of checksums itself is damaged."""

    def notes(self) -> tuple[str, ...]:
        """Say in one line each what is wrong, nothing when all is well."""
        found = []
        if self.damaged:
            byte, time_s = self.damaged[0]
            found.append(
                f"{len(self.damaged)} of its {self.n_parts} parts are damaged by their checksums "
                f"and left out, the first at byte {byte} ({time_s:.1f} s)"
            )
        if self.lines_damaged:
            found.append(
                f"its checksums are damaged themselves: {self.n_unchecked} bytes that could not be "
                "checked are left out"
            )
        return tuple(found)


def checksum_path(path: Path) -> Path:
    """Return the name of the file of checksums that belongs to a recording."""
    return path.with_name(path.name + ".crc")


def checksum_line(offset: int, content: bytes, time_s: float) -> bytes:
    """Return the line of one part, which begins at byte `offset` behind `time_s` of signal."""
    return f"{offset} {len(content)} {zlib.crc32(content):08x} {time_s:.3f}\n".encode("ascii")


def check_parts(content: bytes, lines: bytes) -> Checked:
    """Compare a recording with the lines of its checksums, whose torn end is ignored."""
    parsed, lines_damaged = _parsed(lines)
    # The line of a part that never was written is no fault.
    written = [line for line in parsed if line.offset < len(content)]
    kept: list[bytes] = []
    damaged: list[tuple[int, float]] = []
    end = n_unchecked = torn = 0
    for line in written:
        part = content[line.offset : line.offset + line.length]
        is_torn = len(part) < line.length
        if line.offset < end or (is_torn and line is not written[-1]):
            lines_damaged = True
            continue
        n_unchecked += line.offset - end
        end = line.offset + len(part)
        if is_torn:
            torn = len(part)
        elif zlib.crc32(part) == line.crc:
            kept.append(part)
        else:
            damaged.append((line.offset, line.time_s))
    kept.append(content[end:])
    return Checked(
        b"".join(kept),
        len(written) - bool(torn),
        tuple(damaged),
        torn,
        n_unchecked,
        lines_damaged or n_unchecked > 0,
    )


def _parsed(lines: bytes) -> tuple[list[_Line], bool]:
    """Return the lines that can be read, and whether others cannot."""
    found = list(_each(lines))
    return [line for line in found if line is not None], None in found


def _each(lines: bytes) -> Iterator[_Line | None]:
    whole = lines[: lines.rfind(b"\n") + 1].splitlines(keepends=True)
    if whole and whole[0] != CHECKSUM_HEADER:
        yield None
    for text in whole[1:]:
        try:
            offset, length, crc, time_s = text.split()
            line = _Line(int(offset), int(length), int(crc, 16), float(time_s))
        except ValueError:
            yield None
        else:
            yield line if line.length > 0 and line.offset >= 0 else None
