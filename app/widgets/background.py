"""Slow work away from the event loop, its result back on the GUI thread."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Background", "one_line"]

_log = logging.getLogger(__name__)


def one_line(error: BaseException) -> str:
    """Return what the user reads of an error: ours as they stand, others with their kind."""
    if isinstance(error, MdjptError):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")


class Background(QObject):
    """Runs functions in threads of their own.

    Lives in the GUI thread; the callbacks run there too, in the order in which work ends.
    """

    _ended = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ended.connect(self._deliver)

    def run(
        self,
        work: Callable[[], Any],
        on_done: Callable[[Any], object],
        on_error: Callable[[str], object],
        name: str = "background",
    ) -> None:
        """Call `work` in a thread, then `on_done` with its result or `on_error` with one line."""

        def body() -> None:
            try:
                ending = (on_done, work())
            except Exception as error:
                _log.warning("%s failed", name, exc_info=True)
                ending = (on_error, one_line(error))
            # The window, and with it this object, may be gone by now.
            with contextlib.suppress(RuntimeError):
                self._ended.emit(*ending)

        threading.Thread(target=body, name=name, daemon=True).start()

    def _deliver(self, callback: Callable[[Any], object], result: object) -> None:
        callback(result)
