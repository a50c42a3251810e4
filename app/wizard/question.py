"""A question that is asked once; the answer that loses nothing has the keyboard."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.dashboard.controls import label
from app.wizard.look import paragraph

__all__ = ["Question"]


class Question(QDialog):
    """Heading, sentence, two answers; `accepted` when the user goes through with it.

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
        self.act = QPushButton(act)
        self.act.setProperty("danger", "true")
        self.act.setAutoDefault(False)
        self.act.clicked.connect(self.accept)
        self.keep = QPushButton(keep)
        self.keep.setDefault(True)
        self.keep.clicked.connect(self.reject)
        said = paragraph(text, "")
        said.setFixedWidth(380)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(self.act)
        buttons.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(26, 22, 26, 20)
        column.setSpacing(12)
        column.addWidget(label(heading, "number"))
        column.addWidget(said)
        column.addSpacing(8)
        column.addLayout(buttons)
        self.keep.setFocus()
