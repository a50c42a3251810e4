"""Files that are there whole or not at all, whenever the writer is killed."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["atomic_file", "refuse_other_than_file", "write_file"]


def refuse_other_than_file(path: Path) -> None:
    """Raise OSError where a file would be written through a link, or in the place of a device."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(kind):
        raise OSError(errno.ELOOP, "a link, and nothing is written through one")
    if not stat.S_ISREG(kind):
        raise OSError(errno.EEXIST, "no regular file")


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an error.

    The content is on the disk before it gets its name, so a crash leaves the old file or the new.
    Of several writers at once, in threads or processes, the last to end has its content there. The
    folder must exist.

    Raises OSError when it cannot be written, or `path` is a link, a folder or a device.
    """
    refuse_other_than_file(path)
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
