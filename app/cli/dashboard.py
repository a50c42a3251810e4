"""``mdjpt app``: the dashboard, or the same session in the terminal where there is no display."""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.run import RunRequest, run_headless
from app.dashboard.display import display_problem
from app.dashboard.main import run_dashboard
from app.dashboard.session_port import FoundSource, SourceChoice
from app.files import read_montage
from app.recording_files import new_recording
from app.session import LiveSession, SessionConfig, default_bundle
from app.wizard.port import CalibrationTools
from mdjpt.errors import MdjptError
from streaming.sources.source_spec import SourceSpec, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.calibration.profiles import ProfileStore
    from app.calibration.training import TrainingJob
    from app.wizard.port import TrainingWish

__all__ = ["DEFAULT_SOURCE", "calibration_tools", "make_session", "open_window"]

DEFAULT_SOURCE = "sim:"
SEARCH_S = 2.0


def open_window(
    source: str | None,
    model: Path | None,
    montage: str | None,
    *,
    profile: Path | None = None,
    hop_s: float = 0.5,
    speed: float = 1.0,
    alignment: str = "auto",
    record: Path | None = None,
    screenshot: Path | None = None,
    after_s: float | None = None,
    on_milestone: Callable[[str], None] | None = None,
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
    profile : Path or None
        A person's calibration.
    hop_s : float
        Seconds from window to window.
    speed : float
        Times real time, for files and the simulated participant.
    alignment : str
        Kind of alignment, or "auto".
    record : Path or None
        Folder to record every session into; None records on demand, into the user's data.
    screenshot : Path or None
        Save a picture after `after_s` seconds and quit.
    after_s : float or None
        Seconds until the window closes by itself.
    on_milestone : callable, optional
        Called with "painted" and "first signal" at these moments.

    Raises
    ------
    MdjptError
        When the window cannot open.
    """
    parse_source(source or DEFAULT_SOURCE)
    names = read_montage(montage)
    problem = display_problem()
    if problem:
        if screenshot is None and not _window_expected():
            sys.stderr.write("mdjpt: no display here: showing the session in the terminal\n")
            return run_headless(
                RunRequest(
                    source=source or DEFAULT_SOURCE,
                    model=model,
                    montage=montage,
                    profile=profile,
                    record=record,
                    alignment=alignment,
                )
            )
        raise MdjptError(problem)
    choice = SourceChoice(source or DEFAULT_SOURCE, str(model or ""), names)
    return run_dashboard(
        partial(
            make_session,
            profile=profile,
            hop_s=hop_s,
            speed=speed,
            alignment=alignment,
            record=record,
        ),
        discover,
        choice,
        screenshot=screenshot,
        exit_after_s=after_s,
        on_milestone=on_milestone,
        recordings=record,
        calibration=calibration_tools(),
    )


def calibration_tools() -> CalibrationTools:
    """Return what the wizard calibrates with: the profiles of this user, jobs in processes."""
    return CalibrationTools(_profile_store, _training_job)


def _profile_store() -> ProfileStore:
    from app.calibration.profiles import ProfileStore

    return ProfileStore()


def _training_job(wish: TrainingWish) -> TrainingJob:
    from app.calibration.training import TrainingJob

    choice = wish.choice
    bundle = Path(choice.model) if choice is not None and choice.model else default_bundle()
    return TrainingJob(wish.recording, None, wish.profile, bundle, participant=wish.participant)


def make_session(
    choice: SourceChoice,
    *,
    profile: Path | None = None,
    hop_s: float = 0.5,
    speed: float = 1.0,
    alignment: str = "auto",
    record: Path | None = None,
) -> LiveSession:
    """Turn the user's choice into a session that is not started yet.

    Raises
    ------
    MdjptError
        When the choice names no source, or nothing can be recorded into `record`.
    """
    return LiveSession(
        SessionConfig(
            source=parse_source(choice.source),
            bundle=Path(choice.model) if choice.model else default_bundle(),
            hop_s=hop_s,
            montage=choice.montage,
            speed=speed,
            publish_lsl=choice.publish_lsl,
            profile=profile,
            record=None if record is None else new_recording(record),
            alignment=alignment,
        )
    )


def discover() -> list[FoundSource]:
    """Look for LSL streams and name the BrainFlow boards; takes some seconds.

    Streams that share a name are told apart by their source_id.
    """
    from streaming.sources.discovery import list_boards, list_lsl

    streams = list_lsl(SEARCH_S)
    n_named = Counter(stream.name for stream in streams)
    found = []
    for stream in streams:
        if stream.type.casefold() != "eeg":
            continue
        told_apart = n_named[stream.name] > 1 and stream.source_id
        spec = SourceSpec("lsl", stream.name, {"source_id": stream.source_id} if told_apart else {})
        detail = f"{stream.n_channels} channels, {stream.sfreq:g} Hz, {stream.hostname}"
        found.append(FoundSource(source=str(spec), title=stream.name, detail=detail))
    boards = [
        FoundSource(f"brainflow:{board.name}", board.name, kind="brainflow")
        for board in list_boards()
    ]
    return found + boards


def _window_expected() -> bool:
    """Tell a machine whose display is broken from one that has none."""
    return any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
