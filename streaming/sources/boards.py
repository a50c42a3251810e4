"""The boards that BrainFlow drives: their names, and where their data lie."""

from __future__ import annotations

import difflib
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from mdjpt.errors import MdjptError, SourceError
from streaming.stream import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "PASSING_ON",
    "Board",
    "BoardRows",
    "board_id",
    "board_model",
    "board_names",
    "board_rows",
    "brainflow",
]

# Boards whose package number goes on by the same step at every sample; elsewhere it counts radio
# packets of several samples, and the stamps have to tell what is lost.
_COUNTER_MODULUS = {"synthetic": 256, "cyton": 256, "cyton_daisy": 256}

PASSING_ON = {
    "streaming": "ip_address=225.1.1.1&ip_port=6677",
    "playback_file": "file=PATH",
}
"""Boards that pass on what another one has sampled, and what they need."""


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

    @property
    def model(self) -> str:
        """BrainFlow's name of what samples."""
        ...

    @property
    def ends(self) -> bool:
        """Whether its silence is the end: it plays a file."""
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
def brainflow() -> Any:
    """Import BrainFlow, whose first use warns of setuptools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brainflow import board_shim

        board_shim.BoardShim.disable_board_logger()
    return board_shim


def board_names() -> tuple[str, ...]:
    """Names of the boards with EEG, as in ``brainflow:cyton_daisy``."""
    shim = brainflow()
    return tuple(
        sorted(_name(member) for member in shim.BoardIds if "eeg_channels" in _description(member))
    )


def _name(member: Any) -> str:
    return str(member.name).lower().replace("_board", "")


def _description(member: Any) -> dict[str, Any]:
    from brainflow.exit_codes import BrainFlowError

    try:
        description: dict[str, Any] = brainflow().BoardShim.get_board_descr(member.value)
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
    numbers = {_name(member): int(member.value) for member in brainflow().BoardIds}
    if name not in numbers:
        near = difflib.get_close_matches(name, numbers, n=3, cutoff=0.4)
        hint = f"; do you mean {' or '.join(near)}?" if near else "; `mdjpt sources` lists them"
        raise MdjptError(f"brainflow:{name}: no such board{hint}")
    return numbers[name]


def board_model(name: str, options: Mapping[str, str | int | float] | None = None) -> str:
    """Return the name of the board that samples: the master of one that passes data on.

    Raises
    ------
    MdjptError
        The option that says so is missing, or there is no such board.
    """
    if name not in PASSING_ON:
        return name
    master = str((options or {}).get("master_board", "")).lower()
    if not master:
        raise MdjptError(
            f"brainflow:{name}: which board sampled? add master_board=NAME, as in "
            f"brainflow:{name}?{PASSING_ON[name]}&master_board=cyton"
        )
    if master.isdecimal():
        named = {board_id(known): known for known in board_names()}
        master = named.get(int(master), master)
    board_id(master)
    return master


def board_rows(name: str, options: Mapping[str, str | int | float] | None = None) -> BoardRows:
    """Return where the data of a board lie.

    Raises
    ------
    MdjptError
        No such board, or one that passes on the data of a board that is not named.
    SourceError
        The board has no EEG.
    """
    name = board_model(name, options)
    description = _description(brainflow().BoardIds(board_id(name)))
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
