"""The top of the window: what is connected, which model, and the main buttons."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QLabel, QWidget

from app.widgets.controls import ElidedLabel, label, push_button, set_property, tool_button
from app.widgets.layout import in_column, in_row
from app.widgets.words import NOTHING, clock_text, for_the_window

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["Header", "application_icon"]


def application_icon() -> QIcon:
    """Return the product's icon."""
    return QIcon(str(files("assets").joinpath("icon.svg")))


class Header(QWidget):
    """Product, source, model, time and the one main button."""

    def __init__(self) -> None:
        super().__init__()
        self.source = ElidedLabel("", "title")
        self.source_detail = ElidedLabel("", "caption")
        self.model = ElidedLabel("", "title")
        self.model_detail = ElidedLabel("", "caption")
        self.time = label("0:00", "title")
        self.theme_button = tool_button(
            "◐", "Light or dark (T)", "Switch between light and dark", dense=False
        )
        self.help_button = tool_button(
            "?", "Keyboard shortcuts (F1)", "Keyboard shortcuts", dense=False
        )
        self.calibrate_button = push_button(
            "Calibrate", "quiet", "Fit the decoder to one person (C)"
        )
        self.record_button = push_button("● Record")
        self.record_button.setMinimumWidth(104)
        self.panel_button = tool_button(
            "▾", "Recording, names of marks, notes (Shift+R)", "Recording panel", dense=False
        )
        self.connect_button = push_button("Connect…")
        self.connect_button.setMinimumWidth(126)
        self._connected: tuple[bool, bool] | None = None
        self._build()
        self.show_snapshot(None)

    def show_snapshot(self, snapshot: Snapshot | None) -> None:
        """Name the source and the model."""
        info = snapshot.info if snapshot is not None else None
        if info is None:
            opening = snapshot is not None and snapshot.state != "failed"
            self.source.set_whole("Opening the source…" if opening else "No source")
            self.source_detail.set_whole("Connect to begin" if snapshot is None else "")
        else:
            self.source.set_whole(info.name)
            notes = "".join(f" · {for_the_window(note)}" for note in info.notes)
            self.source_detail.set_whole(f"{info.n_channels} channels · {info.sfreq:g} Hz{notes}")
        model = snapshot.model if snapshot is not None else None
        if model is None:
            self.model.set_whole(NOTHING)
            self.model_detail.set_whole("No model loaded")
        else:
            self.model.set_whole(model.name)
            n_classes = len(model.class_names)
            licence = f" · {model.licence}" if model.licence else ""
            person = f" · {model.participant}" if model.participant else ""
            version = f" version {model.profile_version}" if model.profile_version else ""
            self.model_detail.set_whole(
                f"{model.variant} · {n_classes} classes{person}{version}{licence}"
            )
        streams = snapshot is not None and snapshot.state in ("streaming", "stalled")
        self.calibrate_button.setEnabled(streams and model is not None)
        self.time.setText(clock_text(snapshot.elapsed_s if snapshot is not None else 0))

    def show_connected(self, connected: bool, *, busy: bool = False) -> None:
        """Turn the main button into what it does next."""
        if (connected, busy) == self._connected:
            return
        self._connected = connected, busy
        text = "Please wait…" if busy else "Disconnect" if connected else "Connect…"
        self.connect_button.setText(text)
        self.connect_button.setEnabled(not busy)
        self.connect_button.setToolTip(
            "End the session (Ctrl+D)" if connected else "Choose a source (Ctrl+K)"
        )
        primary = not (connected or busy)
        set_property(self.connect_button, "quiet", "false" if primary else "true")
        set_property(self.connect_button, "primary", "true" if primary else "false")

    def _build(self) -> None:
        logo = QLabel()
        logo.setPixmap(application_icon().pixmap(30, 30))
        logo.setAccessibleName("mdJPT Live")
        in_row(
            *(logo, label("mdJPT Live", "product"), 6, _rule(), 6),
            (in_column(self.source, self.source_detail, spacing=0), 3),
            (in_column(self.model, self.model_detail, spacing=0), 2),
            in_column(self.time, label("signal time", "caption"), spacing=0),
            *(8, self.help_button, self.theme_button),
            self.calibrate_button,
            in_row(self.record_button, self.panel_button, spacing=2),
            self.connect_button,
            within=self,
            spacing=10,
            margins=(4, 0, 4, 0),
        )


def _rule() -> QFrame:
    rule = QFrame()
    rule.setObjectName("rule")
    rule.setFixedSize(1, 30)
    return rule
