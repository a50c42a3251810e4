"""Reading a foreign file in a process with a memory limit and a time limit.

Readers of foreign formats hang, eat memory and crash natively on damaged files. Here that ends one
short-lived process and one clear error. A plain subprocess serves rather than multiprocessing's
spawn: it never imports the caller's main module again, and works from scripts without a main guard
and from daemonic processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.electrodes import montage_names
from mdjpt.recordings.formats import FOLDER_SUFFIXES, reader_module
from mdjpt.recordings.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["RESULT", "read_recording"]

RESULT = "recording.json"

MEMORY_BYTES = 1 << 30
MEMORY_PER_BYTE = 16  # 16-bit samples pass through float64 and a copy
CPU_S = 8
TIMEOUT_S = 60.0
MAX_RESULT_BYTES = 256 << 20
_MEGABYTE = 1e6


def read_recording(
    path: str | Path,
    *,
    montage: str | Path | Sequence[str] | None = None,
    stream: str | None = None,
    timeout_s: float | None = None,
    memory_bytes: int | None = None,
) -> Recording:
    """Read the EEG of a file, in a guarded process of its own.

    Blocks until the file is read: call it before a live loop starts, never inside.

    Parameters
    ----------
    path : str or Path
        EDF, BDF, GDF, EEGLAB, BrainVision, FIF and the other formats of MNE, XDF, OpenBCI GUI text,
        muselsl and Mind Monitor CSV.
    montage : str, path or sequence of str, optional
        Electrode names for the EEG channels of a file whose labels say nothing.
    stream : str, optional
        Name of the stream to read, for XDF files with several streams of EEG.
    timeout_s : float, optional
        Wall time after which the reader is killed; default 60 s and 1 s a megabyte.
    memory_bytes : int, optional
        Address space of the reader; default 1 GiB and 16 times the file.

    Returns
    -------
    Recording
        Samples in microvolts, labels, stamps, markers and notes for the user.

    Raises
    ------
    RecordingError
        The file is missing, empty, damaged, too large, of unknown kind or without EEG.
    """
    path = Path(path)
    names = montage_names(montage)
    n_bytes = _checked_size(path)
    megabytes = n_bytes / _MEGABYTE
    timeout_s = TIMEOUT_S + megabytes if timeout_s is None else timeout_s
    with tempfile.TemporaryDirectory(prefix="mdjpt-read-") as folder:
        request = {
            "path": str(path),
            "montage": names,
            "stream": stream,
            "folder": folder,
            "memory_bytes": memory_bytes or MEMORY_BYTES + MEMORY_PER_BYTE * n_bytes,
            "cpu_s": int(CPU_S + megabytes),
        }
        _run_reader(path, json.dumps(request), timeout_s)
        return _taken_over(path, Path(folder))


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
        beside = path.parent.glob(f"{_glob_escaped(path.stem)}.*")
        return sum(file.stat().st_size for file in beside if file.is_file())
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordingError(f"{path}: cannot be opened: {reason}") from None


def _glob_escaped(stem: str) -> str:
    """Return a pattern that matches a stem literally."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)


def _run_reader(path: Path, request: str, timeout_s: float) -> None:
    """Run the reader process to its end; a RecordingError when it has to be killed or crashes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    here = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.getenv("PYTHONPATH"))))
    # -P: the working directory, full of someone's files, is no place to import from.
    command = [sys.executable, "-P", "-m", "mdjpt.recordings.reader_process", request]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    ) as process:
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise RecordingError(
                f"{path}: not read after {timeout_s:g} s; damaged, or too large for this machine"
            ) from None
        finally:
            process.kill()
    if code:
        raise RecordingError(f"{path}: {_cause_of_death(code)}")


def _cause_of_death(code: int) -> str:
    """Say what the exit status of a reader process means."""
    name = next((s.name for s in signal.Signals if s == -code), f"exit status {code}")
    if name in ("SIGXCPU", "SIGKILL"):
        return "damaged: its reader did not come to an end and was stopped"
    return f"damaged: its reader crashed ({name})"


def _taken_over(path: Path, folder: Path) -> Recording:
    """Load the reader's result, trusting none of it."""
    try:
        result = _loaded(folder)
        if "error" in result:
            raise RecordingError(str(result["error"]))
        shape = (len(result["ch_names"]), int(result["n_times"]))
        if min(shape) < 1:
            raise ValueError("the result is empty")
        samples = np.fromfile(folder / "samples", "<f4").reshape(shape)
        return Recording(
            samples=samples.astype(np.float32, copy=False),
            sfreq=float(result["sfreq"]),
            ch_names=tuple(str(name) for name in result["ch_names"]),
            timestamps=_column(folder / "timestamps", "<f8"),
            counter=_column(folder / "counter", "<i8"),
            counter_modulus=int(result["counter_modulus"]),
            markers=tuple((float(time_s), str(label)) for time_s, label in result["markers"]),
            notes=tuple(str(note) for note in result["notes"]),
            source=str(path),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise RecordingError(f"{path}: damaged: its reader left no usable result") from None


def _loaded(folder: Path) -> dict[str, Any]:
    """Parse the reader's JSON, a mapping."""
    file = folder / RESULT
    if file.stat().st_size > MAX_RESULT_BYTES:
        raise ValueError("the result is too long")
    result = json.loads(file.read_bytes())
    if not isinstance(result, dict):
        raise TypeError("the result is no mapping")
    return result


def _column(file: Path, dtype: str) -> NDArray[Any] | None:
    """Load one number a sample, None when the reader left none."""
    return np.fromfile(file, dtype) if file.exists() else None
