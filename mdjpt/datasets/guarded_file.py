"""Reading a file of a dataset in a process with a memory limit and a time limit.

MATLAB files, Neuroscan recordings, workbooks and Parquet tables are parsed by code that hangs, eats
memory or crashes on some damaged files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdjpt.errors import DatasetError
from mdjpt.guard.process import GuardedReader, Limits

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["READER", "as_it_is", "read_guarded"]

CPU_S_PER_MEGABYTE = 0.5
READER = GuardedReader("mdjpt.guard.process", DatasetError)


def read_guarded(
    path: Path,
    function: str,
    *,
    timeout_s: float | None = None,
    memory_bytes: int | None = None,
    **options: Any,
) -> Any:
    """Read a file in a guarded process of its own, by a function ``module:name`` with JSON options.

    The process is killed after `timeout_s`, by default 60 s and 1 s a megabyte; `memory_bytes` is
    its address space beyond its start, by default 1 GiB and 16 times the file. What comes back are
    nested dicts, lists, strings, numbers, None and arrays.

    Raises DatasetError: the file is missing, empty, damaged or too large; the message names it.
    """
    limits = Limits.for_file(
        _checked_size(path),
        cpu_s_per_megabyte=CPU_S_PER_MEGABYTE,
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )
    return READER.read(path, limits, as_it_is, function=function, options=options)


def as_it_is(value: Any) -> Any:
    """Return what the process hands back; each caller knows what to look for in it."""
    return value


def _checked_size(path: Path) -> int:
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise DatasetError(f"{path}: cannot be opened: {error.strerror or error}") from None
    if n_bytes == 0:
        raise DatasetError(f"{path}: empty file; was the download complete?")
    return n_bytes
