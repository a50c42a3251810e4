"""How it felt, on one field: pleasant to the right, activated to the top.

The affect grid of Russell, Weiss and Mendelsohn (1989, J. Pers. Soc. Psychol. 57, 493-502): nine
steps of valence by nine of arousal, one mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.painting import painting
from app.widgets.theme import Themed, font

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent

__all__ = ["STEPS", "AffectGrid", "affect_words"]

STEPS = 9
SIDE_WORDS, TOP_WORDS = 92.0, 24.0
_MOVES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_CORNERS = (("tense", 0, 1), ("excited", 1, 1), ("gloomy", 0, 0), ("relaxed", 1, 0))


def affect_words(valence: int, arousal: int) -> str:
    """Say a mark in words: ``"pleasant, calm"``; 5 is the middle of both scales."""
    return f"{_degree(valence, 'unpleasant', 'pleasant')}, {_degree(arousal, 'calm', 'activated')}"


def _degree(step: int, low: str, high: str) -> str:
    if step == (STEPS + 1) // 2:
        return f"neither {low} nor {high}"
    word = high if step > (STEPS + 1) // 2 else low
    far = abs(step - (STEPS + 1) // 2)
    return f"{('slightly', '', 'quite', 'very')[far - 1]} {word}".strip()


class AffectGrid(Themed, QWidget):
    """Nine by nine cells of which one is marked, by click or with the arrow keys.

    Nothing is marked in the beginning, so that a rating is never a default that nobody gave.
    """

    rated = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Affect grid: arrow keys choose how pleasant and how activated")
        self._place: tuple[int, int] | None = None

    @property
    def place(self) -> tuple[int, int] | None:
        """Valence and arousal from 1 to 9; None before the first mark."""
        return self._place

    def clear(self) -> None:
        """Take the mark away."""
        self._place = None
        self.setAccessibleDescription("not rated yet")
        self.update()

    def choose(self, valence: int, arousal: int) -> None:
        """Set the mark; what lies outside of the grid is brought to its border."""
        place = (max(1, min(STEPS, valence)), max(1, min(STEPS, arousal)))
        self._place = place
        self.setAccessibleDescription(affect_words(*place))
        self.update()
        self.rated.emit(*place)

    def sizeHint(self) -> QSize:
        """Prefer cells of 36 pixels."""
        return QSize(round(STEPS * 36 + 2 * SIDE_WORDS), round(STEPS * 36 + 2 * TOP_WORDS))

    def minimumSizeHint(self) -> QSize:
        """Keep cells that a finger hits."""
        return QSize(round(STEPS * 24 + 2 * SIDE_WORDS), round(STEPS * 24 + 2 * TOP_WORDS))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the mark; the first arrow sets it in the middle."""
        move = _MOVES.get(Qt.Key(event.key()))
        if move is None:
            event.ignore()
            return
        middle = (STEPS + 1) // 2
        valence, arousal = self._place or (middle, middle)
        self.choose(valence + move[0], arousal + move[1])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Mark the cell under the pointer."""
        field = self._field
        if event.button() == Qt.MouseButton.LeftButton and field.contains(event.position()):
            cell = field.width() / STEPS
            away = event.position() - field.topLeft()
            self.choose(1 + int(away.x() / cell), STEPS - int(away.y() / cell))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer while the button is down."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.mousePressEvent(
                QMouseEvent(
                    event.type(),
                    event.position(),
                    event.globalPosition(),
                    Qt.MouseButton.LeftButton,
                    event.buttons(),
                    event.modifiers(),
                )
            )

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that the arrow keys work here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that they do not."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw cells, words and mark."""
        with painting(self) as painter:
            field = self._field
            self._draw_cells(painter, field)
            self._draw_words(painter, field)
            if self._place is not None:
                self._draw_mark(painter, field, self._place)

    @property
    def _field(self) -> QRectF:
        """Return the square of the cells, in whole pixels a cell."""
        room = min(self.width() - 2 * SIDE_WORDS, self.height() - 2 * TOP_WORDS)
        side = STEPS * max(8, int(room / STEPS))
        return QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def _draw_cells(self, painter: QPainter, field: QRectF) -> None:
        palette = self._palette
        cell = field.width() / STEPS
        edge = QPen(QColor(palette.accent if self.hasFocus() else palette.border), 1.5)
        painter.setPen(edge)
        painter.setBrush(QColor(palette.card))
        painter.drawRoundedRect(field.adjusted(-1, -1, 1, 1), 8, 8)
        painter.setPen(QPen(QColor(palette.grid), 1))
        for k in range(1, STEPS):
            x, y = field.left() + k * cell, field.top() + k * cell
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
            painter.drawLine(QPointF(field.left(), y), QPointF(field.right(), y))
        middle = QRectF(0, 0, cell, cell)
        middle.moveCenter(field.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(palette.grid))
        painter.drawRect(middle)

    def _draw_words(self, painter: QPainter, field: QRectF) -> None:
        centre = Qt.AlignmentFlag.AlignCenter
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font(13, bold=True))
        painter.setPen(QColor(self._palette.text))
        left = QRectF(0, field.top(), field.left() - 12, field.height())
        right = QRectF(field.right() + 12, field.top(), SIDE_WORDS, field.height())
        painter.drawText(left, Qt.AlignmentFlag.AlignRight | middle, "unpleasant")
        painter.drawText(right, Qt.AlignmentFlag.AlignLeft | middle, "pleasant")
        wide = QRectF(field.left() - 40, 0, field.width() + 80, TOP_WORDS - 4)
        wide.moveBottom(field.top() - 4)
        painter.drawText(wide, centre, "activated, wide awake")
        wide.moveTop(field.bottom() + 4)
        painter.drawText(wide, centre, "calm, sleepy")
        painter.setFont(font(11))
        painter.setPen(QColor(self._palette.muted))
        inner = field.adjusted(8, 5, -8, -5)
        for word, x, y in _CORNERS:
            across = Qt.AlignmentFlag.AlignRight if x else Qt.AlignmentFlag.AlignLeft
            down = Qt.AlignmentFlag.AlignTop if y else Qt.AlignmentFlag.AlignBottom
            painter.drawText(inner, across | down, word)

    def _draw_mark(self, painter: QPainter, field: QRectF, place: tuple[int, int]) -> None:
        cell = field.width() / STEPS
        centre = QPointF(
            field.left() + (place[0] - 0.5) * cell, field.bottom() - (place[1] - 0.5) * cell
        )
        painter.setPen(QPen(QColor(self._palette.on_accent), 1.5))
        painter.setBrush(QColor(self._palette.accent))
        painter.drawEllipse(centre, 0.36 * cell, 0.36 * cell)
