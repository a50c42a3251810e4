"""Reading a whole file that nobody vouches for: a regular one, and no larger than it may be."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.errors import MdjptError

__all__ = ["regular_bytes", "regular_size"]


def regular_size(path: Path, at_most: int, error: type[MdjptError], noun: str = "file") -> int:
    """Return the bytes of a file without opening it: a pipe would wait for ever.

    Parameters
    ----------
    path : Path
        The file.
    at_most : int
        Bytes.
    error : type of MdjptError
        What to raise.
    noun : str
        What it should be, for the message.

    Raises
    ------
    MdjptError
        Of the class `error`: it is missing, no regular file (a folder, pipe or device), or larger.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise error(f"{path}: no such {noun}; check the path") from None
    except (OSError, ValueError) as problem:  # ValueError: a name with a NUL
        raise error(_unreadable(path, noun, problem)) from None
    if stat.S_ISDIR(found.st_mode):
        raise error(f"{path}: cannot be read as a {noun}: a folder; name a file")
    if not stat.S_ISREG(found.st_mode):
        raise error(f"{path}: cannot be read as a {noun}: no regular file")
    if found.st_size > at_most:
        raise error(f"{path}: {_size(found.st_size)} is more than any {noun} has")
    return found.st_size


def regular_bytes(
    path: Path,
    at_most: int,
    error: type[MdjptError],
    noun: str = "file",
    *,
    first: int | None = None,
) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    path, at_most, error, noun
        As for :func:`regular_size`.
    first : int, optional
        Read no more than so many bytes of it.

    Raises
    ------
    MdjptError
        As for :func:`regular_size`, and when it cannot be read.
    """
    size = regular_size(path, at_most, error, noun)
    try:
        with path.open("rb") as file:
            return file.read(size if first is None else min(first, size))
    except OSError as problem:
        raise error(_unreadable(path, noun, problem)) from None


def _unreadable(path: Path, noun: str, problem: Exception) -> str:
    reason = getattr(problem, "strerror", None) or problem
    return f"{path}: cannot be read as a {noun}: {reason}; check the path"


def _size(n_bytes: int) -> str:
    return f"{n_bytes >> 20} MiB" if n_bytes >= 1 << 20 else f"{n_bytes >> 10} KiB"
