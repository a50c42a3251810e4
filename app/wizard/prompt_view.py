"""What is felt to: a sentence, a picture, a video or a sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImageReader, QPaintEvent, QPixmap
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedWidget, QWidget

from app.calibration.prompts import recall_prompts
from app.widgets.controls import paragraph
from app.widgets.layout import Stretch, in_column, in_row
from app.widgets.painting import painting
from app.wizard.media_player import MediaPlayer, media_player

if TYPE_CHECKING:
    from pathlib import Path

    from app.calibration.plan import Trial

__all__ = ["PromptView"]

TEXT_WIDTH = 720
LARGEST_MB = 256  # decoded; a picture that needs more is refused by Qt


class PromptView(QWidget):
    """Shows the prompt of one trial; where it cannot, says so in one line and asks in words."""

    def __init__(self) -> None:
        super().__init__()
        self.text = _middle("prompt")
        self.note = _middle("caption")
        self.note.hide()
        words = QWidget()
        # A label that breaks its lines needs a width from its layout, or its height is too small.
        said, note = (in_row(Stretch(), (part, 1000), Stretch()) for part in (self.text, self.note))
        in_column(Stretch(), said, 12, note, Stretch(), within=words)
        self.picture = _Picture()
        self._pages = QStackedWidget()
        self._pages.addWidget(words)
        self._pages.addWidget(self.picture)
        self._player: MediaPlayer | None = None
        in_column(self._pages, within=self, margins=(0, 0, 0, 0))
        self._trial: Trial | None = None

    def show_trial(self, trial: Trial) -> None:
        """Show a trial's prompt; the same trial again changes nothing."""
        if trial is self._trial:
            return
        self._trial = trial
        prompt = trial.prompt
        self._say(prompt.text)
        if prompt.media is None:
            return
        if prompt.kind == "picture":
            self._show_picture(trial, prompt.media)
        else:
            self._play(trial, prompt.media)

    def clear(self) -> None:
        """Show nothing and be silent."""
        self._trial = None
        self._say("")
        if self._player is not None:
            self._player.stop()

    def _say(self, text: str, note: str = "") -> None:
        self.text.setText(text)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._pages.setCurrentIndex(0)
        self.setAccessibleName(text)

    def _say_instead(self, trial: Trial, why: str) -> None:
        self._say(recall_prompts(trial.label)[0], why)

    def _show_picture(self, trial: Trial, path: Path) -> None:
        pixmap = _read_picture(path)
        if pixmap.isNull():
            self._say_instead(trial, f"{path.name} cannot be shown: take another picture.")
        else:
            self.picture.show_pixmap(pixmap)
            self._pages.setCurrentIndex(1)

    def _play(self, trial: Trial, path: Path) -> None:
        if self._player is None:
            self._player = media_player()
            if self._player is not None:
                self._player.failed.connect(self._could_not_play)
                self._pages.addWidget(self._player.screen)
        if self._player is None:
            self._say_instead(
                trial, f"{path.name} cannot be played: PySide6-Addons is not installed."
            )
            return
        self._player.play(path)
        if trial.prompt.kind == "video":
            self._pages.setCurrentWidget(self._player.screen)

    def _could_not_play(self, why: str) -> None:
        if self._trial is not None:
            self._say_instead(self._trial, f"The file cannot be played: {why}")


class _Picture(QWidget):
    """A picture as large as fits, never larger than it is by more than twice."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._whole = QPixmap()
        self._scaled = QPixmap()

    def show_pixmap(self, pixmap: QPixmap) -> None:
        self._whole, self._scaled = pixmap, QPixmap()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        if self._whole.isNull():
            return
        room = self.size().boundedTo(self._whole.size() * 2)
        wanted = self._whole.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        if self._scaled.size() != wanted:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._scaled = self._whole.scaled(wanted, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        place = QRect(self._scaled.rect())
        place.moveCenter(self.rect().center())
        with painting(self) as painter:
            painter.drawPixmap(place.topLeft(), self._scaled)


def _read_picture(path: Path) -> QPixmap:
    QImageReader.setAllocationLimit(LARGEST_MB)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    return QPixmap.fromImage(reader.read())


def _middle(role: str) -> QLabel:
    made = paragraph("", role)
    made.setAlignment(Qt.AlignmentFlag.AlignCenter)
    made.setMaximumWidth(TEXT_WIDTH)
    return made
