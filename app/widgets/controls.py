"""Small widgets that several views share: cards, segmented choices, labels that shorten."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QToolTip,
    QWidget,
)

from app.widgets.layout import in_column, in_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFocusEvent, QResizeEvent

__all__ = [
    "Card",
    "ElidedLabel",
    "Segments",
    "breakable",
    "label",
    "paragraph",
    "plain_tip",
    "push_button",
    "set_property",
    "tool_button",
]


def set_property(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet selects by, and restyle when it changes."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def label(text: str, role: str) -> QLabel:
    """Return a label in a role of the style sheet; its text is never taken for HTML."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    return made


def paragraph(text: str, role: str = "muted") -> QLabel:
    """Return text that breaks into lines."""
    made = label(text, role)
    made.setWordWrap(True)
    return made


def breakable(path: str) -> str:
    """Return a path that a label may break after each separator."""
    return path.replace("/", "/\N{ZERO WIDTH SPACE}").replace("\\", "\\\N{ZERO WIDTH SPACE}")


def plain_tip(text: str) -> str:
    """Return a tooltip that shows `text` as it stands: what a sender wrote is never HTML."""
    lines = "<br>".join(escape(line) for line in text.splitlines())
    return f"<p>{lines}</p>" if lines else ""


def push_button(text: str, kind: str = "", tip: str = "") -> QPushButton:
    """Return a button of a kind of the style sheet: "primary", "quiet", "danger", "link" or ""."""
    made = QPushButton(text)
    if kind:
        made.setProperty(kind, "true")
    made.setToolTip(tip)
    return made


def tool_button(
    text: str, tip: str, name: str = "", *, checkable: bool = False, dense: bool = True
) -> QToolButton:
    """Return a small button; `name` is for assistive technology, the tip by default."""
    made = QToolButton()
    made.setText(text)
    made.setCheckable(checkable)
    made.setProperty("segment", "true" if dense else "false")
    made.setToolTip(tip)
    made.setAccessibleName(name or tip)
    return made


class ElidedLabel(QLabel):
    """One line that ends in "…" when it is too long; hover and keyboard then show all of it."""

    def __init__(self, text: str = "", role: str = "muted") -> None:
        super().__init__()
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_whole(text)

    @property
    def whole(self) -> str:
        """The text before it was shortened."""
        return self._whole

    def set_whole(self, text: str) -> None:
        """Show `text`, shortened to the width there is."""
        if text != self._whole:
            self._whole = text
            self.setAccessibleName(text)
            self.updateGeometry()
            self._shorten()

    def sizeHint(self) -> QSize:
        """Ask for the whole text."""
        return QSize(
            self.fontMetrics().horizontalAdvance(self._whole) + 4, super().sizeHint().height()
        )

    def minimumSizeHint(self) -> QSize:
        """Make do with a few letters."""
        return QSize(30, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten to the new width."""
        super().resizeEvent(event)
        self._shorten()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show a text that is cut whole to whoever comes with the keyboard."""
        super().focusInEvent(event)
        # Only later: the change of the focus would put the tip away at once.
        QTimer.singleShot(0, self, self._show_whole)

    def changeEvent(self, event: QEvent) -> None:
        """Shorten to another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._shorten()

    def _show_whole(self) -> None:
        if self.hasFocus():
            QToolTip.showText(self.mapToGlobal(QPoint(0, self.height())), self.toolTip(), self)

    def _shorten(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        shown = self.fontMetrics().elidedText(self._whole, mode, max(10, self.width() - 2))
        self.setText(shown)
        cut = shown != self._whole
        self.setToolTip(plain_tip(self._whole) if cut else "")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if cut else Qt.FocusPolicy.NoFocus)


class Segments(QWidget):
    """A row of joined buttons of which one is down.

    Parameters
    ----------
    choices : sequence of (str, object)
        Text and value of each.
    name : str
        What is chosen, for assistive technology and tooltips.
    """

    chosen = Signal(object)

    def __init__(self, choices: Sequence[tuple[str, object]], name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._values = [value for _, value in choices]
        self._group = QButtonGroup(self)
        for i, (text, _) in enumerate(choices):
            button = tool_button(text, f"{name}: {text}", f"{name} {text}", checkable=True)
            self._group.addButton(button, i)
        in_row(*self._group.buttons(), within=self, spacing=2, margins=(0, 0, 0, 0))
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self._clicked)

    @property
    def value(self) -> object:
        """The value of the button that is down."""
        return self._values[self._group.checkedId()]

    def choose(self, value: object) -> None:
        """Put a button down as if it were clicked."""
        self._group.button(self._values.index(value)).click()

    def _clicked(self, index: int) -> None:
        self.chosen.emit(self._values[index])


class Card(QFrame):
    """A panel with a title row, to which a view adds its content.

    Attributes
    ----------
    title : QLabel
        The heading.
    head, body : QBoxLayout
        Title row, and what lies under it.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self.setAccessibleName(title)
        self.title = label(title, "title")
        self.head = in_row(self.title, spacing=8)
        self.body = in_column(self.head, within=self, spacing=8, margins=(14, 10, 14, 12))
