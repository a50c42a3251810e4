"""Files that are there whole or not at all, whenever the writer is killed."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["atomic_file"]


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an error.

    The content is on the disk before it gets its name, so a crash leaves the old file or the new.
    Of several writers at once, in threads or processes, the last to end has its content there.

    Parameters
    ----------
    path : Path
        What to write; its folder exists.

    Yields
    ------
    binary file
        To write into.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
