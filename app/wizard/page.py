"""What every page of the wizard has: a heading, a sentence, its content, and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.widgets.controls import label, paragraph
from app.widgets.theme import DARK, Palette

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["Page", "Panel", "caption"]

WIDTH = 900


class Page(QWidget):
    """One page, its content in a column in the middle.

    Parameters
    ----------
    heading : str
        What the page is about.
    lead : str
        One sentence under it, "" for none.
    forward : str
        What the button that leaves the page says; "" for a page that ends by itself.

    Attributes
    ----------
    body : QVBoxLayout
        Where a page puts its content.
    """

    changed = Signal()

    def __init__(self, heading: str, lead: str = "", forward: str = "Continue") -> None:
        super().__init__()
        self.palette_now = DARK
        self.forward = forward
        self.heading = label(heading, "page")
        self.lead = paragraph(lead, "lead")
        self.lead.setVisible(bool(lead))
        self.setAccessibleName(heading)
        column = QWidget()
        column.setMaximumWidth(WIDTH)
        self.body = QVBoxLayout(column)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(14)
        if heading:
            self.body.addWidget(self.heading)
            self.body.addWidget(self.lead)
            self.body.addSpacing(4)
        row = QHBoxLayout(self)
        row.setContentsMargins(36, 22, 36, 18)
        row.addStretch(1)
        row.addWidget(column, 1000)
        row.addStretch(1)

    @property
    def missing(self) -> str:
        """What is still to be done before the page can be left; "" when nothing is."""
        return ""

    def first_focus(self) -> QWidget:
        """Return what has the keyboard when the page is shown."""
        return self

    def follow(self, snapshot: Snapshot) -> None:
        """Take the state of the session; called 30 times a second while the page is shown."""

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self.palette_now = palette

    def say(self, heading: str, lead: str) -> None:
        """Change the heading and the sentence under it."""
        self.heading.setText(heading)
        self.lead.setText(lead)
        self.lead.setVisible(bool(lead))

    def centre(self, widget: QWidget) -> None:
        """Add `widget` in the middle of the column's width."""
        self.body.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)


def caption(text: str) -> QLabel:
    """Return the small heading of a group of fields."""
    return label(text, "group")


class Panel(QWidget):
    """A column under a small heading."""

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)
        if heading:
            self.body.addWidget(caption(heading))
