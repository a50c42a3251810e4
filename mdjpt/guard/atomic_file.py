"""Files that are there whole or not at all, whenever the writer is killed."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["atomic_file", "write_file"]


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an error.

    The content is on the disk before it gets its name, so a crash leaves the old file or the new.
    Of several writers at once, in threads or processes, the last to end has its content there. The
    folder must exist.

    Raises OSError when it cannot be written.
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


def write_file(path: Path, content: bytes, error: type[MdjptError] = MdjptError) -> None:
    """Write a file, whole or not at all, and make its folder when there is none.

    Raises MdjptError of the class `error`: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(content)
    except OSError as problem:
        raise error(f"{path}: cannot be written: {problem.strerror}") from None
