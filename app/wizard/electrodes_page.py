"""Are the electrodes good enough? Each one live on a head, and in words what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.widgets.controls import label, paragraph, set_property
from app.widgets.layout import Stretch, fill, in_column, in_row
from app.widgets.scalp_map import ScalpMap
from app.widgets.words import has_stalled, titled
from app.wizard.electrode_words import LOOK_BACK_S, Contact, judge_contact
from app.wizard.page import Page
from mdjpt.signal.montage import topographic_positions

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaming.ring import RingView
    from streaming.snapshot import Snapshot
    from streaming.stream import StreamInfo

__all__ = ["ElectrodesPage"]

LEAST_S, EVERY_S = 2.0, 0.5
MOST_ADVICE = 3
# What the good electrodes share, when it is not what those of one head do: verdict, what to do.
_NO_HEAD = {
    "nothing shared": (
        "These signals share nothing: is the headset worn?",
        "Electrodes on one head always have something in common. Put the headset on; if it is "
        "worn, seat the reference and the ground electrode again.",
    ),
    "all the same": (
        "All electrodes send the same signal: is the reference connected?",
        "Electrodes on one head are alike, but never the same. Seat the reference and the ground "
        "electrode again, and look for gel or water that joins electrodes.",
    ),
}


class ElectrodesPage(Page):
    """A head map, a verdict and at most three things to do.

    The newest samples come as from :meth:`LiveSession.latest`.
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
        if self.contact.field == "unknown":
            return "Waiting for five seconds of signal"
        if self.contact.field != "head":
            return "The signals must come from one head"
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

    def _judge(self, info: StreamInfo) -> None:
        view = self._latest(int(LOOK_BACK_S * info.sfreq))
        if view is None or view.samples.shape[1] < LEAST_S * info.sfreq:
            self._show(None)
        else:
            self._show(judge_contact(info.ch_names, view.samples, info.sfreq))

    def _show(self, contact: Contact | None) -> None:
        before, self.contact = self.missing, contact
        no_head = _NO_HEAD.get(contact.field) if contact is not None and contact.enough else None
        if contact is None:
            self._say("…", "Waiting for the signal", "warn", None)
        elif no_head is not None:
            self._say("No EEG seen", no_head[0], "bad", None)
        else:
            count = f"{contact.n_good} of {contact.n_all} good"
            self._say(count, *_verdict(contact), frozenset(contact.bad))
        self._advise([("", no_head[1])] if no_head is not None else _advice(contact))
        self._more.setVisible(contact is not None and bool(contact.bad) and no_head is None)
        if self.missing != before:
            self.changed.emit()

    def _say(self, count: str, verdict: str, tone: str, bad: frozenset[str] | None) -> None:
        self.count.setText(count)
        self.verdict.setText(verdict)
        set_property(self.verdict, "tone", tone)
        self.map.set_bad(bad)

    def _advise(self, advice: list[tuple[str, str]]) -> None:
        for k, (what, how) in enumerate(self._advice):
            fault, remedy = advice[k] if k < len(advice) else ("", "")
            what.setText(fault)
            what.setVisible(bool(fault))
            how.setText(remedy)
            how.setVisible(bool(remedy))

    def _build(self) -> None:
        self._more.setText(
            "Crossed electrodes are left out and filled in from their neighbours: the fewer, the "
            "better."
        )
        side = QWidget()
        in_column(
            *(Stretch(), self.count, 4, self.verdict, 14),
            *(part for what, how in self._advice for part in (what, how, 8)),
            *(self._more, Stretch(2)),
            within=side,
            spacing=4,
            margins=(0, 0, 0, 0),
        )
        fill(self.body, (in_row((self.map, 1), (side, 1), spacing=36), 1))


def _advice(contact: Contact | None) -> list[tuple[str, str]]:
    if contact is None:
        return []
    return [(titled(fault), f"{where}: {remedy}.") for fault, where, remedy in contact.advice]


def _verdict(contact: Contact) -> tuple[str, str]:
    if contact.n_all == 0:
        return "No electrode of this source has a place on the scalp", "bad"
    if not contact.enough:
        return "Not good enough to go on: fix these first", "bad"
    if contact.bad:
        return "Good enough; better when these are fixed", "warn"
    return "All electrodes are good: go on", "good"
