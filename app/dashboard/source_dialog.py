"""Where the signal comes from, what it would bring to the model, which model decodes it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QWidget,
)

from app.dashboard.boards import Board, all_boards
from app.dashboard.report_panel import ReportPanel
from app.dashboard.source_pages import (
    BoardPage,
    FilePage,
    LSLPage,
    Page,
    SimulatedPage,
    with_browse,
)
from app.settings import Settings
from app.source_choice import FoundSource, SourceChoice, source_identity
from app.widgets.controls import label, plain_tip, push_button
from app.widgets.layout import Stretch, in_column, in_form, in_row
from mdjpt.errors import MdjptError
from streaming.sources.source_spec import parse_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.dashboard.source_report import SourceReport
    from app.widgets.background import Background

__all__ = ["SourceDialog"]

LOOK_AFTER_MS = 300  # of quiet in the fields
N_RECENT = 5
NAMES = "electrode names"  # section of the settings: by identity of the source


class SourceDialog(QDialog):
    """Asks for a source; emits :attr:`chosen` once when the user connects.

    Parameters
    ----------
    discover : callable
        Lists the streams that answer; may take seconds, called in a thread.
    background : Background
        Runs `discover`, and looks at sources.
    last : SourceChoice or None
        What to start from.
    look_at : callable or None
        Says what a choice would bring to the model, called in a thread; None does not look.
    settings : Settings, optional
        Electrode names of each source, the newest sources, the last folder.
    """

    chosen = Signal(object)

    def __init__(
        self,
        discover: Callable[[], Sequence[FoundSource]],
        background: Background,
        last: SourceChoice | None = None,
        parent: QWidget | None = None,
        *,
        look_at: Callable[[SourceChoice], SourceReport] | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Connect a source")
        self.setModal(True)
        self._discover, self._look_at, self._background = discover, look_at, background
        self._settings = settings or Settings()
        self._identity = ""
        self._looked: SourceChoice | None = None
        self._report: SourceReport | None = None
        self._wanted = False
        self.simulated, self.lsl, self.boards = SimulatedPage(), LSLPage(), BoardPage()
        self.file = FilePage(partial(self._settings.get, "folders", "open", ""))
        self.pages: tuple[Page, ...] = (self.simulated, self.lsl, self.boards, self.file)
        self.kinds, self.recent = QListWidget(), QListWidget()
        self.model, self.montage = QLineEdit(), QLineEdit()
        self.report = ReportPanel()
        self._later = QTimer(self, singleShot=True, interval=LOOK_AFTER_MS)
        self._later.timeout.connect(self._look)
        self._build()
        self._restore(last)

    def choice(self) -> SourceChoice | None:
        """Return what is filled in, None while something is missing.

        Electrode names go along unless the source is known to name its electrodes itself.
        """
        typed = self._typed()
        own = self._report is not None and self._report.own_names
        return replace(typed, montage=()) if typed is not None and own else typed

    def search(self) -> None:
        """Look for LSL streams in a thread."""
        self.lsl.show_searching()
        self._background.run(self._discover, self._found, self._not_found, "search for streams")

    def accept(self) -> None:
        """Connect, as soon as it is known what the source brings."""
        typed, choice = self._typed(), self.choice()
        if typed is None or choice is None:
            return
        if self._look_at is not None and self._report is None:
            self._wanted = True
            self._connect.setText("Looking…")
            return
        if self._report is not None and self._report.problem:
            return
        self._remember(typed)
        super().accept()
        self.chosen.emit(choice)

    # What was found.

    def _found(self, sources: Sequence[FoundSource]) -> None:
        if shiboken6.isValid(self):
            self.lsl.show_found(sources)

    def _not_found(self, error: str) -> None:
        if shiboken6.isValid(self):
            self.lsl.show_error(error)

    def _show_boards(self, boards: Sequence[Board]) -> None:
        if shiboken6.isValid(self):
            self.boards.show_boards(boards)

    def _no_boards(self, error: str) -> None:
        if shiboken6.isValid(self):
            self.boards.show_error(error)

    # What a choice would bring.

    def _typed(self) -> SourceChoice | None:
        source = self.pages[self.kinds.currentRow()].source()
        if not source:
            return None
        names = tuple(self.montage.text().replace(",", " ").split())
        return SourceChoice(source, self.model.text().strip(), names)

    def _refresh(self) -> None:
        """Follow another source or other names: forget what was known, look again soon."""
        typed = self._typed()
        identity = "" if typed is None else source_identity(typed.source)
        if identity != self._identity:
            self._change_identity(identity)
            typed = self._typed()
        asked = None if typed is None else replace(typed, model="")
        if asked != self._looked:
            self._looked, self._report = asked, None
            self._show_report()
            self._later.start()
        self._show_connect()

    def _change_identity(self, identity: str) -> None:
        """Take the electrode names of another source: none has those of the one before."""
        self._keep_names()
        self._identity = identity
        self.montage.blockSignals(True)
        self.montage.setText(self._settings.get(NAMES, identity, "") if identity else "")
        self.montage.blockSignals(False)

    def _keep_names(self) -> None:
        typed = self.montage.text()
        if self._identity and (typed or self._settings.get(NAMES, self._identity, "")):
            self._settings.put(NAMES, self._identity, typed)

    def _look(self) -> None:
        asked = self._looked
        if self._look_at is None or asked is None or not self.isVisible():
            return
        self.report.say("Looking at the source…")
        self._background.run(
            partial(self._look_at, asked),
            partial(self._take_report, asked),
            self.report_failed,
            "look at a source",
        )

    def report_failed(self, error: str) -> None:
        """Say why nothing is known of the source."""
        if shiboken6.isValid(self):
            self.report.say(error)

    def _take_report(self, asked: SourceChoice, report: SourceReport) -> None:
        if not shiboken6.isValid(self) or asked != self._looked:
            return
        self._report = report
        self._show_report()
        self._show_connect()
        if self._wanted:
            self._wanted = False
            self.accept()

    def _show_report(self) -> None:
        report = self._report
        own = report is not None and report.own_names
        self.montage.setEnabled(bool(self._identity) and not own)
        if report is None:
            self.report.say("")
            return
        unused = own and bool(self.montage.text().strip())
        note = "The source names its electrodes itself: those typed below are not used"
        self.report.show_report(report, note if unused else "")

    def _show_connect(self) -> None:
        refused = self._report is not None and bool(self._report.problem)
        self._connect.setEnabled(self._typed() is not None and not refused)
        self._connect.setText("Looking…" if self._wanted else "Connect")

    # What is kept.

    def _remember(self, typed: SourceChoice) -> None:
        self._keep_names()
        self._settings.push("sources", "recent", typed.source, at_most=N_RECENT)
        self._settings.put("sources", "model", typed.model)
        spec = parse_source(typed.source)
        if spec.kind == "file":
            self._settings.put("folders", "open", str(Path(spec.name).absolute().parent))

    def _restore(self, last: SourceChoice | None) -> None:
        """Begin with what was connected last, in this session of the window or before."""
        for source in self._settings.get("sources", "recent", [""]):
            if source:
                item = QListWidgetItem(source)
                item.setToolTip(plain_tip(source))
                self.recent.addItem(item)
        self.recent.setVisible(self.recent.count() > 0)
        self._recent_heading.setVisible(self.recent.count() > 0)
        if last is not None and last.montage:
            names = ", ".join(last.montage)
            self._settings.put(NAMES, source_identity(last.source), names)
        self.kinds.setCurrentRow(0)
        if last is not None:
            self.model.setText(last.model)
            self._show_source(last.source)

    def _show_source(self, source: str) -> None:
        try:
            spec = parse_source(source)
        except MdjptError:
            return
        row = [page.scheme for page in self.pages].index(spec.kind)
        self.pages[row].show_source(spec)
        self.kinds.setCurrentRow(row)
        self._refresh()

    def _turn_to(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        if self.pages[row] is self.lsl:
            self.search()
        elif self.pages[row] is self.boards and not self.boards.board.count():
            work = self._show_boards, self._no_boards
            self._background.run(all_boards, *work, "list of boards")
        self._refresh()

    def _build(self) -> None:
        self.kinds.setAccessibleName("Kind of source")
        self.recent.setAccessibleName("Sources of before")
        self.recent.itemClicked.connect(lambda item: self._show_source(item.text()))
        self.recent.itemActivated.connect(lambda item: self._show_source(item.text()))
        self._stack = QStackedWidget()
        for page in self.pages:
            self.kinds.addItem(page.heading)
            self._stack.addWidget(page)
            page.changed.connect(self._refresh)
        self.lsl.search_wanted.connect(self.search)
        self.kinds.currentRowChanged.connect(self._turn_to)
        self.model.setPlaceholderText("built-in demo model")
        self.model.setAccessibleName("Model bundle")
        self.model.textChanged.connect(self._refresh)
        self.montage.setPlaceholderText("names of the source, or e.g. Fp1, Fp2, -, -")
        self.montage.setAccessibleName("Electrode names")
        self.montage.textChanged.connect(self._refresh)
        self.montage.setToolTip(
            "One name a channel, for sources whose labels say nothing, such as OpenBCI boards;\n"
            "- for an input without an electrode, or the name of a cap (biosemi64)"
        )
        folder = partial(self._settings.get, "folders", "open", "")
        bundles = "Model bundles (*.safetensors)"
        form = in_form(
            ("Model bundle", with_browse(self.model, bundles, self, folder)),
            ("Electrode names", self.montage),
        )
        self._connect = push_button("Connect", "primary")
        self._connect.setObjectName("connect")
        self._connect.setDefault(True)
        self._connect.setMinimumWidth(110)
        self._connect.clicked.connect(self.accept)
        cancel = push_button("Cancel", "quiet")
        cancel.clicked.connect(self.reject)
        promise = label("Data stays on this computer.", "caption")
        self._recent_heading = label("Connected before", "caption")
        side = QWidget()
        side.setFixedWidth(206)
        parts = ((self.kinds, 3), self._recent_heading, (self.recent, 2))
        in_column(*parts, within=side, spacing=6, margins=(0, 0, 0, 0))
        in_column(
            (in_row(side, (self._stack, 1), spacing=12), 1),
            *(self.report, form),
            in_row(promise, Stretch(), cancel, self._connect),
            within=self,
            spacing=12,
            margins=(18, 16, 18, 14),
        )
        self.resize(860, 620)
