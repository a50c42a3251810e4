"""Windows encoded beside their caller: on every core, or a batch at a time on an accelerator.

For whatever does not have to wait for its newest window: files, calibrations, evaluations. Each
feature is what :meth:`mdjpt.network.encoder.Encoder.feature` gives for its window alone.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from mdjpt.network.encoder import Encoder, RowStats

    Float32 = NDArray[np.float32]

__all__ = ["EncodingPool", "n_cores"]

_AHEAD = 4  # windows a core that may wait for their turn


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class EncodingPool:
    """Encodes windows that share nothing, in threads of its own; they end with the pool.

    One thread submits. Nothing here blocks but to wait for a feature.

    Parameters
    ----------
    make : callable
        Makes an encoder; each thread needs one of its own.
    stats : RowStats, optional
        Statistics to normalise with; None takes each window's own.
    n_threads : int, optional
        On the processor; one a core by default.
    """

    def __init__(
        self, make: Callable[[], Encoder], stats: RowStats | None, n_threads: int | None = None
    ) -> None:
        self._make, self._stats = make, stats
        self._own, self._first = threading.local(), make()
        self._at_once = self._first.at_once
        self._n_threads = (n_threads or n_cores()) if self._at_once == 1 else 1
        self._waiting: deque[tuple[Float32, Future[Float32]]] = deque()
        self._threads = ThreadPoolExecutor(
            self._n_threads, "mdjpt-encode", torch.set_num_threads, (1,)
        )

    def submit(self, window: Float32) -> Future[Float32]:
        """Encode a window, shape (60, 625), and return where its feature, (512,), will be."""
        future: Future[Float32] = Future()
        self._waiting.append((window, future))
        self._threads.submit(self._encode_waiting)
        return future

    def map(self, windows: Iterable[Float32]) -> Iterator[Float32]:
        """Yield the feature of every window in their order, while further ones are encoded."""
        pending: deque[Future[Float32]] = deque()
        most = _AHEAD * self._at_once * self._n_threads
        for window in windows:
            pending.append(self.submit(window))
            if len(pending) > most:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def _encode_waiting(self) -> None:
        """Take as many windows as go at once; none where an earlier call has taken them."""
        taken: list[tuple[Float32, Future[Float32]]] = []
        while self._waiting and len(taken) < self._at_once:
            try:
                taken.append(self._waiting.popleft())
            except IndexError:  # another thread was faster
                break
        if not taken:
            return
        size = 1 if self._stats is None else None
        try:
            windows = np.stack([window for window, _ in taken])
            features = self._encoder().feature(windows, group_size=size, stats=self._stats)
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), feature in zip(taken, features, strict=True):
            future.set_result(feature)

    def _encoder(self) -> Encoder:
        """Return the encoder of this thread."""
        if not hasattr(self._own, "encoder"):
            # The one that was made first belongs to the thread that asks first.
            self._own.encoder = self.__dict__.pop("_first", None) or self._make()
        encoder: Encoder = self._own.encoder
        return encoder
