"""Predictions as JSON lines, in a file or on standard output."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import refuse_other_than_file

if TYPE_CHECKING:
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

__all__ = ["JsonLinesPublisher"]


class JsonLinesPublisher:
    """Writes one JSON object a line, flushed at once so that a reader sees it.

    Parameters
    ----------
    path : Path or None
        File to write, replaced if it exists; None writes to standard output.

    Raises
    ------
    MdjptError
        When the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._owned = path is not None
        try:
            if path is not None and (path.is_file() or not path.exists()):
                refuse_other_than_file(path)  # a pipe or a device is meant
            self._file: IO[str] = path.open("w", encoding="utf-8") if path else sys.stdout
        except OSError as error:
            raise MdjptError(
                f"cannot write {path}: {error.strerror}; choose another --out"
            ) from None

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Need nothing of the stream."""

    def publish(self, prediction: Prediction) -> None:
        """Write one line."""
        self._file.write(json.dumps(prediction.to_json(), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._owned:
            self._file.close()
        else:
            with suppress(BrokenPipeError, ValueError):
                self._file.flush()
