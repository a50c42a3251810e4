"""How it really felt: one mark on the affect grid and, by name, which emotion it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QWidget

from app.calibration.session import Rating
from app.widgets.controls import label, push_button
from app.widgets.layout import Item, Stretch, fill, in_column, in_row
from app.widgets.words import titled
from app.wizard.affect_grid import AffectGrid, affect_words
from app.wizard.page import Page, caption

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from app.calibration.plan import CalibrationPlan, Trial

__all__ = ["RatingPage"]


class RatingPage(Page):
    """Grid on the left, emotions on the right; the keys 1 to 9 choose an emotion.

    Attributes
    ----------
    repeat_wanted : Signal()
        The trial shall come again.
    """

    repeat_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(
            "How did it feel?",
            "As it really was. Click into the square, or use the arrow keys.",
            forward="Save and go on",
        )
        self.grid = AffectGrid()
        self.said = label("", "verdict")
        self.said.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.felt = QButtonGroup(self)
        self.repeat_button = push_button("I was distracted: repeat this trial", "link")
        self.repeat_button.clicked.connect(self.repeat_wanted)
        self._classes: tuple[str, ...] = ()
        self._needs_label = False
        self._number = 0
        self._asked = caption("What I felt")
        self._buttons = in_column(spacing=6)
        self._build()

    @property
    def missing(self) -> str:
        """Say what is not rated yet."""
        if self.grid.place is None:
            return "Mark a place in the square"
        if self._needs_label and self.felt.checkedId() < 0:
            return "Choose what you felt"
        return ""

    @property
    def rating(self) -> Rating | None:
        """The rating; None while there is no mark."""
        place, chosen = self.grid.place, self.felt.checkedId()
        if place is None or self.missing:
            return None
        return Rating(*place, self._classes[chosen] if chosen >= 0 else None)

    def first_focus(self) -> QWidget:
        """Begin at the grid, where the arrow keys work."""
        return self.grid

    def begin(self, plan: CalibrationPlan, trial: Trial) -> None:
        """Ask about a trial; its earlier answer, if any, is forgotten."""
        self._needs_label = plan.label_by == "rated"
        self._show_classes(plan.class_names)
        self.felt.setExclusive(False)
        for button in self.felt.buttons():
            button.setChecked(False)
        self.felt.setExclusive(True)
        self.grid.clear()
        self.said.setText(" ")
        self._number = trial.number
        self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the emotion of a number."""
        number = event.key() - Qt.Key.Key_1
        if 0 <= number < len(self._classes):
            self.felt.button(number).click()
        else:
            event.ignore()

    def _show_classes(self, names: tuple[str, ...]) -> None:
        if names == self._classes:
            return
        self._classes = names
        self._asked.setText(f"What I felt (keys 1 to {len(names)})")
        for button in self.felt.buttons():
            self.felt.removeButton(button)
            button.hide()
            button.deleteLater()
        for k, name in enumerate(names):
            button = push_button(f"{k + 1}   {titled(name)}", "answer")
            button.setCheckable(True)
            button.setAccessibleName(f"I felt: {name}")
            self.felt.addButton(button, k)
            self._buttons.addWidget(button)

    def _rated(self, valence: int, arousal: int) -> None:
        words = affect_words(valence, arousal)
        self.said.setText(words[:1].upper() + words[1:])
        self.changed.emit()

    def _build(self) -> None:
        left = in_column((self.grid, 1), self.said, spacing=8)
        repeat: Item = (self.repeat_button, Qt.AlignmentFlag.AlignLeft)
        parts = (Stretch(), self._asked, self._buttons, 18, repeat, Stretch())
        right = in_column(*parts, spacing=8)
        fill(self.body, (in_row((left, 5), (right, 2), spacing=28), 1))
        self.grid.rated.connect(self._rated)
        self.felt.idToggled.connect(lambda _id, _on: self.changed.emit())
