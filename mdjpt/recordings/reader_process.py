"""Entry module of the process that reads one foreign file: ``python -m`` with one JSON argument.

It sets its own limits before any vendor library is imported, and hands its result back as raw
arrays and one JSON file, so that whatever a hostile file does here, the application never unpickles
anything that came out of it.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdjpt.errors import RecordingError
from mdjpt.recordings.formats import reader_of
from mdjpt.recordings.guard import RESULT
from mdjpt.recordings.inspection import inspected

if TYPE_CHECKING:
    from mdjpt.recordings.recording import Recording

__all__ = ["main", "read_here"]


def read_here(path: Path, montage: tuple[str, ...] | None, stream: str | None) -> Recording:
    """Read a file in this process, without limits.

    Parameters
    ----------
    path : Path
        The file.
    montage : tuple of str or None
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return inspected(reader_of(path)(path, montage, stream))
    except RecordingError as error:
        text = str(error)
        raise RecordingError(text if text.startswith(str(path)) else f"{path}: {text}") from None
    except MemoryError:
        raise RecordingError(f"{path}: too large for the memory that a reader may use") from None
    except RecursionError:
        raise RecordingError(f"{path}: damaged, its structure never ends") from None
    except Exception as error:
        raise RecordingError(f"{path}: cannot be read: {_one_line(error)}") from None


def _one_line(error: BaseException, at_most: int = 160) -> str:
    """Return the message of a vendor's exception on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def _limit(memory_bytes: int, cpu_s: int) -> None:
    """Cap address space, CPU seconds and core dumps where the platform can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit is the only one.
        return
    for kind, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(kind, (allowed, hard))
        except (OSError, ValueError):  # macOS refuses RLIMIT_AS below what is mapped.
            continue


def _hand_back(recording: Recording, folder: Path) -> None:
    """Write the arrays as raw little-endian numbers, then the JSON that completes them."""
    recording.samples.astype("<f4", copy=False).tofile(folder / "samples")
    if recording.timestamps is not None:
        recording.timestamps.astype("<f8", copy=False).tofile(folder / "timestamps")
    if recording.counter is not None:
        recording.counter.astype("<i8", copy=False).tofile(folder / "counter")
    result = {
        "sfreq": recording.sfreq,
        "ch_names": recording.ch_names,
        "n_times": recording.n_times,
        "counter_modulus": recording.counter_modulus,
        "markers": recording.markers,
        "notes": recording.notes,
    }
    _write(result, folder)


def _write(result: dict[str, Any], folder: Path) -> None:
    (folder / RESULT).write_text(json.dumps(result), encoding="ascii")


def main(argument: str) -> None:
    """Read the file that `argument` (JSON) names and leave the result in its folder."""
    request = json.loads(argument)
    folder = Path(request["folder"])
    _limit(request["memory_bytes"], request["cpu_s"])
    montage = request["montage"]
    try:
        recording = read_here(
            Path(request["path"]), None if montage is None else tuple(montage), request["stream"]
        )
        _hand_back(recording, folder)
    except RecordingError as error:
        _write({"error": str(error)}, folder)


if __name__ == "__main__":
    main(sys.argv[1])
