"""The way out of the window: what would be lost is asked for once, then the session ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.widgets.words import clock_text
from app.wizard.question import Questions
from streaming.processes.engine import STOP_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMainWindow

    from app.dashboard.calibration_overlay import CalibrationOverlay
    from app.dashboard.connection import Connection
    from app.widgets.message_bar import MessageBar
    from app.wizard.question import Question
    from streaming.snapshot import Snapshot

__all__ = ["Leaving"]

CLOSE_AFTER_MS = round(1000 * (STOP_WITHIN_S + 5))
READ_MS = 60_000
"""How long a window that wants to close shows what was lost by it."""


class Leaving(QObject):
    """Decides whether the window may close, and closes it once its session has ended.

    Parameters
    ----------
    window : QMainWindow
        What closes.
    connection : Connection
        Whose session has to end first.
    messages : MessageBar
        Says what is waited for.
    calibration : CalibrationOverlay
        Asks for a calibration that would be lost.
    snapshot : callable
        Newest state of the session, None without one.

    Attributes
    ----------
    wanted : bool
        Whether the window closes as soon as the session has ended.
    """

    def __init__(
        self,
        window: QMainWindow,
        connection: Connection,
        messages: MessageBar,
        calibration: CalibrationOverlay,
        snapshot: Callable[[], Snapshot | None],
    ) -> None:
        super().__init__(window)
        self._window, self._connection, self._messages = window, connection, messages
        self._calibration, self._snapshot = calibration, snapshot
        self._questions = Questions(window)
        self._asks, self._forced, self.wanted = True, False, False
        self._at_last = QTimer(self, singleShot=True)
        self._at_last.timeout.connect(self._close_anyway)

    @property
    def question(self) -> Question | None:
        """What is asked before the window closes, None when nothing is."""
        return self._questions.open

    def may_close(self) -> bool:
        """Whether the window may close now; begins what has to come first when it may not."""
        if self._connection.state == "idle" or self._forced:
            return True
        asks = self._asks and (
            self._calibration.asks_first(self.without_asking) or self._asks_for_recording()
        )
        if not asks and not self.wanted:
            self._end()
        return False

    def without_asking(self) -> None:
        """Close for whoever is not there to answer, or has answered."""
        self._asks = False
        self._window.close()

    def stay(self) -> None:
        """Forget that something was to be read before the window closes."""
        self._at_last.stop()

    def tell_first(self) -> None:
        """Stay for a while so that what has just gone wrong can be read."""
        if self.wanted:
            self.wanted = False
            self._at_last.start(READ_MS)

    def _asks_for_recording(self) -> bool:
        snapshot = self._snapshot()
        if self.wanted or snapshot is None or not snapshot.recording:
            return False
        self._questions.ask(
            "End the recording and close?",
            f"{snapshot.recording} is {clock_text(snapshot.recorded_s)} min long; it stays.",
            "End and close",
            "Go on recording",
            self._end,
        )
        return True

    def _end(self) -> None:
        self.wanted = True
        self._messages.show_message("Ending the session before the window closes…", "warn")
        self._connection.close()
        self._at_last.start(CLOSE_AFTER_MS)

    def _close_anyway(self) -> None:
        self._forced = True
        self._window.close()
