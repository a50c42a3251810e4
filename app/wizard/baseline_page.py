"""Rest with eyes open, then closed: a dark page that lights up, as is seen through closed lids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.calibration.session import Phase
from app.widgets.controls import label, paragraph, set_property
from app.widgets.layout import Stretch, in_column
from app.widgets.painting import painting
from app.widgets.theme import DARK, LIGHT, Palette, Themed
from app.wizard.countdown_ring import CountdownRing

if TYPE_CHECKING:
    from app.calibration.session import View

__all__ = ["BaselinePage"]

NEXT_AFTER_S = 6.0


class BaselinePage(Themed, QWidget):
    """A cross to look at, or a dark page, and the time that is left."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("stage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cue = label("", "big")
        self.said = paragraph("", "lead")
        self.said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.cross = _Cross()
        self.ring = CountdownRing(84)
        middle = Qt.AlignmentFlag.AlignHCenter
        in_column(
            (self.cue, middle),
            self.said,
            *(Stretch(), (self.cross, middle), Stretch(), (self.ring, middle)),
            within=self,
            spacing=12,
            margins=(36, 30, 36, 30),
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
        if set_light(self, "dim" if dark else ""):
            self.ring.set_palette(DARK if dark else self._palette)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self.cross.set_palette(palette)
        dark = self.property("light") == "dim"
        self.ring.set_palette(DARK if dark else palette)

    def _say(self, cue: str, said: str) -> None:
        self.cue.setText(cue)
        self.said.setText(said)
        self.setAccessibleName(f"{cue}. {said}")


def set_light(stage: QWidget, light: str) -> bool:
    """Make a page dark ("dim"), white ("bright") or as the theme is (""); True when it changes."""
    if (stage.property("light") or "") == light:
        return False
    set_property(stage, "light", light)
    for child in stage.findChildren(QWidget):
        child.style().unpolish(child)
        child.style().polish(child)
    return True


def palette_under(light: str, palette: Palette) -> Palette:
    """Return the colours that can be read under a light, see :func:`set_light`."""
    return {"dim": DARK, "bright": LIGHT}.get(light, palette)


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
