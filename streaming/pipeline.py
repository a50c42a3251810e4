"""The whole live path in one process and one thread: offline replay, and tests with a clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mdjpt.signal.window import Preprocessor
from streaming.acquisition import Acquisition
from streaming.inference import Answer, Inference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streaming.acquisition import ChunkSink
    from streaming.inference import WindowDecoder
    from streaming.stream import Source, StreamInfo

__all__ = ["Pipeline"]


class Pipeline:
    """Runs acquisition and inference by turns, deterministically.

    The engine and the decoder process run the same two bodies side by side, so what holds here
    holds there. The sink takes the raw chunks without loss; the clock is monotonic.
    """

    def __init__(
        self,
        source: Source,
        decoder: WindowDecoder,
        *,
        hop_s: float = 0.5,
        sink: ChunkSink | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._decoder = decoder
        self._hop_s = hop_s
        self._opened = False
        self.acquisition = Acquisition(source, sink, clock=clock)
        self.inference: Inference

    def open(self) -> StreamInfo:
        """Open the source; raises what the source raises."""
        info = self.acquisition.open()
        self._opened = True
        self.inference = Inference(
            self.acquisition.ring,
            info,
            Preprocessor(info.ch_names, info.sfreq),
            self._decoder,
            hop_s=self._hop_s,
            clock=self._clock,
        )
        return info

    def step(self, timeout_s: float = 0.0) -> list[Answer]:
        """Read once, for at most `timeout_s`, and decode every window that this completed."""
        self.acquisition.step(timeout_s)
        answers = []
        while (answer := self.inference.step()) is not None:
            answers.append(answer)
        return answers

    def run(self) -> Iterator[Answer]:
        """Yield the answers until the source ends; opens and closes the source."""
        self.open()
        try:
            while not self.inference.finished:
                yield from self.step(timeout_s=0.1)
        finally:
            self.close()

    def close(self) -> None:
        """Close source and sink and free the ring. Safe to call twice."""
        self.acquisition.close()
        if self._sink is not None:
            self._sink.close()
        if self._opened:
            self.acquisition.ring.close()
            self._opened = False
