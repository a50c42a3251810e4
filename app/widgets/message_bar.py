"""Messages that interrupt nobody: a bar under the header."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from app.widgets.controls import label, set_property

__all__ = ["MessageBar"]


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
