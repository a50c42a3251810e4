"""``mdjpt app``: the dashboard, or the same session in the terminal where there is no display."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import (
    Alignment,
    Device,
    Hop,
    Model,
    Montage,
    Profile,
    Record,
    RecordStreams,
    SourceName,
    Speed,
    named_streams,
    refuse_second_alignment,
)
from app.cli.run import run
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from app.calibration.profiles import ProfileStore
    from app.calibration.training import TrainingJob
    from app.dashboard.application import Application
    from app.session import LiveSession, SessionConfig
    from app.source_choice import FoundSource, SourceChoice
    from app.wizard.tools import TrainingWish

__all__ = ["discover", "make_session", "open_dashboard"]

SEARCH_S = 2.0
SCREENSHOT_AFTER_S = 20.0


def open_dashboard(
    source: SourceName = "sim:",
    *,
    model: Model = None,
    profile: Profile = None,
    alignment: Alignment = "auto",
    record: Record = None,
    record_stream: RecordStreams = None,
    montage: Montage = None,
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture of the window as PNG, then quit.")
    ] = None,
    after: Annotated[
        float | None, typer.Option(help="Close the window after this many seconds.")
    ] = None,
    hop: Hop = 0.5,
    device: Device = "auto",
    speed: Speed = 1.0,
    milestones: Annotated[bool, typer.Option("--milestones", hidden=True)] = False,
) -> int:
    """Open the dashboard (what plain `mdjpt` does)."""
    from app.dashboard.display import display_problem
    from app.session import SessionConfig, default_bundle
    from mdjpt.recordings import montage_names
    from streaming.sources.source_spec import parse_source

    refuse_second_alignment(alignment, profile)
    config = SessionConfig(
        source=parse_source(source),
        bundle=model or default_bundle(),
        hop_s=hop,
        montage=montage_names(montage) or (),
        speed=speed,
        profile=profile,
        alignment=alignment,
        device=device,
        record_streams=named_streams(record_stream),
    )
    problem = display_problem()
    if problem and (screenshot is not None or _window_expected()):
        raise MdjptError(problem)
    if problem:
        typer.echo("mdjpt: no display here: showing the session in the terminal", err=True)
        return run(
            source,
            model=model,
            profile=profile,
            alignment=alignment,
            hop=hop,
            speed=speed,
            record=record,
            record_stream=record_stream,
            montage=montage,
            device=device,
        )
    # Qt aborts the process when it cannot open a window: it is imported once one can be.
    from app.dashboard.application import Application
    from app.dashboard.source_report import look_at
    from app.dashboard.window import Dashboard
    from app.settings import Settings
    from app.source_choice import SourceChoice
    from app.wizard.tools import CalibrationTools

    application = Application(
        partial(
            Dashboard,
            partial(make_session, config, record),
            SourceChoice(source, str(model or ""), config.montage),
            discover=discover,
            look_at=look_at,
            settings=Settings.of_user(),
            recordings=record,
            calibration=CalibrationTools(_profile_store, _training_job),
        )
    )
    if milestones:
        _print_milestones(application)
    if screenshot is not None or after is not None:
        application.leave_after(SCREENSHOT_AFTER_S if after is None else after, screenshot)
    return application.run()


def _print_milestones(application: Application) -> None:
    """Print the Unix time of the first paint and of the first signal, then leave, for the bench."""

    def told(name: str) -> None:
        typer.echo(json.dumps({name: time.time()}))
        if name == "first signal":
            application.leave_after(0.0, None)

    application.report_milestones(told)


def make_session(config: SessionConfig, record: Path | None, choice: SourceChoice) -> LiveSession:
    """Turn the user's choice into a session that is not started yet.

    `config` is what the command line says of every session; without a folder to `record` every one
    into, recording is on demand.

    Raises MdjptError when the choice names no source, or nothing can be recorded into `record`.
    """
    from app.recording_files import new_recording
    from app.session import LiveSession, build_source, default_bundle
    from streaming.publishers.output import Output
    from streaming.sources.source_spec import parse_source

    source = parse_source(choice.source)
    if source.options:
        # What a source refuses is told here: the engine's process could only die of it.
        build_source(source, choice.montage, config.speed)
    return LiveSession(
        replace(
            config,
            source=source,
            bundle=Path(choice.model) if choice.model else default_bundle(),
            montage=choice.montage,
            publish=(Output("lsl"),) if choice.publish_lsl else (),
            record=None if record is None else new_recording(record),
            # A bundle without a head decodes nothing yet, but it can be calibrated.
            with_features=True,
        )
    )


def discover() -> list[FoundSource]:
    """Look for LSL streams; takes some seconds.

    Streams that share a name are told apart by their source_id.
    """
    from app.source_choice import FoundSource
    from streaming.sources.discovery import list_lsl
    from streaming.sources.source_spec import SourceSpec

    streams = [s for s in list_lsl(SEARCH_S) if s.type.casefold() == "eeg"]
    n_named = Counter(stream.name for stream in streams)
    n_twins = Counter((stream.name, stream.source_id) for stream in streams)
    found = []
    for stream in streams:
        options: dict[str, str | int | float] = {}
        if n_named[stream.name] > 1 and stream.source_id:
            options["source_id"] = stream.source_id
        if n_twins[stream.name, stream.source_id] > 1:
            options["hostname"] = stream.hostname
        spec = SourceSpec("lsl", stream.name, options)
        told = [
            f"{stream.n_channels} channels",
            f"{stream.measured_sfreq:.1f} of {stream.sfreq:g} Hz"
            if stream.measured_sfreq
            else f"{stream.sfreq:g} Hz, sends nothing now",
            "" if any(stream.ch_names) else "electrodes not named",
            stream.source_id,
            stream.hostname,
        ]
        found.append(FoundSource(str(spec), stream.name, " · ".join(filter(None, told))))
    return found


def _profile_store() -> ProfileStore:
    from app.calibration.profiles import ProfileStore

    return ProfileStore()


def _training_job(wish: TrainingWish) -> TrainingJob:
    from app.calibration.from_recording import TrainingRequest
    from app.calibration.training import TrainingJob
    from app.session import default_bundle

    choice = wish.choice
    bundle = Path(choice.model) if choice is not None and choice.model else default_bundle()
    request = TrainingRequest(
        wish.recording,
        None,
        wish.profile,
        bundle,
        wish.participant,
        # The result page tells that a decoder is unproven, and leaves it to the person to use it.
        unproven=wish.in_session is None,
        in_session=wish.in_session,
    )
    return TrainingJob(request)


def _window_expected() -> bool:
    """Tell a machine whose display is broken from one that has none."""
    return any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
