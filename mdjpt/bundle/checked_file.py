"""A checked file: named arrays, a JSON object, and a checksum over both. Bundles and profiles.

A safetensors file whose only metadata entry is a JSON text with ``format_version``, ``about`` and
checksums; equal content gives equal bytes. Reading believes nothing: sizes are checked before
anything is allocated, and every way in which a file can be wrong ends in one line. The JSON object
has a checksum of its own: it can be read, and believed, without the arrays.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import safetensors
from pydantic import ValidationError
from safetensors.numpy import save

from mdjpt.guard.atomic_file import atomic_file
from mdjpt.guard.regular_file import regular_bytes, regular_size
from mdjpt.guard.schema import fault
from mdjpt.guard.strict_json import json_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.errors import MdjptError

    Arrays = dict[str, NDArray[Any]]

__all__ = ["CheckedFile", "FileKind", "parts_of", "read_about", "read_checked", "write_checked"]

MAX_FILE_BYTES = 256 << 20
MAX_HEADER_BYTES = 1 << 20
_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header
_OWNER_ONLY = 0o600
_NUMPY = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
_KEYS = {"format_version", "about", "about_sha256", "sha256"}
_NO_SAFETENSORS = "damaged, or not a safetensors file"
_CHECKSUM = "damaged: its checksum does not match"


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """What a checked file is."""

    noun: str
    """What to call it."""
    entry: str
    """Key of its JSON text in the metadata."""
    format_version: int
    """Of what is written and read."""
    dtypes: tuple[str, ...]
    """Types of its arrays as safetensors names them; others are converted to the last one."""
    error: type[MdjptError]
    """What is raised about it."""
    hint: str
    """What to do about one that cannot be used."""
    otherwise: str
    """What to say of a safetensors file of another kind."""
    given_up: Mapping[int, str] = field(default_factory=dict)
    """Formats that are read no more, and why."""
    owner_only: bool = False
    """Nobody else may read it."""

    def refuse(self, path: Path, reason: object) -> NoReturn:
        """Raise the error of a file that cannot be used; a KeyError is what it lacks."""
        if isinstance(reason, ValidationError):
            reason = fault(reason)
        said = f"it lacks {reason}" if isinstance(reason, KeyError) else reason
        raise self.error(f"{path}: unusable {self.noun}: {said}; {self.hint}") from None


class CheckedFile(NamedTuple):
    """Content of a file, not yet checked for sense."""

    arrays: Arrays
    """Read-only."""
    about: dict[str, Any]
    """The JSON object."""
    sha256: str
    """Checksum over both, in hexadecimal."""


def write_checked(
    path: Path, kind: FileKind, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
) -> str:
    """Write a file, whole or not at all, and return its checksum.

    Raises MdjptError of the kind's class: the file cannot be written. Raises ValueError when
    `about` cannot be written as JSON.
    """
    kept = {name: _kept(array, kind) for name, array in arrays.items()}
    sha256 = _checksum(kind, kept, about)
    entry = {"format_version": kind.format_version, "about": about, "sha256": sha256}
    entry["about_sha256"] = _checksum(kind, {}, about)
    content = save(kept, {kind.entry: _json(entry)})
    try:
        with atomic_file(path) as file:
            if kind.owner_only and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), _OWNER_ONLY)
            file.write(content)
    except OSError as error:
        raise kind.error(
            f"{path}: the {kind.noun} cannot be written: {error.strerror}; choose another file"
        ) from None
    return sha256


def read_checked(path: Path, kind: FileKind) -> CheckedFile:
    """Read a file and check layout, version and checksum.

    Raises MdjptError of the kind's class: the file is missing, too large, another one, of another
    version, or damaged.
    """
    content, _ = _content(path, kind)
    try:
        views = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except Exception:  # its parser has several kinds of error for a file that is none
        kind.refuse(path, _NO_SAFETENSORS)
    entry = _entry(path, kind, _header(path, kind, content))
    arrays = {name: _array(path, kind, name, view) for name, view in views}
    about, sha256 = _about(path, kind, entry), entry.get("sha256")
    if _checksum(kind, arrays, about) != sha256:
        kind.refuse(path, _CHECKSUM)
    return CheckedFile(arrays, about, sha256)


def read_about(path: Path, kind: FileKind) -> dict[str, Any]:
    """Read the JSON object of a file: layout, version and its own checksum are checked.

    The arrays are read only where the file is older than that checksum.

    Raises MdjptError of the kind's class: the file is missing, another one, of another version,
    cut off, or its header is damaged.
    """
    content, size = _content(path, kind, header_only=True)
    header = _header(path, kind, content)
    entry = _entry(path, kind, header)
    if "about_sha256" not in entry:
        return read_checked(path, kind).about
    if size != len(content) + _data_bytes(path, kind, header):
        kind.refuse(path, "damaged: it is cut off, or holds more than it says")
    return _about(path, kind, entry)


def parts_of(arrays: Mapping[str, NDArray[Any]], known: Iterable[str]) -> dict[str, Arrays]:
    """Sort arrays by the first part of their names, ``part.rest``; every known part is there.

    Raises ValueError when an array belongs to no known part.
    """
    parts: dict[str, Arrays] = {name: {} for name in known}
    for name, array in arrays.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise ValueError(f"it holds what this version does not know: {name[:40]}")
        parts[part][rest] = array
    return parts


def _content(path: Path, kind: FileKind, *, header_only: bool = False) -> tuple[bytes, int]:
    """Return what the file holds, or its beginning, and how many bytes it has."""
    size = regular_size(path, MAX_FILE_BYTES, kind.error, kind.noun)
    start = regular_bytes(path, MAX_FILE_BYTES, kind.error, kind.noun, first=_LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if length > min(size, MAX_HEADER_BYTES):
        kind.refuse(path, _NO_SAFETENSORS)
    first = _LENGTH_BYTES + length if header_only else size
    return regular_bytes(path, MAX_FILE_BYTES, kind.error, kind.noun, first=first), size


def _header(path: Path, kind: FileKind, content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json_object(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    if header is None:
        kind.refuse(path, _NO_SAFETENSORS)
    return header


def _data_bytes(path: Path, kind: FileKind, header: Mapping[str, Any]) -> int:
    """Return how many bytes of arrays follow the header, by what it says."""
    try:
        return int(max(h["data_offsets"][1] for n, h in header.items() if n != "__metadata__"))
    except (ValueError, LookupError, TypeError):
        kind.refuse(path, _NO_SAFETENSORS)


def _entry(path: Path, kind: FileKind, header: Mapping[str, Any]) -> dict[str, Any]:
    """Parse our entry of the header."""
    metadata = header.get("__metadata__")
    text = metadata.get(kind.entry) if isinstance(metadata, dict) else None
    if text is None:
        raise kind.error(f"{path}: {kind.otherwise}")
    entry = json_object(text)
    if entry is None or _json(entry) != text:
        kind.refuse(path, "damaged: its description cannot be read")
    version = entry.get("format_version")
    if type(version) is int and version in kind.given_up:
        raise kind.error(f"{path}: {kind.given_up[version]}; {kind.hint}")
    if type(version) is not int or version != kind.format_version:
        older = type(version) is int and version < kind.format_version
        raise kind.error(
            f"{path}: {kind.noun} format {version!r:.20} is not {kind.format_version}, the one "
            f"this version reads; {kind.hint if older else 'update mdjpt-live'}"
        )
    if not entry.keys() <= _KEYS:
        kind.refuse(path, "damaged: its description holds what none has")
    return entry


def _about(path: Path, kind: FileKind, entry: Mapping[str, Any]) -> dict[str, Any]:
    about = entry.get("about")
    if not isinstance(about, dict):
        kind.refuse(path, _CHECKSUM)
    if "about_sha256" in entry and entry["about_sha256"] != _checksum(kind, {}, about):
        kind.refuse(path, _CHECKSUM)
    return about


def _array(path: Path, kind: FileKind, name: str, view: Mapping[str, Any]) -> NDArray[Any]:
    if view["dtype"] not in kind.dtypes:
        kind.refuse(path, f"array {name[:40]!r} is {view['dtype']}")
    array = np.frombuffer(view["data"], _NUMPY[view["dtype"]]).reshape(view["shape"])
    if not np.isfinite(array).all():
        kind.refuse(path, f"array {name[:40]!r} holds NaN or infinity")
    array.flags.writeable = False
    return array


def _kept(array: NDArray[Any], kind: FileKind) -> NDArray[Any]:
    """Return an array as one of the types that are kept, contiguous."""
    types = [np.dtype(_NUMPY[name]) for name in kind.dtypes]
    kept = array if array.dtype in types else array.astype(types[-1])
    return np.ascontiguousarray(kept).reshape(array.shape)


def _json(value: Mapping[str, Any]) -> str:
    """Return the one text that stands for a JSON object here."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _checksum(kind: FileKind, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> str:
    """SHA-256 over names, types (where there are several), shapes, values, then the JSON text."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        dtype = array.dtype.str if len(kind.dtypes) > 1 else ""
        digest.update(f"{name}{dtype}{list(array.shape)}".encode())
        digest.update(array.tobytes())
    digest.update(_json(about).encode())
    return digest.hexdigest()
