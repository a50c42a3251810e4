"""The BrainFlow boards that the source dialog offers, and what each needs to be found. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

__all__ = ["BOARDS", "Board", "board_source"]


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes
    ----------
    name : str
        BrainFlow's name in lower case without "_BOARD".
    title : str
        What people call it.
    needs : str
        Parameter that must be given: "serial_port", "mac_address", "ip_address" or "".
    hint : str
        Where to find the parameter's value.
    """

    name: str
    title: str
    needs: str = ""
    hint: str = ""


_DONGLE = "/dev/ttyUSB0, /dev/cu.usbserial-… or COM3"

BOARDS = (
    Board("synthetic", "Synthetic board (computed signals)"),
    Board("cyton", "OpenBCI Cyton · 8 channels", "serial_port", _DONGLE),
    Board("cyton_daisy", "OpenBCI Cyton + Daisy · 16 channels", "serial_port", _DONGLE),
    Board("ganglion", "OpenBCI Ganglion with dongle · 4 channels", "serial_port", _DONGLE),
    Board("ganglion_native", "OpenBCI Ganglion over Bluetooth · 4 channels"),
    Board("muse_2", "Muse 2 · 4 channels"),
    Board("muse_s", "Muse S · 4 channels"),
    Board("muse_2016", "Muse (2016) · 4 channels"),
    Board("crown", "Neurosity Crown · 8 channels"),
    Board("unicorn", "g.tec Unicorn · 8 channels"),
    Board("brainbit", "BrainBit · 4 channels"),
    Board("freeeeg32", "FreeEEG32 · 32 channels", "serial_port", _DONGLE),
    Board("pieeg", "PiEEG · 8 channels", "serial_port", "/dev/spidev0.0"),
)


def board_source(name: str, **parameters: str) -> str:
    """Return the source that names a board: ``brainflow:cyton?serial_port=/dev/ttyUSB0``."""
    given = {key: value.strip() for key, value in parameters.items() if value.strip()}
    query = urlencode(given, safe="/:")
    return f"brainflow:{name}?{query}" if query else f"brainflow:{name}"
