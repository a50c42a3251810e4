"""A published checkpoint, downloaded by whoever accepts its terms: resumed, bounded, verified.

The project never ships one: its authors state no licence. A file is known by its git blob id, so a
mirror need not be trusted, and nothing opens a file before it has the right one.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from mdjpt.bundle.checkpoint import COMMIT, MAX_BYTES, RELEASED_BLOBS
from mdjpt.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

__all__ = ["RELEASED_BLOB", "RELEASED_URL", "download_checkpoint", "git_blob_id"]

RELEASED_BLOB = "6ae915489e775bdf41e02b7b97791808675ee782"
"""Git blob id of the checkpoint of the last epoch."""
RELEASED_URL = (
    "https://raw.githubusercontent.com/ncclab-sustech/mdJPT_nips2025/"
    f"{COMMIT}/{RELEASED_BLOBS[RELEASED_BLOB].replace('=', '%3D')}"
)
TRIES = 3
PAUSE_S = 0.5
CONNECT_S = 10.0
READ_S = 30.0
BLOCK_BYTES = 1 << 13


class _Cut(Exception):
    """The connection ended before the file did."""


def git_blob_id(content: bytes) -> str:
    """Return what git calls a file: SHA-1 of ``blob SIZE``, a zero byte and the content.

    Examples
    --------
    >>> from mdjpt.bundle.download import git_blob_id
    >>> git_blob_id(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def download_checkpoint(
    path: Path,
    url: str = RELEASED_URL,
    blob: str = RELEASED_BLOB,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Download a file, unless it is there, and verify it.

    A cut connection is taken up again where it ended, up to three times in a row without a byte;
    what has come stays in ``PATH.part`` for the next call. Proxies are taken from the environment
    (``HTTPS_PROXY``).

    Parameters
    ----------
    path : Path
        Where the file goes; its folder is made.
    url : str
        ``http://`` or ``https://``.
    blob : str
        Git blob id that it must have.
    progress : callable, optional
        Takes the bytes that are there and the bytes in all, 0 where the server does not tell.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ModelError
        No connection, no such file there, larger than a checkpoint can be, or another file than
        the one asked for, which is then removed.
    """
    if path.is_file() and git_blob_id(path.read_bytes()) == blob:
        return path
    if not url.startswith(("http://", "https://")):
        raise ModelError(f"{url}: no address that starts with https:// or http://")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _complete(part, url, progress or (lambda _done, _total: None))
        _verify(part, url, blob)
        part.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _complete(part: Path, url: str, progress: Callable[[int, int], None]) -> None:
    failures = 0
    while True:
        before = _size(part)
        try:
            return _append(part, url, progress)
        except _Cut as cut:
            failures = failures + 1 if _size(part) <= before else 0
            if failures >= TRIES:
                kept = f"; {_size(part):,} bytes are kept, the same command goes on from there"
                raise ModelError(f"{url}: {cut}{kept if _size(part) else ''}") from None
            time.sleep(PAUSE_S)


def _append(part: Path, url: str, progress: Callable[[int, int], None]) -> None:
    """Ask for what is missing and write it behind what is there."""
    import requests

    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_S, READ_S)) as answer:
            if answer.status_code == 416:  # nothing behind what is there: the check will tell
                return
            if answer.status_code not in (200, 206):
                raise ModelError(f"{url}: the server answered {answer.status_code}: no such file?")
            start = have if answer.status_code == 206 else 0
            total = _total(answer, start)
            with part.open("r+b" if have else "wb") as file:
                file.truncate(start)
                file.seek(start)
                for block in _blocks(answer, start, total):
                    file.write(block)
                    progress(file.tell(), total)
    except requests.Timeout:
        raise _Cut(f"no answer for {READ_S:g} s") from None
    except requests.exceptions.ChunkedEncodingError:
        raise _Cut(f"cut off after {_size(part):,} bytes") from None
    except requests.ConnectionError:
        raise _Cut("no connection: offline, or behind a proxy (HTTPS_PROXY)?") from None
    except requests.RequestException as error:
        raise ModelError(f"{url}: not to be fetched: {type(error).__name__}") from None


def _blocks(answer: requests.Response, start: int, total: int) -> Iterator[bytes]:
    done = start
    for block in answer.iter_content(BLOCK_BYTES):
        done += len(block)
        if done > MAX_BYTES:
            raise ModelError(f"{answer.url}: more than {MAX_BYTES >> 20} MiB: no checkpoint")
        yield block
    if done < total:
        raise _Cut(f"cut off after {done:,} of {total:,} bytes")


def _total(answer: requests.Response, start: int) -> int:
    """Return the size of the whole file by the server's word, 0 when it gives none."""
    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() and len(length) < 16 else 0
    if total > MAX_BYTES:
        raise ModelError(f"{answer.url}: {total >> 20} MiB is more than a checkpoint of mdJPT has")
    return total


def _verify(part: Path, url: str, blob: str) -> None:
    found = git_blob_id(part.read_bytes())
    if found != blob:
        part.unlink()
        raise ModelError(
            f"{url}: not the file asked for (git blob {found[:12]}, not {blob[:12]}): removed"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
