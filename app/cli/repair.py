"""``mdjpt repair``: what is intact in a damaged recording, as a new file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import output_file
from mdjpt.errors import RecordingError
from mdjpt.guard.regular_file import regular_bytes

if TYPE_CHECKING:
    from mdjpt.recordings.repair import Repaired

__all__ = ["repair"]

MAX_BYTES = 1 << 31
_PACKED = (".xdf.gz", ".xdfz", ".xdf")


def repair(
    file: Annotated[Path, typer.Argument(help="Damaged recording (XDF).")],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; FILE_repaired.xdf by default.", callback=output_file),
    ] = None,
) -> int:
    """Write a new file with all that is intact in a damaged recording.

    Says what is left out. The damaged file stays as it is, and no file is ever overwritten.
    """
    from mdjpt.recordings.checksums import checksum_path
    from mdjpt.recordings.repair import repaired, unpacked

    content, notes = unpacked(_content(file))
    checksums = _content(checksum_path(file)) if checksum_path(file).exists() else None
    try:
        found = repaired(content, checksums)
    except RecordingError as error:
        raise RecordingError(f"{file}: {error}") from None
    for note in (*notes, *found.notes):
        typer.echo(f"note: {note}")
    if not (notes or found.notes):
        checked = "its checksums agree" if checksums is not None else "its layout is whole"
        typer.echo(f"{file}: {checked}, there is nothing to repair; nothing was written")
        return 0
    if checksums is None:
        typer.echo("note: no checksums beside it: damage inside its samples cannot be seen")
    target = out or file.with_name(f"{_stem(file.name)}_repaired.xdf")
    _write(target, found)
    typer.echo(f"repaired: {target}\n{found.duration_s:.1f} s")
    return 0


def _content(path: Path) -> bytes:
    return regular_bytes(path, MAX_BYTES, RecordingError, "recording")


def _stem(name: str) -> str:
    return next((name[: -len(end)] for end in _PACKED if name.lower().endswith(end)), name)


def _write(path: Path, found: Repaired) -> None:
    """Write the pieces with their checksums beside them."""
    from streaming.recorder.storage import CheckedFile

    try:
        file = CheckedFile(path)
    except FileExistsError:
        raise RecordingError(f"{path}: exists already and is not overwritten; name another with "
                             "--out") from None  # fmt: skip
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        for piece, second in found.pieces:
            file.append(piece, second)
        file.sync()
        file.close()
    except OSError as error:
        file.remove()
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
