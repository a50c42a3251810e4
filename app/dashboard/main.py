"""Opens the dashboard and returns its exit code. Imports Qt only once a display is there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from app.dashboard.display import display_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.dashboard.session_port import Discover, SessionFactory, SourceChoice
    from app.wizard.port import CalibrationTools

__all__ = ["run_dashboard"]

SCREENSHOT_AFTER_S = 20.0


def run_dashboard(
    session_factory: SessionFactory,
    discover: Discover,
    initial: SourceChoice | None,
    *,
    screenshot: Path | None = None,
    exit_after_s: float | None = None,
    on_milestone: Callable[[str], None] | None = None,
    light: bool = False,
    recordings: Path | None = None,
    calibration: CalibrationTools | None = None,
) -> int:
    """Show the dashboard until its window is closed.

    Parameters
    ----------
    session_factory : callable
        Makes a session of a :class:`SourceChoice`; called in a worker thread.
    discover : callable
        Lists the streams that answer; called in a thread, may take seconds.
    initial : SourceChoice or None
        What to connect to at once; None shows the welcome.
    screenshot : Path, optional
        Where to save a picture of the window before it closes by itself.
    exit_after_s : float, optional
        Seconds after which the window closes; 20 when only `screenshot` is given.
    on_milestone : callable, optional
        Called with "painted" and "first signal" at these moments.
    light : bool
        Begin with the light theme.
    recordings : Path, optional
        Folder of recordings; one for the user's data by default.
    calibration : CalibrationTools, optional
        Profiles and training; without them calibrating is not offered.

    Returns
    -------
    int
        0, or 2 with one line on stderr when no window can open or the picture cannot be saved.
    """
    problem = display_problem()
    if problem:
        print(f"mdjpt: {problem}", file=sys.stderr)  # noqa: T201 - a user's error line
        return 2
    from app.dashboard.application import Application

    application = Application(
        session_factory,
        discover,
        initial,
        light=light,
        recordings=recordings,
        calibration=calibration,
    )
    if on_milestone is not None:
        application.report_milestones(on_milestone)
    if screenshot is not None or exit_after_s is not None:
        application.leave_after(
            SCREENSHOT_AFTER_S if exit_after_s is None else exit_after_s, screenshot
        )
    return application.run()
