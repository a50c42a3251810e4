"""A board as BrainFlow drives it, and what goes wrong with it."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdjpt.errors import MdjptError, RecordingError, SourceError, SourceNotFound
from streaming.sources.boards import PASSING_ON, board_id, board_model, board_rows, brainflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from streaming.sources.boards import BoardRows

__all__ = ["BrainFlowBoard"]

_BUFFER_S = 60.0

_WORDS = {
    2: "its port cannot be opened; is it plugged in, and is the port right and free?",
    3: "its serial port cannot be set up; is it the right one?",
    4: "it does not take commands; switch it off and on",
    7: "it does not answer; is it switched on and charged?",
    13: "it needs another option, as in brainflow:cyton?serial_port=/dev/ttyUSB0",
    14: "this computer's BrainFlow does not support it",
    16: "it is already in use by this program",
    17: "it was not found; is it switched on, charged and near?",
    18: "it did not answer in time; is it switched on and near?",
}


class BrainFlowBoard:
    """A board of BrainFlow's. BrainFlow is imported by the first call, not before.

    Parameters
    ----------
    name : str
        As in ``brainflow:cyton``.
    options : mapping
        BrainFlow's input parameters.
    """

    # BrainFlow lets a second session of a board close the first one.
    _in_use: ClassVar[set[str]] = set()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, name: str, options: Mapping[str, str | int | float] | None = None) -> None:
        self.name = name
        self._options = dict(options or {})
        self._shim: Any = None

    def rows(self) -> BoardRows:
        """Return where its data lie.

        Raises
        ------
        MdjptError
            No such board.
        SourceError
            The board has no EEG.
        """
        return board_rows(self.name, self._options)

    @property
    def model(self) -> str:
        """BrainFlow's name of what samples."""
        return board_model(self.name, self._options)

    @property
    def ends(self) -> bool:
        """Whether its silence is the end: it plays a file."""
        return self.name == "playback_file"

    def start(self) -> None:
        """Connect and begin to sample; blocks for as long as the driver does.

        Raises
        ------
        SourceNotFound
            The board cannot be reached.
        SourceError
            It is already open in this process.
        """
        number = board_id(self.name)
        self._refuse_missing()
        with self._lock:
            if self._key in self._in_use:
                raise SourceError(f"brainflow:{self.name}: already open in this program")
            self._in_use.add(self._key)
        try:
            self._shim = self._connected(number)
        except BaseException:
            self._in_use.discard(self._key)
            raise

    def n_waiting(self) -> int:
        """Return how many samples wait in the buffer."""
        return int(self._shim.get_board_data_count()) if self._shim is not None else 0

    def take(self, n_times: int) -> NDArray[np.float64]:
        """Take the oldest samples out of the buffer, shape (n_rows, n_times)."""
        samples: NDArray[np.float64] = self._shim.get_board_data(n_times)
        return samples

    def stop(self) -> None:
        """Disconnect; safe to call twice and before ``start``."""
        shim, self._shim = self._shim, None
        if shim is None:
            return
        from brainflow.exit_codes import BrainFlowError

        for end in (shim.stop_stream, shim.release_session):
            # An unplugged board cannot be stopped properly.
            with contextlib.suppress(BrainFlowError):
                end()
        self._in_use.discard(self._key)

    def _refuse_missing(self) -> None:
        """Say which option is missing, for BrainFlow only says that one is wrong."""
        needed = [part.partition("=")[0] for part in PASSING_ON.get(self.name, "").split("&")]
        missing = [key for key in needed if key and key not in self._options]
        if missing:
            raise MdjptError(
                f"brainflow:{self.name}: add {' and '.join(missing)}, as in "
                f"brainflow:{self.name}?{PASSING_ON[self.name]}&master_board={self.model}"
            )
        file = Path(str(self._options.get("file", "")))
        if self.ends and not file.is_file():
            raise RecordingError(f"{file}: no such file of BrainFlow's; check the path")

    @property
    def _key(self) -> str:
        return json.dumps([self.name, self._options], sort_keys=True)

    def _connected(self, number: int) -> Any:
        """Return BrainFlow's object with a session that streams."""
        from brainflow.exit_codes import BrainFlowError

        shim = brainflow()
        parameters = shim.BrainFlowInputParams()
        for key, value in self._options.items():
            setattr(parameters, key, value)
        if self.name in PASSING_ON:
            parameters.master_board = board_id(self.model)
        board = shim.BoardShim(number, parameters)
        try:
            board.prepare_session()
            board.start_stream(round(_BUFFER_S * self.rows().sfreq))
        except BrainFlowError as error:
            with contextlib.suppress(BrainFlowError):
                board.release_session()
            code = error.exit_code
            words = _WORDS.get(code, f"BrainFlow error {code}; see its documentation")
            options = "&".join(f"{key}={value}" for key, value in self._options.items())
            source = f"brainflow:{self.name}" + (f"?{options}" if options else "")
            raise SourceNotFound(f"{source}: {words}") from None
        return board
