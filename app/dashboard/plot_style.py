"""What the pyqtgraph plots share: one look, texts that are used again, and a readout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyqtgraph import InfiniteLine, PlotWidget, TextItem, mkBrush, mkPen
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from app.widgets.theme import font

if TYPE_CHECKING:
    from app.widgets.theme import Palette

__all__ = ["TEXT", "Readout", "TextPool", "bare_plot", "dress"]

TEXT = 11  # pixels


def bare_plot(left: int, bottom: int) -> Any:
    """Return a plot that a mouse moves along x only, without pyqtgraph's menus and buttons.

    `left` and `bottom` are pixels for the text of the axes.
    """
    plot = PlotWidget()
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    item = plot.getPlotItem()
    item.hideButtons()
    item.setMenuEnabled(False)
    item.layout.setContentsMargins(0, 0, 0, 0)
    item.vb.setDefaultPadding(0)
    item.vb.disableAutoRange()
    item.vb.setMouseEnabled(x=True, y=False)
    item.getAxis("left").setWidth(left)
    item.getAxis("bottom").setHeight(bottom)
    for side in ("left", "bottom"):
        axis = item.getAxis(side)
        axis.setTickFont(font(TEXT))
        axis.setStyle(tickLength=-3 if side == "bottom" else 0, tickTextOffset=4)
    return plot


def dress(plot: Any, palette: Palette) -> None:
    """Give a plot and its axes the colours of a theme."""
    plot.setBackground(palette.card)
    for side in ("left", "bottom"):
        axis = plot.getPlotItem().getAxis(side)
        axis.setPen(mkPen(None))
        axis.setTickPen(mkPen(palette.border))
        axis.setTextPen(mkPen(palette.muted))


class TextPool:
    """Short texts in a plot; the items are kept for the next drawing.

    The anchor is the point of a text's box that lies at its position, (0, 0) for the upper left
    corner; `z` is the height over other items.
    """

    def __init__(self, plot: Any, anchor: tuple[float, float], z: float) -> None:
        self._plot, self._anchor, self._z = plot, anchor, z
        self._items: list[Any] = []
        self._n_used = 0
        self._ground = mkBrush(None)

    def begin(self, ground: QColor | None = None) -> None:
        """Start a new drawing; `ground` is painted behind each text."""
        self._n_used = 0
        self._ground = mkBrush(ground)

    def put(self, text: str, x: float, y: float, ink: QColor) -> None:
        """Show a text at data coordinates."""
        if self._n_used == len(self._items):
            item = TextItem(anchor=self._anchor)
            item.setFont(font(TEXT))
            item.setZValue(self._z)
            self._plot.addItem(item, ignoreBounds=True)
            self._items.append(item)
        item = self._items[self._n_used]
        self._n_used += 1
        item.fill = self._ground
        item.setText(text, ink)
        item.setPos(x, y)
        item.setVisible(True)

    def end(self) -> None:
        """Hide the texts that this drawing did not need."""
        for item in self._items[self._n_used :]:
            item.setVisible(False)


class Readout:
    """A vertical line under the pointer with the values there."""

    def __init__(self, plot: Any) -> None:
        self._view = plot.getPlotItem().vb
        self._line = InfiniteLine(angle=90, movable=False)
        self._text = TextItem()
        self._text.setFont(font(TEXT))
        for item, z in ((self._line, 40), (self._text, 41)):
            item.setZValue(z)
            plot.addItem(item, ignoreBounds=True)
        self.hide()

    @property
    def text(self) -> str:
        """What is shown, "" when nothing is."""
        return str(self._text.toPlainText()) if self._text.isVisible() else ""

    def show(self, x: float, top: float, text: str) -> None:
        """Say `text` beside `x` and below `top`, on the side where there is room."""
        left, right = self._view.viewRange()[0]
        self._text.setAnchor((0, 0) if x < (left + right) / 2 else (1, 0))
        self._text.setText(text)
        self._text.setPos(x, top)
        self._line.setPos(x)
        self._line.setVisible(True)
        self._text.setVisible(True)

    def hide(self) -> None:
        """Show nothing."""
        self._line.setVisible(False)
        self._text.setVisible(False)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._line.setPen(mkPen(palette.muted))
        self._text.setColor(QColor(palette.text))
        self._text.fill = mkBrush(palette.raised)
        self._text.border = mkPen(palette.border)
