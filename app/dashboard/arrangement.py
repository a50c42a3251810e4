"""Where the views lie in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["arrange"]

HISTORY_HEIGHT = 200


def arrange(
    top: Iterable[QWidget],
    left: tuple[QWidget, QWidget],
    right: tuple[QWidget, QWidget],
    foot: QWidget,
) -> tuple[QWidget, QWidget]:
    """Return the whole and its right column, whose width the window sets.

    Parameters
    ----------
    top : iterable of QWidget
        Rows over everything.
    left, right : tuple of QWidget
        What lies above what in each column; on the left the user moves the border.
    foot : QWidget
        Row under everything.
    """
    root = QWidget()
    root.setObjectName("root")
    side = QWidget()
    middle = QHBoxLayout()
    middle.setSpacing(10)
    middle.addWidget(_movable(*left), 1)
    middle.addWidget(side)
    stack = QVBoxLayout(side)
    stack.setContentsMargins(0, 0, 0, 0)
    stack.setSpacing(10)
    stack.addWidget(right[0])
    stack.addWidget(right[1], 1)
    column = QVBoxLayout(root)
    column.setContentsMargins(12, 10, 12, 12)
    column.setSpacing(8)
    for row in top:
        column.addWidget(row)
    column.addLayout(middle, 1)
    column.addWidget(foot)
    return root, side


def _movable(upper: QWidget, lower: QWidget) -> QSplitter:
    both = QSplitter(Qt.Orientation.Vertical)
    both.setHandleWidth(10)
    both.setChildrenCollapsible(False)
    both.addWidget(upper)
    both.addWidget(lower)
    both.setStretchFactor(0, 1)
    both.setStretchFactor(1, 0)
    both.setSizes([1000, HISTORY_HEIGHT])
    return both
