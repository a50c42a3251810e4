"""The file of a profile: named arrays, a JSON object, and a checksum over both.

A safetensors file whose only metadata entry, ``mdjpt-profile``, is a JSON text. Reading believes
nothing, and every way in which a file can be wrong ends in one ProfileError. The JSON object has a
checksum of its own as well: it can be read, and believed, without the arrays.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import safetensors
from safetensors.numpy import save

from mdjpt.errors import ProfileError
from mdjpt.guard.atomic_file import atomic_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FORMAT_VERSION", "read_profile_about", "read_profile_file", "write_profile_file"]

FORMAT_VERSION = 1
_TUNED_VERSION = 2
"""Of profiles that held weights of the encoder, which nothing reads any more."""
_ENTRY = "mdjpt-profile"
_MAX_BYTES = 256 << 20
_MAX_HEADER_BYTES = 1 << 20
_MAX_LEVELS = 16  # of objects and lists in each other; a profile has 5
_MAX_WHOLE = 1 << 63
_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header
_TYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
_OWNER_ONLY = 0o600
_ENTRY_KEYS = {"format_version", "about", "about_sha256", "sha256"}
_NO_SAFETENSORS = "damaged, or no safetensors file"
_CHECKSUM = "damaged: its checksum does not match"


def write_profile_file(
    path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
) -> None:
    """Write a profile's file, whole or not at all, with access for its owner only.

    Raises
    ------
    ProfileError
        When the file cannot be written.
    """
    plain = {name: _plain(array) for name, array in arrays.items()}
    entry = {
        "format_version": FORMAT_VERSION,
        "about": about,
        "about_sha256": _checksum({}, about),
        "sha256": _checksum(plain, about),
    }
    content = save(plain, {_ENTRY: _json(entry)})
    try:
        with atomic_file(path) as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), _OWNER_ONLY)
            file.write(content)
    except OSError as error:
        raise ProfileError(
            f"{path}: the profile cannot be written: {error.strerror}; choose another file"
        ) from None


def read_profile_file(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a profile's file and check layout, version and checksum.

    Returns
    -------
    arrays : dict of str to ndarray
        float32, float64 or int64.
    about : dict
        The JSON object.

    Raises
    ------
    ProfileError
        The file is missing, no profile, of another version, or damaged.
    """
    content, _ = _content(path)
    try:
        views = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except Exception:  # its parser has several kinds of error for a file that is none
        _refuse(path, _NO_SAFETENSORS)
    entry = _entry(path, _header(path, content))
    about = _about(path, entry)
    arrays = {name: _array(path, name, view) for name, view in views}
    if _checksum(arrays, about) != entry.get("sha256"):
        _refuse(path, _CHECKSUM)
    return arrays, about


def read_profile_about(path: Path) -> dict[str, Any]:
    """Read the JSON object of a profile's file: layout, version and its own checksum are checked.

    The arrays are read only where the file is older than that checksum.

    Raises
    ------
    ProfileError
        The file is missing, no profile, of another version, cut off, or its header is damaged.
    """
    content, size = _content(path, header_only=True)
    header = _header(path, content)
    entry = _entry(path, header)
    if "about_sha256" not in entry:
        return read_profile_file(path)[1]
    if size != len(content) + _data_bytes(path, header):
        _refuse(path, "damaged: it is cut off, or holds more than it says")
    return _about(path, entry)


def _content(path: Path, *, header_only: bool = False) -> tuple[bytes, int]:
    """Return what the file holds, or its beginning, and how many bytes it has."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(_LENGTH_BYTES)
            header_bytes = int.from_bytes(start, "little")
            if size > _MAX_BYTES or header_bytes > min(size, _MAX_HEADER_BYTES):
                _refuse(path, _NO_SAFETENSORS)
            return start + file.read(header_bytes if header_only else size), size
    except OSError as error:
        raise ProfileError(
            f"{path}: the profile cannot be read: {error.strerror}; check the path"
        ) from None


def _header(path: Path, content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = _object(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    if header is None:
        _refuse(path, _NO_SAFETENSORS)
    return header


def _data_bytes(path: Path, header: Mapping[str, Any]) -> int:
    """Return how many bytes of arrays follow the header, by what it says."""
    try:
        return int(max(h["data_offsets"][1] for n, h in header.items() if n != "__metadata__"))
    except (ValueError, LookupError, TypeError):
        _refuse(path, _NO_SAFETENSORS)


def _entry(path: Path, header: Mapping[str, Any]) -> dict[str, Any]:
    """Parse our entry of the header."""
    metadata = header.get("__metadata__")
    text = metadata.get(_ENTRY) if isinstance(metadata, dict) else None
    if text is None:
        raise ProfileError(f"{path}: no profile of a participant; make one with `mdjpt calibrate`")
    entry = _object(text)
    if entry is None:
        _refuse(path, "damaged: its description cannot be read")
    version = entry.get("format_version")
    if version == _TUNED_VERSION:
        raise ProfileError(
            f"{path}: holds a fine-tuned encoder, which is no longer supported; calibrate again"
        )
    if type(version) is not int or version != FORMAT_VERSION:
        older = type(version) is int and version < FORMAT_VERSION
        raise ProfileError(
            f"{path}: profile format {version!r:.20}, this version reads {FORMAT_VERSION}; "
            + ("calibrate again" if older else "update mdjpt-live")
        )
    if not entry.keys() <= _ENTRY_KEYS:
        _refuse(path, "damaged: its description holds what none has")
    return entry


def _about(path: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    about = entry.get("about")
    if not isinstance(about, dict):
        _refuse(path, _CHECKSUM)
    if "about_sha256" in entry and entry["about_sha256"] != _checksum({}, about):
        _refuse(path, _CHECKSUM)
    return about


def _object(text: object) -> dict[str, Any] | None:
    """Parse a JSON object; None for anything else.

    Numbers that are none, or that no float or 64-bit integer holds, and deep nesting are something
    else too: whoever goes on with the object, or writes it again, need not think of them.
    """
    if not isinstance(text, str | bytes):
        return None
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _is_shallow(value) else None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is no number that is kept")


def _finite(text: str) -> float:
    # JSON's grammar allows 1e999, which reads as infinity.
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _whole(text: str) -> int:
    value = int(text)
    return value if -_MAX_WHOLE <= value < _MAX_WHOLE else _no_number(text)


def _is_shallow(value: object, levels: int = _MAX_LEVELS) -> bool:
    """Tell whether a parsed value is nested no deeper than `levels`."""
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)


def _array(path: Path, name: str, view: Mapping[str, Any]) -> NDArray[Any]:
    if view["dtype"] not in _TYPES:
        _refuse(path, f"array {name[:40]!r} is {view['dtype']}")
    array = np.frombuffer(view["data"], _TYPES[view["dtype"]]).reshape(view["shape"])
    if not np.isfinite(array).all():
        _refuse(path, f"array {name[:40]!r} holds NaN or infinity")
    return array


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of one of the three types that are kept, contiguous."""
    kept = array if array.dtype in (np.float32, np.float64) else array.astype(np.int64)
    return np.ascontiguousarray(kept).reshape(array.shape)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _checksum(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and values, then over the JSON text."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{list(array.shape)}".encode())
        digest.update(array.tobytes())
    digest.update(_json(about).encode())
    return digest.hexdigest()


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ProfileError(f"{path}: unusable profile ({reason}); calibrate again")
