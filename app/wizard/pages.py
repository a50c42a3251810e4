"""The wizard's pages: which one belongs to a moment, what it shows, and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedWidget, QWidget

from app.wizard.bars import Choices
from app.wizard.electrodes_page import ElectrodesPage
from app.wizard.endings import EndedPage, ending
from app.wizard.instructions_page import InstructionsPage
from app.wizard.plan_page import PlanPage, minutes, whole_session_s
from app.wizard.result_page import ResultPage
from app.wizard.run import CalibrationRun, Stage
from app.wizard.session_pages import SessionPages
from app.wizard.training_page import TrainingPage
from app.wizard.who_page import WhoPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.wizard.page import Page
    from streaming.ring import RingView

__all__ = ["Pages"]

SESSION_STEP, RESULT_STEP = 3, 4


class Pages(QStackedWidget):
    """All pages, one of them on show.

    Parameters
    ----------
    latest : callable
        Newest samples of the session, as :meth:`LiveSession.latest`.
    model_sha256 : str
        Checksum of the model in use, "" when unknown.

    Attributes
    ----------
    setup : tuple of Page
        The pages before the session, in their order.
    """

    def __init__(self, latest: Callable[[int], RingView | None], model_sha256: str = "") -> None:
        super().__init__()
        self.who, self.plan = WhoPage(model_sha256), PlanPage()
        self.electrodes, self.instructions = ElectrodesPage(latest), InstructionsPage()
        self.session = SessionPages()
        self.training, self.result, self.ended = TrainingPage(), ResultPage(), EndedPage()
        self.setup: tuple[Page, ...] = (self.who, self.electrodes, self.plan, self.instructions)
        for page in (*self.setup, self.session, self.training, self.result, self.ended):
            self.addWidget(page)

    @property
    def shown(self) -> QWidget:
        """The page on show."""
        page = self.currentWidget()
        assert page is not None
        return page

    @property
    def step(self) -> int:
        """Which of :data:`app.wizard.bars.STEPS` it belongs to."""
        if self.shown in self.setup:
            return self.setup.index(self.shown)
        after = (self.training, self.result, self.ended)
        return RESULT_STEP if self.shown in after else SESSION_STEP

    def neighbour(self, offset: int) -> QWidget:
        """Return the page `offset` pages after the one on show, of those before the session."""
        return self.setup[self.step + offset]

    def turn_to(self, page: QWidget, home: str) -> None:
        """Show `page`.

        Parameters
        ----------
        page : QWidget
            One of ours.
        home : str
            Where the participant's recordings go.
        """
        self.setCurrentWidget(page)
        plan = self.plan.plan
        if page is self.instructions and plan is not None:
            duration = minutes(whole_session_s(plan))
            rests = plan.baseline_s > 0
            self.instructions.show_duration(plan.n_trials, duration, home, rests=rests)

    def first_focus(self, otherwise: QWidget) -> QWidget:
        """Return what has the keyboard on the page on show, or `otherwise`."""
        page = self.shown
        focus = page.first_focus() if hasattr(page, "first_focus") else page
        return otherwise if focus is page else focus

    def show_run(self, run: CalibrationRun) -> QWidget:
        """Show the moment of a run and return the page that it belongs on."""
        page, state = self._page_of(run), run.training
        if run.stage is Stage.SESSION:
            self.session.show_view(run)
        elif run.stage in (Stage.CLOSING, Stage.TRAINING):
            self.training.show_stage(state.text if state is not None else "closing the recording")
        if page is not self.shown:
            self._fill(page, run)
        return page

    def choices(self, run: CalibrationRun | None) -> Choices:
        """Return the buttons of the page on show."""
        page = self.shown
        if run is not None and run.stage is Stage.SESSION:
            return self.session.choices
        if run is not None and run.stage is Stage.OPENING:
            return Choices(stop="Stop…", primary="Begin", hint="Recording begins…", ready=False)
        if page is self.training:
            return Choices(stop="Stop…", hint="The dashboard goes on meanwhile")
        if page is self.result:
            return Choices(second="Discard", primary=self.result.forward)
        if page is self.ended:
            again = run is not None and run.stage is Stage.STOPPED and run.can_train
            n_done = run.view.n_done if run is not None else 0
            return Choices(second=f"Train with {n_done} trials" if again else "", primary="Close")
        setup = self.setup[self.step]
        missing = setup.missing
        back = "Cancel" if setup is self.who else "Back"
        return Choices(back=back, primary=setup.forward, hint=missing, ready=not missing)

    def _page_of(self, run: CalibrationRun) -> QWidget:
        if run.stage is Stage.OPENING:
            return self.instructions
        if run.stage is Stage.SESSION:
            return self.session
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
            self.session.clear()
            self.ended.show_ending(*ending(run))
