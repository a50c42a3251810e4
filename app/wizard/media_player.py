"""Video and sound through QtMultimedia, which comes with PySide6-Addons and may not be there."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QUrl, Signal

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

__all__ = ["MediaPlayer", "media_player"]


class MediaPlayer(QObject):
    """Plays one file at a time, over and over until it is stopped.

    Parameters
    ----------
    multimedia, widgets : module
        ``PySide6.QtMultimedia`` and ``PySide6.QtMultimediaWidgets``.

    Attributes
    ----------
    screen : QWidget
        Where a video is shown.
    """

    failed = Signal(str)

    def __init__(self, multimedia: Any, widgets: Any) -> None:
        super().__init__()
        self.screen: QWidget = widgets.QVideoWidget()
        self._output = multimedia.QAudioOutput()
        self._player = multimedia.QMediaPlayer()
        self._player.setAudioOutput(self._output)
        self._player.setVideoOutput(self.screen)
        self._player.setLoops(multimedia.QMediaPlayer.Loops.Infinite)
        self._player.errorOccurred.connect(lambda _error, text: self.failed.emit(text))

    def play(self, path: Path) -> None:
        """Begin `path` from its start."""
        self._player.setSource(QUrl.fromLocalFile(str(path)))
        self._player.play()

    def stop(self) -> None:
        """Be silent."""
        self._player.stop()


def media_player() -> MediaPlayer | None:
    """Return a player; None where QtMultimedia is not installed or does not load."""
    try:
        return MediaPlayer(
            importlib.import_module("PySide6.QtMultimedia"),
            importlib.import_module("PySide6.QtMultimediaWidgets"),
        )
    except ImportError:
        return None
