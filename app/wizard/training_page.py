"""While the decoder is trained, in a process of its own."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar

from app.widgets.controls import label, paragraph
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
        self.body.addStretch(3)
        self.centre(self.cue)
        self.body.addWidget(self.stage)
        self.body.addSpacing(12)
        self.centre(self.bar)
        self.body.addSpacing(12)
        self.body.addWidget(said)
        self.body.addStretch(4)

    def show_stage(self, text: str) -> None:
        """Say what is being done."""
        said = text[:1].upper() + text[1:]
        self.stage.setText(said)
        self.setAccessibleName(f"Learning from your trials. {said}")
