"""Ctrl-C and SIGTERM end a command properly: every file closed, every process joined."""

from __future__ import annotations

import signal
import threading

__all__ = ["stop_on_signal"]


def stop_on_signal() -> threading.Event:
    """Return an event that Ctrl-C and SIGTERM set from now on.

    Outside the main thread, which alone receives signals, it is never set.
    """
    stopped = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
    return stopped
