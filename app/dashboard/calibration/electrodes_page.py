"""Are the electrodes good enough? Each one live on a head, and in words what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.dashboard.calibration.electrode_words import Contact, judge_contact
from app.dashboard.calibration.look import paragraph
from app.dashboard.calibration.page import Page
from app.dashboard.controls import label, set_property
from app.dashboard.quality_view import ScalpMap
from app.dashboard.words import has_stalled, titled
from mdjpt.montage import topographic_positions

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.dashboard.theme import Palette
    from streaming.ring import RingView
    from streaming.snapshot import Snapshot
    from streaming.stream import StreamInfo

__all__ = ["ElectrodesPage"]

LOOK_BACK_S, LEAST_S, EVERY_S = 5.0, 2.0, 0.5
MOST_ADVICE = 3


class ElectrodesPage(Page):
    """A head map, a verdict and at most three things to do.

    Parameters
    ----------
    latest : callable
        Newest samples of the session, as :meth:`SessionPort.latest`.
    """

    def __init__(self, latest: Callable[[int], RingView | None]) -> None:
        super().__init__(
            "Are the electrodes good?",
            "A decoder cannot be better than the signal. Watch the head while you adjust: "
            "it follows within seconds.",
        )
        self._latest = latest
        self._info: StreamInfo | None = None
        self._judged_s = -EVERY_S
        self.contact: Contact | None = None
        self.map = ScalpMap()
        self.map.setMinimumSize(300, 300)
        self.count = label("", "big")
        self.verdict = paragraph("", "verdict")
        self._advice = [(label("", "value"), paragraph("")) for _ in range(MOST_ADVICE)]
        self._more = paragraph("", "caption")
        self._build()
        self._show(None)

    @property
    def missing(self) -> str:
        """Say what keeps a calibration from beginning."""
        if self.contact is None:
            return "Waiting for two seconds of signal"
        if not self.contact.enough:
            return "At least half of the electrodes must be good"
        return ""

    def follow(self, snapshot: Snapshot) -> None:
        """Judge the electrodes anew, twice a second."""
        info = snapshot.info
        if info is None:
            return
        if info != self._info:
            self._info = info
            self.map.set_electrodes(info.ch_names, topographic_positions(info.ch_names))
            self._judged_s = -EVERY_S
        if has_stalled(snapshot):
            self._show(None)
        elif abs(snapshot.elapsed_s - self._judged_s) >= EVERY_S:
            self._judged_s = snapshot.elapsed_s
            self._judge(info)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        super().set_palette(palette)
        self.map.set_palette(palette)

    def _judge(self, info: StreamInfo) -> None:
        view = self._latest(int(LOOK_BACK_S * info.sfreq))
        if view is None or view.samples.shape[1] < LEAST_S * info.sfreq:
            self._show(None)
        else:
            self._show(judge_contact(info.ch_names, view.samples, info.sfreq))

    def _show(self, contact: Contact | None) -> None:
        before, self.contact = self.missing, contact
        self.map.set_bad(None if contact is None else frozenset(contact.bad))
        if contact is None:
            self.count.setText("…")
            self._say_verdict("Waiting for the signal", "warn")
        else:
            self.count.setText(f"{contact.n_good} of {contact.n_all} good")
            self._say_verdict(*_verdict(contact))
        advice = contact.advice if contact is not None else ()
        for k, (what, how) in enumerate(self._advice):
            shown = k < len(advice)
            what.setVisible(shown)
            how.setVisible(shown)
            if shown:
                fault, where, remedy = advice[k]
                what.setText(titled(fault))
                how.setText(f"{where}: {remedy}.")
        self._more.setVisible(contact is not None and bool(contact.bad))
        if self.missing != before:
            self.changed.emit()

    def _say_verdict(self, text: str, tone: str) -> None:
        self.verdict.setText(text)
        set_property(self.verdict, "tone", tone)

    def _build(self) -> None:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addStretch(1)
        column.addWidget(self.count)
        column.addSpacing(4)
        column.addWidget(self.verdict)
        column.addSpacing(14)
        for what, how in self._advice:
            column.addWidget(what)
            column.addWidget(how)
            column.addSpacing(8)
        self._more.setText(
            "Crossed electrodes are left out and replaced by their neighbours; the fewer, the "
            "better."
        )
        column.addWidget(self._more)
        column.addStretch(2)
        row = QHBoxLayout()
        row.setSpacing(36)
        row.addWidget(self.map, 1)
        row.addWidget(side, 1)
        self.body.addLayout(row, 1)


def _verdict(contact: Contact) -> tuple[str, str]:
    if contact.n_all == 0:
        return "No electrode of this source has a place on the scalp", "bad"
    if not contact.enough:
        return "Not good enough to go on: fix these first", "bad"
    if contact.bad:
        return "Good enough to go on; better when these are fixed", "warn"
    return "All electrodes are good: go on", "good"
