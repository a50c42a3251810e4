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


def read_here(
    path: Path,
    montage: Sequence[str] | None,
    stream: str | None = None,
    sfreq: float | None = None,
    board: str | None = None,
) -> Recording:
    """Read a file in this process, without limits, and check it.

    The arguments are those of :func:`mdjpt.read_recording`.

    Raises RecordingError: whatever is wrong with the file, in one line.
    """
    names = None if montage is None else tuple(montage)
    choice = {"stream": stream, "sfreq": sfreq, "board": board}
    given = {key: value for key, value in choice.items() if value is not None}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return inspected(read_file(path, names, given))
    except Exception as error:
        text = reason(error).removeprefix(f"{path}: ")
        raise RecordingError(f"{path}: {text}") from None


def read_fields(path: Path, montage: Sequence[str] | None, **choice: Any) -> dict[str, Any]:
    """Return the fields of the recording that `read_here` reads."""
    recording = read_here(path, montage, **choice)
    return {field.name: getattr(recording, field.name) for field in fields(Recording)}


if __name__ == "__main__":
    serve(read_fields)
