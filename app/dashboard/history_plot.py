"""The last minutes as a picture: probabilities over what was decoded and what was true."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.dashboard.painting import painting, polygon
from app.dashboard.theme import DARK, Palette, class_colours, font, ink_on
from app.dashboard.timeline import Timeline
from app.dashboard.words import clock_text, titled

if TYPE_CHECKING:
    from streaming.prediction import Prediction

__all__ = ["HistoryPlot"]

BAND = 16
AXIS = 16
LEFT = 64
REDRAW_S = 0.25


class HistoryPlot(QWidget):
    """Stacked probabilities; hatched where no label was given; ribbons of labels and truth."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Emotion probabilities over the last minutes")
        self._timeline = Timeline()
        self._classes: tuple[str, ...] = ()
        self._now_s = 0.0
        self._span_s = 120.0
        self._palette = DARK

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Prefer a wide strip."""
        return QSize(900, 150)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Stay readable."""
        return QSize(300, 84)

    def show_timeline(self, timeline: Timeline, class_names: tuple[str, ...], now_s: float) -> None:
        """Show `timeline` up to `now_s`."""
        other = timeline is not self._timeline or class_names != self._classes
        if other or abs(now_s - self._now_s) >= REDRAW_S:
            self._timeline, self._classes, self._now_s = timeline, class_names, now_s
            self.update()

    def set_span(self, span_s: float) -> None:
        """Set the seconds from edge to edge."""
        self._span_s = span_s
        self.update()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's signature
        """Draw everything; about 2 ms, four times a second."""
        with painting(self, smooth=False) as painter:
            painter.setFont(font(11))
            self._draw_axis(painter)
            if self._now_s > 0:
                painter.setClipRect(QRectF(LEFT, 0, self.width() - LEFT, self._ribbon_bottom))
                self._draw_probabilities(painter)
                self._draw_ribbons(painter)
                self._draw_markers(painter)

    # Geometry.

    @property
    def _n_ribbons(self) -> int:
        return 2 if self._timeline.truth else 1

    @property
    def _plot_bottom(self) -> float:
        return max(20.0, self.height() - AXIS - self._n_ribbons * (BAND + 2) - 2)

    @property
    def _ribbon_bottom(self) -> float:
        return self.height() - AXIS

    @property
    def _first_s(self) -> float:
        return max(0.0, self._now_s - self._span_s)

    def _x(self, time_s: float) -> float:
        return LEFT + (time_s - self._first_s) / self._span_s * (self.width() - LEFT)

    # Layers.

    def _draw_axis(self, painter: QPainter) -> None:
        palette, middle = self._palette, Qt.AlignmentFlag.AlignVCenter
        for share, text in ((1.0, "100%"), (0.5, "50"), (0.0, "0")):
            y = self._plot_bottom * (1 - share)
            painter.setPen(QColor(palette.grid))
            painter.drawLine(QPointF(LEFT, round(y) + 0.5), QPointF(self.width(), round(y) + 0.5))
            painter.setPen(QColor(palette.muted))
            box = QRectF(0, min(max(0.0, y - 8), self._plot_bottom - 14), LEFT - 8, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, text)
        painter.setPen(QColor(palette.muted))
        for i, text in enumerate(("Decoded", "True")[: self._n_ribbons]):
            box = QRectF(0, self._plot_bottom + 3 + i * (BAND + 2), LEFT - 8, BAND)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, text)
        step = 15 if self._span_s <= 120 else 30
        for time_s in np.arange(
            -(-self._first_s // step) * step, self._first_s + self._span_s, step
        ):
            x = self._x(float(time_s))
            painter.setPen(QColor(palette.border))
            painter.drawLine(QPointF(x, self._ribbon_bottom), QPointF(x, self._ribbon_bottom + 3))
            painter.setPen(QColor(palette.muted))
            box = QRectF(x - 30, self._ribbon_bottom + 2, 60, AXIS - 2)
            if box.right() <= self.width() + 24:
                painter.drawText(
                    box.translated(max(0.0, LEFT - box.left() - 30), 0),
                    Qt.AlignmentFlag.AlignHCenter | middle,
                    clock_text(float(time_s)),
                )

    def _visible(self) -> list[Prediction]:
        return [p for p in self._timeline.predictions if p.end_s >= self._first_s - 5]

    def _draw_probabilities(self, painter: QPainter) -> None:
        colours = class_colours(self._classes, self._palette)
        run: list[Prediction] = []
        for prediction in [*self._visible(), None]:
            joined = prediction is not None and set(prediction.probabilities) >= set(self._classes)
            late = run and prediction is not None and prediction.end_s - run[-1].end_s > 3.0
            if run and (not joined or late):
                self._draw_stack(painter, run, colours)
                run = []
            if joined and prediction is not None and self._classes:
                run.append(prediction)

    def _draw_stack(
        self, painter: QPainter, run: list[Prediction], colours: dict[str, QColor]
    ) -> None:
        x = np.array([self._x(p.end_s) for p in run])
        if x.size == 1:
            x = np.append(x, x[0] + 2)
            run = run * 2
        shares = np.array([[p.probabilities[name] for name in self._classes] for p in run])
        tops = np.cumsum(shares, axis=1)
        tops /= np.maximum(tops[:, -1:], 1e-9)
        bottom = np.zeros(x.size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for i, name in enumerate(self._classes):
            outline = np.concatenate([bottom, tops[::-1, i]])
            painter.setBrush(colours[name])
            painter.drawPolygon(
                polygon(np.concatenate([x, x[::-1]]), self._plot_bottom * (1 - outline))
            )
            bottom = tops[:, i]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_ribbons(self, painter: QPainter) -> None:
        colours = class_colours(self._classes, self._palette)
        top = self._plot_bottom + 3
        for begin, end, name in self._labels():
            self._draw_ribbon(painter, top, begin, end, name, colours.get(name))
            if not name:
                self._fade(painter, begin, end)
        unknown = QColor(self._palette.raised)
        for begin, end, name in self._timeline.truth.segments(self._first_s, self._now_s):
            ground = colours.get(name, unknown)
            self._draw_ribbon(painter, top + BAND + 2, begin, end, name, ground)

    def _labels(self) -> list[tuple[float, float, str]]:
        """Return (begin, end, text) of equal neighbouring answers; "" where none was given."""
        merged: list[tuple[float, float, str]] = []
        shown = self._visible()
        hop_s = min((b.end_s - a.end_s for a, b in itertools.pairwise(shown)), default=0.5)
        for p in shown:
            name = p.label or ""
            if merged and merged[-1][2] == name and p.end_s - merged[-1][1] <= 1.5 * hop_s:
                merged[-1] = (merged[-1][0], p.end_s, name)
            else:
                merged.append((p.end_s - hop_s, p.end_s, name))
        return merged

    def _draw_ribbon(
        self,
        painter: QPainter,
        top: float,
        begin: float,
        end: float,
        name: str,
        colour: QColor | None,
    ) -> None:
        left = max(self._x(begin), float(LEFT))
        box = QRectF(left, top, self._x(end) - left, BAND)
        if colour is None:
            painter.fillRect(box, QColor(self._palette.grid))
            painter.fillRect(box, QBrush(QColor(self._palette.faint), Qt.BrushStyle.BDiagPattern))
            ink, text = QColor(self._palette.text), "no label"
        else:
            painter.fillRect(box, colour)
            ink, text = ink_on(colour), titled(name)
        if painter.fontMetrics().horizontalAdvance(text) + 8 < box.width():
            painter.setPen(ink)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _fade(self, painter: QPainter, begin: float, end: float) -> None:
        """Push probabilities back that were not worth a label."""
        veil = QColor(self._palette.card)
        veil.setAlpha(165)
        left = self._x(begin)
        painter.fillRect(QRectF(left, 0, self._x(end) - left, self._plot_bottom), veil)

    def _draw_markers(self, painter: QPainter) -> None:
        """Draw the markers; labels only where they hide no earlier label."""
        painter.setPen(QPen(QColor(self._palette.text), 1, Qt.PenStyle.DashLine))
        taken = -1.0
        for time_s, text in self._timeline.markers:
            if not self._first_s <= time_s <= self._now_s:
                continue
            x = self._x(time_s)
            painter.drawLine(QPointF(x, 0), QPointF(x, self._plot_bottom))
            width = painter.fontMetrics().horizontalAdvance(text) + 8
            box = QRectF(min(x + 2, self.width() - width), 2, width, 15)
            if box.left() >= taken:
                taken = box.right()
                painter.fillRect(box, QColor(self._palette.card))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
