"""The column of channel names beside the curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.dashboard.sweep_canvas import AXIS_HEIGHT, MARKS, PADDING
from app.widgets.painting import painting
from app.widgets.theme import Themed, font
from mdjpt.signal.montage import short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ChannelNames"]

LINE = 13.0


class ChannelNames(Themed, QWidget):
    """Names in line with their curves; on dense sheets in two to four columns, taking turns.

    A bad electrode's name is crossed out and dimmed, so that colour is not the only sign.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Channel names")
        self._names: tuple[str, ...] = ()
        self._shown: tuple[str, ...] = ()
        self._bad: frozenset[str] = frozenset()
        self._note = ""
        self.setFixedWidth(48)

    def set_names(self, names: Sequence[str]) -> None:
        """Show these names from top to bottom."""
        self._names = tuple(names)
        self._shown = tuple(short_name(name) for name in names)
        self._fit()

    def set_bad(self, bad: frozenset[str]) -> None:
        """Cross these names out."""
        if bad != self._bad:
            self._bad = bad
            self.update()

    def set_note(self, note: str) -> None:
        """Write a few words at the foot of the column."""
        self._note = note
        self._fit()

    def resizeEvent(self, event: object) -> None:  # noqa: ARG002 - Qt's signature
        """Choose the number of columns."""
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Write the names."""
        palette, row_height, n_columns = self._palette, self._row_height, self._n_columns
        column = (self.width() - 8) / n_columns
        with painting(self) as painter:
            for i, name in enumerate(self._names):
                bad = name in self._bad
                face = font(11 if n_columns == 1 else 10)
                face.setStrikeOut(bad)
                painter.setFont(face)
                painter.setPen(QColor(palette.bad if bad else palette.muted))
                box = QRectF(
                    (i % n_columns) * column,
                    MARKS + PADDING + (i + 0.5) * row_height - 8,
                    column + 2,
                    16,
                )
                shown = painter.fontMetrics().elidedText(
                    self._shown[i], Qt.TextElideMode.ElideRight, int(column)
                )
                painter.drawText(
                    box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown
                )
            painter.setFont(font(10))
            painter.setPen(QColor(palette.muted))
            foot = QRectF(0, self.height() - AXIS_HEIGHT, self.width(), AXIS_HEIGHT)
            painter.drawText(foot, Qt.AlignmentFlag.AlignVCenter, self._note)

    @property
    def _row_height(self) -> float:
        return max(1, self.height() - AXIS_HEIGHT - MARKS - 2 * PADDING) / max(1, len(self._names))

    @property
    def _n_columns(self) -> int:
        return min(4, max(1, math.ceil(LINE / self._row_height)))

    def _fit(self) -> None:
        metrics = QFontMetricsF(font(11 if self._n_columns == 1 else 10))
        longest = max((metrics.horizontalAdvance(name) for name in self._shown), default=30.0)
        column = min(longest, 84.0 if self._n_columns == 1 else 44.0) + 6
        note = metrics.horizontalAdvance(self._note) + 4
        self.setFixedWidth(math.ceil(max(column * self._n_columns + 8, note)))
        self.update()
