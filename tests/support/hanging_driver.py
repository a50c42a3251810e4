"""A driver that stops to answer, as those of Bluetooth headsets do when the link is lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from streaming.sources.simulated import SimulatedSource
from streaming.sources.source_spec import parse_source

if TYPE_CHECKING:
    from streaming.stream import Chunk, StreamInfo

__all__ = ["HangingDriver"]

ANSWERS_S = 4.0


class HangingDriver:
    """Gives 4 s of signal; the read after that never comes back."""

    def __init__(self) -> None:
        self._source = SimulatedSource.from_spec(parse_source("sim:?n_channels=8"), speed=20.0)
        self._sfreq = 0.0

    def open(self) -> StreamInfo:
        info = self._source.open()
        self._sfreq = info.sfreq
        return info

    def read(self, timeout_s: float) -> Chunk:
        chunk = self._source.read(timeout_s)
        if chunk.first_sample >= ANSWERS_S * self._sfreq:
            threading.Event().wait()
        return chunk

    @property
    def ended(self) -> bool:
        return False

    def close(self) -> None:
        self._source.close()
