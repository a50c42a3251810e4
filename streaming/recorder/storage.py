"""Files that only grow: what was appended stays as it was, whatever happens next."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Protocol

from mdjpt.recordings.checksums import CHECKSUM_HEADER, checksum_line, checksum_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Appendable", "AppendedFile", "CheckedFile", "sync_folder"]


class Appendable(Protocol):
    """A file that is appended to. One thread calls it; every method may raise OSError."""

    def append(self, content: bytes) -> None:
        """Write `content` behind what is there, or nothing of it when that fails."""
        ...

    def sync(self) -> None:
        """Wait until all that was appended is on the disk."""
        ...

    def close(self) -> None:
        """Close; safe to call twice."""
        ...

    def remove(self) -> None:
        """Close and delete."""
        ...


def sync_folder(folder: Path, *, sync: Callable[[int], None] = os.fsync) -> None:
    """Wait until the names in a folder are on the disk, where the system can; never raises.

    POSIX: fsync of a file keeps its bytes and says nothing of its name. Windows opens no folder,
    some network disks refuse: there the name is as safe as the file system makes it. `sync` takes
    the folder's descriptor and waits for the disk; it may raise OSError.
    """
    directory = getattr(os, "O_DIRECTORY", None)
    if directory is None:
        return
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | directory)
        try:
            sync(fd)
        finally:
            os.close(fd)


class AppendedFile:
    """A new file on a disk, readable by its owner only.

    `keep_names` waits until the names in a folder are on the disk.

    Raises OSError: it exists, or cannot be created.
    """

    def __init__(self, path: Path, *, keep_names: Callable[[Path], None] = sync_folder) -> None:
        self._path = path
        self._keep_names: Callable[[Path], None] | None = keep_names
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._fd: int | None = os.open(path, flags, 0o600)
        self._size = 0

    def append(self, content: bytes) -> None:
        """Write `content` in one call of the system; what was begun and failed is taken back."""
        assert self._fd is not None
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(content)

    def sync(self) -> None:
        """Wait for the disk; OSError too when somebody deleted the file.

        The first time for the file's name too: until then nothing of it was promised, and the
        thread that created it is not held up by a slow disk.
        """
        assert self._fd is not None
        os.fsync(self._fd)
        if self._keep_names is not None:
            self._keep_names(self._path.parent)
            self._keep_names = None
        if os.fstat(self._fd).st_nlink == 0:
            raise OSError(errno.ENOENT, "the file was deleted")

    def close(self) -> None:
        """Close; safe to call twice."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def remove(self) -> None:
        """Close and delete."""
        self.close()
        self._path.unlink(missing_ok=True)


class CheckedFile:
    """A new file and the one beside it with a checksum of each part.

    Raises OSError: one of them exists, or cannot be created.
    """

    def __init__(
        self, path: Path, *, open_file: Callable[[Path], Appendable] = AppendedFile
    ) -> None:
        self._size = 0
        self._file = open_file(path)
        try:
            self._checksums = open_file(checksum_path(path))
        except OSError:
            self._file.remove()
            raise
        try:
            self._checksums.append(CHECKSUM_HEADER)
        except OSError:
            self.remove()
            raise

    def append(self, content: bytes, time_s: float) -> None:
        """Append a part, before which there are `time_s` of signal."""
        # In this order whatever is in the file has its checksum, also after a crash in between.
        self._checksums.append(checksum_line(self._size, content, time_s))
        self._file.append(content)
        self._size += len(content)

    def sync(self) -> None:
        """Wait until all is on the disk."""
        self._checksums.sync()
        self._file.sync()

    def close(self) -> None:
        """Close both; safe to call twice."""
        self._checksums.close()
        self._file.close()

    def remove(self) -> None:
        """Delete both."""
        self._checksums.remove()
        self._file.remove()
