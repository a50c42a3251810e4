"""Options that several commands share, and what their values must be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from mdjpt.errors import MdjptError

__all__ = [
    "SOURCE_HELP",
    "Alignment",
    "Hop",
    "Model",
    "Montage",
    "Profile",
    "Record",
    "checked_alignment",
    "planned",
    "positive",
    "speed_factor",
]

SOURCE_HELP = (
    "sim:[?seed=7] | file:PATH | lsl:[NAME][?source_id=..&type=EEG] | brainflow:synthetic | "
    "brainflow:cyton?serial_port=/dev/ttyUSB0"
)
ALIGNMENTS = ("none", "moments", "rows", "covariance-input", "covariance-mixed")
Model = Annotated[Path | None, typer.Option(help="Model bundle; the demo bundle by default.")]
Montage = Annotated[
    str | None,
    typer.Option(help="Electrode names, comma separated or in a file, for unlabelled channels."),
]
Profile = Annotated[Path | None, typer.Option(help="A participant's calibration.")]
Record = Annotated[
    Path | None, typer.Option(help="Folder to record into: signals, events and predictions (XDF).")
]
Alignment = Annotated[
    str,
    typer.Option(
        help="auto, none, moments, rows, covariance-input, covariance-mixed; a profile has its own."
    ),
]
Hop = Annotated[float, typer.Option(help="Seconds from one window to the next.")]


def checked_alignment(name: str, profile: Path | None) -> str:
    """Return the name of an alignment; MdjptError when there is none such, or a profile has one."""
    if name not in ("auto", *ALIGNMENTS):
        raise MdjptError(f"--alignment takes auto, {', '.join(ALIGNMENTS)}, got {name!r}")
    if profile is not None and name != "auto":
        raise MdjptError("a profile brings its own alignment: leave --alignment out")
    return name


def positive(value: float | None, option: str) -> float | None:
    """Return a number that is positive and finite, or None; MdjptError for any other."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise MdjptError(f"{option} must be positive, got {value:g}")
    return value


def speed_factor(text: str) -> float:
    """Return times real time, ``inf`` for "max"; MdjptError for what is no speed."""
    if text == "max":
        return math.inf
    try:
        return positive(float(text), "--speed") or 1.0
    except ValueError:
        raise MdjptError(f"--speed takes a number or max, got {text!r}") from None


def planned(name: str) -> int:
    """Refuse a command that is not there yet, MdjptError."""
    raise MdjptError(f"mdjpt {name} is not there yet: see the CHANGELOG for what is")
