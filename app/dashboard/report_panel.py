"""What a source would bring to the model, in a picture and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.widgets.controls import Card, paragraph, plain_tip
from app.widgets.layout import fill, in_row
from app.widgets.scalp_map import ScalpMap
from mdjpt.signal.montage import topographic_positions

if TYPE_CHECKING:
    from app.dashboard.source_report import SourceReport

__all__ = ["ReportPanel"]

HEIGHT = 148


class ReportPanel(Card):
    """The electrodes on the scalp, and what becomes of the channels."""

    def __init__(self) -> None:
        super().__init__("What the model gets")
        self.setFixedHeight(HEIGHT)
        self.title.hide()
        self.map = ScalpMap()
        self.map.setFixedWidth(HEIGHT - 8)
        self.text = paragraph("", "muted")
        self.body.setContentsMargins(8, 4, 12, 4)
        fill(self.body, in_row(self.map, (self.text, 1), spacing=12))
        self.say("")

    def say(self, text: str) -> None:
        """Show one line and no electrodes."""
        self.map.set_electrodes((), topographic_positions(()))
        self._write(text)

    def show_report(self, report: SourceReport, note: str = "") -> None:
        """Show what a look at a source has brought, and a note before it."""
        names = report.info.ch_names if report.info is not None else ()
        self.map.set_electrodes(names, topographic_positions(names))
        self._write("\n".join(filter(None, (note, *report.lines))))

    def _write(self, text: str) -> None:
        self.text.setText(text)
        self.text.setToolTip(plain_tip(text))
        self.text.setAccessibleName(text)
