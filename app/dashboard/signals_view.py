"""The signals: sweep display, channel names and the controls over them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QMenu, QToolButton

from app.dashboard.channel_names import ChannelNames
from app.dashboard.display_filter import DisplayFilter, DisplaySignal
from app.dashboard.signal_memory import POINTS_HZ, SignalMemory
from app.dashboard.sweep_canvas import MAX_WINDOW_S, SweepCanvas
from app.widgets.controls import Card, Segments, label, tool_button
from app.widgets.layout import Stretch, fill, in_row
from app.widgets.words import MINUS, NOTHING, clock_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QColor

    from app.session import LiveSession
    from streaming.ring import RingView
    from streaming.stream import StreamInfo

__all__ = ["N_ROWS", "SCALES_UV", "SignalsView"]

N_ROWS = 64
SCALES_UV = (2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000)
SPANS_S = (5.0, 10.0, 20.0)
POLL_S = 0.5
FIT_AFTER_S = 2.0
SETTLE_S = 2.0  # signal in front of the sheet that lets the display filter settle


class SignalsView(Card):
    """Up to 64 channels at a time, with scale, window, filter, notch, freeze, and the way back.

    Attributes
    ----------
    looked_back : Signal(object)
        Begin and end in seconds of what is looked back at, None when the newest is shown again.
    """

    first_signal = Signal()
    looked_back = Signal(object)

    def __init__(self) -> None:
        super().__init__("Signals")
        self.canvas = SweepCanvas()
        self.names = ChannelNames()
        self._info: StreamInfo | None = None
        self._signal: DisplaySignal | None = None
        self._filter_ready = False
        self._page = 0
        self._bad: frozenset[str] = frozenset()
        self._scale = SCALES_UV.index(50)
        self._fit_at: int | None = None
        self._scale_is_users = False
        self._frozen = False
        self._past: int | None = None
        self._stop = 0
        self._memories: dict[int, SignalMemory] = {}
        self._marks: list[tuple[int, str, QColor | None]] = []
        self._silent = ""
        self._reload = False
        self._shown = False
        self._build_controls()
        fill(self.body, (in_row(self.names, (self.canvas, 1), spacing=4), 1))
        self._apply_scale()

    # What the window calls.

    def clear(self) -> None:
        """Show nothing of the stream before."""
        self._info = None
        self._memories, self._marks = {}, []
        self._come_back()
        self.names.set_names(())
        self.canvas.forget_markers()
        self.canvas.set_veil("")
        self.canvas.begin(0, 1.0, 0)

    def connect_stream(self, info: StreamInfo) -> None:
        """Start an empty sheet for a stream."""
        self._info, self._page, self._shown = info, 0, False
        self._bad = frozenset()
        self._memories, self._marks = {}, []
        self._come_back()
        self._fit_at, self._scale_is_users = None, False
        n_pages = -(-info.n_channels // N_ROWS)
        self._page_button.setVisible(n_pages > 1)
        self.canvas.forget_markers()
        self._begin(0)

    @property
    def view(self) -> dict[str, float]:
        """How the user looks at the signals: seconds, µV a row (0: automatic), filter, notch."""
        return {
            "span_s": cast("float", self.span.value),
            "scale_uv": float(self.scale_uv) if self._scale_is_users else 0.0,
            "filtered": float(self._filter_button.isChecked()),
            "notch_hz": self._notch.value or 0.0,
        }

    def take_view(self, view: Mapping[str, float]) -> None:
        """Look at the signals as before; what `view` does not say stays."""
        if view["span_s"] in SPANS_S:
            self.span.choose(view["span_s"])
        self._filter_button.setChecked(bool(view["filtered"]))
        self._notch.choose(view["notch_hz"] if view["notch_hz"] in (50.0, 60.0) else None)
        if view["scale_uv"] in SCALES_UV:
            self._scale_is_users = True
            self._scale = SCALES_UV.index(int(view["scale_uv"]))
            self._apply_scale()
        self._reload = True

    def poll(self, session: LiveSession, *, draw: bool = True) -> None:
        """Remember what has arrived since the last call, and draw it unless the picture is held."""
        if self._info is None:
            return
        draw = draw and not self._held
        if self._reload and draw:
            self._reload = False
            self._begin_again(session)
            return
        view = session.latest(int(POLL_S * self._info.sfreq))
        if view is not None and view.first_sample > self._stop and draw:
            self._begin_again(session)
        elif view is not None:
            self._stop = max(self._stop, view.first_sample)
            self._take(view, draw=draw)
            self._reload |= not draw

    def look_back(self, steps: int) -> None:
        """Show the signals of `steps` windows later (negative: earlier), up to the newest."""
        memory, span_s = self._memories.get(self._page), cast("float", self.span.value)
        if memory is None or self._info is None:
            return
        newest = int(memory.stop_s / span_s)
        at = (newest if self._past is None else self._past) + steps
        if at >= newest:
            self._return()
            return
        self._past = max(0, at)
        begin_s = self._past * span_s
        self.canvas.begin(len(self._page_names), POINTS_HZ, round(begin_s * POINTS_HZ))
        self.set_bad(tuple(self._bad))
        # A sheet that is not quite full: its clock is that of its begin.
        self.canvas.append(memory.read(begin_s, span_s)[:, :-1])
        self._draw_marks(POINTS_HZ / self._info.sfreq)
        self.canvas.set_veil("")
        self._say_what_is_shown()
        self.looked_back.emit((begin_s, begin_s + span_s))

    def mark(self, sample: int, text: str, colour: QColor | None) -> None:
        """Draw an event."""
        self._marks.append((sample, text, colour))
        if self._info is not None and not self._held:
            self.canvas.mark(sample, text, colour)

    def set_silent(self, why: str) -> None:
        """Say over the curves that no samples come; "" when they do."""
        self._silent = why
        if self._past is None:
            self.canvas.set_veil(why)

    def set_bad(self, bad: Sequence[str]) -> None:
        """Dim these electrodes."""
        self._bad = frozenset(bad)
        self.names.set_bad(self._bad)
        self.canvas.set_bad([name in self._bad for name in self._page_names])

    def offer_filter(self, _done: object = None) -> None:
        """Offer the display filter, once what it needs is imported."""
        self._filter_ready = True
        self._filter_button.setEnabled(True)
        self._notch.setEnabled(True)
        self._reload = True
        if self._shown:
            self._fit_soon()

    @property
    def scale_uv(self) -> int:
        """Microvolts that one row is high."""
        return SCALES_UV[self._scale]

    # What the user does.

    def step_scale(self, steps: int) -> None:
        """Show more (positive) or fewer microvolts a row."""
        self._scale_is_users = True
        self._scale = min(len(SCALES_UV) - 1, max(0, self._scale + steps))
        self._apply_scale()

    def fit_scale(self) -> None:
        """Choose the scale that gives the curves their rows."""
        values = self.canvas.recent(5.0)
        seen = values[np.isfinite(values).any(axis=1)]
        if seen.size:
            spread = np.nanpercentile(np.abs(seen), 95, axis=1)
            # Most curves stay in their rows: those of the loudest fifth and blinks may not.
            wanted = min(2 * float(np.percentile(spread, 80)), SCALES_UV[-1])
            self._scale = int(np.searchsorted(SCALES_UV, wanted))
            self._apply_scale()

    def toggle_frozen(self) -> None:
        """Hold the picture, or let it run again."""
        self._freeze_button.click()

    def toggle_filter(self) -> None:
        """Switch the display filter."""
        self._filter_button.click()

    # Inside.

    @property
    def _rows(self) -> slice:
        return slice(self._page * N_ROWS, (self._page + 1) * N_ROWS)

    @property
    def _page_names(self) -> tuple[str, ...]:
        return self._info.ch_names[self._rows] if self._info is not None else ()

    def _begin(self, first_sample: int) -> None:
        info = self._info
        if info is None:
            return
        names = self._page_names
        begin, end = self._rows.start + 1, self._rows.start + len(names)
        self._page_button.setText(f"Channels {begin}{NOTHING}{end} of {info.n_channels}")
        self.names.set_names(names)
        display_filter = None
        if self._filter_ready and self._filter_button.isChecked():
            display_filter = DisplayFilter(len(names), info.sfreq, self._notch.value)
        self._signal = DisplaySignal(len(names), info.sfreq, display_filter)
        self.canvas.begin(len(names), info.sfreq, first_sample)
        self._stop = first_sample
        self._memories.setdefault(self._page, SignalMemory(len(names), info.sfreq))
        self.set_bad(tuple(self._bad))

    def _begin_again(self, session: LiveSession) -> None:
        """Draw what fills the sheet anew: after a filter change, a freeze or a long pause."""
        if self._info is None:
            return
        shown_s = self.span.value
        assert isinstance(shown_s, float)
        view = session.latest(int(min(shown_s + SETTLE_S, MAX_WINDOW_S) * self._info.sfreq))
        if view is None:
            return
        self._begin(view.first_sample)
        self._take(view, draw=True)

    def _take(self, view: RingView, *, draw: bool) -> None:
        new = view.samples[self._rows, max(0, self._stop - view.first_sample) :]
        if new.shape[1] == 0 or self._signal is None or self._info is None:
            return
        values = self._signal.process(new)
        self._memories[self._page].append(self._stop, values)
        self._stop += new.shape[1]
        if not draw:
            return
        self.canvas.append(values)
        if not self._shown:
            self._shown = True
            self._fit_soon()
            self.first_signal.emit()
        if self._fit_at is not None and self._fit_at <= self.canvas.stop_sample:
            self._fit_at = None
            if not self._scale_is_users:
                self.fit_scale()

    def _fit_soon(self) -> None:
        """Choose the scale once enough signal is there, unless the user has chosen one."""
        if self._info is not None:
            self._fit_at = self.canvas.stop_sample + int(FIT_AFTER_S * self._info.sfreq)

    def _apply_scale(self) -> None:
        self.scale_label.setText(f"{self.scale_uv} µV")
        self.names.set_note(f"{self.scale_uv} µV/row")
        self.canvas.set_scale(self.scale_uv)

    def _restart(self, _choice: object = None) -> None:
        self._return()
        self._reload = True

    @property
    def _held(self) -> bool:
        """Whether something else than the newest is on the sheet."""
        return self._frozen or self._past is not None

    def _come_back(self) -> None:
        if self._past is not None:
            self._past = None
            self._say_what_is_shown()
            self.looked_back.emit(None)

    def _say_what_is_shown(self) -> None:
        span_s = cast("float", self.span.value)
        said = "frozen" if self._frozen else ""
        if self._past is not None:
            begin, end = (clock_text((self._past + k) * span_s) for k in (0, 1))
            said = f"looking back: {begin} to {end}"
        self.canvas.set_banner(said)

    def _return(self) -> None:
        """Show the newest again."""
        if self._past is not None:
            self._come_back()
            self._freeze_button.setChecked(False)
            self._draw_marks(1.0)
            self._reload = True
            self.canvas.set_veil(self._silent)

    def _draw_marks(self, samples: float) -> None:
        """Draw every mark anew; `samples` of the sheet are one of the stream."""
        self.canvas.forget_markers()
        for sample, text, colour in self._marks:
            self.canvas.mark(round(sample * samples), text, colour)

    def _freeze(self, frozen: bool) -> None:
        self._frozen = frozen
        if not frozen:
            self._come_back()
            self._draw_marks(1.0)
        self._reload = True
        self._say_what_is_shown()

    def _turn_page(self) -> None:
        if self._info is not None:
            self._return()
            self._page = (self._page + 1) % -(-self._info.n_channels // N_ROWS)
            self._reload = True

    def _build_controls(self) -> None:
        self._page_button = tool_button("Channels", "Show the next 64 channels")
        self._page_button.clicked.connect(self._turn_page)
        self._page_button.hide()
        self.scale_label: QLabel = label("", "value")
        self.scale_label.setMinimumWidth(50)
        self.scale_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.scale_label.setAccessibleName("Scale, microvolts a row")
        less = tool_button(MINUS, "Smaller curves: more µV a row (-)")
        less.clicked.connect(lambda: self.step_scale(1))
        more = tool_button("+", "Larger curves: fewer µV a row (+)")
        more.clicked.connect(lambda: self.step_scale(-1))
        fit = tool_button("Auto", "Choose the scale from the signal (A)")
        fit.clicked.connect(self.fit_scale)
        windows = [(f"{seconds:g} s", seconds) for seconds in SPANS_S]
        self.span = Segments(windows, "Time window")
        self.span.chosen.connect(self.canvas.set_window)
        self.span.chosen.connect(self._restart)
        self.span.choose(10.0)
        tip = "Filter the display only; decoding is not touched (F)"
        self._filter_button = tool_button(f"0.5{NOTHING}45 Hz", tip, checkable=True)
        self._filter_button.setChecked(True)
        self._filter_button.clicked.connect(self._restart)
        self._notch = _NotchButton()
        self._notch.chosen.connect(self._restart)
        self._freeze_button = tool_button("Freeze", "Hold the picture (P)", checkable=True)
        self._freeze_button.toggled.connect(self._freeze)
        self._filter_button.setEnabled(False)
        self._notch.setEnabled(False)
        self.head.setSpacing(3)
        fill(
            self.head,
            *(self._page_button, Stretch()),
            *(less, self.scale_label, more, fit, 8),
            *(self.span, 8, self._filter_button, self._notch, 8),
            self._freeze_button,
        )


class _NotchButton(QToolButton):
    """Chooses the mains frequency that the display filter takes out."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.value: float | None = None
        self.setProperty("segment", "true")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolTip("Mains hum taken out of the display; decoding is not touched")
        menu = QMenu(self)
        for text, value in (("Notch off", None), ("Notch 50 Hz", 50.0), ("Notch 60 Hz", 60.0)):
            menu.addAction(text, partial(self.choose, value))
        self.setMenu(menu)
        self.choose(None)

    def choose(self, value: float | None) -> None:
        """Take this frequency in Hz, None for no notch."""
        self.value = value
        self.setText("Notch off ▾" if value is None else f"Notch {value:g} ▾")
        self.setAccessibleName("Mains notch: " + ("off" if value is None else f"{value:g} Hz"))
        self.chosen.emit()
