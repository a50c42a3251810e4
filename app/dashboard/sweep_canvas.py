"""The sweep display: like paper under a pen, only what is new is painted.

Painting 64 curves anew takes 20 to 50 ms a frame; painting the samples that came since the last
frame into a pixmap takes about 1 ms, whatever the time window.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.painting import finite_runs, painting, polygon
from app.widgets.theme import Palette, Themed, font
from app.widgets.words import clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MAX_WINDOW_S", "SweepCanvas"]

MAX_WINDOW_S = 20.0
AXIS_HEIGHT = 20
HEAD_GAP = 14
OVERLAP = 5
MIN_CLIP = 24.0
PADDING = 6
MARKS = 17  # pixels over the curves for the labels of marks


class SweepCanvas(Themed, QWidget):
    """Curves of one stream, written from left to right over the oldest ones.

    Values are kept for 20 s, so that a resize, another scale or another window repaints at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("EEG signals")
        self._n_channels = 0
        self._sfreq = 250.0
        self._window_s = 10.0
        self._scale_uv = 50.0
        self._bad: NDArray[np.bool_] = np.zeros(0, bool)
        self._kept: NDArray[np.float32] = np.zeros((0, 1), np.float32)
        self._first = self._stop = 0
        self._markers: deque[tuple[int, str, QColor | None]] = deque(maxlen=200)
        self._veil = self._banner = ""
        self._paper = QPixmap()
        self._sheet = QPixmap()

    def sizeHint(self) -> QSize:
        """Prefer a wide sheet."""
        return QSize(900, 480)

    @property
    def stop_sample(self) -> int:
        """Position just behind the newest sample drawn."""
        return self._stop

    @property
    def veil(self) -> str:
        """Why the curves stand still, "" while they go on."""
        return self._veil

    @property
    def row_height(self) -> float:
        """Logical pixels per channel."""
        room = self._plot_height - MARKS - 2 * PADDING
        return max(1, room) / max(1, self._n_channels)

    @property
    def _plot_height(self) -> int:
        return max(1, self.height() - AXIS_HEIGHT)

    @property
    def _n_window(self) -> int:
        return max(1, round(self._window_s * self._sfreq))

    def begin(self, n_channels: int, sfreq: float, first_sample: int) -> None:
        """Start an empty sheet for a stream of which `first_sample` is the next sample."""
        self._n_channels, self._sfreq = n_channels, sfreq
        self._kept = np.full((n_channels, int(MAX_WINDOW_S * sfreq) + 1), np.nan, np.float32)
        self._bad = np.zeros(n_channels, bool)
        self._first = self._stop = first_sample
        self.redraw()

    def set_scale(self, scale_uv: float) -> None:
        """Set the microvolts that one row is high."""
        self._scale_uv = scale_uv
        self.redraw()

    def set_window(self, window_s: float) -> None:
        """Set the seconds from edge to edge, at most 20."""
        self._window_s = min(window_s, MAX_WINDOW_S)
        self.redraw()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self.redraw()

    def set_bad(self, bad: Sequence[bool]) -> None:
        """Dim these channels from now on; what is drawn keeps its colour until it is redrawn."""
        self._bad = np.asarray(bad, bool)

    def set_veil(self, text: str) -> None:
        """Say over the curves why they stand still; "" when they go on."""
        if text != self._veil:
            self._veil = text
            self.update()

    def set_banner(self, text: str) -> None:
        """Say beside the marks that this is not the newest; "" when it is."""
        if text != self._banner:
            self._banner = text
            self.setAccessibleDescription(text)
            self.update()

    def append(self, values: NDArray[np.float32]) -> None:
        """Draw the next samples.

        Parameters
        ----------
        values : ndarray of float32, shape (n_channels, n_times)
            Microvolts, NaN where lost.
        """
        n_kept = self._kept.shape[1]
        first, self._stop = self._stop, self._stop + values.shape[1]
        positions = np.arange(max(first, self._stop - n_kept), self._stop)
        if positions.size == 0:
            return
        self._kept[:, positions % n_kept] = values[:, -positions.size :]
        self._first = max(self._first, self._stop - n_kept)
        if positions.size >= self._n_window // 2:
            self.redraw()
        elif not self._sheet.isNull():
            self._show(self._write(int(positions[0])), int(positions[0]))

    def mark(self, sample: int, label: str, colour: QColor | None = None) -> None:
        """Show a marker at a sample position for as long as that is on the sheet."""
        self._markers.append((sample, label, colour))
        self.update()

    def forget_markers(self) -> None:
        """Drop the markers of the stream before."""
        self._markers.clear()

    def recent(self, seconds: float) -> NDArray[np.float32]:
        """Return the last `seconds` of the channels that are not dimmed, (n_good, n_times)."""
        first = max(self._first, self._stop - int(seconds * self._sfreq))
        return self._kept[~self._bad][:, np.arange(first, self._stop) % self._kept.shape[1]]

    def redraw(self) -> None:
        """Paint the whole sheet anew; takes some 20 ms, so never once per frame."""
        if self.width() < 2 or self.height() < 2:
            return
        ratio = self.devicePixelRatioF()
        self._paper = QPixmap(self.size() * ratio)
        self._paper.setDevicePixelRatio(ratio)
        with painting(self._paper, smooth=False) as painter:
            self._draw_paper(painter)
        self._sheet = self._paper.copy()
        first = max(self._first, self._stop - self._n_window + 1)
        if self._n_channels and self._stop > first:
            self._write(first)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Fit the sheet to the widget."""
        self.redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Show the sheet, and the pen where it stands."""
        with painting(self, smooth=False) as painter:
            painter.setClipRect(event.rect())
            painter.drawPixmap(0, 0, self._sheet)
            self._draw_markers(painter)
            if self._stop > self._first:
                pen_x = int(self._x(self._stop)) + 2
                painter.fillRect(
                    QRect(pen_x, 0, 2, self._plot_height), QColor(self._palette.accent)
                )
                if event.rect().bottom() >= self._plot_height:
                    self._draw_clock(painter)
            if self._veil:
                self._draw_veil(painter)
            if self._banner:
                self._draw_banner(painter)

    def _x(self, sample: int) -> float:
        return (sample % self._n_window) / self._n_window * self.width()

    def _draw_paper(self, painter: QPainter) -> None:
        palette, width, height = self._palette, self.width(), self._plot_height
        painter.fillRect(self.rect(), QColor(palette.card))
        painter.setPen(QColor(palette.grid))
        for second in range(int(self._window_s) + 1) if self._n_channels else ():
            x = min(width - 1, round(second / self._window_s * width))
            painter.drawLine(x, 0, x, height)
        if self.row_height >= 14:
            for row in range(self._n_channels):
                y = round(MARKS + PADDING + (row + 0.5) * self.row_height)
                painter.drawLine(0, y, width, y)
        painter.setPen(QColor(palette.border))
        painter.drawLine(0, height, width, height)

    def _show(self, changed: QRect, first: int) -> None:
        """Have the part of the widget repainted that changed since sample `first`."""
        self.update(changed)
        if int(first / self._sfreq) != int(self._stop / self._sfreq):
            self.update(QRect(0, self._plot_height, self.width(), AXIS_HEIGHT))

    def _write(self, first: int) -> QRect:
        """Write the kept samples from `first` on; return the part of the sheet that changed."""
        changed = QRect()
        with painting(self._sheet) as painter:
            while first < self._stop:
                stop = min(self._stop, (first // self._n_window + 1) * self._n_window)
                strip = self._strip(first, stop)
                painter.setClipRect(strip)
                painter.drawPixmap(0, 0, self._paper)
                self._draw_pass(painter, self._begin_of(first), stop)
                changed = changed.united(strip)
                first = stop
        return changed

    def _strip(self, first: int, stop: int) -> QRect:
        """Return the columns that samples of one pass change, with the gap before the pen.

        It begins one column early: antialiasing had left that one half painted.
        """
        begin = max(0, int(self._x(first)) - 1)
        end = int(self._x(stop)) + HEAD_GAP if stop % self._n_window else self.width()
        return QRect(begin, 0, end - begin, self._plot_height)

    def _begin_of(self, first: int) -> int:
        """Return where the line through `first` begins: well outside of the strip's edge.

        Drawn so and clipped, a curve written in pieces looks as if it were written at once.
        """
        lead = int(OVERLAP * self._n_window / self.width()) + 1
        into = max(0, first % self._n_window - lead)
        into -= into % _bin_size(self.width() / self._n_window)
        return max(self._first, first - first % self._n_window + into)

    def _draw_pass(self, painter: QPainter, first: int, stop: int) -> None:
        """Write samples that lie between two edges of the sheet."""
        values = self._kept[:, np.arange(first, stop) % self._kept.shape[1]]
        step = self.width() / self._n_window
        x = (first % self._n_window + np.arange(stop - first, dtype=np.float64)) * step
        lost = np.logical_and.reduce(np.isnan(values), axis=0)
        if lost.any():
            self._draw_lost(painter, x, lost)
        x, y = _thinned(x, self._baselines - self._heights(values), step)
        finite = np.isfinite(y)
        complete = np.logical_and.reduce(finite, axis=1)
        pens = self._pens()
        for row in np.argsort(~self._bad, kind="stable"):
            painter.setPen(pens[2] if self._bad[row] else pens[row % 2])
            for a, b in ((0, x.size),) if complete[row] else finite_runs(finite[row]):
                painter.drawPolyline(polygon(x[a:b], y[row, a:b]))

    @property
    def _baselines(self) -> NDArray[np.float64]:
        """Where zero lies for each row, shape (n_channels, 1)."""
        rows = np.arange(self._n_channels, dtype=np.float64)[:, None]
        return MARKS + PADDING + (rows + 0.5) * self.row_height

    def _heights(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return pixels above zero; curves may cross into the next rows, bad ones may not."""
        limit = max(1.5 * self.row_height, MIN_CLIP)
        limits = np.where(self._bad, 0.45 * self.row_height, limit)[:, None]
        heights = values.astype(np.float64) * (self.row_height / self._scale_uv)
        return np.clip(heights, -limits, limits)

    def _pens(self) -> tuple[QPen, QPen, QPen]:
        palette = self._palette
        return (
            QPen(QColor(palette.trace), 1),
            QPen(QColor(palette.trace_alt), 1),
            QPen(QColor(palette.trace_bad), 1),
        )

    def _draw_lost(
        self, painter: QPainter, x: NDArray[np.float64], lost: NDArray[np.bool_]
    ) -> None:
        colour = QColor(self._palette.warn)
        colour.setAlpha(70)
        for a, b in finite_runs(lost):
            rect = QRectF(x[a], 0, max(2.0, x[b - 1] - x[a]), self._plot_height)
            painter.fillRect(rect, Qt.BrushStyle.BDiagPattern)
            painter.fillRect(rect, colour)
            text = f"{(b - a) / self._sfreq:.1f} s lost"
            painter.setFont(font(11, bold=True))
            painter.setPen(QColor(self._palette.warn))
            if painter.fontMetrics().horizontalAdvance(text) + 8 < rect.width():
                painter.drawText(rect.adjusted(4, 4, 0, 0), text)

    def _draw_markers(self, painter: QPainter) -> None:
        """Draw the markers on the sheet; labels only where they hide no other label."""
        oldest = self._stop - self._n_window + int(HEAD_GAP * self._n_window / self.width())
        shown = [m for m in self._markers if max(self._first, oldest) <= m[0] < self._stop]
        painter.setFont(font(11, bold=True))
        taken = -1.0
        for sample, label, colour in sorted(shown, key=lambda m: self._x(m[0])):
            ink = QColor(colour) if colour is not None else QColor(self._palette.text)
            x = self._x(sample)
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, 0), QPointF(x, self._plot_height))
            width = painter.fontMetrics().horizontalAdvance(label) + 10
            box = QRectF(min(x + 3, self.width() - width), 0, width, MARKS - 1)
            if box.left() >= taken:
                taken = box.right()
                painter.fillRect(box, QColor(self._palette.card))
                painter.setPen(QColor(self._palette.text))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label)

    def _draw_veil(self, painter: QPainter) -> None:
        veil = QColor(self._palette.card)
        veil.setAlpha(150)
        painter.fillRect(self.rect(), veil)
        painter.setFont(font(15, bold=True))
        painter.setPen(QColor(self._palette.warn))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._veil)

    def _draw_banner(self, painter: QPainter) -> None:
        painter.setFont(font(11, bold=True))
        width = painter.fontMetrics().horizontalAdvance(self._banner) + 12
        box = QRectF(self.width() - width, 0, width, MARKS - 1)
        painter.fillRect(box, QColor(self._palette.accent))
        painter.setPen(QColor(self._palette.on_accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._banner)

    def _draw_clock(self, painter: QPainter) -> None:
        """Write the stream's time under each second line, as of the pen's last visit."""
        painter.setFont(font(11))
        painter.setPen(QColor(self._palette.muted))
        begin_s = self._stop // self._n_window * self._window_s
        every = 1 if self.width() / self._window_s > 60 else 2 if self._window_s <= 10 else 5
        for second in range(0, int(self._window_s), every):
            passed = second * self._sfreq <= self._stop % self._n_window
            time_s = begin_s + second - (0 if passed else self._window_s)
            if time_s * self._sfreq >= self._first:
                x = second / self._window_s * self.width()
                painter.drawText(
                    QRectF(x + 3, self._plot_height, 70, AXIS_HEIGHT),
                    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                    clock_text(time_s),
                )


def _bin_size(step: float) -> int:
    """Return how many samples make half a pixel, 1 when thinning would gain nothing."""
    n_bin = round(0.5 / step)
    return n_bin if n_bin > 2 else 1


def _thinned(
    x: NDArray[np.float64], y: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return least and greatest of every half pixel when samples are closer than that.

    Parameters
    ----------
    x : ndarray, shape (n_times,)
        Logical pixels.
    y : ndarray, shape (n_channels, n_times)
        Logical pixels, NaN where lost.
    step : float
        Logical pixels from one sample to the next.
    """
    n_bin = _bin_size(step)
    n_bins = x.size // n_bin
    if n_bin == 1 or n_bins == 0:
        return x, y
    cut = n_bins * n_bin
    bins = y[:, :cut].reshape(len(y), n_bins, n_bin)
    pairs = np.empty((len(y), 2 * n_bins))
    np.fmin.reduce(bins, axis=2, out=pairs[:, 0::2])
    np.fmax.reduce(bins, axis=2, out=pairs[:, 1::2])
    centres = x[:cut].reshape(n_bins, n_bin).mean(axis=1).repeat(2)
    return np.append(centres, x[cut:]), np.concatenate([pairs, y[:, cut:]], axis=1)
