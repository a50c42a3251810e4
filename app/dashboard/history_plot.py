"""The session as a plot: probabilities over what was decoded and what was true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pyqtgraph import BarGraphItem, InfiniteLine, LinearRegionItem, PlotCurveItem, mkBrush, mkPen
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFontMetricsF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.dashboard.plot_style import TEXT, Readout, TextPool, bare_plot, dress
from app.dashboard.timeline import (
    NO_LABEL,
    Span,
    Timeline,
    label_spans,
    readout,
    stacked,
)
from app.widgets.theme import DARK, Palette, Themed, class_colours, font, ink_on
from app.widgets.words import clock_text, titled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QEvent

__all__ = ["HistoryPlot"]

BAND, GAP, ABOVE = (
    16,
    4,
    17,
)  # pixels: ribbons, the gap over each, and the room over 100 % for marks
LEFT, AXIS = 64, 18  # pixels
REDRAW_S = 0.25
SHORTEST_S = 5.0
SHORTEST_SESSION_S = 60.0
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
VEIL = 165  # opacity out of 255


class HistoryPlot(Themed, QWidget):
    """Stacked probabilities, veiled where no label was given, over ribbons of labels and truth.

    The mouse moves and zooms along time, which ends the following of the newest answer.

    Attributes
    ----------
    live_changed : Signal(bool)
        Whether the right edge is the newest moment.
    """

    live_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Emotion probabilities over time")
        self._timeline = Timeline()
        self._classes: tuple[str, ...] = ()
        self._drawn: object = None
        self._now_s, self._span_s = 0.0, 60.0
        self._live = self._stale = True
        self._labels: list[Span] = []
        self._pointer: QPointF | None = None
        self._metrics = QFontMetricsF(font(TEXT))
        self.plot = bare_plot(LEFT, AXIS)
        self._view = self.plot.getPlotItem().vb
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        self._add_items()
        self._view.sigResized.connect(self._place)
        self._view.sigRangeChangedManually.connect(self._hold)
        self._view.sigXRangeChanged.connect(self._annotate)
        self.plot.scene().sigMouseMoved.connect(self._point)
        self.set_palette(DARK)

    def sizeHint(self) -> QSize:
        """Prefer a wide strip."""
        return QSize(900, 150)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(300, 84)

    def leaveEvent(self, event: QEvent) -> None:
        """Take the readout away."""
        self._pointer = None
        self._read()
        super().leaveEvent(event)

    @property
    def live(self) -> bool:
        """Whether the right edge is the newest moment."""
        return self._live

    def set_live(self, live: bool) -> None:
        """Follow the newest moment, or hold what is shown."""
        if live != self._live:
            self._live = live
            self.live_changed.emit(live)
        if live:
            self._follow()

    def set_span(self, span_s: float) -> None:
        """Set the seconds from edge to edge, ``inf`` for all, and follow the newest moment."""
        self._span_s = span_s
        self.set_live(True)

    def show_past(self, span_s: tuple[float, float] | None) -> None:
        """Shade the stretch that the signals show, and bring it into view; None for none."""
        self._past.setVisible(span_s is not None)
        if span_s is None:
            self.set_live(True)
            return
        self._past.setRegion(span_s)
        first_s, stop_s = self._view.viewRange()[0]
        if span_s[0] < first_s or span_s[1] > stop_s:
            self.set_live(False)
            middle, half = sum(span_s) / 2, (stop_s - first_s) / 2
            self._view.setXRange(
                max(0.0, middle - half), max(0.0, middle - half) + 2 * half, padding=0
            )

    def show_timeline(self, timeline: Timeline, class_names: tuple[str, ...], now_s: float) -> None:
        """Show `timeline` up to `now_s`; draws only what has changed."""
        other = timeline is not self._timeline or class_names != self._classes
        if not other and abs(now_s - self._now_s) < REDRAW_S:
            return
        self._timeline, self._classes, self._now_s = timeline, class_names, now_s
        if other:
            self.set_live(True)
        newest = timeline.predictions[-1].index if timeline.predictions else None
        drawn = (id(timeline), class_names, newest, bool(timeline.truth))
        if drawn != self._drawn:
            self._drawn = drawn
            self._draw()
            self._place()
        self._stale = True
        self._view.setLimits(xMin=0.0, xMax=max(now_s, self._shown_span_s), minXRange=SHORTEST_S)
        if self._live:
            self._follow()
        if self._stale:
            self._annotate()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        dress(self.plot, palette)
        self._readout.set_palette(palette)
        for line in self._grid:
            line.setPen(mkPen(palette.grid))
        veil = QColor(palette.card)
        veil.setAlpha(VEIL)
        self._veil.setBrush(mkBrush(veil))
        shade = QColor(palette.accent)
        shade.setAlpha(60)
        self._past.setBrush(mkBrush(shade))
        for line in self._past.lines:
            line.setPen(mkPen(palette.accent))
        self._markers.setPen(mkPen(palette.text, style=Qt.PenStyle.DashLine))
        self._hatched.setOpts(
            brush=QBrush(QColor(palette.faint), Qt.BrushStyle.BDiagPattern), pen=mkPen(None)
        )
        self._draw()
        self._place()

    # Items: made once, filled again and again.

    def _add_items(self) -> None:
        self._stack: list[Any] = []
        self._grid = [InfiniteLine(share, angle=0) for share in (0.0, 0.5, 1.0)]
        self._veil = PlotCurveItem(pen=None, fillLevel=0)
        self._ribbons, self._hatched = (
            BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=None, brushes=[]),
            BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=None),
        )
        self._markers = PlotCurveItem(connect="pairs")
        layers = (*self._grid, self._veil, self._ribbons, self._hatched, self._markers)
        for z, item in zip((0, 0, 0, 20, 20, 21, 30), layers, strict=True):
            item.setZValue(z)
            self.plot.addItem(item, ignoreBounds=True)
        self._past = LinearRegionItem(movable=False)
        self._past.setZValue(25)
        self._past.setVisible(False)
        self.plot.addItem(self._past, ignoreBounds=True)
        self._names = TextPool(self.plot, (0.5, 0.5), 22)
        self._notes = TextPool(self.plot, (0, 1), 31)
        self._readout = Readout(self.plot)

    def _layer(self, i: int) -> Any:
        """Return the filled curve of class `i`; lower classes cover the foot of higher ones."""
        while len(self._stack) <= i:
            curve = PlotCurveItem(pen=None, fillLevel=0, antialias=True)
            curve.setZValue(19 - len(self._stack))
            self.plot.addItem(curve, ignoreBounds=True)
            self._stack.append(curve)
        return self._stack[i]

    def _draw(self) -> None:
        """Fill the items that depend on the answers; about 3 ms, at every answer."""
        colours = class_colours(self._classes, self._palette)
        predictions = self._timeline.all_predictions
        times, tops = stacked(predictions, self._classes)
        # A whole-number array: pyqtgraph cuts fills of other curves into pieces with seams.
        joined = np.ones(times.size, np.int32)
        for i, name in enumerate(self._classes):
            self._layer(i).setData(times, tops[i], connect=joined, brush=mkBrush(colours[name]))
        for curve in self._stack[len(self._classes) :]:
            curve.clear()
        self._labels = label_spans(predictions)
        silent = [(begin, end) for begin, end, name in self._labels if not name]
        edges = np.repeat(np.array(silent, float).reshape(-1, 2), 2, axis=1).ravel()
        self._veil.setData(edges, np.tile([0.0, 1.0, 1.0, 0.0], len(silent)))

    # Geometry: heights are pixels whatever the size, so the scale of y is a result.

    @property
    def _pixel(self) -> float:
        """Share that one pixel is high."""
        ribbons = self._n_ribbons * (BAND + GAP)
        return 1 / max(20.0, float(self._view.height()) - ribbons - ABOVE)

    @property
    def _n_ribbons(self) -> int:
        return 2 if self._timeline.truth else 1

    def _ribbon_top(self, i: int) -> float:
        return -(GAP + i * (BAND + GAP)) * self._pixel

    def _place(self) -> None:
        """Give ribbons and axis their places in the height there is."""
        pixel, middle = self._pixel, BAND / 2 * self._pixel
        low = -self._n_ribbons * (BAND + GAP) * pixel
        self._view.setYRange(low, 1 + ABOVE * pixel, padding=0)
        names = [
            (self._ribbon_top(i) - middle, text)
            for i, text in enumerate(("Decoded", "True")[: self._n_ribbons])
        ]
        shares = [(0.0, "0"), (0.5, "50"), (1.0, "100%")]
        self.plot.getPlotItem().getAxis("left").setTicks([shares + names])
        self._annotate()

    @property
    def _shown_span_s(self) -> float:
        whole = math.isinf(self._span_s)
        return max(SHORTEST_SESSION_S, self._now_s) if whole else self._span_s

    def _follow(self) -> None:
        first_s = max(0.0, self._now_s - self._shown_span_s)
        self._view.setXRange(first_s, first_s + self._shown_span_s, padding=0)

    def _hold(self, *_: object) -> None:
        self.set_live(False)

    # What depends on the part of time that is shown.

    def _annotate(self, *_: object) -> None:
        """Draw ribbons, markers and ticks of the time shown."""
        self._stale = False
        first_s, stop_s = self._view.viewRange()[0]
        step = next((s for s in TICKS_S if (stop_s - first_s) / s <= 11), TICKS_S[-1])
        ticks = range(-int(-first_s // step) * step, int(stop_s) + 1, step)
        axis = self.plot.getPlotItem().getAxis("bottom")
        axis.setTicks([[(t, clock_text(t)) for t in ticks]])
        self._draw_ribbons(first_s, stop_s)
        self._draw_markers(first_s, stop_s)
        self._read()

    def _draw_ribbons(self, first_s: float, stop_s: float) -> None:
        colours = class_colours(self._classes, self._palette)
        truth = self._timeline.truth.segments(first_s, min(stop_s, self._now_s))
        rows = [(0, *span) for span in self._labels] + [(1, *span) for span in truth]
        shown = [
            (row, max(begin, first_s), min(end, stop_s), name)
            for row, begin, end, name in rows
            if end > first_s and begin < stop_s
        ]
        colours[""], unknown = QColor(self._palette.grid), QColor(self._palette.raised)
        grounds = [colours.get(name, unknown) for *_, name in shown]
        self._set_bars(self._ribbons, shown, [QBrush(ground) for ground in grounds])
        self._set_bars(self._hatched, [bar for bar in shown if not bar[3]])
        self._names.begin()
        seconds = self._view.viewPixelSize()[0]
        for (row, begin, end, name), ground in zip(shown, grounds, strict=True):
            text = titled(name) if name else NO_LABEL
            if self._metrics.horizontalAdvance(text) + 8 < (end - begin) / seconds:
                middle = self._ribbon_top(row) - BAND / 2 * self._pixel
                ink = ink_on(ground) if name else QColor(self._palette.text)
                self._names.put(text, (begin + end) / 2, middle, ink)
        self._names.end()

    def _set_bars(
        self,
        bars: Any,
        shown: Sequence[tuple[int, float, float, str]],
        brushes: list[QBrush] | None = None,
    ) -> None:
        tops = np.array([self._ribbon_top(bar[0]) for bar in shown])
        bars.setOpts(
            x0=np.array([bar[1] for bar in shown]),
            x1=np.array([bar[2] for bar in shown]),
            y0=tops - BAND * self._pixel,
            y1=tops,
            **({} if brushes is None else {"brushes": brushes}),
        )

    def _draw_markers(self, first_s: float, stop_s: float) -> None:
        """Draw the markers; labels only where they hide no earlier label."""
        shown = [m for m in self._timeline.markers if first_s <= m[0] <= stop_s]
        times = np.repeat([time_s for time_s, _ in shown], 2)
        self._markers.setData(times, np.tile([0.0, 1.0], len(shown)))
        seconds, taken = self._view.viewPixelSize()[0], first_s
        self._notes.begin(QColor(self._palette.card))
        for time_s, text in shown:
            width_s = (self._metrics.horizontalAdvance(text) + 10) * seconds
            left = min(time_s, stop_s - width_s)
            if left >= taken:
                taken = left + width_s
                self._notes.put(text, left, 1.0, QColor(self._palette.text))
        self._notes.end()

    def _point(self, where: QPointF) -> None:
        self._pointer = where if self._view.sceneBoundingRect().contains(where) else None
        self._read()

    def _read(self) -> None:
        """Say what holds under the pointer."""
        if self._pointer is None or self._now_s <= 0:
            self._readout.hide()
            return
        time_s = self._view.mapSceneToView(self._pointer).x()
        self._readout.show(time_s, 1.0, readout(self._timeline, min(time_s, self._now_s)))
