"""Pictures of every page of the wizard: ``python -m tests.support.pictures --out DIR``.

They come from a made-up session and made-up results, and are labelled as simulated.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.widgets.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QMainWindow, QWidget

    from app.widgets.theme import Palette
    from app.wizard.wizard import Wizard
    from tests.support.fake_session import FakeSession, ManualClock
    from tests.support.fake_tools import FakeJob

__all__ = ["Photographer", "main"]

MOST_STEPS = 2000
SIZES = {"wide": (1440, 900), "small": (1000, 660)}


class Photographer:
    """Leads a wizard through a whole calibration and saves what it shows.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    palette : Palette
        Theme.
    size : tuple of int
        Width and height in logical pixels.
    """

    def __init__(self, folder: Path, palette: Palette, size: tuple[int, int]) -> None:
        self.folder = folder
        self.names: list[str] = []
        self._palette, self._size = palette, size
        self._background = Background()
        self._wizard: Wizard
        self._window: QMainWindow
        self._session: FakeSession
        self._clock: ManualClock
        self._jobs: list[FakeJob]

    def take_all(self) -> None:
        """Save a picture of every page."""
        from app.calibration.training import TrainingState
        from tests.support.fake_tools import made_summary

        self._open()
        self._take_setup()
        self._take_session()
        self._jobs[-1].state = TrainingState("done", summary=made_summary())
        self._pass(0.1)
        self._take("16-result")
        self._take_other_endings()

    def _take_setup(self) -> None:
        who, plan = self._wizard.pages.who, self._wizard.pages.plan
        self._take("01-who-new")
        who.people.setCurrentRow(1)
        who.purpose.setText("Pilot of a study on music")
        who.consent.setChecked(True)
        self._take("02-who-known")
        self._wizard.foot.primary.click()
        self._session.spoil("F7", "T8")
        self._pass(1.0)
        self._take("03-electrodes-some-bad")
        self._session.spoil(*self._session.info.ch_names[::2], "Fp2")
        self._pass(1.0)
        self._take("04-electrodes-bad")
        self._session.spoil()
        self._pass(1.0)
        self._take("05-electrodes-good")
        self._wizard.foot.primary.click()
        self._take("06-plan")
        plan.advanced.setChecked(True)
        self._take("07-plan-advanced")
        plan.material.choose(True)
        plan.classes.set_names(("joy", "anger", "sadness", "calm", "fear", "disgust", "pride"))
        self._take("08-plan-media")
        plan.classes.set_names(("negative", "neutral", "positive"))
        plan.material.choose(False)
        plan.trials.choose(2)
        plan.break_every.choose(3)
        plan.advanced.setChecked(False)
        self._wizard.foot.primary.click()
        self._take("09-instructions")

    def _take_session(self) -> None:
        self._wizard.foot.primary.click()
        self._pass(8.0)
        self._take("10-eyes-open")
        self._pass(32.0)
        self._take("11-eyes-closed")
        self._pass(22.0)
        self._take("12-welcome-back")
        self._wizard.foot.primary.click()
        self._pass(1.2)
        self._take("13-countdown")
        self._pass(6.0)
        self._take("14-trial")
        self._pass(12.0)
        self._take("15a-rating-empty")
        self._wizard.pages.session.rating.grid.choose(7, 3)
        self._wizard.pages.session.rating.felt.button(2).click()
        self._pass(0.1)
        self._take("15b-rating")
        self._wizard.foot.primary.click()
        self._pass(1.5)
        self._take("15c-rest")
        self._pass(6.0)
        self._wizard.foot.pause.click()
        self._take("15d-paused")
        self._wizard.foot.stop.click()
        self._take("15e-stop")
        self._wizard.question.keep.click()  # type: ignore[union-attr]
        self._wizard.foot.primary.click()
        self._rate_until(self._at_break)
        self._take("15f-break")
        self._wizard.foot.primary.click()
        self._rate_until(lambda: bool(self._jobs))
        self._take("15g-training")

    def _take_other_endings(self) -> None:
        from app.calibration.training import TrainingState
        from tests.support.fake_tools import made_summary

        wizard, job = self._wizard, self._jobs[-1]
        run = wizard.run
        assert run is not None
        for name, summary in (
            ("17-result-luck", made_summary(6, 12, 5 / 12)),
            ("18-result-other-classes", made_summary(28, 36, None)),
        ):
            job.state = TrainingState("done", summary=summary)
            wizard.pages.result.show_summary(summary)
            self._take(name)
        job.state = TrainingState(
            "refused",
            "refused, not better than chance: before 0.42, now 0.42 of 12 trials right (95 % "
            "interval 0.15 to 0.72), chance 0.33, p = 0.310; keep the decoder you have, or record "
            "more trials",
        )
        self._pass(0.1)
        self._take("19-refused")
        self._open()
        self._wizard.pages.who.purpose.setText("Trying it out")
        self._wizard.pages.who.consent.setChecked(True)
        for _ in range(3):
            self._pass(1.0)
            self._wizard.foot.primary.click()
        self._wizard.foot.primary.click()
        self._pass(3.0)
        self._session.fault(recording_error="/data/P-1/x.xdf: no space left on the disk")
        self._pass(0.1)
        self._take("20-recording-failed")

    def _open(self) -> None:
        from PySide6.QtWidgets import QApplication, QMainWindow

        from app.widgets.theme import style_sheet
        from app.wizard.wizard import Wizard
        from tests.support.fake_session import FakeSession, ManualClock
        from tests.support.fake_tools import FakeStore, fake_tools

        self._clock = ManualClock()
        self._session = FakeSession(clock=self._clock, head_start_s=60.0)
        self._session.start()
        home = Path(tempfile.gettempdir()) / "mdjpt-live" / "profiles"
        tools, self._jobs = fake_tools(FakeStore.with_people(home))
        self._wizard = Wizard(self._session, tools, None, self._background)
        self._wizard.apply_palette(self._palette)
        self._window = QMainWindow()
        self._window.setStyleSheet(style_sheet(self._palette))
        self._window.setCentralWidget(self._wizard)
        self._window.resize(*self._size)
        self._window.show()
        while self._wizard.pages.who.people.count() < 2:
            QApplication.processEvents()
        self._wizard.pages.who.first_focus().setFocus()
        self._pass(0.1)

    def _pass(self, seconds: float) -> None:
        from PySide6.QtWidgets import QApplication

        for _ in range(max(1, round(seconds / 0.1))):
            self._clock.advance(0.1)
            self._wizard.follow(self._session.snapshot())
        QApplication.processEvents()

    def _rate_until(self, reached: Callable[[], bool]) -> None:
        """Rate every trial until `reached`."""
        pages = self._wizard.pages.session
        for _ in range(MOST_STEPS):
            if reached():
                return
            self._pass(0.5)
            if pages.currentWidget() is pages.rating and not reached():
                pages.rating.grid.choose(6, 4)
                pages.rating.felt.button(1).click()
                self._wizard.foot.primary.click()
        raise RuntimeError("the calibration does not come to its end")

    def _at_break(self) -> bool:
        from app.calibration.session import Phase

        run = self._wizard.run
        return run is not None and run.view.phase is Phase.BREAK

    def _take(self, name: str) -> None:
        from PySide6.QtWidgets import QApplication

        QApplication.processEvents()
        picture = self._wizard.grab()
        question = self._wizard.question
        if question is not None:
            _paste(picture, question)
        theme = "dark" if self._palette.dark else "light"
        picture.save(str(self.folder / f"{name}-{theme}.png"))
        self.names.append(name)


def _paste(picture: object, dialog: QWidget) -> None:
    """Put a dialog into the middle of a picture, as a window system would."""
    from PySide6.QtGui import QColor, QPixmap

    from app.widgets.painting import painting

    assert isinstance(picture, QPixmap)
    small = dialog.grab()
    with painting(picture) as painter:
        place = picture.rect().center() - small.rect().center()
        painter.fillRect(picture.rect(), QColor(0, 0, 0, 90))
        painter.drawPixmap(place, small)


def main(arguments: Sequence[str] | None = None) -> int:
    """Save pictures of every page in both themes.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.
    """
    parser = argparse.ArgumentParser(description="Pictures of every page of the wizard.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--size", choices=sorted(SIZES), default="wide")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from app.widgets.theme import DARK, LIGHT, font

    # The offscreen platform says so of every window that has a size of its own.
    qInstallMessageHandler(lambda *_: None)
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    application.setStyle("Fusion")
    application.setFont(font(13))
    for palette in (DARK, LIGHT):
        Photographer(chosen.out, palette, SIZES[chosen.size]).take_all()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
