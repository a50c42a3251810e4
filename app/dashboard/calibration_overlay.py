"""Opens the wizard over the dashboard and closes it again."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

import app.wizard
from app.dashboard.arrangement import ScrolledPage
from app.widgets.theme import DARK, Palette

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QStackedWidget

    from app.dashboard.connection import Connection
    from app.widgets.background import Background
    from app.widgets.message_bar import MessageBar
    from app.wizard.tools import CalibrationTools
    from app.wizard.wizard import Wizard
    from streaming.snapshot import Snapshot

__all__ = ["CalibrationOverlay"]

WARM_UP_EVERY_MS = 100


class CalibrationOverlay(QObject):
    """At most one wizard, as a page over the dashboard's.

    Parameters
    ----------
    stack : QStackedWidget
        Its first page is the dashboard.
    connection : Connection
        Where the session comes from.
    messages : MessageBar
        Says why a calibration cannot begin.
    tools : CalibrationTools or None
        None where calibrating is not offered.
    background : Background
        Runs what would hold the window up.

    Attributes
    ----------
    opened, closed : Signal()
        The wizard has come, or gone.
    """

    opened = Signal()
    closed = Signal()

    def __init__(
        self,
        stack: QStackedWidget,
        connection: Connection,
        messages: MessageBar,
        tools: CalibrationTools | None,
        background: Background,
    ) -> None:
        super().__init__(stack)
        self._stack, self._connection = stack, connection
        self._messages, self._tools, self._background = messages, tools, background
        self._palette = DARK
        self._cold = [module.name for module in iter_modules(app.wizard.__path__)]
        self._then: Callable[[], object] | None = None
        self.wizard: Wizard | None = None

    def warm_up(self) -> None:
        """Import what the wizard needs, a module a turn, so that it opens without a halt.

        In the GUI thread: PySide completes Qt's classes when they are first touched, and no two
        threads shall do so at once.
        """
        if self.offered and self._cold:
            import_module(f"app.wizard.{self._cold.pop(0)}")
            QTimer.singleShot(WARM_UP_EVERY_MS, self, self.warm_up)

    @property
    def offered(self) -> bool:
        """Whether there is anything to calibrate with."""
        return self._tools is not None

    def open(self) -> None:
        """Open the wizard, unless there is one or nothing to calibrate."""
        session = self._connection.session
        if self._tools is None or session is None or self.wizard is not None:
            return
        snapshot = session.snapshot()
        if snapshot.model is None or snapshot.state not in ("streaming", "stalled"):
            return
        if snapshot.recording:
            self._messages.show_message(
                "A recording is running: stop it first, a calibration makes its own.", "warn"
            )
            return
        from app.wizard.wizard import Wizard

        wizard = Wizard(session, self._tools, self._connection.choice, self._background)
        wizard.apply_palette(self._palette)
        wizard.closed.connect(self._close)
        self.wizard = wizard
        self._area = ScrolledPage(wizard)
        self._stack.addWidget(self._area)
        self._stack.setCurrentWidget(self._area)
        self.opened.emit()
        wizard.follow(snapshot)
        self._warm_up_contact(snapshot)
        wizard.page.first_focus().setFocus()  # type: ignore[attr-defined]

    def _warm_up_contact(self, snapshot: Snapshot) -> None:
        """Make the filters of the electrodes' page before it is reached."""
        if snapshot.info is None:
            return
        from app.wizard.electrode_words import warm_up_contact

        work = partial(warm_up_contact, snapshot.info.sfreq)
        self._background.run(work, _ignore, _ignore, "making the filters")

    def asks_first(self, close: Callable[[], object]) -> bool:
        """Ask before the window closes on a calibration; False when nothing would be lost."""
        if self.wizard is None or not self.wizard.loses_something:
            return False
        self.wizard.ask_to_close()
        if self.wizard is not None and self.wizard.question is not None:
            self._then = close
            self.wizard.question.rejected.connect(self._stay)
        return True

    def apply_palette(self, palette: Palette) -> None:
        """Take a theme."""
        self._palette = palette
        if self.wizard is not None:
            self.wizard.apply_palette(palette)

    def _stay(self) -> None:
        self._then = None

    def _close(self) -> None:
        wizard, self.wizard = self.wizard, None
        if wizard is None:
            return
        self._stack.setCurrentIndex(0)
        self._stack.removeWidget(self._area)
        self._area.deleteLater()
        self.closed.emit()
        then, self._then = self._then, None
        if then is not None:
            then()


def _ignore(_outcome: object) -> None:
    """Leave an outcome alone: what failed here fails again, and is told, where it is needed."""
