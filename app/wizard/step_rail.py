"""Where in the wizard the user is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.painting import painting
from app.widgets.theme import Themed, font

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["StepRail"]

DISC, GAP, TEXT_GAP = 20.0, 26.0, 7.0


class StepRail(Themed, QWidget):
    """Numbered steps in a row: done ones ticked, the present one in colour."""

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__()
        self._steps = tuple(steps)
        self._at = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def go_to(self, step: int) -> None:
        """Make `step` the present one, from 0."""
        self._at = step
        n_steps = len(self._steps)
        self.setAccessibleName(f"Step {step + 1} of {n_steps}: {self._steps[step]}")
        self.update()

    def sizeHint(self) -> QSize:
        """Hold every name."""
        words = sum(self._width(name) for name in self._steps)
        n_steps = len(self._steps)
        return QSize(round(words + n_steps * (DISC + TEXT_GAP) + (n_steps - 1) * GAP) + 4, 32)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw discs, names and the lines between."""
        with painting(self) as painter:
            x, y = 2.0, self.height() / 2
            for k, name in enumerate(self._steps):
                if k:
                    painter.setPen(QPen(QColor(self._palette.border), 1))
                    painter.drawLine(QPointF(x - GAP + 7, y), QPointF(x - 7, y))
                self._draw_disc(painter, k, QRectF(x, y - DISC / 2, DISC, DISC))
                x += DISC + TEXT_GAP
                painter.setFont(font(12, bold=k == self._at))
                colour = self._palette.text if k == self._at else self._palette.muted
                painter.setPen(QColor(colour))
                wide = self._width(name)
                box = QRectF(x, 0, wide + 4, self.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, name)
                x += wide + GAP

    def _draw_disc(self, painter: QPainter, k: int, box: QRectF) -> None:
        palette = self._palette
        present, done = k == self._at, k < self._at
        line = palette.accent if present else palette.good if done else palette.faint
        painter.setPen(QPen(QColor(line), 1.5))
        painter.setBrush(QColor(palette.accent) if present else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(box)
        if done:
            c = box.center()
            tick = [c + QPointF(-4, 0), c + QPointF(-1, 3.5), c + QPointF(4.5, -3.5)]
            painter.drawPolyline(tick)
            return
        painter.setFont(font(11, bold=True))
        painter.setPen(QColor(palette.on_accent if present else palette.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(k + 1))

    @staticmethod
    def _width(name: str) -> float:
        return QFontMetricsF(font(12, bold=True)).horizontalAdvance(name)
