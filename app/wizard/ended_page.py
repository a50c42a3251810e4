"""It ended without a new decoder: stopped, refused or failed. Why, and what can be done."""

from __future__ import annotations

from app.wizard.look import breakable, paragraph
from app.wizard.page import Page

__all__ = ["EndedPage"]


class EndedPage(Page):
    """A heading, the reason, what to do, and where the recording is."""

    def __init__(self) -> None:
        super().__init__("", forward="Close")
        self.body.addStretch(2)
        self.body.addWidget(self.heading)
        self.body.addWidget(self.lead)
        self.body.addSpacing(6)
        self.advice = paragraph("", "body")
        self.recording = paragraph("")
        self.body.addWidget(self.advice)
        self.body.addWidget(self.recording)
        self.body.addStretch(3)

    def show_ending(self, heading: str, reason: str, advice: str, recording: str = "") -> None:
        """Say why it ended."""
        self.say(heading, breakable(reason))
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))
        self.recording.setText(
            f"The recording is kept: {breakable(recording)}" if recording else ""
        )
        self.recording.setVisible(bool(recording))
        self.setAccessibleName(f"{heading}. {reason}")
