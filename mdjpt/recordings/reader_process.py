"""Entry module of the process that reads one recording: see `mdjpt.guard.process`."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mdjpt.errors import RecordingError
from mdjpt.guard.process import reason, serve
from mdjpt.recordings.formats import read_file
from mdjpt.recordings.inspection import inspected
from mdjpt.recordings.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["read_fields", "read_here"]


def read_here(path: Path, montage: Sequence[str] | None, stream: str | None) -> Recording:
    """Read a file in this process, without limits.

    Parameters
    ----------
    path : Path
        The file.
    montage : sequence of str or None
        Names for the EEG channels.
    stream : str or None
        Name of the stream, for files that hold several.

    Returns
    -------
    Recording
        Checked, with its notes.

    Raises
    ------
    RecordingError
        Whatever is wrong with the file, in one line.
    """
    names = None if montage is None else tuple(montage)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return inspected(read_file(path, names, stream))
    except Exception as error:
        text = reason(error).removeprefix(f"{path}: ")
        raise RecordingError(f"{path}: {text}") from None


def read_fields(path: Path, montage: Sequence[str] | None, stream: str | None) -> dict[str, Any]:
    """Return the fields of the recording that `read_here` reads."""
    recording = read_here(path, montage, stream)
    return {field.name: getattr(recording, field.name) for field in fields(Recording)}


if __name__ == "__main__":
    serve(read_fields)
