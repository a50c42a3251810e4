"""``mdjpt app``: the dashboard, or the same session in the terminal where there is no display."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from app.files import read_montage
from app.session import default_bundle
from mdjpt.errors import MdjptError
from streaming.source_spec import parse_source

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DEFAULT_SOURCE", "open_window"]

DEFAULT_SOURCE = "sim:"
QT_PACKAGES = (
    "apt-get install libglib2.0-0 libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3 "
    "libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)


def open_window(
    source: str | None,
    model: Path | None,
    montage: str | None,
    *,
    screenshot: Path | None = None,
    after_s: float = 60.0,
) -> int:
    """Open the dashboard on `source`; blocks until the window is closed.

    Parameters
    ----------
    source : str or None
        SOURCE argument; the simulated participant when None.
    model : Path or None
        Model bundle; the demo bundle when None.
    montage : str or None
        Electrode names.
    screenshot : Path or None
        Save a picture after `after_s` seconds and quit.
    after_s : float
        Seconds until the picture.

    Raises
    ------
    MdjptError
        When a system library of Qt is missing.
    """
    spec = parse_source(source or DEFAULT_SOURCE)
    names = read_montage(montage)
    bundle = model or default_bundle()
    if not _has_display():
        return _in_terminal(source or DEFAULT_SOURCE, model, montage)
    _require_qt_libraries()
    from app.dashboard.launch import launch

    return launch(spec, bundle, names, screenshot=screenshot, after_s=after_s)


def _has_display() -> bool:
    """Qt aborts the process where there is neither a display nor a chosen platform."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _in_terminal(source: str, model: Path | None, montage: str | None) -> int:
    from app.commands.run import RunRequest, run_headless

    sys.stderr.write("mdjpt: no display here (DISPLAY is not set): showing the terminal view\n")
    return run_headless(RunRequest(source=source, model=model, montage=montage))


def _require_qt_libraries() -> None:
    if not sys.platform.startswith("linux"):
        return
    needed = ["libEGL.so.1", "libGL.so.1", "libxkbcommon.so.0", "libfontconfig.so.1"]
    if os.environ.get("DISPLAY") and not os.environ.get("QT_QPA_PLATFORM"):
        needed += ["libxcb-cursor.so.0", "libxkbcommon-x11.so.0", "libxcb-icccm.so.4"]
    for library in needed:
        try:
            ctypes.CDLL(library)
        except OSError:
            raise MdjptError(
                f"the window needs {library}, which is missing; on Debian: {QT_PACKAGES}"
            ) from None
