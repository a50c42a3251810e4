"""A lossless queue that is bounded in bytes: it is full, or it keeps everything."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["ByteQueue"]

T = TypeVar("T")


class ByteQueue(Generic[T]):
    """Hands items from any threads to one.

    Items that would make it larger than `max_bytes` are refused; one is always taken when it is
    empty.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._items: deque[tuple[T, int]] = deque()
        self._n_bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def n_bytes(self) -> int:
        """Bytes that wait."""
        return self._n_bytes

    @property
    def closed(self) -> bool:
        """True when nothing more will come."""
        return self._closed

    def put(self, item: T, n_bytes: int) -> bool:
        """Add an item without waiting; False when it is full. Drops it once closed."""
        with self._changed:
            if self._closed:
                return True
            if self._items and self._n_bytes + n_bytes > self._max_bytes:
                return False
            self._items.append((item, n_bytes))
            self._n_bytes += n_bytes
            self._changed.notify()
            return True

    def get(self, timeout_s: float) -> T | None:
        """Take the oldest item, waiting at most `timeout_s` for one; None when there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout_s)
            if not self._items:
                return None
            item, n_bytes = self._items.popleft()
            self._n_bytes -= n_bytes
            return item

    def close(self) -> None:
        """Take nothing more; what waits can still be taken out. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop everything and close."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._n_bytes = 0
