"""Power spectra as a plot: a thin line for each channel, their mean over the named bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pyqtgraph import InfiniteLine, LinearRegionItem, PlotCurveItem, mkBrush, mkPen
from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.dashboard.plot_style import TEXT, Readout, TextPool, bare_plot, dress
from app.dashboard.spectrum import BANDS_HZ, MAX_HZ, MIN_HZ, band_at
from app.widgets.theme import DARK, Palette, Themed, font
from app.widgets.words import MINUS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtCore import QEvent

__all__ = ["SpectrumPlot"]

LEFT, AXIS = 34, 18  # pixels
STEP_DB = 10
LOWEST_DB, HIGHEST_DB = -40, 80
TICKS_HZ = (1, 2, 4, 8, 14, 30, 45)
THIN = 120  # opacity out of 255
NAME = 18  # pixels that the names of the bands take
MARGIN = 1.08  # times the frequency, beside the curves for the outermost ticks
LETTERS = "δθαβγ"


class SpectrumPlot(Themed, QWidget):
    """Spectra on a logarithmic frequency axis; channels that are left out are dimmed."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Power spectrum of every channel")
        self._freqs = np.empty(0)
        self._mean = np.empty(0)
        self._range: tuple[int, int] = (-20, 30)
        self._pointer: QPointF | None = None
        self.plot = bare_plot(LEFT, AXIS)
        self._view = self.plot.getPlotItem().vb
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        self._metrics = QFontMetricsF(font(TEXT))
        self._add_items()
        self._view.sigResized.connect(self._name_bands)
        self._view.sigXRangeChanged.connect(self._name_bands)
        self.plot.scene().sigMouseMoved.connect(self._point)
        self.set_palette(DARK)

    def sizeHint(self) -> QSize:
        """Prefer a square."""
        return QSize(260, 240)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(120, 100)

    def leaveEvent(self, event: QEvent) -> None:
        """Take the readout away."""
        self._pointer = None
        self._read()
        super().leaveEvent(event)

    def show_levels(
        self,
        freqs_hz: NDArray[np.float64],
        levels_db: NDArray[np.float32],
        bad: NDArray[np.bool_],
    ) -> None:
        """Show spectra in decibels, shape (n_channels, n_freqs), NaN for channels without one.

        Bad channels are dimmed and not part of the mean.
        """
        self._freqs = freqs_hz
        good = levels_db[~bad & np.isfinite(levels_db).all(axis=1)]
        self._mean = good.mean(axis=0, dtype=np.float64) if good.size else np.empty(0)
        log_freqs = np.log10(freqs_hz)
        _fill(self._good, log_freqs, good)
        _fill(self._bad, log_freqs, levels_db[bad])
        self._bold.setData(log_freqs[: self._mean.size], self._mean)
        if good.size:
            self._fit(good)
        self._read()

    def clear(self) -> None:
        """Show no spectra."""
        self.show_levels(np.empty(0), np.empty((0, 0), np.float32), np.empty(0, bool))

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        dress(self.plot, palette)
        self._readout.set_palette(palette)
        thin = QColor(palette.trace)
        thin.setAlpha(THIN)
        self._good.setPen(mkPen(thin))
        self._bad.setPen(mkPen(palette.trace_bad))
        self._bold.setPen(mkPen(palette.text, width=2))
        for i, region in enumerate(self._regions):
            region.setBrush(mkBrush(palette.raised if i % 2 == 0 else None))
        for line in self._grid:
            line.setPen(mkPen(palette.grid))
        self._place()

    def _add_items(self) -> None:
        edges = [np.log10(band) for band in BANDS_HZ.values()]
        self._regions = [
            LinearRegionItem(tuple(edge), movable=False, pen=mkPen(None)) for edge in edges
        ]
        self._grid = [
            InfiniteLine(level, angle=0) for level in range(LOWEST_DB, HIGHEST_DB, STEP_DB)
        ]
        self._bad, self._good = PlotCurveItem(connect="finite"), PlotCurveItem(connect="finite")
        self._bold = PlotCurveItem(antialias=True)
        items: list[Any] = [*self._regions, *self._grid, self._bad, self._good, self._bold]
        for z, item in enumerate(items):
            item.setZValue(z)
            self.plot.addItem(item, ignoreBounds=True)
        self._names = TextPool(self.plot, (0.5, 0), len(items))
        self._readout = Readout(self.plot)
        item = self.plot.getPlotItem()
        item.getAxis("bottom").setTicks([[(float(np.log10(f)), str(f)) for f in TICKS_HZ]])
        low, high = float(np.log10(MIN_HZ / MARGIN)), float(np.log10(MAX_HZ * MARGIN))
        self._view.setLimits(xMin=low, xMax=high, minXRange=0.1)
        self._view.setXRange(low, high, padding=0)

    def _fit(self, good: NDArray[np.float32]) -> None:
        """Take another range of tens of decibels when the curves leave it or need far less."""
        low, high = np.percentile(good, (1, 99))
        wanted = (
            max(LOWEST_DB, int(low // STEP_DB) * STEP_DB),
            min(HIGHEST_DB, int(high // STEP_DB + 2) * STEP_DB),
        )
        if max(abs(a - b) for a, b in zip(wanted, self._range, strict=True)) > STEP_DB or (
            low < self._range[0] or high > self._range[1]
        ):
            self._range = wanted
            self._place()

    def _place(self) -> None:
        low, high = self._range
        self._view.setYRange(low, high, padding=0)
        ticks = [(float(v), f"{v}".replace("-", MINUS)) for v in range(low, high, STEP_DB)]
        self.plot.getPlotItem().getAxis("left").setTicks([ticks])
        self._name_bands()

    def _name_bands(self, *_: object) -> None:
        """Write the name of each band into it, its letter where the name is too long."""
        left, right = self._view.viewRange()[0]
        log_pixel = self._view.viewPixelSize()[0]
        self._names.begin()
        for (name, edges), letter in zip(BANDS_HZ.items(), LETTERS, strict=True):
            first, last = (min(max(float(np.log10(f)), left), right) for f in edges)
            fits = self._metrics.horizontalAdvance(name) + 4 < (last - first) / log_pixel
            if last > first:
                text, middle = name if fits else letter, (first + last) / 2
                self._names.put(text, middle, self._range[1], QColor(self._palette.muted))
        self._names.end()

    def _point(self, where: QPointF) -> None:
        self._pointer = where if self._view.sceneBoundingRect().contains(where) else None
        self._read()

    def _read(self) -> None:
        """Say frequency, band and mean under the pointer."""
        if self._pointer is None or not self._mean.size:
            self._readout.hide()
            return
        x = float(self._view.mapSceneToView(self._pointer).x())
        nearest = int(np.argmin(np.abs(self._freqs - 10**x)))
        freq, level = float(self._freqs[nearest]), f"{self._mean[nearest]:.1f}"
        text = f"{freq:.1f} Hz  {band_at(freq)}\nMean {level.replace('-', MINUS)} dB"
        under_names = self._range[1] - NAME * float(self._view.viewPixelSize()[1])
        self._readout.show(float(np.log10(freq)), under_names, text)


def _fill(curve: Any, x: NDArray[np.float64], rows: NDArray[np.float32]) -> None:
    """Put many lines into one curve, a NaN behind each: one item draws them all at once."""
    gap = ((0, 0), (0, 1))
    y = np.pad(rows, gap, constant_values=np.nan).ravel()
    curve.setData(np.tile(np.append(x, np.nan), len(rows)), y)
