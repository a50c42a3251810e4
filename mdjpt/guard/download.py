"""A file over HTTP: resumed where it was cut off, bounded, and known by its checksum."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

    from mdjpt.errors import MdjptError

__all__ = ["Algorithm", "checksum_of", "download"]

Algorithm = Literal["git", "md5", "sha256"]
TRIES = 3
PAUSE_S = 0.5
CONNECT_S = 10.0
READ_S = 30.0
BLOCK_BYTES = 1 << 13


class _Cut(Exception):
    """The connection ended before the file did."""


def checksum_of(path: Path, algorithm: Algorithm) -> str:
    """Return a file's checksum in hexadecimal digits.

    ``git`` is the blob id: SHA-1 of ``blob SIZE``, a zero byte and the content. Raises OSError.
    """
    digest = hashlib.new("sha1" if algorithm == "git" else algorithm, usedforsecurity=False)
    if algorithm == "git":
        digest.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(
    path: Path,
    url: str,
    checksum: str,
    algorithm: Algorithm,
    *,
    at_most: int,
    error: type[MdjptError],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
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
    checksum : str
        That it must have, hexadecimal digits.
    algorithm : {"git", "md5", "sha256"}
        As :func:`checksum_of` takes it.
    at_most : int
        Bytes that are taken at the most.
    error : type
        Of what is raised.
    progress : callable
        Takes the bytes that are there and the bytes in all, 0 where the server does not tell.

    Raises
    ------
    MdjptError
        Of the class `error`: no connection, no such file there, larger than `at_most`, not to be
        written, or another file than the one asked for, which is then removed.
    """
    try:
        if path.is_file() and checksum_of(path, algorithm) == checksum:
            return path
        if not url.startswith(("http://", "https://")):
            raise error(f"{url}: no address that starts with https:// or http://")
        part = path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        _Download(part, url, at_most, error, progress).complete()
        found = checksum_of(part, algorithm)
        if found != checksum:
            part.unlink()
            raise error(
                f"{url}: not the file asked for ({algorithm} {found[:12]}, not {checksum[:12]}): "
                "removed"
            )
        part.replace(path)
    except OSError as problem:
        raise error(f"{path}: cannot be written: {problem.strerror or problem}") from None
    return path


class _Download:
    """One file on its way into a part."""

    def __init__(
        self,
        part: Path,
        url: str,
        at_most: int,
        error: type[MdjptError],
        progress: Callable[[int, int], None],
    ) -> None:
        self._part, self._url, self._at_most = part, url, at_most
        self._error, self._progress = error, progress

    def complete(self) -> None:
        """Append until all is there; a cut is followed by another try."""
        failures = 0
        while True:
            before = self._have()
            try:
                return self._append()
            except _Cut as cut:
                have = self._have()
                failures = failures + 1 if have <= before else 0
                if failures >= TRIES:
                    kept = f"; {have:,} bytes are kept, the same command goes on from there"
                    raise self._error(f"{self._url}: {cut}{kept if have else ''}") from None
                time.sleep(PAUSE_S)

    def _append(self) -> None:
        """Ask for what is missing and write it behind what is there."""
        import requests

        have = self._have()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with requests.get(
                self._url, headers=headers, stream=True, timeout=(CONNECT_S, READ_S)
            ) as answer:
                if answer.status_code != 416:  # 416: nothing behind what is there; the check tells
                    self._write(answer, have)
        except requests.Timeout:
            raise _Cut(f"no answer for {READ_S:g} s") from None
        except requests.exceptions.ChunkedEncodingError:
            raise _Cut(f"cut off after {self._have():,} bytes") from None
        except requests.ConnectionError:
            raise _Cut("no connection: offline, or behind a proxy (HTTPS_PROXY)?") from None
        except requests.RequestException as problem:
            name = type(problem).__name__
            raise self._error(f"{self._url}: not to be fetched: {name}") from None

    def _write(self, answer: requests.Response, have: int) -> None:
        if answer.status_code not in (200, 206):
            raise self._error(
                f"{self._url}: the server answered {answer.status_code}: no such file?"
            )
        start = have if answer.status_code == 206 else 0
        total = self._total(answer, start)
        with self._part.open("r+b" if have else "wb") as file:
            file.truncate(start)
            file.seek(start)
            for block in self._blocks(answer, start, total):
                file.write(block)
                self._progress(file.tell(), total)

    def _blocks(self, answer: requests.Response, start: int, total: int) -> Iterator[bytes]:
        done = start
        for block in answer.iter_content(BLOCK_BYTES):
            done += len(block)
            if done > self._at_most:
                raise self._error(f"{self._url}: more than the {self._at_most:,} bytes expected")
            yield block
        if done < total:
            raise _Cut(f"cut off after {done:,} of {total:,} bytes")

    def _total(self, answer: requests.Response, start: int) -> int:
        """Return the size of the whole file by the server's word, 0 when it gives none."""
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() and len(length) < 16 else 0
        if total > self._at_most:
            raise self._error(
                f"{self._url}: {total:,} bytes, more than the {self._at_most:,} expected"
            )
        return total

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0
