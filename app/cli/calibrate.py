"""``mdjpt calibrate``: a decoder for one person from a recording and what was felt when."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from app.calibration.from_recording import train_profile
from app.calibration.training_process import TrainingRequest, summary_of
from app.files import read_montage
from app.session import default_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from app.calibration.training_process import CalibrationSummary

__all__ = ["add_to_profile", "calibrate"]


def calibrate(
    recording: Path,
    labels: Path | None,
    out: Path,
    model: Path | None = None,
    montage: str | None = None,
    alignment: str = "moments",
) -> int:
    """Train a personal decoder and add it to the profile `out`, which is made if need be.

    Parameters
    ----------
    recording : Path
        EEG of the calibration.
    labels : Path or None
        CSV or TSV with onset_s, duration_s, label and, if rated, valence and arousal; or the
        ``.truth.json`` of a simulated recording; None takes the markers of a calibration session.
    out : Path
        Profile to write.
    model : Path, optional
        Model bundle; the demo bundle by default.
    montage : str, optional
        Electrode names for a recording whose labels say nothing.
    alignment : str
        Kind of alignment before the head, see :class:`mdjpt.alignment.AlignmentConfig`.

    Returns
    -------
    int
        0; errors are raised.

    Raises
    ------
    MdjptError
        A file cannot be used, trials are too few, or the decoder is not better than chance.
    """
    request = TrainingRequest(
        recording=recording,
        labels=labels,
        profile=out,
        bundle=model or default_bundle(),
        montage=read_montage(montage),
        alignment=alignment,
    )
    add_to_profile(request)
    return 0


def add_to_profile(request: TrainingRequest) -> None:
    """Train, write the profile with its new version and say what it has brought.

    Parameters
    ----------
    request : TrainingRequest
        What from and where to.

    Raises
    ------
    MdjptError
        As :func:`calibrate`.
    """
    from mdjpt.calibration.profile import save_profile

    profile = train_profile(request, lambda stage: sys.stderr.write(f"{stage} ...\n"))
    summary = summary_of(profile, request.profile)
    for note in summary.notes:
        sys.stderr.write(f"note: {note}\n")
    save_profile(request.profile, profile)
    sys.stdout.write(_report(summary))


def _report(summary: CalibrationSummary) -> str:
    """Return what a calibration has brought, a few lines."""
    simulated = " (SIMULATED)" if summary.simulated else ""
    lines = [
        f"{summary.candidate}: version {summary.version} for {summary.participant}{simulated}, "
        f"{summary.kind} head, classes {', '.join(summary.class_names)}",
        summary.text,
        f"windows right {summary.window_accuracy:.2f}, calibration error "
        f"{summary.calibration_error:.2f}, unsure below {summary.abstain_below:.2f}",
    ]
    if summary.affect:
        told = ", ".join(f"{name} (concordance {value:.2f})" for name, value in summary.affect)
        lines.append(f"also tells {told}")
    return "\n".join(lines) + "\n"
