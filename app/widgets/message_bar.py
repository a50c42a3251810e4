"""Messages that interrupt nobody: a bar under the header."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame

from app.widgets.controls import paragraph, push_button, set_property
from app.widgets.layout import in_row

__all__ = ["MessageBar"]


class MessageBar(QFrame):
    """One message at a time, with an optional action and a button that puts it away.

    A message that was put away does not come back until another one was shown.

    Attributes
    ----------
    action_wanted : Signal(str)
        The user wants what the action's button says.
    """

    action_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("messages")
        self._dismissed = ""
        self._text = paragraph("", "value")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = push_button("")
        self._action.clicked.connect(lambda: self.action_wanted.emit(self._action.text()))
        close = push_button("Dismiss", tip="Put this message away (Esc)")
        close.clicked.connect(self.dismiss)
        in_row((self._text, 1), self._action, close, within=self, margins=(14, 8, 10, 8))
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
