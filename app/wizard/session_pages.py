"""The pages of the running session: which moment is shown on which, and with which buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedWidget, QWidget

from app.calibration.session import Phase
from app.wizard.bars import Choices
from app.wizard.baseline_page import BaselinePage
from app.wizard.rating_page import RatingPage
from app.wizard.rest_page import RestPage
from app.wizard.trial_page import TrialPage

if TYPE_CHECKING:
    from app.calibration.session import View
    from app.wizard.run import CalibrationRun

__all__ = ["SessionPages"]

_BASELINES = (Phase.BASELINE_OPEN, Phase.BASELINE_CLOSED)


class SessionPages(QStackedWidget):
    """Baseline, trial, rating and rest, led by the session.

    Attributes
    ----------
    progress : str
        How far it is, in words.
    wants_focus : bool
        True from a change of page until :meth:`take_focus`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.baseline, self.trial = BaselinePage(), TrialPage()
        self.rating, self.rest = RatingPage(), RestPage()
        for page in (self.baseline, self.trial, self.rating, self.rest):
            self.addWidget(page)
        self.progress = ""
        self.wants_focus = False
        self._view: View | None = None

    def show_view(self, run: CalibrationRun) -> None:
        """Show this moment of the session."""
        view = run.view
        page = self._page_of(view)
        entered = page is not self.currentWidget() or self._view is None
        rated_before = self._view is not None and self._view.phase is Phase.RATING
        if page is self.rating and view.trial is not None and not rated_before:
            self.rating.begin(run.plan, view.trial)
            entered = True
        self._view = view
        if page is self.baseline:
            self.baseline.show_view(view, run.plan.baseline_s)
        elif page is self.trial:
            self.trial.show_view(view, run.plan)
        elif page is self.rest:
            self.rest.show_view(view, run.plan.rest_s, run.why_paused)
        if page is not self.trial:
            self.trial.clear()
        self.setCurrentWidget(page)
        self.wants_focus = self.wants_focus or entered
        self.progress = _progress(view)

    @property
    def choices(self) -> Choices:
        """The buttons of this moment."""
        return Choices() if self._view is None else self._choices_of(self._view)

    def forward(self, run: CalibrationRun) -> None:
        """Do what the main button says."""
        if run.view.paused:
            run.resume()
        elif self.currentWidget() is self.rating:
            rating = self.rating.rating
            if rating is not None:
                run.rate(rating)
        else:
            run.steps.go_on()

    def take_focus(self, otherwise: QWidget) -> None:
        """Give the keyboard to what needs it on this page, else to `otherwise`."""
        self.wants_focus = False
        page = self.currentWidget()
        (self.rating.first_focus() if page is self.rating else otherwise).setFocus()

    def clear(self) -> None:
        """Be silent and forget the session."""
        self.trial.clear()
        self._view = None

    def _page_of(self, view: View) -> QWidget:
        if view.paused:
            return self.rest
        if view.phase in _BASELINES:
            return self.baseline
        if view.phase in (Phase.COUNTDOWN, Phase.TRIAL):
            return self.trial
        return self.rating if view.phase is Phase.RATING else self.rest

    def _choices_of(self, view: View) -> Choices:
        stop, pause = "Stop…", "Pause"
        if view.paused:
            return Choices(stop=stop, primary="Go on", hint="Space or Enter goes on")
        if view.phase in _BASELINES:
            return Choices(stop=stop, pause=pause, second="Skip")
        if view.phase is Phase.RATING:
            missing = self.rating.missing
            return Choices(
                stop=stop,
                pause=pause,
                second="Skip the rating",
                primary=self.rating.forward,
                hint=missing,
                ready=not missing,
            )
        if view.phase is Phase.BREAK:
            return Choices(stop=stop, pause=pause, primary="Go on")
        if view.phase is Phase.REST:
            return Choices(stop=stop, pause=pause, second="Go on now")
        return Choices(stop=stop, pause=pause)


def _progress(view: View) -> str:
    if view.phase in _BASELINES or view.trial is None:
        return "Rest before the trials"
    return f"Trial {view.trial.number} of {view.n_trials}"
