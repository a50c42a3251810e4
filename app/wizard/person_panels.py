"""The two halves of "who": a new pseudonym, or the versions of somebody who was here before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QListWidget

from app.widgets.controls import paragraph, push_button
from app.widgets.layout import Stretch, fill, in_row
from app.wizard.page import Panel
from mdjpt.calibration.profile import is_pseudonym, new_pseudonym

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.calibration.profiles import ProfileEntry, VersionEntry

__all__ = ["NewPersonPanel", "VersionsPanel"]


class NewPersonPanel(Panel):
    """A pseudonym, proposed at random."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Pseudonym")
        self.field = QLineEdit(new_pseudonym())
        self.field.setAccessibleName("Pseudonym")
        self.field.setMaxLength(32)
        self.another = push_button("Another")
        self.another.clicked.connect(lambda: self.field.setText(new_pseudonym()))
        rule = paragraph(
            "Letters, digits, hyphen and underscore; never a name. Whoever must know who it is "
            "keeps the list elsewhere."
        )
        fill(self.body, in_row((self.field, 1), self.another, spacing=8), rule, Stretch())
        self.field.textChanged.connect(self.changed)

    @property
    def pseudonym(self) -> str:
        """What stands in the field."""
        return self.field.text().strip()

    def problem(self, entries: Iterable[ProfileEntry]) -> str:
        """Say why the pseudonym cannot be taken; "" when it can."""
        if not is_pseudonym(self.pseudonym):
            return "A pseudonym is 1 to 32 letters, digits, - or _"
        if self.pseudonym in {entry.pseudonym for entry in entries}:
            return "This pseudonym is taken: choose it in the list, or another one"
        return ""


class VersionsPanel(Panel):
    """Every calibration of a participant, the newest on top, and the way back to an older one."""

    version_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__("Calibrations so far")
        self._versions: tuple[VersionEntry, ...] = ()
        self._busy = self._foreign = False
        self.list = QListWidget()
        self.list.setAccessibleName("Calibrations so far")
        self.said = paragraph("")
        self.use_button = push_button("Use this version")
        self.delete_button = push_button("Delete participant…", "danger")
        buttons = in_row(self.use_button, Stretch(), self.delete_button)
        fill(self.body, (self.list, 1), self.said, buttons)
        self.list.currentRowChanged.connect(lambda _row: self._refresh())
        self.use_button.clicked.connect(self._want)

    def show_entry(self, entry: ProfileEntry, *, foreign: bool = False) -> None:
        """List the versions of `entry`; those of a `foreign` one cannot be put into use."""
        self._foreign = foreign
        self._versions = tuple(reversed(entry.versions))
        self.list.clear()
        for version in self._versions:
            self.list.addItem(_line(version))
        self.list.setVisible(bool(self._versions))
        self.said.setText(entry.problem or ("" if self._versions else "None yet."))
        self.said.setVisible(bool(self.said.text()))
        if not self._versions:
            self.body.setAlignment(Qt.AlignmentFlag.AlignTop)
        active = [version.active for version in self._versions]
        self.list.setCurrentRow(active.index(True) if True in active else -1)
        self._refresh()

    def set_busy(self, busy: bool) -> None:
        """Offer nothing that changes the profile while something else does."""
        self._busy = busy
        self._refresh()

    def _refresh(self) -> None:
        row = self.list.currentRow()
        chosen = self._versions[row] if 0 <= row < len(self._versions) else None
        self.use_button.setVisible(bool(self._versions))
        usable = chosen is not None and not chosen.active
        self.use_button.setEnabled(usable and not (self._foreign or self._busy))
        self.delete_button.setEnabled(not self._busy)

    def _want(self) -> None:
        row = self.list.currentRow()
        if 0 <= row < len(self._versions):
            self.version_wanted.emit(self._versions[row].number)


def _line(version: VersionEntry) -> str:
    used = "  ✓ in use" if version.active else ""
    return (
        f"Version {version.number + 1} · {version.created}{used}\n"
        f"{version.accuracy:.0%} of {version.n_trials} trials right "
        f"({version.low:.0%} to {version.high:.0%}, guessing {version.chance:.0%})"
    )
