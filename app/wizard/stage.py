"""What the pages without a task share: a cue, a sentence, a ring, and the light of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.widgets.controls import label, paragraph, set_property
from app.widgets.layout import in_column
from app.widgets.theme import DARK, LIGHT, Palette, Themed
from app.wizard.countdown_ring import CountdownRing

if TYPE_CHECKING:
    from app.widgets.layout import Item

__all__ = ["Stage"]

_READABLE = {"dim": DARK, "bright": LIGHT}


class Stage(Themed, QWidget):
    """A page that is dark ("dim"), white ("bright") or as the theme is ("")."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("stage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cue = label("", "big")
        self.said = paragraph("", "lead")
        self.said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.ring = CountdownRing(84)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self._colour_ring()

    def _fill(self, *items: Item) -> None:
        in_column(*items, within=self, spacing=12, margins=(36, 30, 36, 30))

    def _say(self, cue: str, said: str) -> None:
        self.cue.setText(cue)
        self.said.setText(said)
        self.setAccessibleName(f"{cue}. {said}")

    def _set_light(self, light: str) -> None:
        if self._light == light:
            return
        set_property(self, "light", light)
        for child in self.findChildren(QWidget):
            child.style().unpolish(child)
            child.style().polish(child)
        self._colour_ring()

    @property
    def _light(self) -> str:
        return str(self.property("light") or "")

    def _colour_ring(self) -> None:
        self.ring.set_palette(_READABLE.get(self._light, self._palette))
