"""Reading a file of a dataset in a process with a memory limit and a time limit.

MATLAB files, Neuroscan recordings, workbooks and Parquet tables are parsed by code that hangs, eats
memory or crashes on some damaged files. Here that ends one short-lived process and one clear error.
The process hands its result back as JSON and raw numbers, never as a pickle.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mdjpt.errors import DatasetError

__all__ = ["ARRAYS", "ARRAY_MARK", "RESULT", "read_guarded", "taken_over"]

RESULT = "result.json"
ARRAYS = "arrays"
ARRAY_MARK = "\0array"
MEMORY_BYTES = 1 << 30
MEMORY_PER_BYTE = 16  # a compressed file unfolds, and passes through float64 and a copy
CPU_S = 8
CPU_S_PER_MEGABYTE = 0.5
TIMEOUT_S = 60.0
MAX_RESULT_BYTES = 64 << 20
MAX_DEPTH = 12


def read_guarded(
    path: Path,
    kind: str,
    *,
    timeout_s: float | None = None,
    memory_bytes: int | None = None,
    **options: Any,
) -> Any:
    """Read a file in a guarded process of its own.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"mat", "cnt", "xlsx", "parquet"}
        Which reader of `mdjpt.datasets.file_process` to call.
    timeout_s : float, optional
        Wall time after which the process is killed; default 60 s and 1 s a megabyte.
    memory_bytes : int, optional
        Address space of the process; default 1 GiB and 16 times the file.
    **options
        Handed to the reader; JSON types.

    Returns
    -------
    result : dict or list
        Nested dicts, lists, strings, numbers, None and arrays.

    Raises
    ------
    DatasetError
        The file is missing, empty, damaged or too large; the message names it.
    """
    n_bytes = _checked_size(path)
    megabytes = n_bytes / 1e6
    with tempfile.TemporaryDirectory(prefix="mdjpt-read-") as folder:
        request = {
            "path": str(path),
            "kind": kind,
            "options": options,
            "folder": folder,
            "memory_bytes": memory_bytes or MEMORY_BYTES + MEMORY_PER_BYTE * n_bytes,
            "cpu_s": int(CPU_S + CPU_S_PER_MEGABYTE * megabytes),
        }
        _run(path, request, TIMEOUT_S + megabytes if timeout_s is None else timeout_s)
        return taken_over(path, Path(folder))


def _checked_size(path: Path) -> int:
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise DatasetError(f"{path}: cannot be opened: {error.strerror or error}") from None
    if n_bytes == 0:
        raise DatasetError(f"{path}: empty file; was the download complete?")
    return n_bytes


def _run(path: Path, request: dict[str, Any], timeout_s: float) -> None:
    """Run the reading process to its end; a DatasetError when it is killed or crashes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    here = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.getenv("PYTHONPATH"))))
    # -P: the working directory, full of someone's files, is no place to import from.
    command = [sys.executable, "-P", "-m", "mdjpt.datasets.file_process", json.dumps(request)]
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
            raise DatasetError(
                f"{path}: not read after {timeout_s:.0f} s; damaged, or too large for this machine"
            ) from None
        finally:
            process.kill()
    if code:
        name = next((s.name for s in signal.Signals if s == -code), f"exit status {code}")
        raise DatasetError(f"{path}: damaged: its reader was stopped or crashed ({name})")


def taken_over(path: Path, folder: Path) -> Any:
    """Load what the process left for a file, trusting none of it.

    Raises
    ------
    DatasetError
        It left an error, or nothing usable.
    """
    file = folder / RESULT
    try:
        if file.stat().st_size > MAX_RESULT_BYTES:
            raise ValueError("the result is too long")
        result = json.loads(file.read_bytes())
        if "error" in result:
            raise DatasetError(str(result["error"]))
        return _with_arrays(result["value"], folder / ARRAYS)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise DatasetError(f"{path}: damaged: its reader left no usable result") from None


def _with_arrays(value: Any, file: Path, depth: int = 0) -> Any:
    """Put the arrays of `file` into the places that wait for them."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [_with_arrays(item, file, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if ARRAY_MARK in value:
        dtype, shape, offset = value[ARRAY_MARK]
        if dtype not in ("<f4", "<f8", "<i8") or min(shape, default=0) < 0:
            raise ValueError(f"no array: {dtype} {shape}")
        count = int(np.prod(shape, dtype=np.int64))
        return np.fromfile(file, dtype, count, offset=int(offset)).reshape(shape)
    return {key: _with_arrays(item, file, depth + 1) for key, item in value.items()}
