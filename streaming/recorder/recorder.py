"""Takes everything that is recorded, from any thread, and writes it in a thread of its own."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mdjpt.errors import RecordingError, one_line
from streaming.recorder.byte_queue import ByteQueue
from streaming.recorder.side_streams import SideBlock
from streaming.recorder.storage import CheckedFile
from streaming.recorder.writer import XdfWriter
from streaming.stream import Chunk, Marker, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard

__all__ = ["Recorder"]

MAX_WAITING_BYTES = 32 << 20
"""Two minutes of 64 channels at 1000 Hz: a disk that is busy longer has failed."""
ROOM_BYTES = 4 << 20
"""A source that can wait does so while more than this waits."""
SYNC_EVERY_S = 0.75
"""With the wait for an item less than a second: a disk that fails is told within one."""
SLOW_AFTER_S = 5.0
CLOSE_S = 5.0
_ITEM_BYTES = 512
"""What an item takes beside its samples."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    prediction: Prediction
    card: ModelCard | None


_Item = StreamInfo | Chunk | Marker | SideBlock | _Decoded


class Recorder:
    """Writes one recording; a :class:`streaming.acquisition.ChunkSink`.

    Nothing of it blocks or raises but the constructor and `close`: when the disk fails or falls
    behind, the recording ends with an `error`, the file is valid to its last chunk, and what comes
    later is dropped. `write` may be called by one thread, everything else by another.

    What a caller may rely on, chunk by chunk: one that `write` took waits in memory and dies with
    the process. One that `recorded_s` counts was taken by the system in one piece: it survives the
    death of the process, not a power cut. Files and, once, their names in the folder are synced
    every second and at the end: a power cut costs what came since then, a second and the time
    that the disk takes.

    Parameters
    ----------
    path : Path
        File to write, never one that exists.
    create : callable
        Creates the file.
    max_waiting_bytes : int
        Memory for what the disk has not taken yet.
    clock : callable
        Monotonic clock, seconds.

    Raises
    ------
    RecordingError
        The file exists or cannot be created.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: Callable[[Path], CheckedFile] = CheckedFile,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._clock = clock
        try:
            self._writer = XdfWriter(create(path))
        except OSError as error:
            raise RecordingError(
                _told(path, "cannot be recorded", error, "choose another folder")
            ) from None
        self._queue: ByteQueue[_Item] = ByteQueue(max_waiting_bytes)
        self._early: list[Marker] = []
        self._opened = self._began = False
        self._failure = ""
        self._busy_since: float | None = None
        self._synced_at = clock()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def error(self) -> str:
        """One line when the recording failed or the disk does not answer, else ""."""
        busy_since = self._busy_since
        if self._failure or busy_since is None or self._clock() - busy_since <= SLOW_AFTER_S:
            return self._failure
        return f"{self.path}: the disk does not answer; samples wait in memory"

    @property
    def failed(self) -> bool:
        """True when nothing more is written."""
        return bool(self._failure)

    @property
    def has_room(self) -> bool:
        """False while a source that can wait should: the disk is behind."""
        return self._queue.n_bytes < ROOM_BYTES

    @property
    def recorded_s(self) -> float:
        """Seconds of signal in the file."""
        return self._writer.recorded_s

    def open(self, info: StreamInfo) -> None:
        """Begin with a stream; called once, before the first chunk."""
        self._put(info, _ITEM_BYTES)
        self._opened = True

    def write(self, chunk: Chunk) -> None:
        """Take a chunk."""
        if chunk.n_times and self._early:
            early, self._early = self._early, []
            for marker in early:
                self._put(replace(marker, timestamp=float(chunk.timestamps[0])), _ITEM_BYTES)
        self._put(chunk, chunk.samples.nbytes + chunk.timestamps.nbytes + _ITEM_BYTES)

    def mark(self, marker: Marker) -> None:
        """Take an event; one that comes before the first sample is put there."""
        if self._opened:
            self._put(marker, len(marker.label) + _ITEM_BYTES)
        else:
            self._early.append(marker)

    def predict(self, prediction: Prediction, card: ModelCard | None) -> None:
        """Take a prediction and the model that made it."""
        if self._opened:
            self._put(_Decoded(prediction, card), 2 * _ITEM_BYTES)

    def beside(self, block: SideBlock) -> None:
        """Take what came of another stream; what comes before the first sample is left out."""
        if self._opened:
            self._put(block, block.n_bytes + _ITEM_BYTES)

    def close(self) -> None:
        """Write what waits and end the file; blocks for some seconds at most. Safe to call twice.

        A recording into which nothing came leaves no file.
        """
        self._queue.close()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._failure = f"{self.path}: the disk does not answer; the end is missing"

    def _put(self, item: _Item, n_bytes: int) -> None:
        if not self._queue.put(item, n_bytes):
            self._failure = (
                f"{self.path}: the disk is slower than the signal; recording ended, the file is "
                "valid up to here"
            )
            self._queue.close()

    def _run(self) -> None:
        """Body of the recorder thread, the only one that touches the file."""
        try:
            while self._step():
                pass
            self._end()
        except OSError as error:
            self._failure = self._ended_by(error)
        except Exception as error:  # told like any other end: the acquisition goes on
            self._failure = f"{self.path}: unexpected {type(error).__name__}: {one_line(error)}"
        finally:
            self._queue.clear()
            self._close_file()
            self._busy_since = None

    def _step(self) -> bool:
        """Write one item or wait for it; False when all is written and no more will come."""
        self._busy_since = None
        closed = self._queue.closed
        item = self._queue.get(SYNC_EVERY_S / 4)
        self._busy_since = self._clock()
        if item is not None:
            self._write(item)
        if self._busy_since - self._synced_at >= SYNC_EVERY_S:
            self._synced_at = self._busy_since
            self._writer.sync()
        return item is not None or not closed

    def _write(self, item: _Item) -> None:
        if isinstance(item, Chunk):
            self._writer.write(item)
        elif isinstance(item, Marker):
            self._writer.mark([item])
        elif isinstance(item, SideBlock):
            self._writer.beside(item)
        elif isinstance(item, _Decoded):
            self._writer.predict(item.prediction, item.card)
        else:
            self._writer.begin(item)
            self._began = True

    def _end(self) -> None:
        if self._began:
            self._writer.end()
            self._writer.sync()
        else:
            self._writer.remove()

    def _close_file(self) -> None:
        try:
            self._writer.close()
        except OSError as error:
            self._failure = self._failure or self._ended_by(error)

    def _ended_by(self, error: OSError) -> str:
        ended = f"recording ended after {self.recorded_s:.1f} s"
        gone = error.errno == errno.ENOENT
        then = "begin a new recording" if gone else "the file is valid up to there"
        return _told(self.path, ended, error, then)


def _told(path: Path, what: str, error: OSError, then: str) -> str:
    if isinstance(error, FileExistsError):
        return f"{path}: exists already and is not overwritten; choose another name"
    reason = error.strerror or type(error).__name__
    return f"{path}: {what}: {reason[:1].lower()}{reason[1:]}; {then}"
