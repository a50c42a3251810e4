"""Reading a recording of EEG in a process with a memory limit and a time limit."""

from __future__ import annotations

import glob
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import RecordingError, printable
from mdjpt.guard.process import GuardedReader, Limits
from mdjpt.recordings.electrodes import montage_names
from mdjpt.recordings.formats import FOLDER_SUFFIXES, reader_module
from mdjpt.recordings.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_recording"]

_READER = GuardedReader("mdjpt.recordings.reader_process", RecordingError)


def read_recording(
    path: str | Path,
    *,
    montage: str | Path | Sequence[str] | None = None,
    stream: str | None = None,
    sfreq: float | None = None,
    board: str | None = None,
    timeout_s: float | None = None,
    memory_bytes: int | None = None,
) -> Recording:
    """Read the EEG of a file, in a guarded process of its own.

    Blocks until the file is read: call it before a live loop starts, never inside.

    Parameters
    ----------
    path : str or Path
        EDF, BDF, GDF, EEGLAB, BrainVision, FIF and the other formats of MNE, XDF, text of OpenBCI
        and BrainFlow, muselsl, Mind Monitor, Emotiv and other tables; ``.gz`` of each single file.
    montage : str, path or sequence of str, optional
        Electrode names for the EEG channels of a file whose labels say nothing.
    stream : str, optional
        Name or source_id of the stream to read, for XDF files with several streams of EEG.
    sfreq : float, optional
        Sampling rate in Hz of a table of text that does not tell it.
    board : str, optional
        BrainFlow's name of the board ("cyton") that wrote a raw table without names.
    timeout_s : float, optional
        Wall time after which the reader is killed; default 60 s and 1 s a megabyte.
    memory_bytes : int, optional
        Address space of the reader, beyond its start; default 1 GiB and 16 times the file.

    Returns
    -------
    Recording
        Samples in microvolts, labels, stamps, markers and notes for the user.

    Raises
    ------
    RecordingError
        The file is missing, empty, damaged, too large, of unknown kind or without EEG.

    See Also
    --------
    mdjpt.extract_features : Its features.

    Examples
    --------
    >>> import mdjpt
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> recording.sfreq, recording.n_channels, recording.ch_names[:2]
    (160.0, 64, ('Fc5.', 'Fc3.'))
    """
    path = Path(path)
    names = montage_names(montage)
    limits = Limits.for_file(_checked_size(path), timeout_s=timeout_s, memory_bytes=memory_bytes)
    choice: dict[str, Any] = {"stream": stream, "sfreq": sfreq, "board": board}
    return _READER.read(path, limits, partial(_recording, path), montage=names, **choice)


def _checked_size(path: Path) -> int:
    """Return the bytes of a recording with the files that belong to it, or refuse it."""
    is_folder_format = path.name.lower().endswith(FOLDER_SUFFIXES)
    try:
        if path.is_dir():
            if not is_folder_format:
                raise RecordingError(f"{path}: a folder, not a recording; name the file in it")
            return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        if path.exists() and not path.is_file():
            raise RecordingError(f"{path}: not a regular file")
        reader_module(path)
        with path.open("rb") as file:
            if not file.read(1):
                raise RecordingError(f"{path}: empty file; was the recording stopped properly?")
        # .set + .fdt, .vhdr + .eeg + .vmrk: the samples lie beside the file.
        beside = path.parent.glob(f"{glob.escape(path.stem)}.*")
        return sum(file.stat().st_size for file in beside if file.is_file())
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordingError(f"{path}: cannot be opened: {reason}") from None


def _recording(path: Path, value: Any) -> Recording:
    """Build the recording from what the process says of it."""
    samples = np.asarray(value["samples"], np.float32)
    if not samples.size:
        raise ValueError("the result is empty")
    return Recording(
        samples=samples,
        sfreq=float(value["sfreq"]),
        ch_names=tuple(_text(name) for name in value["ch_names"]),
        positions=np.asarray(value["positions"], np.int64),
        excluded=tuple((int(first), int(stop)) for first, stop in value["excluded"]),
        markers=tuple((float(at_s), _text(label)) for at_s, label in value["markers"]),
        spans=tuple((float(on), float(long), _text(label)) for on, long, label in value["spans"]),
        began_at_s=None if value["began_at_s"] is None else float(value["began_at_s"]),
        simulated=bool(value["simulated"]),
        notes=tuple(_text(note) for note in value["notes"]),
        source=str(path),
    )


def _text(found: object) -> str:
    """Return a text of the file as it may be shown anywhere."""
    return printable(str(found))
