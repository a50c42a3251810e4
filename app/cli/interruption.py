"""Ctrl-C and SIGTERM end a command properly: every file closed, every process joined."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stop", "Terminated", "stopped_by_signal", "terminated_by_signal"]

EXIT_OF_SIGNALS = 128
_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """SIGTERM came: everything ends as by Ctrl-C, which typer would call it."""


class Stop(threading.Event):
    """Set by a signal.

    Attributes
    ----------
    number : int
        Of the signal, 0 before one came.
    """

    number = 0

    @property
    def exit_code(self) -> int:
        """What a command ends with that could not finish: 130 or 143, 0 before a signal."""
        return EXIT_OF_SIGNALS + self.number if self.number else 0


@contextmanager
def stopped_by_signal(*, second_interrupts: bool = False) -> Iterator[Stop]:
    """Yield an event that Ctrl-C and SIGTERM set; afterwards they do what they did before.

    Outside the main thread, which alone receives signals, it is never set. With
    `second_interrupts`, who cannot wait for the end of a step sends another signal.
    """
    stopped = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, _frame: object) -> None:
        if stopped.is_set() and second_interrupts:
            raise KeyboardInterrupt
        stopped.number = number
        stopped.set()

    before = [signal.signal(number, stop) for number in _NUMBERS]
    try:
        yield stopped
    finally:
        for number, handler in zip(_NUMBERS, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def terminated_by_signal() -> Iterator[None]:
    """Raise :class:`Terminated` where SIGTERM would end the process in its tracks.

    Left to itself it would take no worker process along, and no shared memory.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def terminate(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
