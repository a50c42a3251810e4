"""Who is calibrated, what for, and that the person agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QListWidget, QStackedWidget

from app.widgets.controls import Card, paragraph
from app.widgets.layout import Stretch, fill, in_column, in_row
from app.wizard.page import Page, Panel, caption
from app.wizard.person_panels import NewPersonPanel, VersionsPanel
from app.wizard.tick_box import TickBox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

    from app.calibration.profiles import ProfileEntry

__all__ = ["WhoPage"]

CONSENT = (
    "EEG is sensitive personal data. Recording and profile stay on this computer; nothing is "
    "sent anywhere.",
    "They carry a pseudonym instead of a name: de-identified, not anonymous. EEG can still "
    "point to a person.",
    "Research use. Not a medical device: it must not guide diagnosis or treatment.",
    "Not for judging emotions at work or in education: the EU forbids it.",
    "You may stop at any time. Deleting the participant deletes profile and recordings.",
)


class WhoPage(Page):
    """Participants on the left, purpose and consent on the right.

    Parameters
    ----------
    model_sha256 : str
        Checksum of the model in use, "" when unknown: profiles made for another are refused.

    Attributes
    ----------
    version_wanted : Signal(object, int)
        Entry and number of a version that the user wants back in use.
    off_wanted : Signal()
        The user wants to decode without a profile.
    decodes_with : callable
        Tells whether the session decodes with the profile of an entry.
    delete_wanted : Signal(object)
        Entry that the user wants to delete.
    """

    version_wanted = Signal(object, int)
    off_wanted = Signal()
    delete_wanted = Signal(object)

    def __init__(self, model_sha256: str = "") -> None:
        super().__init__("Who is it for?", "A calibration fits the decoder to one person.")
        self._model_sha256 = model_sha256
        self.decodes_with: Callable[[ProfileEntry], bool] = lambda _entry: False
        self._entries: tuple[ProfileEntry, ...] = ()
        self.people = QListWidget()
        self.people.setAccessibleName("Participants")
        self.new = NewPersonPanel()
        self.versions = VersionsPanel()
        self.purpose = QLineEdit()
        self.purpose.setPlaceholderText("e.g. pilot of a study on music, trying it out")
        self.purpose.setAccessibleName("Purpose")
        self.purpose.setMaxLength(120)
        self.consent = TickBox("I have read this and agree")
        self._side = QStackedWidget()
        self._waiting = "Looking for participants…"
        self._build()
        self.people.addItem(self._waiting)

    @property
    def entry(self) -> ProfileEntry | None:
        """The participant that is chosen; None for a new one."""
        row = self.people.currentRow()
        return self._entries[row - 1] if row > 0 else None

    @property
    def pseudonym(self) -> str:
        """Who it is for."""
        entry = self.entry
        return self.new.pseudonym if entry is None else entry.pseudonym

    @property
    def is_new(self) -> bool:
        """Whether the participant has no folder yet."""
        return self.entry is None

    @property
    def missing(self) -> str:
        """Say what is not filled in yet."""
        if self._waiting:
            return self._waiting
        if self.entry is None and (problem := self.new.problem(self._entries)):
            return problem
        if self.entry is not None and self.entry.problem:
            return "This profile cannot be used: delete it or choose another participant"
        if self.entry is not None and self._is_foreign(self.entry):
            return "This profile is for another model: connect with that one, or choose another"
        if not self.purpose.text().strip():
            return "Say what the calibration is for"
        if not self.consent.isChecked():
            return "The person must agree before anything is recorded"
        return ""

    def first_focus(self) -> QWidget:
        """Begin at the list."""
        return self.people

    def show_unreadable(self) -> None:
        """Say that there is no list to choose from."""
        self._waiting = "The participants cannot be read"
        self.people.clear()
        self.people.addItem(self._waiting)
        self.changed.emit()

    def show_people(self, entries: Sequence[ProfileEntry]) -> None:
        """List the participants; the one that was chosen stays chosen."""
        chosen = self.entry.pseudonym if self.entry is not None else ""
        self._entries = tuple(entries)
        self._waiting = ""
        self.people.clear()
        self.people.addItem("New participant")
        for entry in self._entries:
            foreign = " · other model" if self._is_foreign(entry) else ""
            self.people.addItem(_line(entry) + foreign)
        names = [entry.pseudonym for entry in self._entries]
        self.people.setCurrentRow(names.index(chosen) + 1 if chosen in names else 0)

    def _is_foreign(self, entry: ProfileEntry) -> bool:
        return bool(self._model_sha256) and entry.bundle_sha256 not in ("", self._model_sha256)

    def _turn(self) -> None:
        entry = self.entry
        self._side.setCurrentIndex(0 if entry is None else 1)
        if entry is not None:
            self.versions.show_entry(
                entry, foreign=self._is_foreign(entry), decoding=self.decodes_with(entry)
            )
        # Consent is one person's: it is asked anew for another one.
        self.consent.setChecked(False)
        self.changed.emit()

    def _build(self) -> None:
        people = Panel("Participant")
        people.body.addWidget(self.people, 1)
        self._side.addWidget(self.new)
        self._side.addWidget(self.versions)
        left = in_column((people, 1), (self._side, 1), spacing=16)
        fill(self.body, (in_row((left, 1), (self._consent_card(), 1), spacing=28), 1))
        self.people.currentRowChanged.connect(lambda _row: self._turn())
        self.new.changed.connect(self.changed)
        self.purpose.textChanged.connect(self.changed)
        self.consent.toggled.connect(self.changed)
        self.versions.version_wanted.connect(self._want_version)
        self.versions.off_wanted.connect(self.off_wanted)
        self.versions.delete_button.clicked.connect(self._want_delete)

    def _consent_card(self) -> Card:
        card = Card("Consent")
        card.title.hide()
        card.body.setContentsMargins(20, 16, 20, 18)
        card.body.setSpacing(10)
        fill(
            card.body,
            *(caption("Purpose of the calibration"), self.purpose, 8),
            caption("What the person should know"),
            *(paragraph(text, "") for text in CONSENT),
            *(8, self.consent, Stretch()),
        )
        return card

    def _want_version(self, number: int) -> None:
        if self.entry is not None:
            self.version_wanted.emit(self.entry, number)

    def _want_delete(self) -> None:
        if self.entry is not None:
            self.delete_wanted.emit(self.entry)


def _line(entry: ProfileEntry) -> str:
    simulated = " · simulated" if entry.simulated else ""
    if entry.problem:
        return f"{entry.pseudonym} · cannot be used"
    if entry.in_use < 0:
        return f"{entry.pseudonym} · not calibrated yet"
    accuracy = entry.versions[entry.in_use].evidence.accuracy
    return f"{entry.pseudonym} · version {entry.in_use + 1}, {accuracy:.0%}{simulated}"
