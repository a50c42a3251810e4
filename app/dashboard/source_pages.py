"""The questions for each kind of source: one page of the source dialog a kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from app.dashboard.boards import BOARDS, board_source
from app.widgets.controls import Card, label, paragraph, push_button
from app.widgets.layout import Stretch, fill, in_row
from app.widgets.stepper import Stepper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.source_choice import FoundSource

__all__ = ["BoardPage", "FilePage", "LSLPage", "Page", "SimulatedPage", "with_browse"]

FORMATS = (
    "EEG recordings (*.edf *.bdf *.gdf *.set *.fif *.fif.gz *.vhdr *.xdf *.xdfz *.cnt *.mff "
    "*.txt *.csv *.mat *.npz);;All files (*)"
)
DEFAULT_SEED = 7


class Page(Card):
    """The questions for one kind of source."""

    changed = Signal()
    scheme = ""

    def __init__(self, title: str, words: str) -> None:
        super().__init__(title)
        self.body.addWidget(paragraph(words))

    def source(self) -> str:
        """Return the source, "" while something is missing."""
        raise NotImplementedError

    @property
    def heading(self) -> str:
        """Name of this kind of source."""
        return self.title.text()


class SimulatedPage(Page):
    """A computed participant, by number."""

    scheme = "sim"

    def __init__(self) -> None:
        super().__init__(
            "Simulated participant",
            "Computed EEG of a participant whose emotional state follows a known schedule, so that "
            "you can try everything without a headset and see the truth beside the answer.",
        )
        self.seed = Stepper(0, 9999, DEFAULT_SEED, "Participant number")
        seed = in_row(label("Participant number", ""), self.seed, Stretch())
        fill(self.body, seed, Stretch())

    def source(self) -> str:
        """Return what is filled in."""
        return f"sim:?seed={self.seed.value}"


class LSLPage(Page):
    """The streams that answered; the dialog does the searching."""

    scheme = "lsl"
    search_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("LSL stream", "EEG streams of the Lab Streaming Layer on this network.")
        self.searched = False
        self.streams = QListWidget()
        self.streams.setAccessibleName("LSL streams")
        self.streams.currentRowChanged.connect(lambda _row: self.changed.emit())
        self.said = paragraph("")
        self._again = push_button("Search again")
        self._again.clicked.connect(self.search_wanted)
        fill(self.body, (self.streams, 1), in_row((self.said, 1), self._again))

    def source(self) -> str:
        """Return what is filled in."""
        item = self.streams.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def show_searching(self) -> None:
        """Say that the search is on."""
        self.searched = True
        self._again.setEnabled(False)
        self.said.setText("Searching…")

    def show_found(self, sources: Sequence[FoundSource]) -> None:
        """List what answered."""
        self._again.setEnabled(True)
        self.streams.clear()
        for found in sources:
            item = QListWidgetItem(
                f"{found.title}\n{found.detail}" if found.detail else found.title
            )
            item.setData(Qt.ItemDataRole.UserRole, found.source)
            self.streams.addItem(item)
        if sources:
            self.streams.setCurrentRow(0)
            self.said.setText("LSL is not encrypted.")
        else:
            self.said.setText("No stream answered. Is the sender running, on this network?")
        self.changed.emit()

    def show_error(self, error: str) -> None:
        """Say why the search failed."""
        self._again.setEnabled(True)
        self.said.setText(f"The search failed: {error}")


class BoardPage(Page):
    """A board and what it needs to be found."""

    scheme = "brainflow"

    def __init__(self) -> None:
        super().__init__("BrainFlow board", "Headsets and amplifiers that BrainFlow speaks to.")
        self.board = QComboBox()
        self.board.setAccessibleName("Board")
        for board in BOARDS:
            self.board.addItem(board.title, board)
        self.fields: dict[str, QLineEdit] = {}
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(14)
        form.addRow("Board", self.board)
        for key, text in (
            ("serial_port", "Serial port"),
            ("mac_address", "MAC address"),
            ("serial_number", "Serial number"),
            ("ip_address", "IP address"),
        ):
            self.fields[key] = QLineEdit()
            self.fields[key].setAccessibleName(text)
            self.fields[key].textChanged.connect(self.changed)
            form.addRow(text, self.fields[key])
        self.board.currentIndexChanged.connect(self._choose)
        fill(self.body, form, Stretch())
        self._choose()

    def source(self) -> str:
        """Return what is filled in."""
        board = self.board.currentData()
        if board.needs and not self.fields[board.needs].text().strip():
            return ""
        return board_source(board.name, **{k: f.text() for k, f in self.fields.items()})

    def _choose(self) -> None:
        board = self.board.currentData()
        for key, field in self.fields.items():
            needed = key == board.needs
            field.setPlaceholderText(f"needed: {board.hint}" if needed else "optional")
        self.changed.emit()


class FilePage(Page):
    """The path of a recording."""

    scheme = "file"

    def __init__(self) -> None:
        super().__init__(
            "Recording",
            "Plays a file as if it were live: EDF, BDF, BrainVision, EEGLAB, FIF, XDF, OpenBCI "
            "text, Muse CSV and what else MNE reads.",
        )
        self.path = QLineEdit()
        self.path.setPlaceholderText("path of the recording")
        self.path.setAccessibleName("Recording")
        self.path.textChanged.connect(self._check)
        self.said = label("", "muted")
        fill(self.body, with_browse(self.path, FORMATS, self), self.said, Stretch())

    def source(self) -> str:
        """Return what is filled in."""
        path = Path(self.path.text().strip()).expanduser()
        return f"file:{path}" if self.path.text().strip() and path.exists() else ""

    def _check(self) -> None:
        missing = bool(self.path.text().strip()) and not self.source()
        self.said.setText("There is no such file." if missing else "")
        self.changed.emit()


def with_browse(line: QLineEdit, pattern: str, parent: QWidget) -> QHBoxLayout:
    """Return a row of a path's field and a button that fills it."""

    def ask() -> None:
        path, _ = QFileDialog.getOpenFileName(parent, "Choose a file", line.text(), pattern)
        if path:
            line.setText(path)

    browse = push_button("Browse…")
    browse.setAutoDefault(False)
    browse.clicked.connect(ask)
    return in_row((line, 1), browse, spacing=8)
