"""The bars around the pages: where one is above, what one can do below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QPushButton

from app.widgets.badges import Badges
from app.widgets.controls import ElidedLabel, label, push_button, tool_button
from app.widgets.layout import Stretch, in_column, in_row
from app.wizard.step_rail import StepRail

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent

__all__ = ["STEPS", "ButtonBar", "Choices", "TopBar"]

STEPS = ("Person", "Electrodes", "Plan", "Session", "Result")


@dataclass(frozen=True, slots=True)
class Choices:
    """The buttons on show; "" for one that is not there.

    Attributes
    ----------
    back, stop, pause, second, primary : str
        Texts of the buttons, from left to right.
    hint : str
        What is still missing, or what happens.
    ready : bool
        Whether the primary button works.
    """

    back: str = ""
    stop: str = ""
    pause: str = ""
    second: str = ""
    primary: str = ""
    hint: str = ""
    ready: bool = True


class TopBar(QFrame):
    """Name, steps or progress, what is recorded, badges, and the way out."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("wizardTop")
        self.rail = StepRail(STEPS)
        self.progress = label("", "verdict")
        self.recording = label("", "recording")
        self.badges = Badges()
        tip = "Back to the dashboard (Esc)"
        self.close_button = tool_button("✕", tip, "Close the calibration", dense=False)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        parts = (self.rail, self.progress, Stretch(), self.recording, self.close_button)
        in_column(
            in_row(label("Calibration", "product"), 18, *parts, spacing=14),
            self.badges,
            within=self,
            spacing=8,
            margins=(16, 10, 14, 10),
        )

    def show_step(self, step: int) -> None:
        """Show which step it is."""
        self.rail.go_to(step)
        self.rail.show()
        self.progress.hide()

    def show_progress(self, text: str) -> None:
        """Show how far the session is instead of the steps."""
        self.progress.setText(text)
        self.progress.show()
        self.rail.hide()

    def show_recording(self, text: str) -> None:
        """Show that a recording runs; "" when none does."""
        self.recording.setText(f"● {text}" if text else "")


class _OnceButton(QPushButton):
    """A double click is one click: the second one would answer a page that nobody has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("primary", "true")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()


class ButtonBar(QFrame):
    """The buttons, each always in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("wizardFoot")
        self.back = push_button("", "quiet")
        self.stop = push_button("", "quiet", "Esc")
        self.pause = push_button("", "quiet", "Space")
        self.hint = ElidedLabel("", "muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.second = push_button("", "quiet")
        self.primary = _OnceButton()
        self.primary.setMinimumWidth(128)
        in_row(
            *(self.back, self.stop, self.pause, (self.hint, 1), self.second, self.primary),
            within=self,
            spacing=10,
            margins=(16, 12, 16, 12),
        )
        self.setMinimumHeight(62)
        self.shown = Choices()
        self.show_choices(Choices(primary="Continue"))

    def show_choices(self, choices: Choices) -> None:
        """Show these buttons."""
        if choices == self.shown:
            return
        self.shown = choices
        for button, text in (
            (self.back, choices.back),
            (self.stop, choices.stop),
            (self.pause, choices.pause),
            (self.second, choices.second),
            (self.primary, choices.primary),
        ):
            button.setText(text)
            button.setVisible(bool(text))
        self.primary.setEnabled(choices.ready)
        self.hint.set_whole(choices.hint)
