"""``mdjpt calibrate``: a decoder for one person from a recording and what was felt when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import (
    Board,
    Classes,
    Device,
    Model,
    Montage,
    Sfreq,
    Stream,
    TrialS,
    output_file,
)
from app.cli.thread_count import compute_on, one_thread

if TYPE_CHECKING:
    from app.calibration.from_recording import TrainingRequest
    from app.calibration.training import CalibrationSummary

__all__ = ["ProfileFile", "add_to_profile", "calibrate"]

ProfileFile = Annotated[
    Path, typer.Option(help="Profile to write, or to add a version to.", callback=output_file)
]


def calibrate(
    recording: Annotated[Path, typer.Argument(help="EEG of the calibration.")],
    *,
    out: ProfileFile,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV or TSV: onset_s, duration_s, label and, if rated, valence, arousal; a BIDS "
            "events.tsv, annotations saved by MNE, or a .truth.json. Left out: the markers of a "
            "recorded calibration session, or annotations and markers in the recording."
        ),
    ] = None,
    classes: Classes = None,
    trial_s: TrialS = None,
    unproven: Annotated[
        bool,
        typer.Option(
            "--unproven",
            help="Keep a decoder of which the trials cannot tell whether it is any good, marked.",
        ),
    ] = False,
    model: Model = None,
    montage: Montage = None,
    stream: Stream = None,
    sfreq: Sfreq = None,
    board: Board = None,
    device: Device = "auto",
) -> int:
    """Train a decoder for one person from a recording with labelled trials."""
    one_thread()
    from app.calibration.from_recording import TrainingRequest
    from app.session import default_bundle
    from mdjpt.calibration.label_choice import parse_classes
    from mdjpt.recordings import montage_names

    compute_on(device)
    request = TrainingRequest(
        recording,
        labels,
        out,
        model or default_bundle(),
        montage=montage_names(montage) or (),
        classes=None if classes is None else parse_classes(classes),
        trial_s=trial_s,
        unproven=unproven,
        choice={"stream": stream, "sfreq": sfreq, "board": board},
    )
    add_to_profile(request)
    return 0


def add_to_profile(request: TrainingRequest) -> None:
    """Train, write the profile with its new version and say what it has brought.

    Raises MdjptError: a file cannot be used, trials are too few, or the decoder is not better than
    chance.
    """
    from app.calibration.from_recording import train_profile
    from app.calibration.training import summary_of
    from mdjpt.calibration.profile import save_profile
    from mdjpt.calibration.training import UnprovenError

    try:
        profile = train_profile(request, lambda stage: typer.echo(f"{stage} ...", err=True))
    except UnprovenError as error:
        raise UnprovenError(
            f"{error}. Nothing was written; mdjpt calibrate with --unproven keeps it all the same"
        ) from None
    summary = summary_of(profile, request.profile)
    for note in summary.decoder.notes:
        typer.echo(f"note: {note}", err=True)
    save_profile(request.profile, profile)
    typer.echo(_report(summary))


def _report(summary: CalibrationSummary) -> str:
    """Return what a calibration has brought, a few lines."""
    marks = " (SIMULATED)" if summary.simulated else ""
    marks += " (UNPROVEN)" if summary.decoder.unproven else ""
    decoder, evidence = summary.decoder, summary.decoder.evidence
    lines = [
        f"{summary.candidate}: version {summary.version} for {summary.participant}{marks}, "
        f"classes {', '.join(decoder.class_names)}",
        evidence.summary(),
        f"windows right {evidence.window_accuracy:.2f}, calibration error "
        f"{evidence.calibration_error:.2f}, unsure below {decoder.abstain_below:.2f}: "
        f"{decoder.coverage.coverage:.0%} of held-out windows get a label",
        "each family by itself: "
        + ", ".join(f"{name} {share:.2f}" for name, share in decoder.compared),
    ]
    if decoder.affect is not None:
        ratings = zip(decoder.affect.names, decoder.affect.agreement, strict=True)
        predicted = ", ".join(f"{name} (concordance {value:.2f})" for name, value in ratings)
        lines.append(f"also tells {predicted}")
    return "\n".join(lines) + "\n"
