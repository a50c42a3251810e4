"""The questions for each kind of source: one page of the source dialog a kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from app.dashboard.boards import Board, board_source
from app.widgets.controls import Card, label, paragraph, push_button
from app.widgets.layout import Stretch, fill, in_form, in_row
from app.widgets.stepper import Stepper
from mdjpt.errors import MdjptError
from streaming.sources.source_spec import SourceSpec, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QHideEvent

    from app.source_choice import FoundSource

__all__ = ["BoardPage", "FilePage", "LSLPage", "Page", "SimulatedPage", "with_browse"]

FORMATS = (
    "EEG recordings (*.edf *.bdf *.gdf *.set *.fif *.fif.gz *.vhdr *.xdf *.xdfz *.cnt *.mff "
    "*.txt *.csv *.mat *.npz);;All files (*)"
)
AGAIN_MS = 2000  # from one search for streams to the next
SIMULATED = {"seed": 7, "n_channels": 32, "sfreq": 250, "classes": 3}  # what `sim:` means
_FIELDS = {
    "serial_port": "Serial port",
    "mac_address": "MAC address",
    "serial_number": "Serial number",
    "ip_address": "IP address",
    "ip_port": "IP port",
    "timeout": "Search for, seconds",
    "other_info": "Other information",
}


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

    def show_source(self, spec: SourceSpec) -> None:
        """Fill in a source of this kind."""
        raise NotImplementedError

    @property
    def heading(self) -> str:
        """Name of this kind of source."""
        return self.title.text()


class SimulatedPage(Page):
    """A computed participant, by number, with electrodes, rate and emotions."""

    scheme = "sim"

    def __init__(self) -> None:
        super().__init__(
            "Simulated participant",
            "Computed EEG of a participant whose emotional state follows a known schedule, so that "
            "you can try everything without a headset and see the truth beside the answer.",
        )
        self.seed = Stepper(0, 9999, SIMULATED["seed"], "Participant number")
        self.n_channels = Stepper(2, 64, SIMULATED["n_channels"], "Electrodes")
        self.sfreq = Stepper(100, 2000, SIMULATED["sfreq"], "Sampling rate", " Hz")
        self.classes = Stepper(2, 9, SIMULATED["classes"], "Emotions in the schedule")
        self._steppers = {key: getattr(self, key) for key in SIMULATED}
        rows = [(stepper.box.accessibleName(), stepper) for stepper in self._steppers.values()]
        for stepper in self._steppers.values():
            stepper.changed.connect(lambda _value: self.changed.emit())
        fill(self.body, in_form(*rows), Stretch())

    def source(self) -> str:
        """Return what is filled in."""
        values = {key: stepper.value for key, stepper in self._steppers.items()}
        told = {key: v for key, v in values.items() if key == "seed" or v != SIMULATED[key]}
        return str(SourceSpec("sim", "", told))

    def show_source(self, spec: SourceSpec) -> None:
        """Fill in a participant."""
        for key, stepper in self._steppers.items():
            stepper.choose(round(float(spec.options.get(key, SIMULATED[key]))))


class LSLPage(Page):
    """The streams that answer, looked for again and again; the dialog does the searching."""

    scheme = "lsl"
    search_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(
            "LSL stream",
            "EEG streams of the Lab Streaming Layer on this network, which is not encrypted. The "
            "list renews itself.",
        )
        self._wanted = ""
        self.streams = QListWidget()
        self.streams.setAccessibleName("LSL streams")
        self.streams.currentItemChanged.connect(lambda *_: self.changed.emit())
        self.said = paragraph("")
        self._again = QTimer(self, singleShot=True, interval=AGAIN_MS)
        self._again.timeout.connect(self.search_wanted)
        fill(self.body, (self.streams, 1), self.said)

    def hideEvent(self, event: QHideEvent) -> None:
        """Look no further."""
        self._again.stop()
        super().hideEvent(event)

    def source(self) -> str:
        """Return what is filled in."""
        item = self.streams.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def show_source(self, spec: SourceSpec) -> None:
        """Choose a stream as soon as it answers."""
        self._wanted = str(spec)
        self._choose(self._wanted)

    def show_searching(self) -> None:
        """Say that the first search is on."""
        if not self.streams.count():
            self.said.setText("Searching…")

    def show_found(self, sources: Sequence[FoundSource]) -> None:
        """List what answered; what was chosen stays chosen."""
        self._search_later()
        self.said.setText(
            "" if sources else "No stream answers yet. Is the sender running, on this network?"
        )
        texts = [f"{f.title}\n{f.detail}" if f.detail else f.title for f in sources]
        if texts == [self.streams.item(i).text() for i in range(self.streams.count())]:
            return
        chosen = self.source() or self._wanted
        self.streams.blockSignals(True)
        self.streams.clear()
        for found, text in zip(sources, texts, strict=True):
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, found.source)
            self.streams.addItem(item)
        self._choose(chosen)
        self.streams.blockSignals(False)
        self.changed.emit()

    def show_error(self, error: str) -> None:
        """Say why the search failed."""
        self._search_later()
        self.said.setText(f"The search failed: {error}")

    def _choose(self, source: str) -> None:
        """Choose a stream; the only one there is without being asked."""
        data = [
            self.streams.item(i).data(Qt.ItemDataRole.UserRole) for i in range(self.streams.count())
        ]
        if source in data:
            self.streams.setCurrentRow(data.index(source))
        elif len(data) == 1 and not source:
            self.streams.setCurrentRow(0)

    def _search_later(self) -> None:
        if self.isVisible():
            self._again.start()


class BoardPage(Page):
    """A board and what it needs to be found."""

    scheme = "brainflow"
    boards_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("BrainFlow board", "Headsets and amplifiers that BrainFlow speaks to.")
        self._wanted: SourceSpec | None = None
        self.board = QComboBox()
        self.board.setAccessibleName("Board")
        self.board.setEditable(True)
        self.board.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        completer = QCompleter(self.board.model(), self.board)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.board.setCompleter(completer)
        self.board.setPlaceholderText("Looking for the boards of BrainFlow…")
        self.fields: dict[str, QLineEdit] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.addWidget(label("Board", ""), 0, 0)
        grid.addWidget(self.board, 0, 1, 1, 3)
        for place, (key, text) in enumerate(_FIELDS.items(), start=2):
            self.fields[key] = QLineEdit()
            self.fields[key].setAccessibleName(text)
            self.fields[key].textChanged.connect(self.changed)
            grid.addWidget(label(text, ""), place // 2, place % 2 * 2)
            grid.addWidget(self.fields[key], place // 2, place % 2 * 2 + 1)
        self.said = paragraph("")
        self.board.currentIndexChanged.connect(self._choose)
        fill(self.body, grid, self.said, Stretch())

    def show_boards(self, boards: Sequence[Board]) -> None:
        """Offer these boards."""
        for board in boards:
            self.board.addItem(board.title, board)
        self.board.setCurrentIndex(0)
        if self._wanted is not None:
            self.show_source(self._wanted)
        self._choose()

    def show_error(self, error: str) -> None:
        """Say why there are none."""
        self.said.setText(f"The boards of BrainFlow cannot be listed: {error}")

    def source(self) -> str:
        """Return what is filled in."""
        board = self._board
        if board is None or (board.needs and not self.fields[board.needs].text().strip()):
            return ""
        source = board_source(board.name, **{k: f.text() for k, f in self.fields.items()})
        try:
            parse_source(source)
        except MdjptError as error:
            self.said.setText(str(error).removeprefix("brainflow: "))
            return ""
        return source

    def show_source(self, spec: SourceSpec) -> None:
        """Choose a board, as soon as they are listed, and fill in how it is found."""
        self._wanted = spec
        names = [self.board.itemData(i).name for i in range(self.board.count())]
        if spec.name in names:
            self.board.setCurrentIndex(names.index(spec.name))
            self._wanted = None
            for key, field in self.fields.items():
                field.setText(str(spec.options.get(key, "")))

    @property
    def _board(self) -> Board | None:
        board = self.board.currentData()
        return board if isinstance(board, Board) else None

    def _choose(self) -> None:
        board = self._board
        for key, field in self.fields.items():
            needed = board is not None and key == board.needs
            field.setPlaceholderText(f"needed: {board.hint}" if needed and board else "if it asks")
        needs = board.needs if board is not None else ""
        self.said.setText(f"{_FIELDS[needs]}: {board.hint}." if needs and board else "")
        self.changed.emit()


class FilePage(Page):
    """The path of a recording."""

    scheme = "file"

    def __init__(self, folder: Callable[[], str] = str) -> None:
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
        fill(self.body, with_browse(self.path, FORMATS, self, folder), self.said, Stretch())

    def source(self) -> str:
        """Return what is filled in; options as ?sfreq=250 may stand behind the path."""
        text = self.path.text().strip()
        source = f"file:{Path(text).expanduser()}"
        try:
            found = bool(text) and Path(parse_source(source).name).exists()
        except MdjptError:
            found = False
        return source if found else ""

    def show_source(self, spec: SourceSpec) -> None:
        """Fill in a path."""
        self.path.setText(str(spec).removeprefix("file:"))

    def _check(self) -> None:
        missing = bool(self.path.text().strip()) and not self.source()
        self.said.setText("There is no such file." if missing else "")
        self.changed.emit()


def with_browse(
    line: QLineEdit, pattern: str, parent: QWidget, folder: Callable[[], str] = str
) -> QHBoxLayout:
    """Return a row of a path's field and a button that fills it.

    Parameters
    ----------
    line : QLineEdit
        The field; a path in it says where to begin to look.
    pattern : str
        Qt's filter of file names.
    parent : QWidget
        Over which the chooser opens.
    folder : callable
        Says where to begin when the field is empty.
    """

    def ask() -> None:
        start = line.text().strip() or folder()
        path, _ = QFileDialog.getOpenFileName(parent, "Choose a file", start, pattern)
        if path:
            line.setText(path)

    browse = push_button("Browse…")
    browse.setAutoDefault(False)
    browse.setAccessibleName(f"Browse for: {line.accessibleName()}")
    browse.clicked.connect(ask)
    return in_row((line, 1), browse, spacing=8)
