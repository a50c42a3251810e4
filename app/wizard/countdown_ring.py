"""The time that is left, as a ring that empties."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.painting import painting
from app.widgets.theme import Themed, font

__all__ = ["CountdownRing"]


class CountdownRing(Themed, QWidget):
    """A ring of a size in logical pixels and, in it, whole seconds."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._left_s, self._share = 0.0, 1.0

    def show_time(self, left_s: float, whole_s: float) -> None:
        """Show that `left_s` of `whole_s` seconds are left."""
        share = max(0.0, min(1.0, left_s / whole_s)) if whole_s > 0 else 0.0
        if (left_s, share) != (self._left_s, self._share):
            self._left_s, self._share = max(0.0, left_s), share
            self.setAccessibleName(f"{self.text} seconds left")
            self.update()

    @property
    def text(self) -> str:
        """The seconds in the ring, rounded up."""
        return str(math.ceil(self._left_s - 1e-6))

    def sizeHint(self) -> QSize:
        """Be a square."""
        return QSize(self._size, self._size)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the ring."""
        palette = self._palette
        width = max(3.0, self._size / 24)
        box = QRectF(0, 0, self._size, self._size).adjusted(width, width, -width, -width)
        with painting(self) as painter:
            painter.setPen(QPen(QColor(palette.border), width))
            painter.drawEllipse(box)
            ended = Qt.PenCapStyle.RoundCap
            painter.setPen(QPen(QColor(palette.accent), width, Qt.PenStyle.SolidLine, ended))
            if self._share > 0:
                painter.drawArc(box, 90 * 16, round(360 * 16 * self._share))
            painter.setPen(QColor(palette.text))
            painter.setFont(font(round(self._size * 0.34), bold=True))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.text)
