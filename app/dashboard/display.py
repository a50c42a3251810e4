"""Whether a window can open at all: Qt aborts the process when it cannot. No Qt here."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["display_problem"]

_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
}
_X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}


def display_problem(environment: Mapping[str, str] | None = None) -> str:
    """Return in one line why no window can open, "" when one can."""
    if not sys.platform.startswith("linux"):
        return ""
    values = os.environ if environment is None else environment
    platform = values.get("QT_QPA_PLATFORM", "")
    display, wayland = values.get("DISPLAY", ""), values.get("WAYLAND_DISPLAY", "")
    if not (platform or display or wayland):
        return (
            "no display: neither DISPLAY nor WAYLAND_DISPLAY is set; "
            "use 'mdjpt run SOURCE' in a terminal, or start under xvfb-run"
        )
    over_x11 = "xcb" in platform or (not platform and not wayland)
    if over_x11 and not _answers(display):
        return f"no display: nothing answers at DISPLAY={display}; is the X server running?"
    missing = _missing({**_LIBRARIES, **_X11_LIBRARIES} if over_x11 else _LIBRARIES)
    if missing:
        return f"system libraries are missing; install them: apt-get install {' '.join(missing)}"
    return ""


def _answers(display: str) -> bool:
    """Try to reach the X server as its clients do."""
    host, _, number = display.rpartition(":")
    screen = number.split(".")[0]
    if not screen.isdigit():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{screen}"
        return _connects(socket.AF_UNIX, path) or _connects(socket.AF_UNIX, "\0" + path)
    if Path(host).exists():  # macOS hands out the path of a socket
        return True
    return _connects(socket.AF_INET, (host, 6000 + int(screen)))


def _connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def _missing(libraries: Mapping[str, str]) -> list[str]:
    """Return the packages whose library cannot be loaded."""
    absent = []
    for library, package in libraries.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            absent.append(package)
    return absent
