"""Before and after on one scale, with what guessing gets and how sure the figure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.painting import painting
from app.widgets.theme import Themed, font

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mdjpt.calibration.evidence import Evidence

__all__ = ["AccuracyPlot"]

LEFT, RIGHT, TOP, BOTTOM = 96.0, 64.0, 30.0, 28.0


class AccuracyPlot(Themed, QWidget):
    """Two rows on a scale from 0 to 100 %, a dashed line where guessing lies."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._shown: Evidence | None = None

    def show_evidence(self, evidence: Evidence) -> None:
        """Draw how good a decoder is on held-out trials, and how good it was before."""
        self._shown = evidence
        before = "" if evidence.before is None else f"before {evidence.before:.0%}, "
        self.setAccessibleName(
            f"Accuracy: {before}after {evidence.accuracy:.0%}, interval {evidence.low:.0%} to "
            f"{evidence.high:.0%}, guessing {evidence.chance:.0%}"
        )
        self.update()

    def sizeHint(self) -> QSize:
        """Two rows and a scale."""
        return QSize(620, 178)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(380, 178)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw scale, chance, rows."""
        shown = self._shown
        if shown is None:
            return
        with painting(self) as painter:
            self._draw_scale(painter)
            self._draw_chance(painter, shown.chance)
            for y, name, share, interval in self._rows(shown):
                self._draw_row(painter, y, name, share, interval)

    @property
    def _field(self) -> QRectF:
        return QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)

    def _x(self, share: float) -> float:
        return self._field.left() + share * self._field.width()

    def _rows(
        self, shown: Evidence
    ) -> Iterator[tuple[float, str, float | None, tuple[float, float] | None]]:
        field = self._field
        yield field.top() + 0.27 * field.height(), "Before", shown.before, None
        yield field.top() + 0.73 * field.height(), "After", shown.accuracy, (shown.low, shown.high)

    def _draw_scale(self, painter: QPainter) -> None:
        field = self._field
        painter.setFont(font(11))
        for quarter in range(5):
            x = self._x(quarter / 4)
            painter.setPen(QPen(QColor(self._palette.grid), 1))
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
            painter.setPen(QColor(self._palette.muted))
            box = QRectF(x - 30, field.bottom() + 6, 60, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{25 * quarter}%")

    def _draw_chance(self, painter: QPainter, chance: float) -> None:
        field, x = self._field, self._x(chance)
        painter.setPen(QPen(QColor(self._palette.warn), 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, field.top() - 4), QPointF(x, field.bottom()))
        painter.setPen(QColor(self._palette.warn))
        painter.setFont(font(11, bold=True))
        box = QRectF(x - 80, 0, 160, TOP - 6)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"guessing {chance:.0%}")

    def _draw_row(
        self,
        painter: QPainter,
        y: float,
        name: str,
        share: float | None,
        interval: tuple[float, float] | None,
    ) -> None:
        palette = self._palette
        bold = interval is not None
        painter.setFont(font(13, bold=bold))
        painter.setPen(QColor(palette.text if bold else palette.muted))
        across = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, y - 12, LEFT - 16, 24), across, name)
        if share is None:
            painter.setFont(font(12))
            words = "not comparable: the model has other emotions"
            wide = painter.fontMetrics().horizontalAdvance(words)
            box = QRectF(self._field.left() + 8, y - 12, wide + 12, 24)
            painter.fillRect(box, QColor(palette.card))
            painter.drawText(box.adjusted(6, 0, 6, 0), across, words)
            return
        colour = QColor(palette.accent if bold else palette.muted)
        if interval is not None:
            self._draw_interval(painter, y, interval, colour)
        painter.setPen(QPen(QColor(palette.card), 2))
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(self._x(share), y), 8, 8)
        painter.setPen(QColor(palette.text if bold else palette.muted))
        painter.setFont(font(15, bold=bold))
        box = QRectF(self._field.right() + 14, y - 12, RIGHT - 14, 24)
        painter.drawText(box, across, f"{share:.0%}")

    def _draw_interval(
        self, painter: QPainter, y: float, interval: tuple[float, float], colour: QColor
    ) -> None:
        faded = QColor(colour)
        faded.setAlpha(80)
        painter.setPen(QPen(faded, 8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(self._x(interval[0]), y), QPointF(self._x(interval[1]), y))
