"""Colours, type sizes and the style sheet: one dark and one light theme."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template
from typing import TYPE_CHECKING, cast

from PySide6.QtGui import QColor, QFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QWidget

__all__ = [
    "DARK",
    "FAMILIES",
    "LIGHT",
    "Palette",
    "Themed",
    "class_colours",
    "font",
    "ink_on",
    "set_theme",
    "style_sheet",
]

FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Helvetica Neue", "Noto Sans", "DejaVu Sans"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a theme as ``#rrggbb``."""

    # Surfaces from back to front, and lines on them.
    window: str
    card: str
    raised: str
    border: str
    grid: str
    # Text; `faint` is for marks that carry no information of their own.
    text: str
    muted: str
    faint: str
    # The one action, text on it, and the ground of a choice that is on.
    accent: str
    on_accent: str
    chosen: str
    # States; never the only sign of one.
    good: str
    warn: str
    bad: str
    # Curves of neighbouring channels, and of an electrode that is left out.
    trace: str
    trace_alt: str
    trace_bad: str
    classes: tuple[str, ...]
    """Emotions, in an order that colour-blind eyes tell apart."""
    dark: bool
    """Whether the theme is dark."""


DARK = Palette(
    window="#0d1117",
    card="#141a22",
    raised="#1e2631",
    border="#283241",
    grid="#202a37",
    text="#e8edf4",
    muted="#98a6b8",
    faint="#4a5768",
    accent="#6cb6ff",
    on_accent="#06121f",
    chosen="#1c344d",
    good="#4cc3b4",
    warn="#f0b849",
    bad="#f47067",
    trace="#a3c9ee",
    trace_alt="#86d1c4",
    trace_bad="#4b5564",
    classes=(
        "#f0843c",
        "#e6dca6",
        "#4aa8ea",
        "#c977b5",
        "#2fae86",
        "#f6e04c",
        "#8b7fe0",
        "#a6622f",
        "#a9c4d8",
    ),
    dark=True,
)

LIGHT = Palette(
    window="#eef1f5",
    card="#ffffff",
    raised="#f1f4f8",
    border="#d3dbe4",
    grid="#e9edf2",
    text="#16202c",
    muted="#566476",
    faint="#a9b5c2",
    accent="#1767b3",
    on_accent="#ffffff",
    chosen="#dbeafa",
    good="#0a6f66",
    warn="#8f5b00",
    bad="#bd2c24",
    trace="#2b5f91",
    trace_alt="#1d7a6d",
    trace_bad="#bcc5cf",
    classes=(
        "#d4601a",
        "#c4b567",
        "#1f78c1",
        "#a8508f",
        "#12805e",
        "#d9bf12",
        "#5c4fc0",
        "#7c4317",
        "#7896ac",
    ),
    dark=False,
)

# Valence reads from warm to cool whatever the order of the classes in a bundle.
_FIXED = {"negative": 0, "neutral": 1, "positive": 2}


def class_colours(class_names: Sequence[str], palette: Palette) -> dict[str, QColor]:
    """Return a colour for every class, the same in every view."""
    if set(class_names) <= set(_FIXED):
        places = [_FIXED[name] for name in class_names]
    else:
        places = [i % len(palette.classes) for i in range(len(class_names))]
    return {name: QColor(palette.classes[i]) for name, i in zip(class_names, places, strict=True)}


def ink_on(ground: QColor) -> QColor:
    """Return black or white, whichever reads better on `ground` (WCAG 2 relative luminance)."""

    def linear(share: float) -> float:
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(s) for s in (ground.redF(), ground.greenF(), ground.blueF()))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return QColor("#0b0f14") if luminance > 0.179 else QColor("#ffffff")


def font(pixels: int, *, bold: bool = False) -> QFont:
    """Return the interface's font at a size in logical pixels."""
    face = QFont()
    face.setFamilies(FAMILIES)
    face.setPixelSize(pixels)
    face.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return face


class Themed:
    """Mixed into a widget that paints itself in the colours of a theme."""

    _palette = DARK

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        cast("QWidget", self).update()


def set_theme(widget: QObject, palette: Palette) -> None:
    """Give the colours of a theme to a widget that paints itself, or to those in it that do."""
    if isinstance(widget, Themed):
        widget.set_palette(palette)
    else:
        for child in widget.children():
            set_theme(child, palette)


