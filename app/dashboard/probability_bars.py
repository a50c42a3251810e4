"""Probabilities of the classes as bars that glide to their new length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.painting import painting
from app.widgets.theme import Themed, class_colours, font
from app.widgets.words import NOTHING, titled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["TRUTH_MARK", "ProbabilityBars"]

TRUTH_MARK = "◆"
MARK = 14

GLIDE_S = 0.15
ROW = 34
SMALL_ROW = 24
LEAST_ROW = 17


class ProbabilityBars(Themed, QWidget):
    """One row a class: name, bar, percent.

    A frame is around the answer, :data:`TRUTH_MARK` at the true state, a line where guessing lies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Class probabilities")
        self._names: tuple[str, ...] = ()
        self._aim: dict[str, float] = {}
        self._shown: dict[str, float] = {}
        self._trusted = False
        self._truth: str | None = None
        self._answer: str | None = None

    @property
    def aim(self) -> dict[str, float]:
        """The probabilities that the bars glide to; empty when none are shown."""
        return dict(self._aim)

    @property
    def trusted(self) -> bool:
        """Whether the bars stand behind a label, in colour; grey when the decoder abstains."""
        return self._trusted

    def sizeHint(self) -> QSize:
        """Ask for all rows."""
        return QSize(280, max(2, len(self._names)) * self._wanted_row)

    def minimumSizeHint(self) -> QSize:
        """Keep all rows, closer together."""
        return QSize(200, max(2, len(self._names)) * LEAST_ROW)

    def set_classes(self, names: Sequence[str]) -> None:
        """Show these classes from top to bottom."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._aim, self._shown = {}, {}
            self.updateGeometry()
            self.update()

    def set_probabilities(self, probabilities: Mapping[str, float], *, trusted: bool) -> None:
        """Glide to new probabilities, grey unless `trusted`; empty ones glide to nothing."""
        self._aim = dict(probabilities)
        if trusted != self._trusted:
            self._trusted = trusted
            self.update()
        said = ", ".join(f"{name} {share:.0%}" for name, share in self._aim.items())
        self.setAccessibleDescription(said)

    def set_truth(self, truth: str | None) -> None:
        """Mark the row of the true state with :data:`TRUTH_MARK`."""
        if truth != self._truth:
            self._truth = truth
            self.update()

    def set_answer(self, answer: str | None) -> None:
        """Frame the row of the label that is given; None when there is none."""
        if answer != self._answer:
            self._answer = answer
            self.update()

    def advance(self, seconds: float) -> None:
        """Let the bars glide for `seconds`; called once a frame."""
        share = 1 - math.exp(-seconds / GLIDE_S)
        moved = False
        for name in self._names:
            shown, aim = self._shown.get(name, 0.0), self._aim.get(name, 0.0)
            if abs(aim - shown) > 0.002:
                self._shown[name] = shown + share * (aim - shown)
                moved = True
        if moved:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the rows."""
        colours = class_colours(self._names, self._palette)
        with painting(self) as painter:
            painter.setFont(font(13 if self._row > 30 else 12 if self._row > 20 else 11))
            widest = max(
                (painter.fontMetrics().horizontalAdvance(titled(n)) for n in self._names), default=0
            )
            for i, name in enumerate(self._names):
                box = QRectF(0.5, i * self._row + 1, self.width() - 1, self._row - 2)
                self._draw_row(painter, box, name, colours[name], min(widest, self.width() * 0.4))

    @property
    def _wanted_row(self) -> int:
        return ROW if len(self._names) <= 5 else SMALL_ROW

    @property
    def _row(self) -> float:
        room = self.height() / max(1, len(self._names))
        return max(LEAST_ROW, min(self._wanted_row, room))

    def _draw_row(
        self, painter: QPainter, box: QRectF, name: str, colour: QColor, name_width: float
    ) -> None:
        palette = self._palette
        painter.setPen(Qt.PenStyle.NoPen)
        if name == self._answer:
            painter.setPen(QColor(palette.muted))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 6, 6)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(palette.text if self._trusted else palette.muted))
        if name == self._truth:
            side = QRectF(box.left() + 6, box.top(), MARK, box.height())
            painter.drawText(side, Qt.AlignmentFlag.AlignLeft | middle, TRUTH_MARK)
        indent = 8 if self._truth is None else 8 + MARK
        place = QRectF(box.left() + indent, box.top(), name_width + 2, box.height())
        whole = titled(name)
        shown = painter.fontMetrics().elidedText(
            whole, Qt.TextElideMode.ElideRight, int(place.width())
        )
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | middle, shown)
        track = QRectF(
            place.right() + 10, box.center().y() - 5, box.right() - place.right() - 64, 10
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(palette.raised))
        painter.drawRoundedRect(track, 5, 5)
        share = self._shown.get(name, 0.0)
        if share > 0.005:
            painter.setBrush(colour if self._trusted else QColor(palette.faint))
            filled = QRectF(track)
            filled.setWidth(max(track.height(), track.width() * share))
            painter.drawRoundedRect(filled, 5, 5)
        chance = track.left() + track.width() / len(self._names)
        painter.fillRect(
            QRectF(chance, track.top() - 4, 1, track.height() + 8), QColor(palette.muted)
        )
        painter.setPen(QColor(palette.text if self._trusted else palette.muted))
        text = f"{self._aim[name]:.0%}" if name in self._aim else NOTHING
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(box.adjusted(0, 0, -8, 0), right | middle, text)
