"""The wizard: which page is shown, and what its buttons do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from app.widgets.layout import in_column
from app.widgets.message_bar import MessageBar
from app.widgets.theme import set_theme, style_sheet
from app.widgets.words import clock_text
from app.wizard.bars import ButtonBar, TopBar
from app.wizard.pages import Pages
from app.wizard.participants import Participants
from app.wizard.question import Question, Questions
from app.wizard.run import CalibrationRun, Stage
from app.wizard.style_sheet import WIZARD_SHEET
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent

    from app.session import LiveSession
    from app.source_choice import SourceChoice
    from app.widgets.background import Background
    from app.widgets.theme import Palette
    from app.wizard.tools import CalibrationTools
    from streaming.snapshot import Snapshot

__all__ = ["Wizard"]


class Wizard(QWidget):
    """One calibration of one person, from the first page to the last.

    It has no colours before :meth:`apply_palette`: polishing all its pages takes time, once.

    Parameters
    ----------
    session : LiveSession
        The running session.
    tools : CalibrationTools
        Profiles and training.
    choice : SourceChoice or None
        What the session is connected to.
    background : Background
        Runs what would hold the window up.

    Attributes
    ----------
    closed : Signal()
        The user is through.
    """

    closed = Signal()

    def __init__(
        self,
        session: LiveSession,
        tools: CalibrationTools,
        choice: SourceChoice | None,
        background: Background,
    ) -> None:
        super().__init__()
        self.setObjectName("wizard")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session, self._tools, self._choice = session, tools, choice
        self.run: CalibrationRun | None = None
        self._used = False
        self._questions = Questions(self)
        self.top, self.foot, self.messages = TopBar(), ButtonBar(), MessageBar()
        model = session.snapshot().model
        self.pages = Pages(session.latest, model.sha256 if model is not None else "")
        self._build()
        self.pages.plan.show_classes(model.class_names if model is not None else ())
        self._turn_to(self.pages.who)
        self.people = Participants(
            self.pages.who,
            tools.make_store,
            background,
            session,
            self.messages,
            self._questions.ask,
        )

    @property
    def page(self) -> QWidget:
        """The page on show."""
        return self.pages.shown

    @property
    def question(self) -> Question | None:
        """The question that is open."""
        return self._questions.open

    @property
    def loses_something(self) -> bool:
        """Whether closing now would stop a session or throw a trained decoder away."""
        run = self.run
        return run is not None and (run.goes_on or self.page is self.pages.result)

    def apply_palette(self, palette: Palette) -> None:
        """Take a theme."""
        self.setStyleSheet(style_sheet(palette, WIZARD_SHEET))
        set_theme(self, palette)

    def follow(self, snapshot: Snapshot) -> None:
        """Show the session's state; called 30 times a second."""
        self.top.badges.show_snapshot(snapshot, publishes=False)
        recording = f"REC {clock_text(snapshot.recorded_s)}" if snapshot.recording else ""
        self.top.show_recording(recording)
        if snapshot.profile_error:
            self.messages.show_message(snapshot.profile_error)
        if self.run is not None:
            self.run.follow(snapshot)
            self._show_run(self.run)
        elif self.page is self.pages.electrodes:
            self.pages.electrodes.follow(snapshot)

    def ask_to_close(self) -> None:
        """Close; what would be lost is asked for once."""
        if not self.loses_something:
            self._close()
        elif self.page is self.pages.result:
            self._questions.ask(
                "Leave without the new decoder?",
                "It is thrown away; the recording stays, and the decoder in use stays in use.",
                "Throw it away",
                "Stay here",
                self._close,
            )
        elif self.run is not None:
            self._ask_to_stop(self.run, then=self._close)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter does what the main button does, Esc leaves, Space pauses."""
        key = event.key()
        if event.isAutoRepeat():
            return
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focused = self.focusWidget()
            if isinstance(focused, QPushButton) and not focused.isCheckable():
                focused.click()
            else:
                self.foot.primary.click()
        elif key == Qt.Key.Key_Escape:
            self._escape()
        elif key == Qt.Key.Key_Space:
            self._pause_or_go_on()
        else:
            super().keyPressEvent(event)

    # What the buttons do.

    def _forward(self) -> None:
        page, run = self.page, self.run
        if run is not None and run.stage is Stage.SESSION:
            self.pages.session.forward(run)
            self._show_run(run)
        elif page is self.pages.instructions:
            self._begin()
        elif page is self.pages.result:
            self._use()
        elif page is self.pages.ended:
            self._close()
        elif page in self.pages.setup:
            self._turn_to(self.pages.neighbour(1))

    def _back(self) -> None:
        page = self.page
        if page is self.pages.who:
            self.ask_to_close()
        elif page in self.pages.setup:
            self._turn_to(self.pages.neighbour(-1))

    def _second(self) -> None:
        run = self.run
        if run is None:
            return
        if run.stage is Stage.SESSION:
            run.steps.go_on()
            self._show_run(run)
        elif self.page is self.pages.result:
            self._close()
        elif self.page is self.pages.ended:
            run.train()

    def _escape(self) -> None:
        run = self.run
        if run is not None and run.goes_on:
            self._ask_to_stop(run)
        else:
            self.ask_to_close()

    def _ask_to_stop(self, run: CalibrationRun, then: Callable[[], None] | None = None) -> None:
        """Ask before a session or a training is stopped; a session waits for the answer."""
        training = run.stage is Stage.TRAINING
        went_on = run.stage in (Stage.OPENING, Stage.SESSION) and not run.paused
        run.pause()
        self._show_run(run)
        text = (
            "The recording stays; the decoder in use stays in use."
            if training
            else f"The recording stays, with {run.view.n_done} of {run.view.n_trials} trials done."
        )

        def stop() -> None:
            run.stop()
            if then is not None:
                then()

        heading = "Stop the training?" if training else "Stop the calibration?"
        self._questions.ask(heading, text, "Stop", "Go on", stop)
        if went_on and self.question is not None:
            self.question.rejected.connect(run.resume)

    def _pause_or_go_on(self) -> None:
        run = self.run
        if run is None or run.stage is not Stage.SESSION:
            return
        if run.view.paused:
            run.resume()
        else:
            run.pause()
        self._show_run(run)

    def _begin(self) -> None:
        """Make the participant's folder and start to record."""
        plan = self.pages.plan.plan
        if plan is None or self.run is not None:
            return
        try:
            wish = self.people.make_room(self._choice)
            purpose = self.pages.who.purpose.text().strip()
            make_job = partial(self._tools.train, wish)
            self.run = CalibrationRun(self._session, plan, wish.recording, purpose, make_job)
        except MdjptError as error:
            self.messages.show_message(str(error))
            self.people.refresh()
        self._refresh()

    def _use(self) -> None:
        run = self.run
        if run is None or run.job is None:
            return
        try:
            path = run.job.accept()
        except MdjptError as error:
            self.messages.show_message(str(error))
            return
        self._session.use_profile(path)
        self._used = True
        self._close()

    def _close(self) -> None:
        self.pages.session.clear()
        if self.run is not None and self.run.job is not None and not self._used:
            self.run.job.cancel()
        self.closed.emit()

    # What is shown.

    def _turn_to(self, page: QWidget) -> None:
        # The participant's folder is known once the first page is left.
        home = "" if page is self.pages.who else self.people.home
        self.pages.turn_to(page, home)
        self._refresh()
        self.pages.first_focus(otherwise=self).setFocus()

    def _show_run(self, run: CalibrationRun) -> None:
        page = self.pages.show_run(run)
        if page is not self.page:
            self._turn_to(page)
        elif self.pages.session.wants_focus:
            self.pages.session.take_focus(self)
        self._refresh()

    def _refresh(self) -> None:
        self.foot.show_choices(self.pages.choices(self.run))
        if self.run is not None and self.run.stage is Stage.SESSION:
            self.top.show_progress(self.pages.session.progress)
        else:
            self.top.show_step(self.pages.step)

    def _build(self) -> None:
        parts = (self.top, self.messages, (self.pages, 1), self.foot)
        in_column(*parts, within=self, spacing=0, margins=(0, 0, 0, 0))
        for page in self.pages.setup:
            page.changed.connect(self._refresh)
        self.pages.session.rating.changed.connect(self._refresh)
        self.pages.session.rating.repeat_wanted.connect(self._repeat)
        self.top.close_button.clicked.connect(self.ask_to_close)
        self.foot.back.clicked.connect(self._back)
        self.foot.stop.clicked.connect(self._escape)
        self.foot.pause.clicked.connect(self._pause_or_go_on)
        self.foot.second.clicked.connect(self._second)
        self.foot.primary.clicked.connect(self._forward)

    def _repeat(self) -> None:
        if self.run is not None:
            self.run.steps.repeat()
            self._show_run(self.run)
