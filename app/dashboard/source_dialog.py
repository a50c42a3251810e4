"""Where the signal comes from, which model decodes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.dashboard.boards import BOARDS, board_source
from app.dashboard.controls import Card, label
from app.dashboard.session_port import Discover, FoundSource, SourceChoice

if TYPE_CHECKING:
    from app.dashboard.background import Background

__all__ = ["SourceDialog"]

FORMATS = (
    "EEG recordings (*.edf *.bdf *.gdf *.set *.fif *.fif.gz *.vhdr *.xdf *.xdfz *.cnt *.mff "
    "*.txt *.csv *.mat *.npz);;All files (*)"
)
DEFAULT_SEED = 7


class SourceDialog(QDialog):
    """Asks for a source; emits :attr:`chosen` once when the user connects.

    Parameters
    ----------
    discover : callable
        Lists the streams that answer; may take seconds, called in a thread.
    background : Background
        Runs `discover`.
    last : SourceChoice or None
        What to start from.
    """

    chosen = Signal(object)

    def __init__(
        self,
        discover: Discover,
        background: Background,
        last: SourceChoice | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Connect a source")
        self.setModal(True)
        self.resize(760, 500)
        self._discover = discover
        self._background = background
        self.pages: tuple[_Page, ...] = (_SimulatedPage(), _LSLPage(), _BoardPage(), _FilePage())
        self.kinds = QListWidget()
        self.kinds.setAccessibleName("Kind of source")
        self.kinds.setFixedWidth(196)
        self._stack = QStackedWidget()
        for page in self.pages:
            self.kinds.addItem(page.heading)
            self._stack.addWidget(page)
            page.changed.connect(self._refresh)
        self._lsl.search_wanted.connect(self.search)
        self.kinds.currentRowChanged.connect(self._turn_to)
        self.model = QLineEdit()
        self.montage = QLineEdit()
        self._build()
        self._restore(last)

    @property
    def _lsl(self) -> _LSLPage:
        page = self.pages[1]
        assert isinstance(page, _LSLPage)
        return page

    def choice(self) -> SourceChoice | None:
        """Return what is filled in, None while something is missing."""
        source = self.pages[self.kinds.currentRow()].source()
        if not source:
            return None
        names = tuple(self.montage.text().replace(",", " ").split())
        return SourceChoice(source, self.model.text().strip(), names)

    def search(self) -> None:
        """Look for LSL streams in a thread."""
        self._lsl.show_searching()
        self._background.run(self._discover, self._found, self._not_found, "search for streams")

    def accept(self) -> None:
        """Connect."""
        choice = self.choice()
        if choice is not None:
            super().accept()
            self.chosen.emit(choice)

    def _found(self, sources: Sequence[FoundSource]) -> None:
        if shiboken6.isValid(self):
            self._lsl.show_found([found for found in sources if found.kind == "lsl"])

    def _not_found(self, error: str) -> None:
        if shiboken6.isValid(self):
            self._lsl.show_error(error)

    def _turn_to(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        if self.pages[row] is self._lsl and not self._lsl.searched:
            self.search()
        self._refresh()

    def _refresh(self) -> None:
        self._connect.setEnabled(self.choice() is not None)

    def _restore(self, last: SourceChoice | None) -> None:
        row = 0
        if last is not None:
            self.model.setText(last.model)
            self.montage.setText(", ".join(last.montage))
            schemes = [page.scheme for page in self.pages]
            row = schemes.index(scheme) if (scheme := last.source.split(":")[0]) in schemes else 0
        self.kinds.setCurrentRow(row)

    def _build(self) -> None:
        self.model.setPlaceholderText("built-in demo model")
        self.model.setAccessibleName("Model bundle")
        self.montage.setPlaceholderText("names of the source")
        self.montage.setAccessibleName("Electrode names")
        self.montage.setToolTip("For sources whose labels say nothing, such as OpenBCI boards")
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(14)
        form.addRow("Model bundle", _with_browse(self.model, "Model bundles (*.safetensors)", self))
        form.addRow("Electrode names", self.montage)
        self._connect = QPushButton("Connect")
        self._connect.setProperty("primary", "true")
        self._connect.setDefault(True)
        self._connect.clicked.connect(self.accept)
        cancel = QPushButton("Cancel")
        cancel.setProperty("quiet", "true")
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(label("Data stays on this computer.", "caption"))
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self._connect)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        middle.addWidget(self.kinds)
        middle.addWidget(self._stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 18, 18, 16)
        column.setSpacing(14)
        column.addLayout(middle, 1)
        column.addLayout(form)
        column.addLayout(buttons)


class _Page(Card):
    """The questions for one kind of source."""

    changed = Signal()
    scheme = ""

    def __init__(self, title: str, words: str) -> None:
        super().__init__(title)
        said = label(words, "muted")
        said.setWordWrap(True)
        self.body.addWidget(said)

    def source(self) -> str:
        """Return the source, "" while something is missing."""
        raise NotImplementedError

    @property
    def heading(self) -> str:
        return self.title.text()


class _SimulatedPage(_Page):
    scheme = "sim"

    def __init__(self) -> None:
        super().__init__(
            "Simulated participant",
            "Computed EEG of a participant whose emotional state follows a known schedule, so that "
            "you can try everything without a headset and see the truth beside the answer.",
        )
        self.seed = QSpinBox()
        self.seed.setRange(0, 9999)
        self.seed.setValue(DEFAULT_SEED)
        self.seed.setAccessibleName("Participant number")
        row = QHBoxLayout()
        row.addWidget(label("Participant number", ""))
        row.addWidget(self.seed)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addStretch(1)

    def source(self) -> str:
        return f"sim:?seed={self.seed.value()}"


class _LSLPage(_Page):
    scheme = "lsl"
    search_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("LSL stream", "EEG streams of the Lab Streaming Layer on this network.")
        self.searched = False
        self.streams = QListWidget()
        self.streams.setAccessibleName("LSL streams")
        self.streams.currentRowChanged.connect(lambda _row: self.changed.emit())
        self.said = label("", "muted")
        self.said.setWordWrap(True)
        self._again = QPushButton("Search again")
        self._again.clicked.connect(self.search_wanted)
        row = QHBoxLayout()
        row.addWidget(self.said, 1)
        row.addWidget(self._again)
        self.body.addWidget(self.streams, 1)
        self.body.addLayout(row)

    def source(self) -> str:
        item = self.streams.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def show_searching(self) -> None:
        self.searched = True
        self._again.setEnabled(False)
        self.said.setText("Searching…")

    def show_found(self, sources: Sequence[FoundSource]) -> None:
        self._again.setEnabled(True)
        self.streams.clear()
        for found in sources:
            item = QListWidgetItem(f"{found.title}\n{found.detail}" if found.detail else found.title)
            item.setData(Qt.ItemDataRole.UserRole, found.source)
            self.streams.addItem(item)
        if sources:
            self.streams.setCurrentRow(0)
            self.said.setText("LSL is not encrypted.")
        else:
            self.said.setText("No stream answered. Is the sender running, on this network?")
        self.changed.emit()

    def show_error(self, error: str) -> None:
        self._again.setEnabled(True)
        self.said.setText(f"The search failed: {error}")


class _BoardPage(_Page):
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
        self.body.addLayout(form)
        self.body.addStretch(1)
        self._choose()

    def source(self) -> str:
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


class _FilePage(_Page):
    scheme = "file"

    def __init__(self) -> None:
        super().__init__(
            "Recording",
            "Plays a file as if it were live: EDF, BDF, BrainVision, EEGLAB, FIF, XDF, OpenBCI text, "
            "Muse CSV and what else MNE reads.",
        )
        self.path = QLineEdit()
        self.path.setPlaceholderText("path of the recording")
        self.path.setAccessibleName("Recording")
        self.path.textChanged.connect(self._check)
        self.said = label("", "muted")
        self.body.addLayout(_with_browse(self.path, FORMATS, self))
        self.body.addWidget(self.said)
        self.body.addStretch(1)

    def source(self) -> str:
        path = Path(self.path.text().strip()).expanduser()
        return f"file:{path}" if self.path.text().strip() and path.exists() else ""

    def _check(self) -> None:
        missing = bool(self.path.text().strip()) and not self.source()
        self.said.setText("There is no such file." if missing else "")
        self.changed.emit()


def _with_browse(line: QLineEdit, pattern: str, parent: QWidget) -> QHBoxLayout:
    """Return a row of a path's field and a button that fills it."""
    browse = QPushButton("Browse…")
    browse.setAutoDefault(False)
    browse.clicked.connect(_opener(line, pattern, parent))
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(line, 1)
    row.addWidget(browse)
    return row


def _opener(line: QLineEdit, pattern: str, parent: QWidget) -> Callable[[], None]:
    def ask() -> None:
        path, _ = QFileDialog.getOpenFileName(parent, "Choose a file", line.text(), pattern)
        if path:
            line.setText(path)

    return ask
