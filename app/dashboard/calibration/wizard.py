"""The wizard: which page is shown, and what its buttons do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.dashboard.calibration.electrodes_page import ElectrodesPage
from app.dashboard.calibration.ended_page import EndedPage
from app.dashboard.calibration.endings import ending
from app.dashboard.calibration.instructions_page import InstructionsPage
from app.dashboard.calibration.look import wizard_sheet
from app.dashboard.calibration.people import People
from app.dashboard.calibration.plan_page import PlanPage, minutes, whole_session_s
from app.dashboard.calibration.question import Question
from app.dashboard.calibration.result_page import ResultPage
from app.dashboard.calibration.run import CalibrationRun, Stage
from app.dashboard.calibration.session_pages import SessionPages
from app.dashboard.calibration.shell import Choices, Foot, Top
from app.dashboard.calibration.training_page import TrainingPage
from app.dashboard.calibration.who_page import WhoPage
from app.dashboard.message_bar import MessageBar
from app.dashboard.theme import DARK, Palette
from app.dashboard.words import clock_text
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent

    from app.dashboard.background import Background
    from app.dashboard.calibration.page import Page
    from app.dashboard.calibration.port import CalibrationTools
    from app.dashboard.session_port import SessionPort, SourceChoice
    from streaming.snapshot import Snapshot

__all__ = ["Wizard"]


class Wizard(QWidget):
    """One calibration of one person, from the first page to the last.

    Parameters
    ----------
    session : SessionPort
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
        session: SessionPort,
        tools: CalibrationTools,
        choice: SourceChoice | None,
        background: Background,
    ) -> None:
        super().__init__()
        self.setObjectName("wizard")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session, self._tools, self._choice = session, tools, choice
        self.run: CalibrationRun | None = None
        self.question: Question | None = None
        self._used = False
        self.top, self.foot, self.messages = Top(), Foot(), MessageBar()
        self.who, self.plan = WhoPage(), PlanPage()
        self.electrodes = ElectrodesPage(session.latest)
        self.instructions = InstructionsPage()
        self.session_pages = SessionPages()
        self.training, self.result, self.ended = TrainingPage(), ResultPage(), EndedPage()
        self._setup: tuple[Page, ...] = (self.who, self.electrodes, self.plan, self.instructions)
        self._pages = QStackedWidget()
        for page in (*self._setup, self.session_pages, self.training, self.result, self.ended):
            self._pages.addWidget(page)
        self._build()
        model = session.snapshot().model
        self.plan.show_classes(model.class_names if model is not None else ())
        self.apply_palette(DARK)
        self._turn_to(self.who)
        self.people = People(
            self.who, tools.make_store, background, session, self.messages, self._ask
        )

    @property
    def page(self) -> QWidget:
        """The page on show."""
        page = self._pages.currentWidget()
        assert page is not None
        return page

    @property
    def loses_something(self) -> bool:
        """Whether closing now would stop a session or throw a trained decoder away."""
        run = self.run
        return run is not None and (run.goes_on or self.page is self.result)

    def apply_palette(self, palette: Palette) -> None:
        """Take a theme."""
        self.setStyleSheet(wizard_sheet(palette))
        self.top.rail.set_palette(palette)
        for page in (*self._setup, self.training, self.result, self.ended):
            page.set_palette(palette)
        self.session_pages.set_palette(palette)

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
        elif self.page is self.electrodes:
            self.electrodes.follow(snapshot)

    def ask_to_close(self) -> None:
        """Close; what would be lost is asked for once."""
        if not self.loses_something:
            self._close()
        elif self.page is self.result:
            self._ask(
                "Leave without the new decoder?",
                "It is thrown away; the recording stays, and the decoder in use stays in use.",
                "Throw it away",
                "Stay here",
                self._close,
            )
        else:
            self._ask_to_stop(then=self._close)

    def stop_for_good(self) -> None:
        """Stop whatever goes on, without a question."""
        if self.run is not None:
            self.run.stop()
        if self.run is not None and self.run.job is not None:
            self.run.job.cancel()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter does what the main button does, Esc leaves, Space pauses."""
        key = event.key()
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
            self.session_pages.forward(run)
            self._show_run(run)
        elif page is self.instructions:
            self._begin()
        elif page is self.result:
            self._use()
        elif page is self.ended:
            self._close()
        elif page in self._setup:
            self._turn_to(self._setup[self._setup.index(page) + 1])

    def _back(self) -> None:
        page = self.page
        if page is self.who:
            self.ask_to_close()
        elif page in self._setup:
            self._turn_to(self._setup[self._setup.index(page) - 1])

    def _second(self) -> None:
        run = self.run
        if run is None:
            return
        if run.stage is Stage.SESSION:
            run.steps.go_on()
            self._show_run(run)
        elif self.page is self.result:
            self._close()
        elif self.page is self.ended:
            run.train()

    def _escape(self) -> None:
        run = self.run
        if run is not None and run.goes_on:
            self._ask_to_stop(then=None)
        else:
            self.ask_to_close()

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
        plan = self.plan.plan
        if plan is None or self.run is not None:
            return
        try:
            wish = self.people.make_room(self._choice)
            purpose = self.who.purpose.text().strip()
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
        self.session_pages.clear()
        if self.run is not None and self.run.job is not None and not self._used:
            self.run.job.cancel()
        self.closed.emit()

    def _ask_to_stop(self, then: Callable[[], None] | None) -> None:
        run = self.run
        if run is None:
            return
        training = run.stage is Stage.TRAINING
        went_on = run.stage is Stage.SESSION and not run.view.paused
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
        self._ask(heading, text, "Stop", "Go on", stop)
        if went_on and self.question is not None:
            self.question.rejected.connect(run.resume)

    def _ask(
        self, heading: str, text: str, act: str, keep: str, on_act: Callable[[], None]
    ) -> None:
        if self.question is not None:
            return
        question = Question(heading, text, act, keep, self)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.question = question

        def answered(code: int) -> None:
            self.question = None
            if code:
                on_act()

        question.finished.connect(answered)
        question.open()

    # What is shown.

    def _turn_to(self, page: QWidget) -> None:
        self._pages.setCurrentWidget(page)
        if page is self.instructions and self.plan.plan is not None:
            plan = self.plan.plan
            duration = minutes(whole_session_s(plan))
            self.instructions.show_duration(plan.n_trials, duration, self.people.home)
        self._refresh()
        focus = page.first_focus() if hasattr(page, "first_focus") else self
        (focus if focus is not page else self).setFocus()

    def _show_run(self, run: CalibrationRun) -> None:
        page = self._page_of(run)
        if run.stage is Stage.SESSION:
            self.session_pages.show_view(run)
        elif run.stage in (Stage.CLOSING, Stage.TRAINING):
            state = run.training
            self.training.show_stage(state.text if state is not None else "closing the recording")
        if page is not self.page:
            self._fill(page, run)
            self._turn_to(page)
        elif self.session_pages.wants_focus:
            self.session_pages.take_focus(self)
        self._refresh()

    def _page_of(self, run: CalibrationRun) -> QWidget:
        if run.stage is Stage.OPENING:
            return self.instructions
        if run.stage is Stage.SESSION:
            return self.session_pages
        if run.stage in (Stage.CLOSING, Stage.TRAINING):
            return self.training
        state = run.training
        done = run.stage is Stage.FINISHED and state is not None and state.status == "done"
        return self.result if done else self.ended

    def _fill(self, page: QWidget, run: CalibrationRun) -> None:
        state = run.training
        if page is self.result and state is not None and state.summary is not None:
            self.result.show_summary(state.summary)
        elif page is self.ended:
            self.session_pages.clear()
            self.ended.show_ending(*ending(run))

    def _refresh(self) -> None:
        self.foot.show_choices(self._choices())
        run = self.run
        if run is not None and run.stage is Stage.SESSION:
            self.top.show_progress(self.session_pages.progress)
        else:
            self.top.show_step(self._step())

    def _step(self) -> int:
        if self.page in self._setup:
            return self._setup.index(self.page)
        return 4 if self.page in (self.training, self.result, self.ended) else 3

    def _choices(self) -> Choices:
        page, run = self.page, self.run
        if run is not None and run.stage is Stage.SESSION:
            return self.session_pages.choices
        if run is not None and run.stage is Stage.OPENING:
            return Choices(stop="Stop…", primary="Begin", hint="Recording begins…", ready=False)
        if page is self.training:
            return Choices(stop="Stop…", hint="The dashboard goes on meanwhile")
        if page is self.result:
            return Choices(second="Discard", primary="Use it")
        if page is self.ended:
            again = run is not None and run.stage is Stage.STOPPED and run.can_train
            n_done = run.view.n_done if run is not None else 0
            return Choices(second=f"Train with {n_done} trials" if again else "", primary="Close")
        assert page in self._setup
        missing = page.missing
        back = "Cancel" if page is self.who else "Back"
        return Choices(back=back, primary=page.forward, hint=missing, ready=not missing)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addWidget(self.messages)
        column.addWidget(self._pages, 1)
        column.addWidget(self.foot)
        for page in self._setup:
            page.changed.connect(self._refresh)
        self.session_pages.rating.changed.connect(self._refresh)
        self.session_pages.rating.repeat_wanted.connect(self._repeat)
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
