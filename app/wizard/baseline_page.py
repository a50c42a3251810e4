"""Rest with eyes open, then closed: a dark page that lights up, as is seen through closed lids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.calibration.session import Phase
from app.widgets.layout import Stretch
from app.widgets.painting import painting
from app.widgets.theme import Palette, Themed
from app.wizard.stage import Stage

if TYPE_CHECKING:
    from app.calibration.session import View

__all__ = ["BaselinePage"]

NEXT_AFTER_S = 6.0


class BaselinePage(Stage):
    """A cross to look at, or a dark page, and the time that is left."""

    def __init__(self) -> None:
        super().__init__()
        self.cross = _Cross()
        middle = Qt.AlignmentFlag.AlignHCenter
        self._fill(
            (self.cue, middle),
            self.said,
            *(Stretch(), (self.cross, middle), Stretch(), (self.ring, middle)),
        )

    def show_view(self, view: View, whole_s: float) -> None:
        """Show a moment of the baseline, which lasts `whole_s` seconds."""
        left_s = view.remaining_s or 0.0
        self.ring.show_time(left_s, whole_s)
        if view.phase is Phase.BASELINE_CLOSED:
            self._say("Close your eyes", "The page turns bright when it is time to open them.")
        elif left_s <= NEXT_AFTER_S:
            self._say("Eyes open", "Next: eyes closed.")
        else:
            self._say("Eyes open", "Look at the cross, sit still, let your thoughts come and go.")
        dark = view.phase is Phase.BASELINE_CLOSED
        self.cross.setVisible(not dark)
        self._set_light("dim" if dark else "")

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        super().set_palette(palette)
        self.cross.set_palette(palette)


class _Cross(Themed, QWidget):
    """What the eyes rest on."""

    def sizeHint(self) -> QSize:
        return QSize(64, 64)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        with painting(self) as painter:
            painter.setPen(QPen(QColor(self._palette.text), 3))
            centre = QPointF(self.width() / 2, self.height() / 2)
            for arm in (QPointF(18, 0), QPointF(0, 18)):
                painter.drawLine(centre - arm, centre + arm)
