"""A check box whose tick reads in both themes; Qt's own takes the colours of the system."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from app.widgets.painting import painting
from app.widgets.theme import Themed, font

__all__ = ["TickBox"]

BOX, GAP = 18.0, 10.0


class TickBox(Themed, QCheckBox):
    """One line of text with a box before it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """Hold box and text."""
        return QSize(round(BOX + GAP + self._words) + 6, 26)

    def minimumSizeHint(self) -> QSize:
        """Never cut the text."""
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:  # noqa: ARG002 - Qt's signature
        """Take a click anywhere on box and text."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw box, tick and text."""
        palette, on = self._palette, self.isChecked()
        box = QRectF(2, (self.height() - BOX) / 2, BOX, BOX)
        with painting(self) as painter:
            line = palette.accent if on or self.hasFocus() else palette.muted
            painter.setPen(QPen(QColor(line), 2 if self.hasFocus() else 1.3))
            painter.setBrush(QColor(palette.accent if on else palette.raised))
            painter.drawRoundedRect(box, 4, 4)
            if on:
                c = box.center()
                painter.setPen(QPen(QColor(palette.on_accent), 2))
                tick = [c + QPointF(-4.5, 0), c + QPointF(-1.5, 3.8), c + QPointF(4.8, -4)]
                painter.drawPolyline(tick)
            painter.setPen(QColor(palette.text))
            painter.setFont(font(14))
            beside = QRectF(box.right() + GAP, 0, self.width(), self.height())
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, self.text())

    @property
    def _words(self) -> float:
        from PySide6.QtGui import QFontMetricsF

        return QFontMetricsF(font(14)).horizontalAdvance(self.text())
