"""The scalp seen from above, each electrode by its quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.widgets.painting import painting
from app.widgets.theme import Palette, Themed, font
from mdjpt.signal.montage import short_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["ScalpMap"]

MARGIN = 10.0
SMALLEST = 7  # pixels; smaller names cannot be read, the tooltip has them


class ScalpMap(Themed, QWidget):
    """Head from above, nose up. Good electrodes are filled discs, bad ones crossed rings."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Scalp map of electrode quality")
        self._names: tuple[str, ...] = ()
        self._places = np.zeros((0, 2))
        self._nearest = 1.0
        self._picture = QPixmap()
        self._bad: frozenset[str] | None = None
        self._why: dict[str, str] = {}

    @property
    def n_placed(self) -> int:
        """Electrodes that have a place on the scalp."""
        return len(self._names) - len(self.unplaced)

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Channels without a place on the scalp."""
        return tuple(
            name
            for name, place in zip(self._names, self._places, strict=True)
            if np.isnan(place).any()
        )

    def sizeHint(self) -> QSize:
        """Prefer a square."""
        return QSize(260, 260)

    def minimumSizeHint(self) -> QSize:
        """Stay recognisable."""
        return QSize(120, 98)

    def set_electrodes(self, names: Sequence[str], places: NDArray[np.floating[Any]]) -> None:
        """Show these electrodes at places of shape (n, 2), NaN off the scalp.

        x points to the right, y to the nose; the radius is 1 at the equator.
        """
        self._names, self._places = tuple(names), np.asarray(places, float)
        self._nearest = _least_distance(self._places)
        self._redraw()

    def set_bad(self, bad: frozenset[str] | None, why: Mapping[str, str] | None = None) -> None:
        """Cross these out; None draws all of them as unknown. `why` goes into the tooltips."""
        self._why = dict(why or {})
        if bad != self._bad:
            self._bad = bad
            said = (
                "not known yet" if bad is None else f"left out: {', '.join(sorted(bad)) or 'none'}"
            )
            self.setAccessibleDescription(said)
            self._redraw()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw head and electrodes."""
        if self._picture.isNull():
            self._picture = self._draw()
        with painting(self, smooth=False) as painter:
            painter.drawPixmap(0, 0, self._picture)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw anew for the size."""
        self._redraw()

    def event(self, event: QEvent) -> bool:
        """Name the electrode under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._name_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    @property
    def _reach(self) -> float:
        """Greatest radius drawn: electrodes below the equator (TP9, Iz) lie outside of it."""
        if not self._names or self.n_placed == 0:
            return 1.0
        return max(1.0, float(np.nanmax(np.hypot(self._places[:, 0], self._places[:, 1]))))

    @property
    def _radius(self) -> float:
        """Logical pixels of radius 1."""
        half = min(self.width(), self.height()) / 2 - MARGIN - 8
        return max(20.0, half / max(1.06, self._reach + 0.08))

    @property
    def _dot(self) -> float:
        return max(2.0, min(13.0, 0.48 * self._nearest * self._radius))

    def _at(self, place: NDArray[np.float64]) -> QPointF:
        return QPointF(
            self.width() / 2 + place[0] * self._radius,
            self.height() / 2 + 4 - place[1] * self._radius,
        )

    def _face(self, dot: float) -> QFont:
        """Return the largest font in which every name fits into its disc."""
        placed = {short_name(name) for name in set(self._names) - set(self.unplaced)}
        widest = max((QFontMetricsF(font(20)).horizontalAdvance(n) for n in placed), default=1.0)
        return font(max(1, min(11, int(20 * (2 * dot - 2) / widest))))

    def _redraw(self) -> None:
        self._picture = QPixmap()
        self.update()

    def _draw(self) -> QPixmap:
        """Return the picture; some 10 ms for 64 electrodes, so only when it changes."""
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        with painting(picture) as painter:
            self._draw_head(painter)
            dot = self._dot
            painter.setFont(self._face(dot))
            for name, place in zip(self._names, self._places, strict=True):
                if np.isfinite(place).all():
                    self._draw_electrode(painter, name, self._at(place), dot)
        return picture

    def _draw_head(self, painter: QPainter) -> None:
        centre, r = self._at(np.zeros(2)), self._radius
        painter.setPen(QPen(QColor(self._palette.faint), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        nose = QPainterPath(centre + QPointF(-0.11 * r, -0.995 * r))
        nose.quadTo(centre + QPointF(-0.02 * r, -1.13 * r), centre + QPointF(0, -1.13 * r))
        nose.quadTo(centre + QPointF(0.02 * r, -1.13 * r), centre + QPointF(0.11 * r, -0.995 * r))
        painter.drawPath(nose)
        for side in (-1, 1):
            ear = QRectF(0, 0, 0.1 * r, 0.34 * r)
            ear.moveCenter(centre + QPointF(side * 1.035 * r, 0))
            painter.drawArc(ear, 16 * (-100 if side > 0 else 80), 16 * 200)
        painter.drawEllipse(centre, r, r)

    def _draw_electrode(self, painter: QPainter, name: str, at: QPointF, dot: float) -> None:
        palette = self._palette
        bad = self._bad is not None and name in self._bad
        colour = QColor(
            palette.faint if self._bad is None else palette.bad if bad else palette.good
        )
        fill = QColor(colour)
        fill.setAlpha(0 if bad or self._bad is None else 60)
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(fill)
        painter.drawEllipse(at, dot, dot)
        if bad:
            arm = dot * 0.62
            for turn in (1, -1):
                painter.drawLine(at + QPointF(-arm, -arm * turn), at + QPointF(arm, arm * turn))
        elif painter.font().pixelSize() >= SMALLEST:
            painter.setPen(QColor(palette.text))
            box = QRectF(at.x() - dot, at.y() - dot, 2 * dot, 2 * dot)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, short_name(name))

    def _name_at(self, point: QPointF) -> str:
        for name, place in zip(self._names, self._places, strict=True):
            if np.isfinite(place).all():
                away = self._at(place) - point
                if math.hypot(away.x(), away.y()) <= self._dot + 2:
                    return f"{short_name(name)}: {self._state_of(name)}"
        return ""

    def _state_of(self, name: str) -> str:
        if self._bad is None:
            return "quality not known yet"
        if name not in self._bad:
            return "good"
        why = f" ({self._why[name]})" if name in self._why else ""
        return f"left out{why}, replaced by its neighbours"


def _least_distance(places: NDArray[np.float64]) -> float:
    """Return the distance of the closest two electrodes, head radii; 1 without two."""
    placed = places[np.isfinite(places).all(axis=1)]
    if len(placed) < 2:
        return 1.0
    apart = np.hypot(*(placed[:, None] - placed[None]).transpose(2, 0, 1))
    # Electrodes with one and the same place must not shrink all others to nothing.
    return float(apart[apart > 0.02].min(initial=1.0))
