"""One trial: the countdown, then the prompt on the whole page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.calibration.session import Phase
from app.widgets.controls import label, paragraph
from app.widgets.layout import Stretch, in_column, in_row
from app.widgets.words import titled
from app.wizard.countdown_ring import CountdownRing
from app.wizard.prompt_view import PromptView

if TYPE_CHECKING:
    from app.calibration.plan import CalibrationPlan
    from app.calibration.session import View

__all__ = ["TrialPage"]

MIDDLE = Qt.AlignmentFlag.AlignHCenter


class TrialPage(QWidget):
    """Countdown and prompt. The emotion is named only where one is asked to remember it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = CountdownRing(150)
        self.coming = label("", "big")
        self.said = paragraph("Breathe out. Let go of what was before.", "lead")
        self.said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.emotion = label("", "lead")
        self.prompt = PromptView()
        self.ring = CountdownRing(46)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._countdown())
        self._pages.addWidget(self._trial())
        in_column(self._pages, within=self, margins=(0, 0, 0, 0))

    def show_view(self, view: View, plan: CalibrationPlan) -> None:
        """Show a moment of countdown or trial."""
        trial = view.trial
        if trial is None:
            return
        left_s = view.remaining_s or 0.0
        recall = trial.prompt.kind == "recall"
        name = titled(trial.label) if recall else ""
        if view.phase is Phase.COUNTDOWN:
            self._pages.setCurrentIndex(0)
            self.count.show_time(left_s, plan.countdown_s)
            self.coming.setText(name or f"Trial {trial.number}")
            self.setAccessibleName(f"Trial {trial.number} begins: {self.coming.text()}")
            self.prompt.clear()
            return
        self._pages.setCurrentIndex(1)
        self.emotion.setText(name)
        self.prompt.show_trial(trial)
        self.ring.show_time(left_s, plan.trial_s)

    def clear(self) -> None:
        """Show nothing and be silent."""
        self.prompt.clear()

    def _countdown(self) -> QWidget:
        page = QWidget()
        in_column(
            *(Stretch(3), (self.count, MIDDLE), 16, (self.coming, MIDDLE), self.said, Stretch(4)),
            within=page,
            spacing=14,
        )
        return page

    def _trial(self) -> QWidget:
        page = QWidget()
        foot = in_row(self.emotion, Stretch(), self.ring)
        in_column((self.prompt, 1), foot, within=page, margins=(28, 24, 28, 16))
        return page
