"""The strip at the foot of the window: is the data good, is the decoder keeping up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame

from app.widgets.controls import ElidedLabel, label, set_property
from app.widgets.layout import fill, in_column, in_row
from app.widgets.words import NOTHING, has_stalled, silence

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["HealthStrip"]

_ITEMS = {
    "stream": ("Stream", "Whether samples arrive"),
    "rate": ("Rate", "Samples a second: measured, and as the device promises"),
    "lost": ("Lost samples", "Samples that never arrived, and the number of gaps"),
    "latency": ("Latency p95", "From a window's newest sample to its answer, last 100 windows"),
    "windows": ("Windows", "Decoded windows; skipped when a newer one was already there"),
    "decoder": ("Decoder", "State of the process that decodes"),
    "recording": ("Recording", "File that is being written"),
}
_STREAM = {
    "starting": ("connecting", "muted"),
    "streaming": ("● streaming", "good"),
    "ended": ("■ ended", "muted"),
    "failed": ("✕ failed", "bad"),
    "stopped": ("■ stopped", "muted"),
}
_DECODER = {
    "none": ("none", "muted"),
    "loading": ("loading", "muted"),
    "running": ("● running", "good"),
    "switching": ("◐ switching", "good"),
    "restarting": ("▲ restarting", "warn"),
    "failed": ("✕ failed", "bad"),
}


class HealthStrip(QFrame):
    """Seven figures in a row, each under its caption."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self.setAccessibleName("Health of the session")
        self.values: dict[str, ElidedLabel] = {}
        figures = in_row(within=self, spacing=12, margins=(14, 5, 14, 6))
        for key, (caption, tip) in _ITEMS.items():
            self.values[key] = ElidedLabel(NOTHING, "value")
            self.values[key].setMinimumWidth(64)
            heading = label(caption, "caption")
            heading.setToolTip(tip)
            share = 4 if key in ("stream", "rate") else 3
            fill(figures, (in_column(heading, self.values[key], spacing=0), share))
        self.show_snapshot(None)

    def show_snapshot(self, snapshot: Snapshot | None) -> None:
        """Show the figures of this moment, dashes when nothing is connected."""
        if snapshot is None:
            for key in self.values:
                self._say(key, NOTHING, "muted")
            self._say("stream", "not connected", "muted")
            return
        silent, unopened = bool(silence(snapshot)), snapshot.info is None
        self._say("stream", *_stream(snapshot))
        self._say("rate", *((NOTHING, "muted") if silent else _rate(snapshot)))
        gaps = f"{snapshot.n_gaps} gap" + ("s" if snapshot.n_gaps != 1 else "")
        lost = f"{snapshot.n_lost:,} in {gaps}" if snapshot.n_gaps else "0"
        self._say("lost", NOTHING if unopened else lost, "warn" if snapshot.n_gaps else "")
        latency = snapshot.latency_p95_ms
        said = f"{latency:.0f} ms" if latency and not silent else NOTHING
        self._say("latency", said, "" if latency < 500 or silent else "warn")
        skipped = f" · {snapshot.n_skipped:,} skipped" if snapshot.n_skipped else ""
        windows = NOTHING if unopened else f"{snapshot.n_windows:,}{skipped}"
        self._say("windows", windows, "warn" if skipped else "")
        decoder = _decoder(snapshot)
        if silent and decoder[1] == "good":
            decoder = ("waits for samples" if has_stalled(snapshot) else NOTHING, "muted")
        self._say("decoder", *decoder)
        recorded = Path(snapshot.recording).name
        self._say("recording", recorded or "off", "" if recorded else "muted")

    def _say(self, key: str, text: str, tone: str) -> None:
        self.values[key].set_whole(text)
        self.values[key].setAccessibleName(f"{_ITEMS[key][0]}: {text}")
        set_property(self.values[key], "tone", tone)


def _stream(snapshot: Snapshot) -> tuple[str, str]:
    if has_stalled(snapshot):
        return f"▲ {silence(snapshot).lower()}", "warn"
    if snapshot.state == "streaming":
        return "● streaming", "good"
    return _STREAM[snapshot.state]


def _decoder(snapshot: Snapshot) -> tuple[str, str]:
    text, tone = _DECODER[snapshot.decoder_state]
    on_card = snapshot.model is not None and snapshot.model.device != "cpu"
    return (f"{text} · {snapshot.model.device}" if snapshot.model and on_card else text), tone


def _rate(snapshot: Snapshot) -> tuple[str, str]:
    if snapshot.info is None or snapshot.measured_sfreq <= 0:
        return NOTHING, "muted"
    measured, nominal = snapshot.measured_sfreq, snapshot.info.sfreq
    off = not snapshot.info.lossless and abs(measured / nominal - 1) > 0.02
    return f"{measured:.1f} of {nominal:g} Hz", "warn" if off else ""
