"""Two to nine emotions, each a field of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QToolButton, QWidget

from app.widgets.controls import push_button, tool_button
from app.widgets.layout import in_row

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FEWEST", "MOST", "ClassEditor"]

FEWEST, MOST = 2, 9
COLUMNS = 3


class ClassEditor(QWidget):
    """Names in rows of three; a name can be changed, added and taken away."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._fields: list[QLineEdit] = []
        self._cells: list[QWidget] = []
        self.add_button = push_button("+ Add an emotion", "link")
        self.add_button.clicked.connect(self._add_empty)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(8)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The emotions as they stand, spaces around them cut off."""
        return tuple(field.text().strip() for field in self._fields)

    def set_names(self, names: Iterable[str]) -> None:
        """Show these emotions."""
        while self._fields:
            self._drop(0)
        for name in names:
            self._append(name)
        self._arrange()

    def _append(self, name: str) -> QLineEdit:
        field = QLineEdit(name)
        field.setAccessibleName(f"Emotion {len(self._fields) + 1}")
        field.setPlaceholderText("an emotion")
        field.setMaxLength(60)
        field.setMinimumWidth(60)
        field.textChanged.connect(lambda _text: self.changed.emit())
        remove = tool_button("\N{MULTIPLICATION SIGN}", "Take this emotion away", dense=False)
        remove.clicked.connect(lambda: self._remove(field))
        cell = QWidget()
        in_row((field, 1), remove, within=cell, spacing=4, margins=(0, 0, 0, 0))
        self._fields.append(field)
        self._cells.append(cell)
        return field

    def _add_empty(self) -> None:
        field = self._append("")
        self._arrange()
        field.setFocus()
        self.changed.emit()

    def _remove(self, field: QLineEdit) -> None:
        index = self._fields.index(field)
        self._drop(index)
        self._arrange()
        self._fields[min(index, len(self._fields) - 1)].setFocus()
        self.changed.emit()

    def _drop(self, index: int) -> None:
        del self._fields[index]
        cell = self._cells.pop(index)
        self._grid.removeWidget(cell)
        cell.hide()
        cell.deleteLater()

    def _arrange(self) -> None:
        self._grid.removeWidget(self.add_button)
        for k, cell in enumerate((*self._cells, self.add_button)):
            self._grid.removeWidget(cell)
            self._grid.addWidget(cell, k // COLUMNS, k % COLUMNS)
        self.add_button.setVisible(len(self._fields) < MOST)
        for cell in self._cells:
            cell.findChildren(QToolButton)[0].setEnabled(len(self._fields) > FEWEST)
