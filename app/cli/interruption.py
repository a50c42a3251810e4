"""Ctrl-C and SIGTERM end a command properly: every file closed, every process joined."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["stopped_by_signal"]


@contextmanager
def stopped_by_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set; afterwards they do what they did before.

    Outside the main thread, which alone receives signals, it is never set.
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
