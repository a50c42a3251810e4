"""Where the signal comes from, which model decodes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QStackedWidget,
    QWidget,
)

from app.dashboard.source_pages import (
    BoardPage,
    FilePage,
    LSLPage,
    Page,
    SimulatedPage,
    with_browse,
)
from app.source_choice import FoundSource, SourceChoice
from app.widgets.controls import label, push_button
from app.widgets.layout import Stretch, in_column, in_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.widgets.background import Background

__all__ = ["SourceDialog"]


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
        discover: Callable[[], Sequence[FoundSource]],
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
        self.pages: tuple[Page, ...] = (SimulatedPage(), LSLPage(), BoardPage(), FilePage())
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
    def _lsl(self) -> LSLPage:
        page = self.pages[1]
        assert isinstance(page, LSLPage)
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
            self._lsl.show_found(sources)

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
        self.montage.setPlaceholderText("names of the source, or e.g. Fp1, Fp2, -, -")
        self.montage.setAccessibleName("Electrode names")
        self.montage.setToolTip(
            "One name a channel, for sources whose labels say nothing, such as OpenBCI boards;\n"
            "- for an input without an electrode"
        )
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(14)
        form.addRow("Model bundle", with_browse(self.model, "Model bundles (*.safetensors)", self))
        form.addRow("Electrode names", self.montage)
        self._connect = push_button("Connect", "primary")
        self._connect.setDefault(True)
        self._connect.clicked.connect(self.accept)
        cancel = push_button("Cancel", "quiet")
        cancel.clicked.connect(self.reject)
        promise = label("Data stays on this computer.", "caption")
        in_column(
            (in_row(self.kinds, (self._stack, 1), spacing=12), 1),
            form,
            in_row(promise, Stretch(), cancel, self._connect),
            within=self,
            spacing=14,
            margins=(18, 18, 18, 16),
        )
