"""Files packed with gzip, unpacked as long as they do not swell beyond reason."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_packed", "unpacked"]

_MAX_BYTES = 1 << 31
_BLOCK_BYTES = 1 << 20  # asked for at once: the reader's memory is limited
_READ_PACKED = (".fif.gz", ".xdf.gz")  # their readers unpack these themselves


def is_packed(path: Path) -> bool:
    """Tell whether a file must be unpacked before its reader can read it."""
    name = path.name.lower()
    return name.endswith(".gz") and not name.endswith(_READ_PACKED)


def unpacked(content: bytes) -> bytes:
    """Return what a gzip file holds.

    Raises MemoryError: it is larger than 2 GiB.
    """
    plain = bytearray()
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        while part := packed.read(_BLOCK_BYTES):
            plain += part
            if len(plain) > _MAX_BYTES:
                raise MemoryError
    return bytes(plain)
