"""Questions before something is lost, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

from app.widgets.controls import label, paragraph, push_button
from app.widgets.layout import Stretch, in_column, in_row

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Question", "Questions"]


class Question(QDialog):
    """Heading, sentence, two answers, of which the one that loses nothing has the keyboard.

    Parameters
    ----------
    heading, text : str
        What is asked, and what it would mean.
    act, keep : str
        The answer that does it, and the one that does nothing.
    """

    def __init__(self, heading: str, text: str, act: str, keep: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(heading)
        self.setModal(True)
        self.setObjectName("question")
        self.act = push_button(act, "danger")
        self.act.setAutoDefault(False)
        self.act.clicked.connect(self.accept)
        self.keep = push_button(keep)
        self.keep.setDefault(True)
        self.keep.clicked.connect(self.reject)
        said = paragraph(text, "")
        said.setObjectName("said")
        said.setFixedWidth(380)
        buttons = in_row(Stretch(), self.act, self.keep, spacing=10)
        parts = (label(heading, "number"), said, 8, buttons)
        in_column(*parts, within=self, spacing=12, margins=(26, 22, 26, 20))
        self.keep.setFocus()


class Questions:
    """Asks one question at a time.

    Parameters
    ----------
    parent : QWidget
        Over which the questions come.

    Attributes
    ----------
    open : Question or None
        The one that waits for its answer.
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self.open: Question | None = None

    def ask(self, heading: str, text: str, act: str, keep: str, on_act: Callable[[], None]) -> None:
        """Ask, unless a question is open.

        Parameters
        ----------
        heading, text, act, keep : str
            As for :class:`Question`.
        on_act : callable
            What is done when the user goes through with it.
        """
        if self.open is not None:
            return
        question = Question(heading, text, act, keep, self._parent)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.open = question

        def answered(code: int) -> None:
            self.open = None
            if code:
                on_act()

        question.finished.connect(answered)
        question.open()
