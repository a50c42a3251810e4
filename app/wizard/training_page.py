"""While the decoder is trained, in a process of its own."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar

from app.widgets.controls import label, paragraph
from app.widgets.layout import Stretch, fill
from app.wizard.page import Page

__all__ = ["TrainingPage"]


class TrainingPage(Page):
    """What is being done now, in one line."""

    def __init__(self) -> None:
        super().__init__("", forward="")
        self.cue = label("Learning from your trials", "big")
        self.stage = paragraph("", "lead")
        self.stage.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(360)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName("Training")
        said = paragraph(
            "Several decoders are trained and compared on trials that they did not see. "
            "You can move again.",
            "muted",
        )
        said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        middle = Qt.AlignmentFlag.AlignHCenter
        fill(self.body, Stretch(3), (self.cue, middle), self.stage)
        fill(self.body, 12, (self.bar, middle), 12, said, Stretch(4))

    def show_stage(self, text: str) -> None:
        """Say what is being done."""
        said = text[:1].upper() + text[1:]
        self.stage.setText(said)
        self.setAccessibleName(f"Learning from your trials. {said}")
