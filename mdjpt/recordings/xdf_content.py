"""The streams of an XDF file, as far as the file is intact."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyxdf

from mdjpt.errors import RecordingError
from mdjpt.recordings.checksums import check_parts, checksum_path
from mdjpt.recordings.packed import unpacked
from mdjpt.recordings.xdf_layout import BOUNDARY, LENGTH_BYTES, MAGIC

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["XdfStream", "intact_length", "load_streams"]


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


def intact_length(file: io.BufferedIOBase) -> int:
    """Return the length of the part of an XDF file that consists of whole chunks, in bytes."""
    end = file.seek(0, io.SEEK_END)
    position = file.seek(len(MAGIC))
    while position < end:
        n = file.read(1)[0]
        field = file.read(n) if n in LENGTH_BYTES else b""
        length = int.from_bytes(field, "little")
        stop = position + 1 + n + length
        if len(field) != n or length < 2 or stop > end:
            return position
        position = file.seek(stop)
    return position


def load_streams(path: Path) -> tuple[list[XdfStream], tuple[str, ...]]:
    """Load every stream of the file's intact part, with remarks on the rest.

    With a file of checksums beside it, parts that are not as they were written are left out.
    """
    content = path.read_bytes()
    if path.name.lower().endswith((".xdfz", ".gz")):
        content = unpacked(content)
    content, torn_bytes, notes = _checked(path, content)
    if not content.startswith(MAGIC):
        said = f" ({notes[0]})" if notes else ""
        raise RecordingError(f"no XDF file, its first bytes are not 'XDF:'{said}")
    whole, size = intact_length(io.BytesIO(content)), len(content) + torn_bytes
    complaints: list[str] = []
    if BOUNDARY in content[whole:]:
        # Damaged in the middle: pyxdf goes on at the next boundary.
        streams = _parsed(content, complaints) or _parsed(content[:whole], complaints)
    else:
        # Torn at the end: pyxdf would take half a chunk for a whole one.
        streams = _parsed(content[:whole], complaints)
    if streams is None:
        said = " ".join((*notes, *complaints[-1:])) or "no stream in it"
        raise RecordingError(f"damaged: {said}")
    return streams, (*notes, *_on_damage(streams, whole < size, bool(complaints)))


def _checked(path: Path, content: bytes) -> tuple[bytes, int, tuple[str, ...]]:
    """Return what is as it was written, the bytes of a torn end, and remarks on what is not."""
    try:
        lines = checksum_path(path).read_bytes()
    except OSError:
        return content, 0, ()
    checked = check_parts(content, lines)
    return checked.content, checked.torn_bytes, checked.notes()


def _parsed(content: bytes, complaints: list[str]) -> list[XdfStream] | None:
    """Parse with pyxdf; None and a complaint when it gives up."""
    log = _Complaints(complaints)
    logger = logging.getLogger("pyxdf")
    logger.addHandler(log)
    try:
        found, _ = pyxdf.load_xdf(io.BytesIO(content), dejitter_timestamps=False)
    except Exception as error:
        complaints.append(" ".join(str(error).split()) or type(error).__name__)
        return None
    finally:
        logger.removeHandler(log)
    return [_unpacked(stream) for stream in found]


class _Complaints(logging.Handler):
    """Collects what pyxdf says of damaged chunks."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message on one line."""
        self._complaints.append(" ".join(record.getMessage().split()))


def _on_damage(streams: list[XdfStream], torn: bool, damaged: bool) -> tuple[str, ...]:
    """Remark on what the file has lost."""
    if damaged:
        return ("the file is damaged: some of its chunks are missing here",)
    if not torn:
        return ()
    longest_s = max((len(s.stamps) / s.sfreq for s in streams if s.sfreq > 0), default=0.0)
    return (f"the file ends in the middle of a chunk: {longest_s:.1f} s recovered",)


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
