"""Recording on and off in a running session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.errors import RecordingError
from streaming.recorder.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from streaming.acquisition import Acquisition
    from streaming.prediction import Prediction
    from streaming.recorder.side_streams import SideBlock
    from streaming.snapshot import ModelCard

__all__ = ["RecordingSwitch"]


class RecordingSwitch:
    """Holds the recorder of an acquisition, at most one at a time.

    Raw chunks are recorded from the next one on. One thread uses it; `beside` is for any.
    """

    def __init__(self, acquisition: Acquisition) -> None:
        self._acquisition = acquisition
        self._recorder: Recorder | None = None
        self._error = ""
        self._recorded_s = 0.0

    @property
    def path(self) -> str:
        """File being written, "" when none."""
        recorder = self._recorder
        return "" if recorder is None or recorder.failed else str(recorder.path)

    @property
    def error(self) -> str:
        """One line on what went wrong with the newest recording, "" when it is fine."""
        return self._error if self._recorder is None else self._recorder.error

    @property
    def recorded_s(self) -> float:
        """Seconds of signal in the newest recording."""
        return self._recorded_s if self._recorder is None else self._recorder.recorded_s

    def start(self, path: Path) -> None:
        """Begin a recording with the next chunk; does nothing while one is being written.

        A file that cannot be created shows in `error`.
        """
        if self.path:
            return
        self.stop()
        try:
            self._recorder = Recorder(path)
        except RecordingError as error:
            self._error = str(error)
        else:
            self._acquisition.sink = self._recorder

    def stop(self) -> None:
        """End the recording, if there is one; blocks until it is on the disk."""
        recorder, self._recorder = self._recorder, None
        self._acquisition.sink = None
        if recorder is not None:
            recorder.close()
            self._error = recorder.error
            self._recorded_s = recorder.recorded_s

    def beside(self, block: SideBlock) -> None:
        """Record what came of another stream; called by the threads of the side streams."""
        recorder = self._recorder
        if recorder is not None:
            recorder.beside(block)

    def predicted(self, prediction: Prediction, card: ModelCard | None) -> None:
        """Record a prediction."""
        if self._recorder is not None:
            self._recorder.predict(prediction, card)
