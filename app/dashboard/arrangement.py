"""Where the views lie in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QWidget

from app.widgets.layout import in_column, in_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QResizeEvent

__all__ = ["ScrolledPage", "arrange", "fit_the_screen"]

HISTORY_HEIGHT = 200
USUAL_SIZE = QSize(1440, 900)


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


class ScrolledPage(QScrollArea):
    """A page that fills the window, and scrolls where the window is too small for it.

    Qt's own way of resizing asks for the height at which no text is short of room, which is more
    than is needed.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._page = page
        self.setWidget(page)
        page.installEventFilter(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fill the window."""
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow a page that needs more or less room."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        room = self.maximumViewportSize()
        self._page.resize(room.expandedTo(self._page.minimumSizeHint()))


def fit_the_screen(window: QWidget) -> None:
    """Make a window as large as usual, or as the screen is."""
    room = window.screen().availableSize()
    window.resize(USUAL_SIZE.boundedTo(room))
    if room.width() < USUAL_SIZE.width() or room.height() < USUAL_SIZE.height():
        window.setWindowState(Qt.WindowState.WindowMaximized)


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
