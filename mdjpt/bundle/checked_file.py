"""The file of a model bundle: named float32 arrays, a JSON object, and a checksum over both.

A safetensors file whose only metadata entry, ``mdjpt``, is a JSON text with ``format_version``,
``about`` and ``sha256``; equal content gives equal bytes. Reading believes nothing: sizes are
checked before anything is allocated, and every way in which a file can be wrong ends in one
ModelError.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

import numpy as np
import safetensors
from safetensors.numpy import save

from mdjpt.errors import ModelError
from mdjpt.guard.atomic_file import atomic_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FORMAT_VERSION", "BundleFile", "read_bundle_file", "write_bundle_file"]

ENTRY = "mdjpt"
FORMAT_VERSION = 1
MAX_FILE_BYTES = 256 << 20
MAX_HEADER_BYTES = 1 << 20
_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header

Arrays = dict[str, "NDArray[np.float32]"]


class BundleFile(NamedTuple):
    """Content of a bundle's file, not yet checked for sense.

    Attributes
    ----------
    arrays : dict of str to ndarray
        float32, read-only.
    about : dict
        The JSON object.
    sha256 : str
        Checksum over both, in hexadecimal.
    """

    arrays: Arrays
    about: dict[str, Any]
    sha256: str


def write_bundle_file(path: Path, arrays: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """Write a bundle's file, whole or not at all, and return its checksum.

    Raises
    ------
    ModelError
        When the file cannot be written.
    ValueError
        When `about` cannot be written as JSON.
    """
    contiguous = {name: np.ascontiguousarray(a, np.float32) for name, a in arrays.items()}
    sha256 = _checksum(contiguous, about)
    entry = {"format_version": FORMAT_VERSION, "about": about, "sha256": sha256}
    content = save(contiguous, {ENTRY: _json(entry)})
    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from None
    return sha256


def read_bundle_file(path: Path) -> BundleFile:
    """Read a bundle's file and check its layout, its version and its checksum.

    Raises
    ------
    ModelError
        The file is missing, too large, no bundle, of another version, or damaged.
    """
    content = _content(path)
    try:
        views = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except Exception:  # its parser has several kinds of error for a file that is none
        _refuse(path, "damaged, or not a safetensors file")
    entry = _entry(path, content)
    arrays = {name: _array(path, name, view) for name, view in views}
    about, sha256 = entry.get("about"), entry.get("sha256")
    if not isinstance(about, dict) or _checksum(arrays, about) != sha256:
        _refuse(path, "damaged: its checksum does not match")
    return BundleFile(arrays, about, sha256)


def _content(path: Path) -> bytes:
    """Return all bytes of a file of a plausible size."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                _refuse(path, f"{size >> 20} MiB is more than any bundle's {MAX_FILE_BYTES >> 20}")
            start = file.read(_LENGTH_BYTES)
            header_bytes = int.from_bytes(start, "little")
            if len(start) < _LENGTH_BYTES or header_bytes > min(size, MAX_HEADER_BYTES):
                _refuse(path, "damaged, or not a safetensors file")
            return start + file.read(size)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model bundle; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{path}: cannot be read as a model bundle: {reason}") from None


def _entry(path: Path, content: bytes) -> dict[str, Any]:
    """Parse our entry of the header, which the parser of the arrays has found to be JSON."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    text = header.get("__metadata__", {}).get(ENTRY)
    if text is None:
        raise ModelError(
            f"{path}: a safetensors file but no mdJPT bundle; "
            "make one from a checkpoint with `mdjpt model import`"
        )
    try:
        entry = json.loads(text)
        is_ours = isinstance(entry, dict) and _json(entry) == text
    except (ValueError, RecursionError):
        is_ours = False
    if not is_ours:
        _refuse(path, "damaged: its description cannot be read")
    if (version := entry.get("format_version")) != FORMAT_VERSION:
        raise ModelError(
            f"{path}: bundle format {version!r:.20} is not {FORMAT_VERSION}, the one this version "
            "reads; update mdjpt-live, or make the bundle again"
        )
    return cast("dict[str, Any]", entry)


def _array(path: Path, name: str, view: Mapping[str, Any]) -> NDArray[np.float32]:
    """Take over one array, which must be float32 and finite."""
    if view["dtype"] != "F32":
        _refuse(path, f"array {name!r} is {view['dtype']}, not F32")
    array = np.frombuffer(view["data"], "<f4").reshape(view["shape"])
    if not np.isfinite(array).all():
        _refuse(path, f"array {name!r} holds NaN or infinity")
    array.flags.writeable = False
    return array


def _json(value: Mapping[str, Any]) -> str:
    """Return the one text that stands for a JSON object here."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _checksum(arrays: Arrays, about: Mapping[str, Any]) -> str:
    """SHA-256 over names, shapes and values in the order of the names, then over the JSON text."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name}{list(arrays[name].shape)}".encode())
        digest.update(arrays[name].tobytes())
    digest.update(_json(about).encode())
    return digest.hexdigest()


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ModelError(f"{path}: unusable model bundle ({reason}); get or make it again")
