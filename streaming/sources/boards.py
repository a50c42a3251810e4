"""The boards that BrainFlow drives: their names, their rows and what goes wrong with them."""

from __future__ import annotations

import contextlib
import difflib
import json
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from mdjpt.errors import MdjptError, SourceError, SourceNotFound
from streaming.stream import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Board", "BoardRows", "BrainFlowBoard", "board_id", "board_names", "board_rows"]

_BUFFER_S = 60.0

# Boards whose package number goes on by the same step at every sample; elsewhere it counts radio
# packets of several samples, and the stamps have to tell what is lost.
_COUNTER_MODULUS = {"synthetic": 256, "cyton": 256, "cyton_daisy": 256}

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


@dataclass(frozen=True, slots=True)
class BoardRows:
    """Where a board's data lie.

    Attributes
    ----------
    sfreq : float
        Sampling rate in Hz.
    eeg : tuple of int
        Rows in microvolts.
    labels : tuple of str
        Electrode of each, "" where BrainFlow knows none.
    timestamp : int
        Row of Unix time in seconds.
    marker, counter : int or None
        Row of inserted markers, row of the package number.
    counter_modulus : int
        Number of different package numbers, 0 when they do not count samples.
    others : tuple of (int, Column)
        Every row that is neither EEG nor time, and what BrainFlow says of it.
    """

    sfreq: float
    eeg: tuple[int, ...]
    labels: tuple[str, ...]
    timestamp: int
    marker: int | None
    counter: int | None
    counter_modulus: int
    others: tuple[tuple[int, Column], ...] = ()


class Board(Protocol):
    """A board that samples into a buffer of its own."""

    @property
    def name(self) -> str:
        """What to call it on screen."""
        ...

    def rows(self) -> BoardRows:
        """Return where its data lie; needs no device."""
        ...

    def start(self) -> None:
        """Connect and begin to fill the buffer; may block for seconds."""
        ...

    def n_waiting(self) -> int:
        """Return how many samples wait in the buffer."""
        ...

    def take(self, n_times: int) -> NDArray[np.float64]:
        """Take the oldest samples out of the buffer, shape (n_rows, n_times)."""
        ...

    def stop(self) -> None:
        """Disconnect; safe to call twice and before ``start``."""
        ...


@cache
def _brainflow() -> Any:
    """Import BrainFlow, whose first use warns of setuptools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brainflow import board_shim

        board_shim.BoardShim.disable_board_logger()
    return board_shim


def board_names() -> tuple[str, ...]:
    """Names of the boards with EEG, as in ``brainflow:cyton_daisy``."""
    shim = _brainflow()
    return tuple(
        sorted(_name(member) for member in shim.BoardIds if "eeg_channels" in _description(member))
    )


def _name(member: Any) -> str:
    return str(member.name).lower().replace("_board", "")


def _description(member: Any) -> dict[str, Any]:
    from brainflow.exit_codes import BrainFlowError

    try:
        description: dict[str, Any] = _brainflow().BoardShim.get_board_descr(member.value)
    except BrainFlowError:
        return {}
    return description


def board_id(name: str) -> int:
    """Return BrainFlow's number of a board.

    Raises
    ------
    MdjptError
        No such board.
    """
    numbers = {_name(member): int(member.value) for member in _brainflow().BoardIds}
    if name not in numbers:
        near = difflib.get_close_matches(name, numbers, n=3, cutoff=0.4)
        hint = f"; do you mean {' or '.join(near)}?" if near else "; `mdjpt sources` lists them"
        raise MdjptError(f"brainflow:{name}: no such board{hint}")
    return numbers[name]


def board_rows(name: str) -> BoardRows:
    """Return where the data of a board lie.

    Raises
    ------
    MdjptError
        No such board.
    SourceError
        The board has no EEG.
    """
    description = _description(_brainflow().BoardIds(board_id(name)))
    if "eeg_channels" not in description:
        raise SourceError(f"brainflow:{name}: this board records no EEG")
    eeg = tuple(description["eeg_channels"])
    names = description.get("eeg_names")
    return BoardRows(
        sfreq=float(description["sampling_rate"]),
        eeg=eeg,
        labels=tuple(names.split(",")) if names else ("",) * len(eeg),
        timestamp=description["timestamp_channel"],
        marker=description.get("marker_channel"),
        counter=description.get("package_num_channel"),
        counter_modulus=_COUNTER_MODULUS.get(name, 0),
        others=_others(description),
    )


def _others(description: dict[str, Any]) -> tuple[tuple[int, Column], ...]:
    """Return the rows beside EEG and time, named by BrainFlow's keys: ``accel_channels``."""
    named: dict[int, Column] = {}
    for key, rows in description.items():
        if not key.endswith(("_channel", "_channels")):
            continue
        kind = key.removesuffix("s").removesuffix("_channel")
        each = rows if isinstance(rows, list) else [rows]
        for number, row in enumerate(each, start=1):
            label = f"{kind}_{number}" if len(each) > 1 else kind
            named.setdefault(row, Column(label, kind=kind))
    taken = {*description["eeg_channels"], description["timestamp_channel"]}
    all_rows = range(description["num_rows"])
    return tuple(
        (row, named.get(row, Column(f"row_{row}"))) for row in all_rows if row not in taken
    )


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
        return board_rows(self.name)

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

    @property
    def _key(self) -> str:
        return json.dumps([self.name, self._options], sort_keys=True)

    def _connected(self, number: int) -> Any:
        """Return BrainFlow's object with a session that streams."""
        from brainflow.exit_codes import BrainFlowError

        shim = _brainflow()
        parameters = shim.BrainFlowInputParams()
        for key, value in self._options.items():
            setattr(parameters, key, value)
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
