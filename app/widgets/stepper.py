"""A number with a button on each side; the arrow keys work in the field as well."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSpinBox, QToolButton, QWidget

from app.widgets.layout import Item, Stretch, in_row
from app.widgets.words import MINUS

__all__ = ["Stepper"]


class Stepper(QWidget):
    """A whole number within limits, with or without buttons, which take room.

    The name tells assistive technology what it is; the unit stands behind a blank.
    """

    changed = Signal(int)

    def __init__(
        self,
        least: int,
        most: int,
        value: int,
        name: str,
        unit: str = "",
        *,
        buttons: bool = True,
    ) -> None:
        super().__init__()
        self.box = QSpinBox()
        self.box.setRange(least, most)
        self.box.setValue(value)
        self.box.setSuffix(unit)
        self.box.setAccessibleName(name)
        self.box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.box.setFixedWidth(84)
        self.box.valueChanged.connect(self.changed)
        self.setFocusProxy(self.box)
        parts: list[Item] = [self.box]
        if buttons:
            parts = [self._button(MINUS, -1), self.box, self._button("+", 1)]
        in_row(*parts, Stretch(), within=self, spacing=4, margins=(0, 0, 0, 0))

    @property
    def value(self) -> int:
        """The number."""
        return self.box.value()

    def choose(self, value: int) -> None:
        """Set the number."""
        self.box.setValue(value)

    def _button(self, text: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAutoRepeat(True)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setAccessibleName(f"{self.box.accessibleName()}: {'less' if step < 0 else 'more'}")
        button.clicked.connect(lambda: self.box.stepBy(step))
        return button
