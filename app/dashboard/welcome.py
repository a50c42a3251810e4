"""What an empty dashboard says: two ways to begin."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.dashboard.header import application_icon
from app.widgets.controls import label

__all__ = ["Welcome"]


class Welcome(QWidget):
    """Fills the empty sheet, its parent, until something is connected."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        above = QVBoxLayout(parent)
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(self)
        self.try_button = QPushButton("Try the simulated participant")
        self.try_button.setProperty("primary", "true")
        self.choose_button = QPushButton("Choose a source…")
        self.choose_button.setProperty("quiet", "true")
        logo = QLabel()
        logo.setPixmap(application_icon().pixmap(64, 64))
        words = label(
            "Connect an EEG stream over LSL, a BrainFlow board or a recording,\n"
            "or begin without a headset.",
            "muted",
        )
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.try_button)
        buttons.addWidget(self.choose_button)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(logo, 0, Qt.AlignmentFlag.AlignHCenter)
        heading = label("Emotions from EEG, live", "product")
        column.addWidget(heading, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(words, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(buttons)
        column.setAlignment(buttons, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
