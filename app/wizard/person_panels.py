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

    from app.calibration.profiles import ProfileEntry

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
    off_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Calibrations so far")
        self._entry: ProfileEntry | None = None
        self._busy = self._foreign = self._decoding = False
        self.list = QListWidget()
        self.list.setAccessibleName("Calibrations so far")
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.said = paragraph("")
        self.use_button = push_button("Use this version")
        self.off_button = push_button("Decode without it", tip="The profile stays as it is")
        self.delete_button = push_button("Delete participant…", "danger")
        buttons = in_row(self.use_button, self.off_button, Stretch(), self.delete_button)
        fill(self.body, (self.list, 1), self.said, buttons)
        self.list.currentRowChanged.connect(lambda _row: self._refresh())
        self.use_button.clicked.connect(self._want)
        self.off_button.clicked.connect(self.off_wanted)

    def show_entry(
        self, entry: ProfileEntry, *, foreign: bool = False, decoding: bool = False
    ) -> None:
        """List the versions of `entry`.

        Parameters
        ----------
        entry : ProfileEntry
            The participant.
        foreign : bool
            True for one of another model, which cannot be put into use.
        decoding : bool
            True when the session decodes with it.
        """
        self._entry, self._foreign, self._decoding = entry, foreign, decoding
        n_versions = len(entry.versions)
        self.list.clear()
        for number in reversed(range(n_versions)):
            self.list.addItem(_line(entry, number, decoding=decoding))
        self.list.setVisible(n_versions > 0)
        self.said.setText(entry.problem or ("" if n_versions else "None yet."))
        self.said.setVisible(bool(self.said.text()))
        if not n_versions:
            self.body.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.list.setCurrentRow(-1 if entry.in_use < 0 else n_versions - 1 - entry.in_use)
        self._refresh()

    def set_busy(self, busy: bool) -> None:
        """Offer nothing that changes the profile while something else does."""
        self._busy = busy
        self._refresh()

    @property
    def _chosen(self) -> int:
        """Number of the version that is chosen, -1 for none."""
        row = self.list.currentRow()
        return -1 if row < 0 else self.list.count() - 1 - row

    def _refresh(self) -> None:
        in_use = -1 if self._entry is None else self._entry.in_use
        self.use_button.setVisible(self.list.count() > 0)
        self.off_button.setVisible(self._decoding)
        self.off_button.setEnabled(not self._busy)
        usable = self._chosen != -1 and not (self._decoding and self._chosen == in_use)
        self.use_button.setEnabled(usable and not (self._foreign or self._busy))
        self.delete_button.setEnabled(not self._busy)

    def _want(self) -> None:
        if self._chosen >= 0:
            self.version_wanted.emit(self._chosen)


def _line(entry: ProfileEntry, number: int, *, decoding: bool) -> str:
    version = entry.versions[number]
    found = version.evidence
    said = "  ✓ in use" if decoding else "  ✓ chosen, not in use now"
    used = said if number == entry.in_use else ""
    return (
        f"Version {number + 1} · {version.created}{used}\n"
        f"{found.accuracy:.0%} of {found.n_trials} trials right "
        f"({found.low:.0%} to {found.high:.0%}, guessing {found.chance:.0%}), "
        f"labels {version.coverage.coverage:.0%} of the time"
        + (" · unproven" if version.unproven else "")
    )
