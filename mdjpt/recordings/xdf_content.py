"""The streams of an XDF file, as far as the file is intact."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyxdf

from mdjpt.errors import RecordingError, one_line
from mdjpt.recordings.checksums import check_parts, checksum_path
from mdjpt.recordings.repair import repaired, unpacked
from mdjpt.recordings.xdf_layout import LENGTH_BYTES, MAGIC

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["XdfStream", "load_streams"]

_SAMPLES_TAG = b"\x03\x00"
_COUNT_AT = 6  # bytes of a chunk of samples before their number: its tag and its stream


@dataclass(frozen=True, slots=True, eq=False)
class XdfStream:
    """A stream of an XDF file, its nested lists unpacked."""

    name: str
    kind: str
    source_id: str
    sfreq: float
    is_text: bool
    values: Any
    stamps: NDArray[np.float64]
    channels: tuple[dict[str, str], ...]
    simulated: bool = False
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def n_channels(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each column, "" where the file has none."""
        return tuple(channel.get("label", "") for channel in self.channels)

    def described(self, with_id: bool = False) -> str:
        """Return how to tell this stream from others, by its source_id too if it takes that."""
        name = f"{self.name!r} source_id {self.source_id!r}" if with_id else repr(self.name)
        return f"{name} ({self.kind}, {self.n_channels} channels, {self.sfreq:g} Hz)"


def _is_whole(content: bytes) -> bool:
    """Tell whether an XDF file consists of whole chunks, by lengths and numbers of samples alone.

    A number of samples that no chunk of its length can hold costs pyxdf all memory.
    """
    position = len(MAGIC)
    while position < len(content):
        n = content[position]
        start = position + 1 + n
        length = int.from_bytes(content[position + 1 : start], "little")
        if n not in LENGTH_BYTES or length < 2:
            return False
        if content[start : start + 2] == _SAMPLES_TAG:
            counted = start + _COUNT_AT + 1
            n = content[counted - 1] if counted <= len(content) else 0
            if int.from_bytes(content[counted : counted + n], "little") > length:
                return False
        position = start + length
    return position == len(content)


def load_streams(path: Path) -> tuple[list[XdfStream], tuple[str, ...]]:
    """Load every stream of the file's intact part, with remarks on the rest.

    With a file of checksums beside it, parts that are not as they were written are left out.
    """
    content, notes = unpacked(path.read_bytes())
    if not content.startswith(MAGIC):
        raise RecordingError("no XDF file, its first bytes are not 'XDF:'")
    lines = _checksums(path)
    if (lines is None or _agree(content, lines)) and _is_whole(content):
        streams, complaint = _parsed(content)
        if not complaint:
            return streams, notes
    # What repair would write: damage costs a reader what it costs a new file, no more and no less.
    found = repaired(content, lines)
    streams, complaint = _parsed(b"".join(piece for piece, _ in found.pieces))
    if complaint:
        raise RecordingError(f"damaged: {complaint}")
    return streams, (*notes, *(found.notes or ("the file is damaged",)))


def _checksums(path: Path) -> bytes | None:
    """Return what stands beside the file, None without."""
    try:
        return checksum_path(path).read_bytes()
    except OSError:
        return None


def _agree(content: bytes, lines: bytes) -> bool:
    checked = check_parts(content, lines)
    return not (checked.notes() or checked.torn_bytes)


def _parsed(content: bytes) -> tuple[list[XdfStream], str]:
    """Parse with pyxdf; with what it complains of."""
    complaints: list[str] = []
    log = _Complaints(complaints)
    logger = logging.getLogger("pyxdf")
    logger.addHandler(log)
    try:
        found, _ = pyxdf.load_xdf(io.BytesIO(content), dejitter_timestamps=False)
    except Exception as error:
        return [], one_line(error)
    finally:
        logger.removeHandler(log)
    return [_unpacked(stream) for stream in found], complaints[-1] if complaints else ""


class _Complaints(logging.Handler):
    """Collects what pyxdf says of damaged chunks."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message on one line."""
        self._complaints.append(" ".join(record.getMessage().split()))


def _text(info: Any, key: str) -> str:
    """Return the first text of an element, "" when it is missing, empty or nested."""
    value = info.get(key) if isinstance(info, dict) else None
    value = value[0] if isinstance(value, list) and value else value
    return value.strip() if isinstance(value, str) else ""


def _child(info: Any, key: str) -> Any:
    """Return the first child element, None when there is none."""
    value = info.get(key) if isinstance(info, dict) else None
    return value[0] if isinstance(value, list) and value else None


def _facts(description: Any) -> dict[str, str]:
    """Return the texts of a stream's description that are not nested."""
    keys = description if isinstance(description, dict) else ()
    return {str(key): text for key in keys if (text := _text(description, key))}


def _unpacked(stream: dict[str, Any]) -> XdfStream:
    """Unpack pyxdf's nested dictionary."""
    info, values = stream["info"], stream["time_series"]
    is_text = isinstance(values, list)
    n_channels = 0 if is_text else values.shape[1]
    described = _child(_child(info, "desc"), "channels")
    found = described.get("channel", []) if isinstance(described, dict) else []
    channels = [{key: _text(c, key) for key in ("label", "type", "unit")} for c in found]
    if len(channels) != n_channels:
        channels = [{} for _ in range(n_channels)]
    return XdfStream(
        name=_text(info, "name"),
        kind=_text(info, "type"),
        source_id=_text(info, "source_id"),
        sfreq=float(_text(info, "nominal_srate") or 0),
        is_text=is_text,
        values=values,
        stamps=np.asarray(stream["time_stamps"], np.float64),
        channels=tuple(channels),
        simulated=_text(_child(info, "desc"), "simulated") == "true",
        facts=_facts(_child(info, "desc")),
    )
