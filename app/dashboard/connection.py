"""Makes, starts and stops sessions in one worker thread, so that the window never waits."""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal

from app.widgets.background import one_line
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.session import LiveSession
    from app.source_choice import SourceChoice

__all__ = ["Connection"]

_log = logging.getLogger(__name__)

State = Literal["idle", "opening", "open", "closing"]


class Connection(QObject):
    """At most one session at a time.

    Lives in the GUI thread. One worker thread makes, starts and stops every session, for as long
    as the window lives: processes that a session starts may be tied to the thread that did it.
    """

    changed = Signal()
    failed = Signal(str)
    _opened = Signal(object, str)
    _closed = Signal(str)

    def __init__(self, factory: Callable[[SourceChoice], LiveSession], parent: QObject) -> None:
        super().__init__(parent)
        self._factory = factory
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="session")
        self._state: State = "idle"
        self._session: LiveSession | None = None
        self._close_wanted = False
        self._opened.connect(self._take)
        self._closed.connect(self._let_go)
        self.choice: SourceChoice | None = None

    @property
    def state(self) -> State:
        """What the connection is doing."""
        return self._state

    @property
    def session(self) -> LiveSession | None:
        """The running session, None unless the state is "open"."""
        return self._session

    def open(self, choice: SourceChoice) -> None:
        """Have a session made and started; does nothing unless idle."""
        if self._state != "idle":
            return
        self.choice, self._close_wanted = choice, False
        self._enter("opening")
        self._worker.submit(self._make, choice)

    def close(self) -> None:
        """Have the session stopped, also one that is still being opened."""
        if self._state == "opening":
            self._close_wanted = True
        elif self._session is not None:
            session, self._session = self._session, None
            self._enter("closing")
            self._worker.submit(self._stop, session)

    def shut_down(self) -> None:
        """Take no more work; what runs comes to its end."""
        self._worker.shutdown(wait=False)

    def _enter(self, state: State) -> None:
        self._state = state
        self.changed.emit()

    def _make(self, choice: SourceChoice) -> None:
        """Run in the worker thread."""
        session = None
        try:
            session = self._factory(choice)
            session.start()
        except Exception as error:
            _log_error(f"cannot open {choice.source}", error)
            if session is not None:
                with contextlib.suppress(Exception):
                    session.stop()
            self._say(self._opened, None, one_line(error))
        else:
            self._say(self._opened, session, "")

    def _stop(self, session: LiveSession) -> None:
        """Run in the worker thread."""
        try:
            session.stop()
        except Exception as error:
            _log_error("the session ended with an error", error)
            self._say(self._closed, one_line(error))
        else:
            self._say(self._closed, "")

    @staticmethod
    def _say(signal: object, *arguments: object) -> None:
        # The window, and with it this object, may be gone by now.
        with contextlib.suppress(RuntimeError):
            signal.emit(*arguments)  # type: ignore[attr-defined]

    def _take(self, session: LiveSession | None, error: str) -> None:
        self._session = session
        self._enter("open" if session is not None else "idle")
        if error:
            self.failed.emit(error)
        elif self._close_wanted:
            self.close()

    def _let_go(self, error: str) -> None:
        self._state = "idle"
        if error:
            self.failed.emit(error)
        self.changed.emit()


def _log_error(what: str, error: Exception) -> None:
    _log.warning("%s: %s", what, error, exc_info=not isinstance(error, MdjptError))
