"""What the first page does with the participants on this computer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject

from app.wizard.tools import TrainingWish
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.calibration.profiles import ProfileEntry, ProfileStore
    from app.session import LiveSession
    from app.source_choice import SourceChoice
    from app.widgets.background import Background
    from app.widgets.message_bar import MessageBar
    from app.wizard.who_page import WhoPage

__all__ = ["Participants"]


class Participants(QObject):
    """Lists participants, puts a version into use, deletes, and makes room for a new one.

    Parameters
    ----------
    page : WhoPage
        Where the user chooses.
    make_store : callable
        Opens the participants.
    background : Background
        Runs `make_store`, the first listing, and what rewrites a profile.
    session : LiveSession
        Decodes with the version that is put into use.
    messages : MessageBar
        Says what goes wrong.
    ask : callable
        Asks a question: heading, text, what does it, what does nothing, what to do on "yes".
    """

    def __init__(
        self,
        page: WhoPage,
        make_store: Callable[[], ProfileStore],
        background: Background,
        session: LiveSession,
        messages: MessageBar,
        ask: Callable[[str, str, str, str, Callable[[], None]], None],
    ) -> None:
        super().__init__(page)
        self._page, self._session, self._background = page, session, background
        self._store: ProfileStore | None = None
        self._taken_off = False
        self._messages, self._ask = messages, ask
        page.version_wanted.connect(self._use_version)
        page.off_wanted.connect(self._take_off)
        page.delete_wanted.connect(self._ask_to_delete)
        page.decodes_with = self._decodes_with

        def open_store() -> tuple[ProfileStore, tuple[ProfileEntry, ...]]:
            store = make_store()
            return store, store.list()

        background.run(open_store, self._opened, self._not_opened, "reading the profiles")

    @property
    def home(self) -> str:
        """Folder of the participant that is chosen, "" before the participants are open."""
        store = self._store
        return "" if store is None else str(store.path_of(self._page.pseudonym).parent)

    def refresh(self) -> None:
        """List everybody anew."""
        if self._store is None:
            return
        try:
            self._page.show_people(self._store.list())
        except MdjptError as error:
            self._messages.show_message(str(error))

    def make_room(self, choice: SourceChoice | None) -> TrainingWish:
        """Return where the calibration of the chosen participant goes; makes the folders.

        Parameters
        ----------
        choice : SourceChoice or None
            What the session is connected to.

        Raises
        ------
        ProfileError
            A folder cannot be made.
        """
        who, store = self._page.pseudonym, self._store
        assert store is not None, "the first page waits for it"
        if self._page.is_new:
            store.create(who)
        folder = store.recordings_of(who)
        recording = folder / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}.xdf"
        return TrainingWish(recording, store.path_of(who), who, choice)

    def _opened(self, found: tuple[ProfileStore, tuple[ProfileEntry, ...]]) -> None:
        if shiboken6.isValid(self):
            self._store = found[0]
            self._page.show_people(found[1])

    def _not_opened(self, error: str) -> None:
        if shiboken6.isValid(self):
            self._messages.show_message(error)
            if self._store is None:
                self._page.show_unreadable()

    def _use_version(self, entry: ProfileEntry, number: int) -> None:
        store = self._store
        if store is None:
            return
        # Two switches of one profile at once would end with the version of whichever is slower.
        self._page.versions.set_busy(True)

        def use() -> tuple[ProfileStore, tuple[ProfileEntry, ...]]:
            store.activate(entry.path, number)
            return store, store.list()

        def used(found: tuple[ProfileStore, tuple[ProfileEntry, ...]]) -> None:
            self._taken_off = False
            self._session.use_profile(entry.path)
            if shiboken6.isValid(self):
                self._page.versions.set_busy(False)
                self._opened(found)

        def not_used(error: str) -> None:
            if shiboken6.isValid(self):
                self._page.versions.set_busy(False)
                self._not_opened(error)
                self.refresh()

        self._background.run(use, used, not_used, "switching the profile's version")

    def _take_off(self) -> None:
        self._taken_off = True
        self._session.use_profile(None)
        self._messages.show_message("The session decodes without a calibration now.", "calm")
        self.refresh()

    def _ask_to_delete(self, entry: ProfileEntry) -> None:
        n_versions = len(entry.versions)
        self._ask(
            f"Delete {entry.pseudonym}?",
            f"The profile with {n_versions} calibration{'s' if n_versions != 1 else ''} and all "
            "calibration recordings of this participant are deleted for good.",
            "Delete for good",
            "Keep",
            lambda: self._delete(entry),
        )

    def _delete(self, entry: ProfileEntry) -> None:
        if self._store is None:
            return
        in_use = self._decodes_with(entry)
        try:
            self._store.delete(entry.pseudonym)
        except MdjptError as error:
            self._messages.show_message(str(error))
        if in_use:
            self._session.use_profile(None)
        self.refresh()

    def _decodes_with(self, entry: ProfileEntry) -> bool:
        """Tell whether the session decodes with a profile, or will when its decoder is loaded."""
        wanted, model = self._session.wanted_profile, self._session.snapshot().model
        # The folder may have been given another name than the profile in it.
        names = {entry.pseudonym, entry.participant} - {""}
        if wanted is not None and wanted.resolve() == entry.path.resolve():
            return True
        # What was taken off answers until the other decoder has loaded.
        return not self._taken_off and model is not None and model.participant in names
