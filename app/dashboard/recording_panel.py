"""The recording at one look, marks with names of one's own, and notes."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QLineEdit

from app.widgets.controls import ElidedLabel, label, push_button
from app.widgets.layout import Stretch, in_column, in_row
from app.widgets.words import NOTHING, clock_text, size_text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.dashboard.recording import RecordingControl
    from app.settings import Settings
    from streaming.snapshot import Snapshot

__all__ = ["N_MARKS", "RecordingPanel", "mark_name"]

N_MARKS = 9
MARKS = "marks"  # section of the settings
LOOK_EVERY_S = 1.0  # at the disk
NOTE = "note: "
_LINES = {
    "file": "File",
    "length": "Length",
    "size": "Size",
    "left": "Disk left",
    "folder": "Folder",
}


def mark_name(settings: Settings, number: int) -> str:
    """Return what a key from 1 to 9 sets, "mark 3" where the user named nothing."""
    return settings.get(MARKS, str(number), "").strip() or f"mark {number}"


class RecordingPanel(QDialog):
    """Folder, size and time of the recording, names of the marks, a field for notes.

    Parameters
    ----------
    control : RecordingControl
        Knows folder and file.
    settings : Settings
        Keep the names of the marks and the folder.
    parent : QWidget
        Over which the panel stays.

    Attributes
    ----------
    mark_wanted : Signal(str)
        Something is to be marked at this moment.
    """

    mark_wanted = Signal(str)

    def __init__(self, control: RecordingControl, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Recording, marks and notes")
        self._control, self._settings = control, settings
        self._looked_s = -LOOK_EVERY_S
        self.values = {key: ElidedLabel(NOTHING, "value") for key in _LINES}
        self.note = QLineEdit()
        self.note.setPlaceholderText("what happens now; Enter writes it into the recording")
        self.note.setAccessibleName("Note")
        self.note.returnPressed.connect(self._write_note)
        self.names = [QLineEdit(settings.get(MARKS, str(n), "")) for n in range(1, N_MARKS + 1)]
        self._build()
        self.resize(620, 420)

    def show_snapshot(self, snapshot: Snapshot | None, now_s: float | None = None) -> None:
        """Follow the session; looks at the disk once a second and only while it is visible."""
        now_s = time.monotonic() if now_s is None else now_s
        if not self.isVisible() or now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        path = Path(snapshot.recording) if snapshot is not None and snapshot.recording else None
        n_bytes = path.stat().st_size if path is not None and path.exists() else 0
        seconds = snapshot.recorded_s if snapshot is not None else 0.0
        folder = self._control.target
        free = _free_bytes(folder)
        said = {
            "file": path.name if path is not None else "nothing is recorded",
            "length": f"{clock_text(seconds)} min" if path is not None else NOTHING,
            "size": size_text(n_bytes) if path is not None else NOTHING,
            "left": _left(free, n_bytes / seconds if seconds > 1 else 0.0),
            "folder": str(folder),
        }
        for key, text in said.items():
            self.values[key].set_whole(text)

    def choose_folder(self) -> None:
        """Ask where the next recordings go."""
        chosen = QFileDialog.getExistingDirectory(
            self, "Folder of recordings", str(self._control.target)
        )
        if chosen:
            self._control.target = Path(chosen)
            self._settings.put("folders", "recordings", chosen)
            self._looked_s = -LOOK_EVERY_S

    def _write_note(self) -> None:
        text = " ".join(self.note.text().split())
        if text:
            self.mark_wanted.emit(NOTE + text)
            self.note.clear()

    def _keep_name(self, number: int, text: str) -> None:
        self._settings.put(MARKS, str(number), text)

    def _build(self) -> None:
        facts = QGridLayout()
        facts.setHorizontalSpacing(16)
        facts.setVerticalSpacing(6)
        facts.setColumnStretch(1, 1)
        for row, (key, caption) in enumerate(_LINES.items()):
            facts.addWidget(label(caption, "muted"), row, 0)
            facts.addWidget(self.values[key], row, 1)
        choose = push_button("Choose folder…")
        choose.clicked.connect(self.choose_folder)
        close = push_button("Close", "quiet")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        in_column(
            facts,
            in_row(choose, Stretch()),
            label("Marks: keys 1 to 9, with the names that you give them", "title"),
            self._marks(),
            label("Note", "title"),
            self.note,
            Stretch(),
            in_row(Stretch(), close),
            within=self,
            spacing=12,
            margins=(20, 18, 20, 16),
        )
        choose.setAutoDefault(False)
        self.setWindowFlag(Qt.WindowType.Tool)

    def _marks(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        for place, field in enumerate(self.names):
            number = place + 1
            field.setPlaceholderText(f"mark {number}")
            field.setAccessibleName(f"Name of mark {number}")
            field.setMaxLength(60)
            field.textChanged.connect(partial(self._keep_name, number))
            button = push_button(str(number), tip=f"Set this mark now (key {number})")
            button.setAutoDefault(False)
            button.setAccessibleName(f"Set mark {number}")
            button.setFixedWidth(40)
            button.clicked.connect(partial(self._set_mark, number))
            grid.addWidget(button, place % 3, 2 * (place // 3))
            grid.addWidget(field, place % 3, 2 * (place // 3) + 1)
        return grid

    def _set_mark(self, number: int, _checked: bool = False) -> None:
        self.mark_wanted.emit(mark_name(self._settings, number))


def _free_bytes(folder: Path) -> int:
    """Return the room on the disk of a folder that may not be there yet."""
    there = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
    return shutil.disk_usage(there).free


def _left(free: int, rate: float) -> str:
    """Say how much room there is, and for how long at bytes a second."""
    if rate <= 0:
        return size_text(free)
    hours = free / rate / 3600
    lasts = f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
    return f"{size_text(free)}, about {lasts} at this rate"