def style_sheet(palette: Palette, sheet: Template | None = None) -> str:
    """Return a Qt style sheet, that of the whole window by default, in the colours of a theme."""
    return (sheet or _SHEET).substitute(asdict(palette))


_SHEET = Template("""
* { color: $text; font-size: 13px; }
QMainWindow, QDialog, #root { background: $window; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px; }
QFrame[card="true"] { background: $card; border: 1px solid $border; border-radius: 10px; }
QLabel { background: transparent; }
QLabel:focus { border-bottom: 1px solid $accent; }
QLabel[role="product"] { font-size: 17px; font-weight: 600; }
QLabel[role="title"] { font-size: 13px; font-weight: 600; }
QLabel[role="caption"] { color: $muted; font-size: 11px; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="headline"] { font-size: 38px; font-weight: 600; }
QLabel[role="headline"][calm="true"] { color: $muted; font-size: 24px; }
QLabel[role="value"] { font-weight: 600; }
QLabel[role="value"][tone="warn"] { color: $warn; }
QLabel[role="value"][tone="bad"] { color: $bad; }
QLabel[role="value"][tone="good"] { color: $good; }
QLabel[role="value"][tone="muted"] { color: $muted; font-weight: 400; }
QLabel[role="badge"] {
  border: 1px solid $border; border-radius: 9px; padding: 2px 10px; min-height: 15px;
  color: $muted; font-size: 11px; background: $card;
}
QLabel[role="badge"][tone="warn"] { color: $warn; border-color: $warn; font-weight: 600; }
#rule { background: $border; }
QPushButton, QToolButton {
  background: $raised; border: 1px solid $border; border-radius: 6px; padding: 4px 10px;
  min-height: 18px;
}
QPushButton:hover, QToolButton:hover { border-color: $accent; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $faint; border-color: $border; }
QToolButton[segment="true"] { padding: 3px 6px; font-size: 12px; }
QToolButton:checked { background: $chosen; color: $accent; border-color: $accent; }
QToolButton:checked:disabled { background: $raised; color: $faint; border-color: $border; }
QPushButton[primary="true"] {
  background: $accent; color: $on_accent; border-color: $accent; font-weight: 600;
  padding: 6px 18px;
}
QPushButton[primary="true"]:hover { border-color: $text; }
QPushButton[primary="true"]:disabled { background: $raised; color: $faint; border-color: $border; }
QPushButton[quiet="true"] { padding: 6px 18px; }
QPushButton[recording="true"] { color: $bad; border-color: $bad; font-weight: 600; }
QLineEdit, QComboBox, QListWidget, QSpinBox {
  background: $raised; border: 1px solid $border; border-radius: 6px; padding: 5px 8px;
  selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:focus, QComboBox:focus, QListWidget:focus, QSpinBox:focus { border-color: $accent; }
/* Qt draws the arrows in the platform's colours; the buttons of a Stepper take their place. */
QSpinBox { min-height: 20px; padding: 4px 0; }
/* A field of QSpinBox without button symbols is one pixel wide under a style sheet. */
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: 0; }
QSpinBox QLineEdit { background: transparent; border: 0; padding: 0; }
QComboBox QAbstractItemView, QListView, QTreeView {
  background: $raised; border: 1px solid $border; selection-background-color: $accent;
  selection-color: $on_accent;
}
QListWidget::item { padding: 8px; border-radius: 5px; }
QListWidget { outline: 0; }
QListWidget::item:selected { background: $chosen; color: $accent; }
QScrollBar { background: transparent; border: 0; }
QScrollBar:vertical { width: 10px; }
QScrollBar:horizontal { height: 10px; }
QScrollBar::handle { background: $faint; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 24px; }
QScrollBar::handle:horizontal { min-width: 24px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QHeaderView::section { background: $card; border: 0; padding: 4px; }
QCheckBox { background: transparent; spacing: 8px; }
QToolButton::menu-indicator { image: none; }
QMenu { background: $raised; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 18px; border-radius: 4px; }
QMenu::item:selected { background: $chosen; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $border; }
#messages { background: $card; border: 1px solid $bad; border-radius: 8px; }
#messages[tone="warn"] { border-color: $warn; }
#messages[tone="calm"] { border-color: $border; }
""")
