"""``mdjpt calibrate-live``: a whole calibration in the terminal, electrodes to head."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.calibrate import ProfileFile, add_to_profile
from app.cli.interruption import stopped_by_signal
from app.cli.options import Device, Model, Montage, SourceName, positive
from app.cli.record import tell_recorded
from app.cli.thread_count import compute_on, one_thread
from mdjpt.errors import MdjptError, ModelError, RecordingError

if TYPE_CHECKING:
    from mdjpt.calibration.trials import LabelledInterval

__all__ = ["calibrate_live"]

INTERRUPTED = 130


def calibrate_live(
    source: SourceName,
    *,
    out: ProfileFile,
    model: Model = None,
    classes: Annotated[
        str | None, typer.Option(help="Emotions, comma separated; the model's by default.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials of each emotion.")] = 4,
    trial_s: Annotated[float, typer.Option(help="Seconds of a trial.")] = 15.0,
    baseline_s: Annotated[
        float, typer.Option(help="Seconds of rest with eyes open, then closed.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(help="Of the order of the trials.")] = 0,
    media: Annotated[
        Path | None,
        typer.Option(help="Folder with one folder an emotion: pictures, videos, sounds."),
    ] = None,
    ratings: Annotated[
        bool, typer.Option("--ratings/--no-ratings", help="Ask after each trial what was felt.")
    ] = True,
    label_by: Annotated[
        Literal["intended", "rated"],
        typer.Option(help="intended: what was asked for; rated: what was felt."),
    ] = "intended",
    record: Annotated[
        Path | None, typer.Option(help="Folder of the recording; beside the profile by default.")
    ] = None,
    montage: Montage = None,
    speed: Annotated[
        float, typer.Option(help="Times real time, for sim:.", callback=positive)
    ] = 1.0,
    device: Device = "auto",
) -> int:
    """Lead a person through a calibration, record it and train from it."""
    one_thread()
    from app.calibration.from_recording import TrainingRequest
    from app.calibration.plan import CalibrationPlan, planned_design
    from app.calibration.terminal_session import record_session
    from app.session import SessionConfig, default_bundle, engine_config
    from mdjpt.recordings import montage_names
    from streaming.sources.source_spec import parse_source

    compute_on(device)
    spec, bundle = parse_source(source), model or default_bundle()
    if spec.kind == "file":
        raise MdjptError(f"{source}: nobody can be asked in a file; use mdjpt calibrate")
    interactive = sys.stdin.isatty()
    plan = CalibrationPlan(
        class_names=_class_names(classes, bundle, out),
        trials_per_class=trials,
        trial_s=trial_s,
        baseline_s=baseline_s,
        seed=seed,
        label_by=label_by,
        media=media,
        ratings=ratings and interactive,
    )
    config = SessionConfig(
        source=spec, bundle=None, montage=montage_names(montage) or (), speed=speed
    )
    recording = _recording_path(record or out.parent / "calibrations")
    typer.echo(
        f"{plan.n_trials} trials in about {plan.duration_s / 60 / speed:.0f} min, recorded into "
        f"{recording}\n"
        "Recording and profile stay on this computer; deleting the files deletes everything. "
        "Research use, not a medical device."
    )
    design = planned_design(plan)
    if design.can_tell:
        typer.echo(f"Evidence against luck: {design.at_best(plan.class_names)}.")
    else:
        typer.echo(
            f"note: {design.at_best(plan.class_names)}; take at least --trials "
            f"{design.blocks_needed}",
            err=True,
        )
    with stopped_by_signal() as stopped:
        try:
            finished = record_session(
                engine_config(config), plan, recording, stopped, interactive=interactive
            )
        except MdjptError:
            tell_recorded(recording)
            raise
    if not recording.exists():
        typer.echo("nothing was recorded")
        return INTERRUPTED
    labels = recording.with_suffix(".csv")
    found = _write_labels(recording, labels)
    if not finished:
        typer.echo(
            f"{len(found)} trials are recorded; to train from them: mdjpt calibrate {recording} "
            f"--out {out}"
        )
        return INTERRUPTED
    add_to_profile(TrainingRequest(recording, labels, out, bundle))
    return 0


def _class_names(classes: str | None, bundle_file: Path, profile: Path) -> tuple[str, ...]:
    """Return the emotions; refuse before the session what would be refused after it."""
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.profile import load_profile

    bundle = load_bundle(bundle_file)
    if profile.exists():
        load_profile(profile, bundle)
    named = tuple(name.strip() for name in (classes or "").split(",") if name.strip())
    if not (named or bundle.class_names):
        raise ModelError("the model names no emotions: name yours with --classes")
    return named or bundle.class_names


def _recording_path(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(
            f"{folder}: cannot be made: {error.strerror}; choose another --record"
        ) from None
    stamp = datetime.now(UTC).astimezone().strftime("%Y%m%d-%H%M%S")
    return folder / f"calibration-{stamp}.xdf"


def _write_labels(recording: Path, path: Path) -> tuple[LabelledInterval, ...]:
    """Write the table of the trials beside the recording and return them."""
    from app.calibration.labels import labels_from_markers, write_labels
    from mdjpt.recordings import read_recording

    trials = labels_from_markers(read_recording(recording).markers)
    write_labels(path, trials)
    return trials
