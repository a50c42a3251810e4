"""What must never be overlooked: simulated, unencrypted, not a medical device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from app.widgets.controls import label
from app.widgets.layout import Stretch, in_row

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["Badges"]


class Badges(QWidget):
    """What the user must know of signal, model and privacy."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, QLabel] = {}
        for key, text, tone, tip in (
            ("signal", "SIMULATED SIGNAL", "warn", "No brain is measured: the signal is computed"),
            ("replay", "REPLAY", "warn", "A recording is played: nothing is measured now"),
            ("model", "SIMULATED MODEL", "warn", "The model was trained on simulated data only"),
            (
                "person",
                "SIMULATED PERSON",
                "warn",
                "The calibration in use is of a simulated person",
            ),
            (
                "unproven",
                "UNPROVEN CALIBRATION",
                "warn",
                "The calibration could not tell whether these labels are better than luck",
            ),
            (
                "network",
                "Unencrypted LSL, reachable from the network",
                "warn",
                "LSL listens on every network interface; no setting changes that",
            ),
            (
                "research",
                "Not a medical device · research use",
                "",
                "Answers must not guide diagnosis or treatment",
            ),
        ):
            badge = label(text, "badge")
            badge.setProperty("tone", tone)
            badge.setToolTip(tip)
            badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._shown[key] = badge
        in_row(*self._shown.values(), Stretch(), within=self, spacing=8, margins=(4, 0, 4, 0))
        self.show_snapshot(None, publishes=False)

    def show_snapshot(self, snapshot: Snapshot | None, *, publishes: bool) -> None:
        """Show the badges that hold now; the one on research use always does."""
        info = snapshot.info if snapshot is not None else None
        model = snapshot.model if snapshot is not None else None
        self._shown["signal"].setVisible(info is not None and info.simulated)
        self._shown["replay"].setVisible(info is not None and info.clock == "recording")
        self._shown["model"].setVisible(model is not None and model.simulated)
        self._shown["person"].setVisible(model is not None and model.person_simulated)
        self._shown["unproven"].setVisible(model is not None and model.unproven)
        over_lsl = info is not None and info.clock == "lsl"
        self._shown["network"].setVisible(over_lsl or (publishes and snapshot is not None))

    def texts(self) -> list[str]:
        """Return the badges on show."""
        return [badge.text() for badge in self._shown.values() if badge.isVisibleTo(self)]
