"""The BrainFlow boards that the source dialog offers, and what each needs to be found. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

__all__ = ["Board", "all_boards", "board_source"]

_DONGLE = "/dev/ttyUSB0, /dev/cu.usbserial-… or COM3"
_HINTS = {
    "serial_port": _DONGLE,
    "mac_address": "as in 00:1b:2c:3d:4e:5f",
    "ip_address": "of the board, as in 192.168.4.1",
}
# https://brainflow.readthedocs.io/en/stable/SupportedBoards.html: without it nothing is found.
_NEEDS = {
    "serial_port": (
        *("brainbit_bled", "cyton", "cyton_daisy", "freeeeg128", "freeeeg32", "ganglion"),
        *("muse_2016_bled", "muse_2_bled", "muse_s_bled", "neuropawn_knight"),
        *("neuropawn_knight_imu", "pieeg"),
    ),
    "mac_address": ("explore_4_chan", "explore_8_chan", "explore_plus_32_chan"),
}
_TITLES = {
    "synthetic": "Synthetic board (computed signals)",
    "cyton": "OpenBCI Cyton",
    "cyton_daisy": "OpenBCI Cyton + Daisy",
    "cyton_wifi": "OpenBCI Cyton over Wi-Fi",
    "cyton_daisy_wifi": "OpenBCI Cyton + Daisy over Wi-Fi",
    "ganglion": "OpenBCI Ganglion with dongle",
    "ganglion_native": "OpenBCI Ganglion over Bluetooth",
    "ganglion_wifi": "OpenBCI Ganglion over Wi-Fi",
    "muse_2016": "Muse (2016)",
    "crown": "Neurosity Crown",
    "unicorn": "g.tec Unicorn",
    "brainbit": "BrainBit",
    "freeeeg32": "FreeEEG32",
    "freeeeg128": "FreeEEG128",
    "pieeg": "PiEEG",
}
_FIRST = ("synthetic", "cyton", "cyton_daisy", "ganglion", "ganglion_native", "muse_2", "muse_s")


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes
    ----------
    name : str
        BrainFlow's name in lower case without "_BOARD".
    title : str
        What people call it, its channels and its rate.
    needs : str
        Parameter that must be given: "serial_port", "mac_address" or "".
    hint : str
        Where to find the parameter's value.
    """

    name: str
    title: str
    needs: str = ""
    hint: str = ""


def all_boards() -> tuple[Board, ...]:
    """Return every board with EEG that BrainFlow drives, the best known first."""
    from streaming.sources.discovery import list_boards

    made = []
    for info in list_boards():
        needs = next((key for key, names in _NEEDS.items() if info.name in names), "")
        title = _TITLES.get(info.name) or info.name.replace("_", " ").title()
        title += f" · {info.n_channels} channels · {info.sfreq:g} Hz"
        made.append(Board(info.name, title, needs, _HINTS.get(needs, "")))
    first = {name: place for place, name in enumerate(_FIRST)}
    return tuple(sorted(made, key=lambda board: (first.get(board.name, len(first)), board.title)))


def board_source(name: str, **parameters: str) -> str:
    """Return the source that names a board: ``brainflow:cyton?serial_port=/dev/ttyUSB0``."""
    given = {key: value.strip() for key, value in parameters.items() if value.strip()}
    query = urlencode(given, safe="/:")
    return f"brainflow:{name}?{query}" if query else f"brainflow:{name}"
