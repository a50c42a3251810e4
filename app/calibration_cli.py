"""The commands that fit a decoder to one person: names, options and help.

The work is done in :mod:`app.cli`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import SOURCE_HELP, Model, Montage, positive
from app.thread_count import one_thread

__all__ = ["calibrate_command", "calibrate_live_command"]

ProfileFile = Annotated[Path, typer.Option(help="Profile to write, or to add a version to.")]


def calibrate_command(
    recording: Annotated[Path, typer.Argument(help="EEG of the calibration.")],
    out: ProfileFile,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV or TSV: onset_s, duration_s, label; or a .truth.json. Left out: the markers "
            "of a recorded calibration session."
        ),
    ] = None,
    model: Model = None,
    montage: Montage = None,
) -> int:
    """Train a decoder for one person from a recording with labelled trials."""
    one_thread()
    from app.cli.calibrate import calibrate

    return calibrate(recording, labels, out, model, montage)


def calibrate_live_command(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
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
        str, typer.Option(help="intended: what was asked for; rated: what was felt.")
    ] = "intended",
    record: Annotated[
        Path | None, typer.Option(help="Folder of the recording; beside the profile by default.")
    ] = None,
    montage: Montage = None,
    speed: Annotated[float, typer.Option(help="Times real time, for sim:.")] = 1.0,
) -> int:
    """Lead a person through a calibration, record it and train from it."""
    one_thread()
    from app.cli.calibrate_live import LiveCalibration, calibrate_live

    request = LiveCalibration(
        source=source,
        out=out,
        model=model,
        classes=tuple(name.strip() for name in (classes or "").split(",") if name.strip()),
        trials=trials,
        trial_s=trial_s,
        baseline_s=baseline_s,
        seed=seed,
        media=media,
        ratings=ratings,
        label_by=label_by,
        record=record,
        montage=montage,
        speed=positive(speed, "--speed") or speed,
    )
    return calibrate_live(request)
