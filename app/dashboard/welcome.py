"""What an empty dashboard says: two ways to begin."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from app.dashboard.header import application_icon
from app.widgets.controls import label, push_button
from app.widgets.layout import Stretch, in_column, in_row

__all__ = ["Welcome"]


class Welcome(QWidget):
    """Fills the empty sheet, its parent, until something is connected."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        in_column(self, within=parent, margins=(0, 0, 0, 0))
        self.try_button = push_button("Try the simulated participant", "primary")
        self.choose_button = push_button("Choose a source…", "quiet")
        logo = QLabel()
        logo.setPixmap(application_icon().pixmap(64, 64))
        words = label(
            "Connect an EEG stream over LSL, a BrainFlow board or a recording,\n"
            "or begin without a headset.",
            "muted",
        )
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = in_row(self.try_button, self.choose_button, spacing=10)
        middle = Qt.AlignmentFlag.AlignHCenter
        parts = (logo, label("Emotions from EEG, live", "product"), words, buttons)
        in_column(
            Stretch(), *((part, middle) for part in parts), Stretch(), within=self, spacing=14
        )
