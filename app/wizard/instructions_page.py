"""What the participant has to know before it begins."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout

from app.widgets.controls import breakable, label, paragraph
from app.widgets.layout import Stretch, fill
from app.wizard.page import Page

__all__ = ["InstructionsPage"]

STEPS = (
    ("First, rest.", "Look at the screen with your eyes open, then keep them closed for a while."),
    (
        "Then feel.",
        "Each trial shows a word or a picture. Let the feeling come and stay with it until the "
        "ring is empty.",
    ),
    (
        "Then rate.",
        "Say how it really felt, not how it should have felt. There is no wrong answer.",
    ),
    (
        "Sit still.",
        "Relax jaw, neck and forehead. Blink when you have to; do not speak during a trial.",
    ),
)


class InstructionsPage(Page):
    """Four steps, the keys, and that stopping is always fine."""

    def __init__(self) -> None:
        super().__init__("Before we begin", forward="Begin")
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(20)
        grid.setColumnStretch(1, 1)
        steps = [(label(what, "verdict"), paragraph(how, "body")) for what, how in STEPS]
        for row, (what, how) in enumerate(steps):
            grid.addWidget(what, row, 0)
            grid.addWidget(how, row, 1)
        self.rest = steps[0]
        self.duration = paragraph("", "lead")
        keys = paragraph(
            "Space pauses, Esc stops. You may stop at any time and need not say why. "
            "If a memory hurts, stop.",
            "lead",
        )
        fill(self.body, grid, 14, self.duration, keys, Stretch())

    def show_duration(self, n_trials: int, duration: str, recording: str, *, rests: bool) -> None:
        """Say how long it takes and where the recording goes; the rest only where it `rests`."""
        for part in self.rest:
            part.setVisible(rests)
        self.duration.setText(
            f"{n_trials} trials, about {duration} in all. "
            f"The session is recorded on this computer only: {breakable(recording)}"
        )
