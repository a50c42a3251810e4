"""Between the trials: a rest that ends by itself, a break, a pause, or eyes that open again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar

from app.calibration.session import Phase
from app.widgets.controls import label
from app.widgets.layout import Stretch
from app.wizard.stage import Stage

if TYPE_CHECKING:
    from app.calibration.session import View

__all__ = ["RestPage"]

_PAUSED = {
    Phase.BASELINE_OPEN: "The rest with eyes open begins again when you go on.",
    Phase.BASELINE_CLOSED: "The rest with eyes closed begins again when you go on.",
    Phase.COUNTDOWN: "Trial {number} begins with its countdown when you go on.",
    Phase.TRIAL: "Trial {number} begins again when you go on.",
}


class RestPage(Stage):
    """What goes on, how far it is, and the time where it is limited."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(360)
        self.count = label("", "muted")
        middle = Qt.AlignmentFlag.AlignHCenter
        self._fill(
            *(Stretch(3), (self.cue, middle), self.said),
            *(20, (self.ring, middle), 20, (self.bar, middle), (self.count, middle), Stretch(4)),
        )

    def show_view(self, view: View, rest_s: float, why: str = "") -> None:
        """Show a rest of `rest_s` seconds, a break, or a pause.

        Parameters
        ----------
        view : View
            The moment.
        rest_s : float
            What a rest lasts in all, seconds.
        why : str
            "welcome" for the pause after eyes were closed, else the reason of a pause that nobody
            asked for, or "".
        """
        welcome = view.paused and why == "welcome"
        if welcome:
            self._say("Open your eyes", "Take your time. The trials begin when you go on.")
        elif view.paused:
            number = view.trial.number if view.trial is not None else 1
            then = _PAUSED.get(view.phase, "Everything waits for you.").format(number=number)
            self._say("Paused", f"{why} {then}".strip())
        elif view.phase is Phase.BREAK:
            self._say("Time for a break", "Stretch, drink, look around. Go on when you like.")
        else:
            self._say("Rest", "Let go. Move and blink now if you like.")
        self._set_light("bright" if welcome else "")
        timed = not view.paused and view.remaining_s is not None
        self.ring.setVisible(timed)
        self.ring.show_time(view.remaining_s or 0.0, rest_s)
        self.bar.setVisible(not welcome)
        self.count.setVisible(not welcome)
        self.bar.setRange(0, view.n_trials)
        self.bar.setValue(view.n_done)
        self.count.setText(f"{view.n_done} of {view.n_trials} trials done")
