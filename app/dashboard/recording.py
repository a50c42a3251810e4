"""The button that records, and what is said of a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.recording_files import new_recording
from app.widgets.controls import set_property
from app.widgets.words import clock_text, size_text
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton

    from app.session import LiveSession
    from app.widgets.message_bar import MessageBar
    from streaming.snapshot import Snapshot

__all__ = ["OPEN_FOLDER", "RecordingControl"]

OPEN_FOLDER = "Open folder"

_CAN_BEGIN = ("streaming", "stalled")


class RecordingControl:
    """Begins and ends recordings, shows how long they are and where they went.

    Parameters
    ----------
    button : QPushButton
        In the header.
    messages : MessageBar
        For errors, and the path of what was recorded.
    folder : Path
        Where recordings go; made when the first one begins.

    Attributes
    ----------
    target : Path
        Where the next recording goes.
    folder : Path
        Where the newest recording is.
    """

    def __init__(self, button: QPushButton, messages: MessageBar, folder: Path) -> None:
        self._button = button
        self._messages = messages
        self.target = self.folder = folder
        self._path, self._seconds = "", 0.0
        self.show_snapshot(None)

    def toggle(self, session: LiveSession | None) -> None:
        """Begin a recording, or end the one that is being written."""
        if session is None or not self._button.isEnabled():
            return
        if self._path:
            session.stop_recording()
            return
        try:
            session.record(new_recording(self.target))
        except MdjptError as error:
            self._messages.show_message(str(error))

    def give_up(self) -> None:
        """Say nothing more of the recording: it did not come to its proper end."""
        self._path = ""

    def _tell_of(self, path: Path) -> None:
        self.folder = path.parent
        size = f", {size_text(path.stat().st_size)}" if path.exists() else ""
        said = f"Recorded {clock_text(self._seconds)} min{size}: {path}"
        self._messages.show_message(said, "calm", OPEN_FOLDER)

    def show_snapshot(self, snapshot: Snapshot | None) -> None:
        """Follow the session; None when there is none."""
        path = snapshot.recording if snapshot is not None else ""
        error = snapshot.recording_error if snapshot is not None else ""
        seconds = snapshot.recorded_s if snapshot is not None else 0.0
        if self._path and not path and not error:
            self._tell_of(Path(self._path))
        self._path, self._seconds = path, seconds if path else self._seconds
        self._button.setEnabled(
            bool(path) or (snapshot is not None and snapshot.state in _CAN_BEGIN)
        )
        self._button.setText(f"■ {clock_text(seconds)}" if path else "● Record")
        self._button.setToolTip(
            f"End the recording {path} (R)" if path else f"Record into {self.target} (R)"
        )
        self._button.setAccessibleName("End the recording" if path else "Record")
        set_property(self._button, "recording", "true" if path else "false")
