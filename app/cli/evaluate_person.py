"""``mdjpt evaluate person``: what decodes one person, family by family, in numbers to trust."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Classes, Device, Model, Montage, TrialS, output_folder
from app.cli.thread_count import compute_on, one_thread

if TYPE_CHECKING:
    from app.calibration.from_recording import TrainingRequest
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.trials import LabelledFeatures
    from mdjpt.recordings import Recording

__all__ = ["evaluate_person"]


def evaluate_person(
    recording: Annotated[Path, typer.Argument(help="EEG of the calibration.")],
    *,
    labels: Annotated[
        Path | None,
        typer.Option(help="Table of its trials; its own markers and annotations by default."),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="Another recording to test on; held-out trials by default."),
    ] = None,
    test_labels: Annotated[
        Path | None, typer.Option(help="Table of the other recording's trials.")
    ] = None,
    classes: Classes = None,
    trial_s: TrialS = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the report as CSV, Markdown and HTML.", callback=output_folder
        ),
    ] = None,
    model: Model = None,
    montage: Montage = None,
    device: Device = "auto",
) -> int:
    """Compare every feature family, their pool and chance on one person's recording."""
    one_thread()
    from app.calibration.from_recording import TrainingRequest
    from app.session import default_bundle
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.heads import general_head
    from mdjpt.calibration.label_choice import parse_classes
    from mdjpt.evaluation import person
    from mdjpt.recordings import montage_names

    compute_on(device)
    request = TrainingRequest(
        recording,
        labels,
        recording,
        model or default_bundle(),
        montage=montage_names(montage) or (),
        classes=None if classes is None else parse_classes(classes),
        trial_s=trial_s,
    )
    bundle = load_bundle(request.bundle)
    eeg, data, notes = _encoded(request, bundle)
    tested = None
    if test is not None:
        _, tested, more = _encoded(replace(request, recording=test, labels=test_labels), bundle)
        notes += more
    outcome = person.evaluate_person(data, general_head(bundle, data.class_names), tested)
    title = f"{recording.name}" + ("" if test is None else f", tested on {test.name}")
    report = person.person_report(outcome, title, notes, simulated=eeg.simulated)
    typer.echo(report.markdown())
    if out is not None:
        for path in report.write(out):
            typer.echo(path)
    return 0


def _encoded(
    request: TrainingRequest, bundle: Bundle
) -> tuple[Recording, LabelledFeatures, tuple[str, ...]]:
    """Read a recording and its trials, and return what the live path makes of them."""
    from app.calibration.from_recording import encoded_trials, trials_of
    from mdjpt.alignment.config import alignment_named
    from mdjpt.recordings import read_recording

    typer.echo(f"reading {request.recording} ...", err=True)
    eeg = read_recording(request.recording, montage=request.montage or None)
    chosen = trials_of(request, eeg)
    alignment = alignment_named(request.alignment, bundle)
    data, _, notes = encoded_trials(eeg, chosen.trials, bundle, alignment)
    return eeg, data, (*eeg.notes, *chosen.notes, *notes)
