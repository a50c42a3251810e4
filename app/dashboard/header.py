"""The top of the window: what is connected, which model, and the main buttons."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.controls import ElidedLabel, label
from app.widgets.words import NOTHING, clock_text

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["Header", "application_icon"]


def application_icon() -> QIcon:
    """Return the product's icon."""
    return QIcon(str(files("assets").joinpath("icon.svg")))


class Header(QWidget):
    """Product, source, model, time and the one main button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = ElidedLabel("", "title")
        self.source_detail = ElidedLabel("", "caption")
        self.model = ElidedLabel("", "title")
        self.model_detail = ElidedLabel("", "caption")
        self.time = label("0:00", "title")
        self.theme_button = QToolButton()
        self.theme_button.setText("◐")
        self.theme_button.setToolTip("Light or dark (T)")
        self.theme_button.setAccessibleName("Switch between light and dark")
        self.help_button = QToolButton()
        self.help_button.setText("?")
        self.help_button.setToolTip("Keyboard shortcuts (F1)")
        self.help_button.setAccessibleName("Keyboard shortcuts")
        self.calibrate_button = QPushButton("Calibrate")
        self.calibrate_button.setProperty("quiet", "true")
        self.calibrate_button.setToolTip("Fit the decoder to one person (C)")
        self.record_button = QPushButton("● Record")
        self.record_button.setMinimumWidth(104)
        self.connect_button = QPushButton("Connect…")
        self.connect_button.setMinimumWidth(126)
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
            notes = "".join(f" · {note}" for note in info.notes)
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
        text = "Please wait…" if busy else "Disconnect" if connected else "Connect…"
        self.connect_button.setText(text)
        self.connect_button.setEnabled(not busy)
        self.connect_button.setToolTip(
            "End the session (Ctrl+D)" if connected else "Choose a source (Ctrl+K)"
        )
        primary = "false" if connected or busy else "true"
        if self.connect_button.property("primary") != primary:
            self.connect_button.setProperty("primary", primary)
            self.connect_button.setProperty("quiet", "true" if primary == "false" else "false")
            self.connect_button.style().unpolish(self.connect_button)
            self.connect_button.style().polish(self.connect_button)

    def _build(self) -> None:
        logo = QLabel()
        logo.setPixmap(application_icon().pixmap(30, 30))
        logo.setAccessibleName("mdJPT Live")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(10)
        row.addWidget(logo)
        row.addWidget(label("mdJPT Live", "product"))
        row.addSpacing(6)
        row.addWidget(_rule())
        row.addSpacing(6)
        row.addLayout(_stacked(self.source, self.source_detail), 3)
        row.addLayout(_stacked(self.model, self.model_detail), 2)
        row.addLayout(_stacked(self.time, label("signal time", "caption")))
        row.addSpacing(8)
        row.addWidget(self.help_button)
        row.addWidget(self.theme_button)
        row.addWidget(self.calibrate_button)
        row.addWidget(self.record_button)
        row.addWidget(self.connect_button)


def _stacked(top: QWidget, bottom: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(top)
    column.addWidget(bottom)
    return column


def _rule() -> QFrame:
    rule = QFrame()
    rule.setObjectName("rule")
    rule.setFixedSize(1, 30)
    return rule
