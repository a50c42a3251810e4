"""XDF files, as LabRecorder and this application write them."""

from __future__ import annotations

import gzip
import io
import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyxdf

from mdjpt.errors import RecordingError
from mdjpt.recordings.counters import find_counter
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.recordings.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.recordings.counters import Counter

__all__ = ["intact_length", "read"]

MAGIC = b"XDF:"
# XDF 1.0: the 16 bytes of a boundary chunk, from which a reader finds its way again.
BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
LENGTH_BYTES = (1, 4, 8)
MAX_LABEL = 1000
MAX_DECOMPRESSED = 1 << 31

_UNITS = {
    "v": 1e6,
    "volt": 1e6,
    "mv": 1e3,
    "millivolt": 1e3,
    "uv": 1.0,
    "µv": 1.0,
    "μv": 1.0,
    "microvolt": 1.0,
    "nv": 1e-3,
    "nanovolt": 1e-3,
}
_EEG_TYPES = ("", "eeg", "exg")


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    """A stream of an XDF file, its nested lists unpacked."""

    name: str
    kind: str
    source_id: str
    sfreq: float
    is_text: bool
    values: Any
    stamps: NDArray[np.float64]
    channels: tuple[dict[str, str], ...]

    @property
    def n_channels(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each column, "" where the file has none."""
        return tuple(channel.get("label", "") for channel in self.channels)

    def described(self) -> str:
        """Return how to tell this stream from others."""
        return f"{self.name!r} ({self.kind}, {self.n_channels} channels, {self.sfreq:g} Hz)"


def read(path: Path, montage: tuple[str, ...] | None, stream: str | None) -> Recording:
    """Read one stream of EEG with the markers of all marker streams.

    Parameters
    ----------
    path : Path
        The file.
    montage : tuple of str or None
        Names for the EEG channels.
    stream : str or None
        Name or source_id of the stream of EEG; needed when there are several.

    Returns
    -------
    Recording
        With the raw time stamps, on the recording computer's clock.

    Raises
    ------
    RecordingError
        No stream of EEG, several, or no scalp electrode in it.
    """
    streams, notes = _loaded(path)
    eeg = _chosen([s for s in streams if not s.is_text], stream)
    values = eeg.values.T.astype(np.float64)
    counter = find_counter(values, eeg.labels)
    electrodes = _electrodes(eeg, counter, montage)
    scale, unit_notes = _scale([eeg.channels[i] for i in electrodes.columns])
    sfreq, stamps, clock_notes = _clock(eeg)
    markers = [m for s in streams if s is not eeg for m in _markers(s, eeg.stamps[0])]
    return Recording(
        samples=(values[list(electrodes.columns)] * scale).astype(np.float32),
        sfreq=sfreq,
        ch_names=electrodes.names,
        timestamps=stamps,
        counter=None if counter is None else counter.values,
        counter_modulus=0 if counter is None else counter.modulus,
        markers=tuple(sorted(markers)),
        notes=(*notes, *electrodes.notes, *unit_notes, *clock_notes),
        source=str(path),
    )


# Loading


def intact_length(file: io.BufferedIOBase) -> int:
    """Length of the part of an XDF file that consists of whole chunks.

    Parameters
    ----------
    file : binary file
        Positioned at its beginning.

    Returns
    -------
    int
        Bytes up to the end of the last whole chunk; the file's length when nothing is torn.
    """
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


def _loaded(path: Path) -> tuple[list[_Stream], tuple[str, ...]]:
    """Load every stream of the file's intact part, with remarks on the rest."""
    with path.open("rb") as file:
        data: io.BufferedIOBase = file
        if path.name.lower().endswith((".xdfz", ".gz")):
            data = io.BytesIO(_decompressed(file))
        if data.read(len(MAGIC)) != MAGIC:
            raise RecordingError("no XDF file, its first bytes are not 'XDF:'")
        whole, size = intact_length(data), data.seek(0, io.SEEK_END)
        data.seek(0)
        content = data.read()
    complaints: list[str] = []
    if BOUNDARY in content[whole:]:
        # Damaged in the middle: pyxdf goes on at the next boundary.
        streams = _parsed(content, complaints) or _parsed(content[:whole], complaints)
    else:
        # Torn at the end: pyxdf would take half a chunk for a whole one.
        streams = _parsed(content[:whole], complaints)
    if streams is None:
        raise RecordingError(f"damaged: {complaints[-1] if complaints else 'no stream in it'}")
    return streams, _on_damage(streams, whole < size, bool(complaints))


def _decompressed(file: io.BufferedIOBase) -> bytes:
    """Decompress a file, as long as it does not swell beyond reason."""
    content = gzip.GzipFile(fileobj=file).read(MAX_DECOMPRESSED)
    if len(content) == MAX_DECOMPRESSED:
        raise MemoryError
    return content


def _parsed(content: bytes, complaints: list[str]) -> list[_Stream] | None:
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


def _on_damage(streams: list[_Stream], torn: bool, damaged: bool) -> tuple[str, ...]:
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


def _unpacked(stream: dict[str, Any]) -> _Stream:
    """Unpack pyxdf's nested dictionary."""
    info, values = stream["info"], stream["time_series"]
    is_text = isinstance(values, list)
    n_channels = 0 if is_text else values.shape[1]
    described = _child(_child(info, "desc"), "channels")
    found = described.get("channel", []) if isinstance(described, dict) else []
    channels = [{key: _text(c, key) for key in ("label", "type", "unit")} for c in found]
    if len(channels) != n_channels:
        channels = [{} for _ in range(n_channels)]
    return _Stream(
        name=_text(info, "name"),
        kind=_text(info, "type"),
        source_id=_text(info, "source_id"),
        sfreq=float(_text(info, "nominal_srate") or 0),
        is_text=is_text,
        values=values,
        stamps=np.asarray(stream["time_stamps"], np.float64),
        channels=tuple(channels),
    )


# The stream of EEG


def _chosen(streams: list[_Stream], wanted: str | None) -> _Stream:
    """Return the one stream of EEG that is meant."""
    alive = [s for s in streams if len(s.stamps) and s.n_channels]
    eeg = [s for s in alive if s.kind.lower() == "eeg"]
    if wanted is None:
        found = eeg
    else:
        named = [s for s in alive if wanted.lower() in (s.name.lower(), s.source_id.lower())]
        found = [s for s in named if s.kind.lower() == "eeg"] or named
    listed = ", ".join(s.described() for s in (found or alive)[:6])
    if not found:
        what = "no stream of type EEG with samples" if wanted is None else f"no stream {wanted!r}"
        raise RecordingError(f"{what} in it" + (f"; it holds {listed}" if listed else ""))
    if len(found) > 1:
        raise RecordingError(f"several streams match: {listed}; choose one with stream=NAME")
    return found[0]


def _electrodes(eeg: _Stream, counter: Counter | None, montage: tuple[str, ...] | None) -> Any:
    """Choose the scalp electrodes; the counter is none of them."""
    is_eeg = [channel.get("type", "").lower() in _EEG_TYPES for channel in eeg.channels]
    if counter is not None:
        is_eeg[counter.column] = False
    try:
        return select_electrodes(eeg.labels, montage, is_eeg=is_eeg)
    except RecordingError as error:
        if counter is None:
            raise
        place = f"column {counter.column + 1} of {eeg.n_channels} is the device's sample counter"
        raise RecordingError(f"{error} ({place})") from None


def _scale(channels: list[dict[str, str]]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return microvolts per unit, one a channel, as a column."""
    units = [channel.get("unit", "") for channel in channels]
    known = [_microvolts(unit) for unit in units]
    scale = np.array([[1.0 if factor is None else factor] for factor in known])
    if None not in known:
        return scale, ()
    unknown = sorted({unit[:20] for unit, factor in zip(units, known, strict=True) if not factor})
    which = ", ".join(repr(unit) for unit in unknown if unit)
    what = f"unknown unit {which}" if which else "the stream declares no unit"
    return scale, (f"{what}: microvolts assumed",)


def _microvolts(unit: str) -> float | None:
    """Return microvolts per unit; None when the unit is unknown."""
    if re.fullmatch(r"-?\d", unit):  # MNE's notation: the power of ten of volts
        return float(10.0 ** (6 + int(unit)))
    return _UNITS.get(unit.lower().removesuffix("s"))


def _clock(eeg: _Stream) -> tuple[float, NDArray[np.float64] | None, tuple[str, ...]]:
    """Return sampling rate, time stamps and remarks on either."""
    stamps: NDArray[np.float64] | None = eeg.stamps
    notes: tuple[str, ...] = ()
    sfreq = eeg.sfreq
    if not np.isfinite(eeg.stamps).all():
        stamps, notes = None, ("time stamps are no numbers: samples taken as regular",)
    if not sfreq > 0:
        step = float(np.median(np.diff(eeg.stamps))) if stamps is not None else 0.0
        if not step > 0:
            raise RecordingError("neither a nominal rate nor usable time stamps in its EEG stream")
        sfreq = 1 / step
        notes = (*notes, f"no nominal rate: {sfreq:.2f} Hz by its time stamps")
    return sfreq, stamps, notes


# Markers


def _markers(stream: _Stream, start: float) -> list[tuple[float, str]]:
    """Return the events of a marker stream as seconds after `start` and label."""
    if not stream.is_text and (stream.sfreq > 0 or "mark" not in stream.kind.lower()):
        return []
    pairs = zip(stream.stamps, stream.values, strict=True)
    found = [(float(stamp - start), _label(row)) for stamp, row in pairs]
    return [(time_s, label) for time_s, label in found if label and np.isfinite(time_s)]


def _label(row: Any) -> str:
    """Return one label of a row of a marker stream: texts, numbers as text, or a JSON list."""
    parts = [_tidy(str(value)) for value in row if value is not None]
    return "/".join(part for part in parts if part)[:MAX_LABEL]


def _tidy(text: str) -> str:
    """Write "111.000000" as 111 and the list ["a", 1] as a/1."""
    text = text.strip()
    if re.fullmatch(r"-?\d+\.0*", text):
        return text.split(".")[0]
    if text.startswith("["):
        try:
            return "/".join(_tidy(str(part)) for part in json.loads(text))
        except (ValueError, RecursionError):
            return text
    return text
