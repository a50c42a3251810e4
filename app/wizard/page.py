"""What every page of the wizard has: a heading, a sentence, its content, and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QWidget

from app.widgets.controls import label, paragraph
from app.widgets.layout import Item, Stretch, fill, in_column, in_row

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["Page", "Panel", "caption"]

WIDTH = 900


class Page(QWidget):
    """One page, its content in a column (`body`) in the middle.

    The heading says what it is about, the lead is one sentence under it, "" for none; `forward` is
    what the button that leaves the page says, "" for a page that ends by itself.
    """

    changed = Signal()

    def __init__(self, heading: str, lead: str = "", forward: str = "Continue") -> None:
        super().__init__()
        self.forward = forward
        self.heading = label(heading, "page")
        self.lead = paragraph(lead, "lead")
        self.lead.setVisible(bool(lead))
        self.setAccessibleName(heading)
        middle = QWidget()
        middle.setMaximumWidth(WIDTH)
        self.body = in_column(within=middle, spacing=14, margins=(0, 0, 0, 0))
        if heading:
            fill(self.body, self.heading, self.lead, 4)
        parts: tuple[Item, ...] = (Stretch(), (middle, 1000), Stretch())
        in_row(*parts, within=self, margins=(36, 22, 36, 18))

    @property
    def missing(self) -> str:
        """What is still to be done before the page can be left; "" when nothing is."""
        return ""

    def first_focus(self) -> QWidget:
        """Return what has the keyboard when the page is shown."""
        return self

    def follow(self, snapshot: Snapshot) -> None:
        """Take the state of the session; called 30 times a second while the page is shown."""

    def say(self, heading: str, lead: str) -> None:
        """Change the heading and the sentence under it."""
        self.heading.setText(heading)
        self.lead.setText(lead)
        self.lead.setVisible(bool(lead))


def caption(text: str) -> QLabel:
    """Return the small heading of a group of fields."""
    return label(text, "group")


class Panel(QWidget):
    """A column under a small heading."""

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.body = in_column(caption(heading), within=self, spacing=8, margins=(0, 0, 0, 0))
