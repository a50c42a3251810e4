"""Messages that interrupt nobody: a bar under the header, and the hook that fills it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QWidget

from app.dashboard.controls import label, set_property

__all__ = ["ExceptionHook", "MessageBar"]

_log = logging.getLogger(__name__)

ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


class MessageBar(QFrame):
    """One message at a time, with an optional action and a button that puts it away.

    A message that was put away does not come back until another one was shown.
    """

    action_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messages")
        self._dismissed = ""
        self._text = label("", "value")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = QPushButton()
        self._action.clicked.connect(self.action_wanted)
        close = QPushButton("Dismiss")
        close.setToolTip("Put this message away (Esc)")
        close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.addWidget(self._text, 1)
        row.addWidget(self._action)
        row.addWidget(close)
        self.hide()

    @property
    def text(self) -> str:
        """The message on show, "" when there is none."""
        return "" if self.isHidden() else self._text.text()

    def show_message(
        self, text: str, tone: Literal["bad", "warn", "calm"] = "bad", action: str = ""
    ) -> None:
        """Show `text`, replacing what is there."""
        if text in (self._dismissed, self.text):
            return
        self._dismissed = ""
        self._text.setText(text)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        set_property(self, "tone", tone)
        self.setAccessibleName(f"Message: {text}")
        self.show()

    def dismiss(self) -> None:
        """Put the message away."""
        self._dismissed = self.text
        self.hide()

    def clear(self) -> None:
        """Forget every message."""
        self._dismissed = ""
        self.hide()


class ExceptionHook(QObject):
    """Catches what escapes from slots and threads: shown and logged, never the end.

    The same exception thirty times a second is logged once.
    """

    caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._previous: ExceptHook | None = None
        self._last = ""

    def install(self) -> None:
        """Take the place of :data:`sys.excepthook`."""
        self._previous = sys.excepthook
        sys.excepthook = self.handle

    def remove(self) -> None:
        """Put the former hook back."""
        if self._previous is not None:
            sys.excepthook = self._previous
            self._previous = None

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
