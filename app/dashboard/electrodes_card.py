"""What is known of the electrodes, one above the other: their quality, their spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.dashboard.spectrum import WELCH_S, welch_db
from app.widgets.controls import Card, ElidedLabel, Segments, label
from app.widgets.layout import Stretch, fill, in_column
from app.widgets.scalp_map import ScalpMap
from app.widgets.words import causes_of, left_out
from mdjpt.signal.montage import short_name, topographic_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.dashboard.spectrum_plot import SpectrumPlot
    from app.session import LiveSession
    from mdjpt.signal.quality import Quality
    from streaming.stream import StreamInfo

__all__ = ["ElectrodesCard", "QualityView", "SpectrumView"]

UPDATE_S = 0.5


class QualityView(QWidget):
    """Scalp map, and in words which electrodes are left out.

    Attributes
    ----------
    count : QLabel
        How many are good; whoever owns the view gives it a place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.map = ScalpMap()
        self.count = label("", "muted")
        self.note = ElidedLabel("", "muted")
        self._names: tuple[str, ...] = ()
        self._quality: Quality | None = None
        self._silent = ""
        in_column((self.map, 1), self.note, within=self, margins=(0, 0, 0, 0))
        self.set_channels(())

    def set_channels(self, names: Sequence[str]) -> None:
        """Show the electrodes of a stream; their quality is not known yet."""
        self._names = tuple(names)
        self.map.set_electrodes(names, topographic_positions(names))
        self.set_quality(None)

    def set_quality(self, quality: Quality | None) -> None:
        """Show which electrodes the last window left out and why; None while nothing is known."""
        self._quality = quality
        self._show()

    def set_silent(self, why: str) -> None:
        """Say that no samples come, so that nothing is known of now; "" when they do."""
        if why != self._silent:
            self._silent = why
            self._show()

    def _show(self) -> None:
        quality = None if self._silent else self._quality
        bad = None if quality is None else quality.bad
        self.map.set_bad(None if bad is None else frozenset(bad), causes_of(quality))
        n_all = self.map.n_placed
        if not self._names:
            self.count.setText("")
            self.note.set_whole("")
        elif self._silent:
            self.count.setText("not known")
            self.note.set_whole(self._silent)
        elif bad is None:
            self.count.setText(f"{n_all} on the scalp")
            self.note.set_whole("Quality is known after the first window")
        else:
            self.count.setText(f"{n_all - len(bad)} of {n_all} good")
            self.note.set_whole(left_out(quality) or self._unplaced())

    def _unplaced(self) -> str:
        outside = self.map.unplaced
        return (
            "Not on the scalp: " + ", ".join(map(short_name, outside))
            if outside
            else "All electrodes are used"
        )


class SpectrumView(QWidget):
    """Spectra of the newest seconds; the plot is added when it is imported."""

    def __init__(self) -> None:
        super().__init__()
        self.plot: SpectrumPlot | None = None
        self._info: StreamInfo | None = None
        self._bad: frozenset[str] = frozenset()
        self._updated_s = -np.inf
        caption = ElidedLabel(f"dB (µV²/Hz) over Hz, last {WELCH_S:g} s; bold: mean", "caption")
        self._column = in_column(Stretch(0), caption, within=self, margins=(0, 0, 0, 0))

    def add_plot(self, plot: SpectrumPlot) -> None:
        """Show the spectra in `plot` from now on."""
        self.plot = plot
        self._column.insertWidget(0, plot, 1)

    def connect_stream(self, info: StreamInfo | None) -> None:
        """Show the channels of a stream, none for None."""
        self._info, self._bad, self._updated_s = info, frozenset(), -np.inf
        if self.plot is not None:
            self.plot.clear()

    def set_bad(self, bad: Sequence[str]) -> None:
        """Dim these electrodes."""
        self._bad = frozenset(bad)

    def poll(self, session: LiveSession, now_s: float) -> None:
        """Compute the spectra anew, at most twice a second and only while they are visible.

        Parameters
        ----------
        session : LiveSession
            Where the samples come from.
        now_s : float
            Any clock that does not go back, seconds.
        """
        info, plot = self._info, self.plot
        if info is None or plot is None or not plot.isVisible():
            return
        if now_s - self._updated_s < UPDATE_S:
            return
        self._updated_s = now_s
        view = session.latest(int(WELCH_S * info.sfreq))
        if view is not None and view.samples.shape[0] == info.n_channels:
            freqs_hz, levels_db = welch_db(view.samples, info.sfreq)
            bad = np.array([name in self._bad for name in info.ch_names])
            plot.show_levels(freqs_hz, levels_db, bad)


class ElectrodesCard(Card):
    """Tabs over the scalp map and the spectra; the tab that was chosen stays."""

    def __init__(self) -> None:
        super().__init__("Electrodes")
        self.title.hide()
        self.quality, self.spectrum = QualityView(), SpectrumView()
        self.tabs = Segments([("Electrodes", 0), ("Spectrum", 1)], "Show")
        fill(self.head, self.tabs, Stretch(), self.quality.count)
        pages = QStackedLayout()
        pages.addWidget(self.quality)
        pages.addWidget(self.spectrum)
        fill(self.body, (pages, 1))
        self.tabs.chosen.connect(pages.setCurrentIndex)

    def connect_stream(self, info: StreamInfo | None) -> None:
        """Begin with the electrodes of a stream, of none for None."""
        self.quality.set_channels(info.ch_names if info is not None else ())
        self.spectrum.connect_stream(info)

    def set_silent(self, why: str) -> None:
        """Say that no samples come, see :meth:`QualityView.set_silent`."""
        self.quality.set_silent(why)

    def set_quality(self, quality: Quality) -> None:
        """Show which electrodes the last window left out, and why."""
        self.quality.set_quality(quality)
        self.spectrum.set_bad(quality.bad)
