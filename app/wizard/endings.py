"""The page of a calibration that ends without a new decoder: why, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.widgets.controls import breakable, paragraph
from app.widgets.layout import Stretch, fill
from app.wizard.page import Page
from app.wizard.run import Stage

if TYPE_CHECKING:
    from app.wizard.run import CalibrationRun

__all__ = ["EndedPage", "ending"]

_HELPS = (
    "What helps: more trials, emotions that differ more, longer trials, electrodes with better "
    "contact, less movement. The decoder that was in use stays in use."
)


class EndedPage(Page):
    """A heading, the reason, what to do, and where the recording is."""

    def __init__(self) -> None:
        super().__init__("", forward="Close")
        self.advice = paragraph("", "body")
        self.recording = paragraph("")
        fill(self.body, Stretch(2), self.heading, self.lead, 6)
        fill(self.body, self.advice, self.recording, Stretch(3))

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


def ending(run: CalibrationRun) -> tuple[str, str, str, str]:
    """Return heading, reason, advice and the recording's path of a run that has ended.

    It was stopped, failed, was refused or cannot be trained from.
    """
    recording = str(run.recording)
    if run.stage is Stage.STOPPED:
        done, planned = run.view.n_done, run.view.n_trials
        said = f"{done} of {planned} trials were done. Nothing was changed."
        return "Stopped", said, "", recording
    if run.stage is Stage.FAILED:
        return (
            "The calibration had to stop",
            _sentence(run.problem),
            "Nothing was changed. Put right what is wrong, then calibrate again.",
            recording,
        )
    state = run.training
    text = state.text if state is not None else ""
    if state is not None and state.status == "refused":
        return "Not better, so not used", _sentence(text), _HELPS, recording
    return "It could not be trained", _sentence(text), "Nothing was changed.", recording


def _sentence(text: str) -> str:
    plain = text.strip().rstrip(".")
    return f"{plain[:1].upper()}{plain[1:]}." if plain else ""
