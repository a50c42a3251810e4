"""Entry module of the process that reads one file of a dataset: ``python -m`` with JSON.

It sets its own limits before any vendor library is imported.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.guarded_file import ARRAY_MARK, ARRAYS, RESULT

if TYPE_CHECKING:
    from io import BufferedWriter

__all__ = ["main", "read_here"]

_READERS = {
    "mat": ("mdjpt.datasets.mat_file", "load"),
    "cnt": ("mdjpt.datasets.cnt_file", "load"),
    "xlsx": ("mdjpt.datasets.table_file", "load_xlsx"),
    "parquet": ("mdjpt.datasets.table_file", "load_parquet"),
}


def main(argument: str) -> None:
    """Read the file that `argument` (JSON) names and leave the result in its folder."""
    request = json.loads(argument)
    _limit(request["memory_bytes"], request["cpu_s"])
    folder = Path(request["folder"])
    read_here(Path(request["path"]), request["kind"], request["options"], folder)


def read_here(path: Path, kind: str, options: dict[str, Any], folder: Path) -> None:
    """Read a file in this process, without limits, and leave the result in a folder.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"mat", "cnt", "xlsx", "parquet"}
        Which reader to call.
    options : dict
        For the reader.
    folder : Path
        Gets the arrays, and JSON with the rest or with one line on what is wrong.
    """
    result = _read(path, kind, options, folder / ARRAYS)
    (folder / RESULT).write_text(json.dumps(result), encoding="ascii")


def _read(path: Path, kind: str, options: dict[str, Any], arrays: Path) -> dict[str, Any]:
    try:
        module, function = _READERS[kind]
        load = getattr(import_module(module), function)
        with warnings.catch_warnings(), arrays.open("wb") as file:
            warnings.simplefilter("ignore")
            return {"value": _as_json(load(path, **options), file)}
    except MemoryError:
        return {"error": f"{path}: damaged, or too large for the memory that a reader may use"}
    except RecursionError:
        return {"error": f"{path}: damaged: its structure never ends"}
    except ModuleNotFoundError as error:
        how = 'pip install "mdjpt-live[train]"'
        return {"error": f"{path}: this needs {error.name}, which is not installed: {how}"}
    except Exception as error:
        return {"error": f"{path}: damaged or cut off: {_one_line(error)}"}


def _as_json(value: Any, file: BufferedWriter) -> Any:
    """Write the arrays of a result to `file` and return the rest as JSON types.

    A generator of pairs becomes a dict, one value in memory at a time.
    """
    if isinstance(value, (dict, Generator)):
        pairs = value.items() if isinstance(value, dict) else value
        return {str(key): _as_json(item, file) for key, item in pairs}
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiub":
        return _array(value, file)
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [_as_json(item, file) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return _as_json(value.item(), file)
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def _array(value: np.ndarray[Any, Any], file: BufferedWriter) -> dict[str, list[Any]]:
    """Write numbers, 64-bit integers for integers, and return where they are."""
    dtype = "<i8" if value.dtype.kind in "iub" else "<f4" if value.dtype == np.float32 else "<f8"
    offset = file.tell()
    np.ascontiguousarray(value, dtype).tofile(file)
    return {ARRAY_MARK: [dtype, list(value.shape), offset]}


def _one_line(error: BaseException, at_most: int = 160) -> str:
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


if __name__ == "__main__":
    main(sys.argv[1])
