"""Recordings for the tests of the recorder: made chunk by chunk, on disks that fail when told."""

from __future__ import annotations

import errno
import threading
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streaming.recorder.storage import AppendedFile, CheckedFile
from streaming.recorder.writer import XdfWriter
from streaming.stream import Chunk, Marker, StreamInfo
from tests.support.fakes import NAMES, cut, eeg_like

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SFREQ = 125.0
INFO = StreamInfo("amp", NAMES, SFREQ, source_id="amp-1", clock="lsl", simulated=True)


def chunks_with_gap(
    seconds: int = 12, gap_at_s: float = 7.0, n_lost: int = 40, seed: int = 0
) -> list[Chunk]:
    """Return chunks of 0.2 s; `n_lost` samples are missing at `gap_at_s`."""
    samples = eeg_like(len(NAMES), int(seconds * SFREQ), seed)
    at = int(gap_at_s * SFREQ)
    step = int(0.2 * SFREQ)
    before = cut(samples[:, :at], range(step, at, step), SFREQ)
    after = samples[:, at:]
    return before + cut(after, range(step, after.shape[1], step), SFREQ, at + n_lost)


def write_recording(path: Path, chunks: Sequence[Chunk], info: StreamInfo = INFO) -> Path:
    """Write chunks in this thread, with a marker at the first sample."""
    writer = XdfWriter(CheckedFile(path))
    writer.begin(info)
    for chunk in chunks:
        writer.write(chunk)
    writer.mark([Marker(float(chunks[0].timestamps[0]), "eyes closed")])
    writer.end()
    writer.close()
    return path


def joined(chunks: Sequence[Chunk]) -> tuple[np.ndarray, np.ndarray]:
    """Return samples and positions of chunks."""
    positions = [np.arange(c.first_sample, c.stop_sample) for c in chunks]
    return np.concatenate([c.samples for c in chunks], axis=1), np.concatenate(positions)


class SmallDisk:
    """Creates files that together hold so many bytes; then writing fails, half of it done.

    Parameters
    ----------
    n_bytes : int
        What fits.
    error : int
        Number of the error of the system.
    """

    def __init__(self, n_bytes: int, error: int = errno.ENOSPC) -> None:
        self.left = n_bytes
        self._error = error

    def create(self, path: Path) -> CheckedFile:
        """Create a recording's two files."""
        return CheckedFile(path, open_file=self._open)

    def _open(self, path: Path) -> AppendedFile:
        return _FileOnSmallDisk(path, self, self._error)


class _FileOnSmallDisk(AppendedFile):
    def __init__(self, path: Path, disk: SmallDisk, error: int) -> None:
        super().__init__(path)
        self._disk, self._error = disk, error

    def append(self, content: bytes) -> None:
        if len(content) > self._disk.left:
            raise OSError(self._error, "No space left on device")
        self._disk.left -= len(content)
        super().append(content)


class StuckDisk:
    """Creates files; after the header each write waits until the disk is released."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()
        self.n_writes = 0

    def create(self, path: Path) -> CheckedFile:
        """Create a recording's two files."""
        return CheckedFile(path, open_file=partial(_FileOnStuckDisk, disk=self))


class _FileOnStuckDisk(AppendedFile):
    def __init__(self, path: Path, disk: StuckDisk) -> None:
        super().__init__(path)
        self._disk = disk

    def append(self, content: bytes) -> None:
        self._disk.n_writes += 1
        if self._disk.n_writes > 3:
            self._disk.reached.set()
            self._disk.released.wait(60.0)
        super().append(content)
