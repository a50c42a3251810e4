"""The last minutes of emotions, with legend and span."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.controls import Card, Segments, plain_tip, tool_button
from app.widgets.layout import fill, in_row
from app.widgets.painting import painting
from app.widgets.theme import Themed, class_colours, font
from app.widgets.words import titled

if TYPE_CHECKING:
    from app.dashboard.history_plot import HistoryPlot
    from app.dashboard.timeline import Timeline

__all__ = ["HistoryView"]

SPANS = (("60 s", 60.0), ("10 min", 600.0), ("Session", math.inf))


class HistoryView(Card):
    """History of the emotions with its legend and span; the plot is added when it is imported."""

    mark_wanted = Signal()
    felt_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("History")
        self.plot: HistoryPlot | None = None
        self.legend = _Legend()
        self.span = Segments(SPANS, "History")
        tip = "Follow the newest answer; drag or turn the wheel to look back"
        self.live = tool_button("Live", tip, "Follow the newest answer", checkable=True)
        self.live.setChecked(True)
        self.live.setEnabled(False)
        mark = tool_button("Mark", "Set an event at this moment (M)", "Set an event at this moment")
        mark.clicked.connect(self.mark_wanted)
        self.felt = tool_button(
            "I felt…",
            "That was wrong: say what you felt, and it is learned (W)",
            "Say what you felt",
        )
        self.felt.clicked.connect(self.felt_wanted)
        self.back = tool_button("◂", "Look back at the signals of before (PgUp)", "Look back")
        self.forward = tool_button("▸", "Look at those after (PgDown)", "Look forward")
        steps = in_row(self.back, self.forward, spacing=2)
        fill(self.head, 10, (self.legend, 1), self.felt, mark, 4, steps, 4, self.live, self.span)
        self.body.addStretch()

    @property
    def span_s(self) -> float:
        """Seconds on show, ``inf`` for the whole session."""
        return cast("float", self.span.value)

    @property
    def spans_s(self) -> tuple[float, ...]:
        """What can be chosen."""
        return tuple(seconds for _, seconds in SPANS)

    def add_plot(self, plot: HistoryPlot) -> None:
        """Show the timeline in `plot` from now on."""
        self.plot = plot
        self.body.addWidget(plot, 1)
        plot.set_span(self.span_s)
        self.span.chosen.connect(plot.set_span)
        self.live.setEnabled(True)
        self.live.toggled.connect(plot.set_live)
        plot.live_changed.connect(self.live.setChecked)

    def show_past(self, span_s: tuple[float, float] | None) -> None:
        """Show where the signals are looked back at, and move along; None for the newest again."""
        if self.plot is not None:
            self.plot.show_past(span_s)

    def show_timeline(self, timeline: Timeline, class_names: tuple[str, ...], now_s: float) -> None:
        """Draw anew when there is something new or a quarter of a second has gone by.

        Parameters
        ----------
        timeline : Timeline
            What happened.
        class_names : tuple of str
            Classes in the order of their bands.
        now_s : float
            Stream time at the right edge.
        """
        self.legend.set_classes(class_names)
        if self.plot is not None:
            self.plot.show_timeline(timeline, class_names, now_s)


class _Legend(Themed, QWidget):
    """A square and a name for every class, as many as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Classes")
        self._names: tuple[str, ...] = ()

    def sizeHint(self) -> QSize:
        return QSize(200, 20)

    def set_classes(self, names: tuple[str, ...]) -> None:
        if names != self._names:
            self._names = names
            self.setToolTip(plain_tip(", ".join(map(titled, names))))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        colours = class_colours(self._names, self._palette)
        x, middle = 0.0, self.height() / 2
        middle_left = Qt.AlignmentFlag.AlignVCenter
        with painting(self) as painter:
            painter.setFont(font(12))
            painter.setPen(QColor(self._palette.muted))
            for name in self._names:
                text = titled(name)
                width = painter.fontMetrics().horizontalAdvance(text)
                if x + width + 18 > self.width():
                    painter.drawText(QRectF(x, 0, 20, self.height()), middle_left, "…")
                    return
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colours[name])
                painter.drawRoundedRect(QRectF(x, middle - 5, 10, 10), 3, 3)
                painter.setPen(QColor(self._palette.muted))
                box = QRectF(x + 16, 0, width + 2, self.height())
                painter.drawText(box, middle_left, text)
                x += width + 32
