"""Rows, columns and themes of the widgets."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.widgets.controls import push_button, tool_button
from app.widgets.layout import Stretch, fill, in_column, in_row
from app.widgets.theme import DARK, LIGHT, Themed, set_theme


class Painted(Themed, QWidget):
    """A widget that paints itself."""

    @property
    def theme(self):
        return self._palette


def test_a_row_holds_its_items_in_their_order_with_their_shares_and_alignment(qtbot):
    whole, left, right = QWidget(), QWidget(), QWidget()
    qtbot.addWidget(whole)
    inner = QHBoxLayout()
    parts = (left, 12, (inner, 2), Stretch(3), (right, Qt.AlignmentFlag.AlignTop))
    row = in_row(*parts, within=whole, spacing=5, margins=(1, 2, 3, 4))
    assert whole.layout() is row
    assert row.spacing() == 5
    assert row.contentsMargins().left() == 1
    assert [row.stretch(k) for k in range(row.count())] == [0, 0, 2, 3, 0]
    assert row.itemAt(0).widget() is left
    assert row.itemAt(1).spacerItem().sizeHint().width() == 12
    assert row.itemAt(2).layout() is inner
    assert row.itemAt(4).alignment() == Qt.AlignmentFlag.AlignTop


def test_a_column_can_be_filled_later(qtbot):
    whole, first, second = QWidget(), QWidget(), QWidget()
    qtbot.addWidget(whole)
    column = in_column(first, within=whole)
    fill(column, Stretch(), second)
    assert [column.itemAt(k).widget() for k in (0, 2)] == [first, second]


def test_a_theme_reaches_whatever_paints_itself(qtbot):
    whole, group, painted = QWidget(), QWidget(), Painted()
    qtbot.addWidget(whole)
    in_row(group, within=whole)
    in_row(painted, within=group)
    assert painted.theme is DARK
    set_theme(whole, LIGHT)
    assert painted.theme is LIGHT


def test_buttons_say_what_they_do(qtbot):
    delete, more = push_button("Delete…", "danger"), tool_button("+", "Larger curves (+)")
    for button in (delete, more):
        qtbot.addWidget(button)
    assert delete.property("danger") == "true"
    assert more.accessibleName() == more.toolTip() == "Larger curves (+)"
