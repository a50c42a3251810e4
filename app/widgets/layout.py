"""Rows and columns of widgets, each in one expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QFormLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Item", "Stretch", "fill", "in_column", "in_form", "in_row"]

Margins = tuple[int, int, int, int]
Box = TypeVar("Box", bound=QBoxLayout)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Room that grows with the window, in shares of what there is to spare."""

    share: int = 1


Item = QWidget | QLayout | int | Stretch | tuple[QWidget | QLayout, int | Qt.AlignmentFlag]
"""A widget or a layout, with the share of the room that it takes or with its alignment; pixels
between two of them; a stretch."""


def in_row(
    *items: Item,
    within: QWidget | None = None,
    spacing: int | None = None,
    margins: Margins | None = None,
) -> QHBoxLayout:
    """Return a row of items from left to right, as the layout of `within` where it is given.

    The pixels between all items, and around them from the left clockwise, are the style's by
    default.
    """
    box = QHBoxLayout() if within is None else QHBoxLayout(within)
    return _filled(box, items, spacing, margins)


def in_column(
    *items: Item,
    within: QWidget | None = None,
    spacing: int | None = None,
    margins: Margins | None = None,
) -> QVBoxLayout:
    """Return a column of items from top to bottom, see :func:`in_row`."""
    box = QVBoxLayout() if within is None else QVBoxLayout(within)
    return _filled(box, items, spacing, margins)


def in_form(*rows: tuple[str, QWidget | QLayout]) -> QFormLayout:
    """Return fields under each other, each behind its caption."""
    form = QFormLayout()
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    form.setVerticalSpacing(8)
    form.setHorizontalSpacing(14)
    for caption, field in rows:
        form.addRow(caption, field)
    return form


def fill(box: QBoxLayout, *items: Item) -> None:
    """Add items to a row or a column that is there."""
    for item in items:
        if isinstance(item, int):
            box.addSpacing(item)
        elif isinstance(item, Stretch):
            box.addStretch(item.share)
        elif isinstance(item, tuple):
            _place(box, *item)
        else:
            _place(box, item, 0)


def _place(box: QBoxLayout, item: QWidget | QLayout, how: int | Qt.AlignmentFlag) -> None:
    share, alignment = (0, how) if isinstance(how, Qt.AlignmentFlag) else (how, None)
    if isinstance(item, QLayout):
        box.addLayout(item, share)
    else:
        box.addWidget(item, share)
    if alignment is not None:
        box.setAlignment(item, alignment)


def _filled(box: Box, items: Iterable[Item], spacing: int | None, margins: Margins | None) -> Box:
    if spacing is not None:
        box.setSpacing(spacing)
    if margins is not None:
        box.setContentsMargins(*margins)
    fill(box, *items)
    return box
