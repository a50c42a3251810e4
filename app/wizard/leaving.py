"""Questions before something is lost, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from app.wizard.question import Question
from app.wizard.run import CalibrationRun, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

__all__ = ["Leaving"]


class Leaving:
    """Asks before a session is stopped or a decoder thrown away.

    Parameters
    ----------
    parent : QWidget
        Over which the questions come.

    Attributes
    ----------
    question : Question or None
        The one that is open.
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self.question: Question | None = None

    def ask(self, heading: str, text: str, act: str, keep: str, on_act: Callable[[], None]) -> None:
        """Ask, unless a question is open.

        Parameters
        ----------
        heading, text : str
            What is asked, and what it would mean.
        act, keep : str
            The answer that does it, and the one that does nothing.
        on_act : callable
            What is done.
        """
        if self.question is not None:
            return
        question = Question(heading, text, act, keep, self._parent)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.question = question

        def answered(code: int) -> None:
            self.question = None
            if code:
                on_act()

        question.finished.connect(answered)
        question.open()

    def ask_to_discard(self, then: Callable[[], None]) -> None:
        """Ask before a decoder is thrown away that was just trained."""
        self.ask(
            "Leave without the new decoder?",
            "It is thrown away; the recording stays, and the decoder in use stays in use.",
            "Throw it away",
            "Stay here",
            then,
        )

    def ask_to_stop(
        self,
        run: CalibrationRun,
        on_paused: Callable[[CalibrationRun], None],
        then: Callable[[], None] | None,
    ) -> None:
        """Ask before a session or a training is stopped; a session waits for the answer.

        Parameters
        ----------
        run : CalibrationRun
            What would be stopped.
        on_paused : callable
            Shows that it waits.
        then : callable or None
            Called when it was stopped.
        """
        training = run.stage is Stage.TRAINING
        went_on = run.stage in (Stage.OPENING, Stage.SESSION) and not run.paused
        run.pause()
        on_paused(run)
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
        self.ask(heading, text, "Stop", "Go on", stop)
        if went_on and self.question is not None:
            self.question.rejected.connect(run.resume)
