"""Options that several commands share, each with what its value must be."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.model_files import find_model
from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import refuse_other_than_file
from mdjpt.network.device import DEVICE_NAMES, check_device_name

if TYPE_CHECKING:
    from streaming.sources.source_spec import SourceSpec

__all__ = [
    "Alignment",
    "Board",
    "Classes",
    "Device",
    "Hop",
    "Jobs",
    "Json",
    "Model",
    "Montage",
    "Profile",
    "Quick",
    "Record",
    "RecordStreams",
    "Sfreq",
    "SourceName",
    "Speed",
    "Stream",
    "TrialS",
    "at_least",
    "between",
    "named_streams",
    "output_file",
    "output_folder",
    "positive",
    "refuse_second_alignment",
]

Check = Callable[[typer.CallbackParam, float | None], float | None]


def between(low: float, high: float) -> Check:
    """Return a check that the number of an option lies between two limits, both excluded."""
    words = "positive" if high == math.inf else f"between {low:g} and {high:g}"

    def check(param: typer.CallbackParam, value: float | None) -> float | None:
        if value is not None and not low < value < high:
            raise MdjptError(f"{param.opts[0]} must be {words}, got {value:g}")
        return value

    return check


positive = between(0, math.inf)


def at_least(least: int) -> Check:
    """Return a check that the number of an option is not below a limit."""

    def check(param: typer.CallbackParam, value: float | None) -> float | None:
        if value is not None and value < least:
            raise MdjptError(f"{param.opts[0]} must be {least} or more, got {value:g}")
        return value

    return check


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        raise MdjptError(f"--speed takes a number or max, got {text!r}") from None
    if not 0 < speed < math.inf:
        raise MdjptError(f"--speed must be positive, got {speed:g}")
    return speed


def _jobs(value: int) -> int:
    if value < 1 and value != -1:
        raise MdjptError(f"--jobs must be 1 or more, or -1, got {value}")
    return value


def _device(name: str | None) -> str | None:
    return None if name is None else check_device_name(name)


def output_file(param: typer.CallbackParam, path: Path | None) -> Path | None:
    """Refuse, before any work is done, a file that cannot be written in the end."""
    if path is None:
        return None
    name = param.opts[0]
    try:
        refuse_other_than_file(path)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise MdjptError(f"{name} {path}: cannot be written: {said}") from None
    if not path.parent.is_dir():
        raise MdjptError(f"{name} {path}: no folder {path.parent}; make it, or choose another")
    _refuse_unwritable(name, path.parent)
    return path


def output_folder(param: typer.CallbackParam, path: Path | None) -> Path | None:
    """Refuse, before any work is done, a folder that cannot be made or written into."""
    if path is None:
        return None
    there = next(place for place in (path, *path.parents, Path()) if place.exists())
    if not there.is_dir():
        raise MdjptError(f"{param.opts[0]} {path}: {there} is no folder")
    _refuse_unwritable(param.opts[0], there)
    return path


def _refuse_unwritable(name: str, folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MdjptError(f"{name}: the folder {folder} must not be written into; choose another")


SourceName = Annotated[
    str,
    typer.Argument(
        help="sim:[?seed=7] | file:PATH | lsl:[NAME][?source_id=..&type=EEG] | "
        "brainflow:synthetic | brainflow:cyton?serial_port=/dev/ttyUSB0"
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        help="One of mdjpt model list, or a bundle's path; the demo by default.",
        parser=find_model,
        metavar="NAME|PATH",
    ),
]
Montage = Annotated[
    str | None,
    typer.Option(
        help="Electrodes of unlabelled channels: names with commas, a file of names, or a cap as "
        "MNE-Python calls it (biosemi64); - for an input without an electrode: Fp1,Fp2,-,-."
    ),
]
Stream = Annotated[
    str | None, typer.Option(help="Name or source_id, where a file holds several streams.")
]
Sfreq = Annotated[
    float | None,
    typer.Option(help="Sampling rate in Hz of a table that does not tell it.", callback=positive),
]
Board = Annotated[
    str | None, typer.Option(help="BrainFlow's name of the board that wrote a raw table: cyton.")
]
Classes = Annotated[
    str | None,
    typer.Option(help="Labels to take, renamed if you like: T1=left,T2=right or left,right."),
]
TrialS = Annotated[
    float | None,
    typer.Option(help="Seconds of a trial whose label tells no duration.", min=1, max=600),
]
Profile = Annotated[Path | None, typer.Option(help="A participant's calibration.")]
Record = Annotated[
    Path | None, typer.Option(help="Folder to record into: signals, events and predictions (XDF).")
]
RecordStreams = Annotated[
    list[str] | None,
    typer.Option(
        "--record-stream",
        metavar="NAME",
        help="LSL stream to record beside the EEG (accelerometer, PPG): NAME[?source_id=..]; "
        "several times.",
    ),
]
Alignment = Annotated[
    Literal["auto", "none", "moments", "rows", "covariance-input", "covariance-mixed"],
    typer.Option(help="Of a session's windows with those the model knows; a profile has its own."),
]
Device = Annotated[
    str,
    typer.Option(
        help="Where the network computes; auto: a GPU where there is one.",
        metavar=DEVICE_NAMES,
        callback=_device,
    ),
]
Hop = Annotated[float, typer.Option(help="Seconds from one window to the next.", callback=positive)]
Speed = Annotated[
    float,
    typer.Option(
        help="Times real time, for files; max: as fast as it goes.", parser=_speed, metavar="X|max"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
Jobs = Annotated[int, typer.Option(help="How many at a time; -1: one a core.", callback=_jobs)]
Quick = Annotated[bool, typer.Option("--quick", help="Shows only that it runs.")]


def refuse_second_alignment(alignment: str, profile: Path | None) -> None:
    """Raise MdjptError for an alignment beside a profile, which has its own."""
    if profile is not None and alignment != "auto":
        raise MdjptError("a profile brings its own alignment: leave --alignment out")


def named_streams(names: Sequence[str] | None) -> tuple[SourceSpec, ...]:
    """Read the names of further streams to record; MdjptError for an option that is none."""
    from streaming.sources.source_spec import parse_source

    return tuple(parse_source(f"lsl:{name}") for name in names or ())
