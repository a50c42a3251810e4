"""Where the views lie in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from app.widgets.layout import in_column, in_row

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
    in_column(right[0], (right[1], 1), within=side, spacing=10, margins=(0, 0, 0, 0))
    middle = in_row((_movable(*left), 1), side, spacing=10)
    in_column(*top, (middle, 1), foot, within=root, spacing=8, margins=(12, 10, 12, 12))
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
