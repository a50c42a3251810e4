"""The Qt application around the window: fonts, exceptions, the timed way out."""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from app.widgets.theme import font

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from app.dashboard.window import Dashboard

__all__ = ["Application", "ExceptionHook"]

_log = logging.getLogger(__name__)


class Application(QObject):
    """One window, from its first paint to the end of its session.

    Parameters
    ----------
    make_window : callable
        Makes the window, once Qt is ready for it.
    """

    def __init__(self, make_window: Callable[[], Dashboard]) -> None:
        instance = QApplication.instance()
        self._qt = instance if isinstance(instance, QApplication) else QApplication(sys.argv[:1])
        super().__init__()
        self._qt.setApplicationName("mdJPT Live")
        self._qt.setStyle("Fusion")
        self._qt.setFont(font(13))
        self.window = make_window()
        self._hook = ExceptionHook(self)
        self._hook.caught.connect(self.window.messages.show_message)
        self._status = 0

    def report_milestones(self, report: Callable[[str], None]) -> None:
        """Call `report` with "painted" and "first signal" when it is so."""
        self.window.painted.connect(lambda: report("painted"))
        self.window.first_signal.connect(lambda: report("first signal"))

    def leave_after(self, seconds: float, screenshot: Path | None) -> None:
        """Close the window after `seconds`, and save a picture of it first."""
        QTimer.singleShot(round(seconds * 1000), self, lambda: self._leave(screenshot))

    def run(self) -> int:
        """Show the window, return when it is closed."""
        self._hook.install()
        # Qt's loop runs no Python between events; the window's timer lets Ctrl+C through.
        previous = signal.signal(signal.SIGINT, lambda *_: self.window.leaving.without_asking())
        try:
            self.window.show()
            self._qt.exec()
        finally:
            signal.signal(signal.SIGINT, previous)
            self._hook.remove()
        return self._status

    def _leave(self, screenshot: Path | None) -> None:
        if screenshot is not None and not self.window.grab().save(str(screenshot)):
            sys.stderr.write(f"mdjpt: cannot save a picture to {screenshot}\n")
            self._status = 2
        self.window.leaving.without_asking()


class ExceptionHook(QObject):
    """Catches what escapes from slots and threads: shown and logged, never the end.

    The same exception thirty times a second is logged once.
    """

    caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._previous = sys.excepthook
        self._last = ""

    def install(self) -> None:
        """Take the place of :data:`sys.excepthook`."""
        self._previous = sys.excepthook
        sys.excepthook = self.handle

    def remove(self) -> None:
        """Put the former hook back."""
        sys.excepthook = self._previous

    def handle(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Show and log an exception; Ctrl+C ends the application."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = f"{kind.__name__}: {error}" if str(error) else kind.__name__
        if text != self._last:
            self._last = text
            _log.error("unexpected error in the dashboard", exc_info=(kind, error, trace))
        self.caught.emit(f"Unexpected error: {text}. The session goes on.")
