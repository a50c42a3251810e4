"""What the first page does with the participants on this computer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.dashboard.calibration.port import TrainingWish
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.calibration.profiles import ProfileEntry
    from app.dashboard.calibration.port import Store
    from app.dashboard.calibration.who_page import WhoPage
    from app.dashboard.message_bar import MessageBar
    from app.dashboard.session_port import SessionPort, SourceChoice

__all__ = ["People"]


class People(QObject):
    """Lists participants, puts a version into use, deletes, and makes room for a new one.

    Parameters
    ----------
    page : WhoPage
        Where the user chooses.
    store : Store
        The participants.
    session : SessionPort
        Decodes with the version that is put into use.
    messages : MessageBar
        Says what goes wrong.
    ask : callable
        Asks a question: heading, text, what does it, what does nothing, what to do on "yes".
    """

    def __init__(
        self,
        page: WhoPage,
        store: Store,
        session: SessionPort,
        messages: MessageBar,
        ask: Callable[[str, str, str, str, Callable[[], None]], None],
    ) -> None:
        super().__init__(page)
        self._page, self._store, self._session = page, store, session
        self._messages, self._ask = messages, ask
        page.version_wanted.connect(self._use_version)
        page.delete_wanted.connect(self._ask_to_delete)

    @property
    def home(self) -> str:
        """Folder of the participant that is chosen."""
        return str(self._store.path_of(self._page.pseudonym).parent)

    def refresh(self) -> None:
        """List everybody anew."""
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
        who = self._page.pseudonym
        if self._page.is_new:
            self._store.create(who)
        folder = self._store.recordings_of(who)
        recording = folder / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}.xdf"
        return TrainingWish(recording, self._store.path_of(who), who, choice)

    def _use_version(self, entry: ProfileEntry, number: int) -> None:
        try:
            self._store.activate(entry.path, number)
        except MdjptError as error:
            self._messages.show_message(str(error))
        else:
            self._session.use_profile(entry.path)
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
        try:
            self._store.delete(entry.pseudonym)
        except MdjptError as error:
            self._messages.show_message(str(error))
        model = self._session.snapshot().model
        if model is not None and model.participant == entry.pseudonym:
            self._session.use_profile(None)
        self.refresh()
