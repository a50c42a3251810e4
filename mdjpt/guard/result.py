"""What a guarded process leaves in a folder: JSON, and the raw numbers of its arrays in one file.

An array stands in the JSON as its dtype and shape; the numbers follow one another in the order in
which the arrays are named. Nothing of it is a pickle, and whoever reads it need not trust whoever
wrote it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from io import BufferedReader, BufferedWriter
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ARRAYS", "ARRAY_MARK", "RESULT", "read_result", "write_error", "write_result"]

RESULT = "result.json"
ARRAYS = "arrays"
ARRAY_MARK = "\0array"
MAX_RESULT_BYTES = 64 << 20
MAX_DEPTH = 12
_DTYPES = ("<f4", "<f8", "<i8")


def write_result(folder: Path, value: Any) -> None:
    """Leave a value, nested as it may be, in two files of a folder, the JSON last.

    A generator of pairs is written as a dict, one value in memory at a time; integers become
    64-bit, floating-point numbers other than float32 become float64, and what is no dict, list,
    tuple, array, text, number, bool or None becomes text.

    Raises
    ------
    OSError
        It cannot be written.
    Exception
        Whatever a generator raises.
    """
    with (folder / ARRAYS).open("wb") as arrays:
        result = {"value": _as_json(value, arrays)}
    _write(folder, result)


def write_error(folder: Path, reason: str) -> None:
    """Leave one line on what went wrong in a folder, in the place of a value."""
    _write(folder, {"error": reason})


def read_result(folder: Path) -> dict[str, Any]:
    """Load what a process left in a folder, trusting none of it.

    The dict holds "value" with what `write_result` was given, lists for tuples; or "error" with the
    text.

    Raises OSError, ValueError, TypeError, LookupError, RecursionError: something is missing,
    damaged, or not as `write_result` writes it.
    """
    file = folder / RESULT
    if file.stat().st_size > MAX_RESULT_BYTES:
        raise ValueError("the result is too long")
    result = json.loads(file.read_bytes())
    if "error" in result:
        return {"error": str(result["error"])}
    with (folder / ARRAYS).open("rb") as arrays:
        return {"value": _with_arrays(result["value"], arrays)}


def _write(folder: Path, result: dict[str, Any]) -> None:
    (folder / RESULT).write_text(json.dumps(result), encoding="ascii")


def _as_json(value: Any, arrays: BufferedWriter) -> Any:
    """Write the arrays of a value and return the rest as JSON types."""
    if isinstance(value, (dict, Generator)):
        pairs = value.items() if isinstance(value, dict) else value
        return {str(key): _as_json(item, arrays) for key, item in pairs}
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiub":
        return _written(value, arrays)
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [_as_json(item, arrays) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return _as_json(value.item(), arrays)
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def _written(value: NDArray[Any], arrays: BufferedWriter) -> dict[str, list[Any]]:
    """Append the numbers of an array and return what stands for it in the JSON."""
    dtype = "<i8" if value.dtype.kind in "iub" else "<f4" if value.dtype == np.float32 else "<f8"
    np.ascontiguousarray(value, dtype).tofile(arrays)
    return {ARRAY_MARK: [dtype, list(value.shape)]}


def _with_arrays(value: Any, arrays: BufferedReader, depth: int = 0) -> Any:
    """Put the arrays into the places that wait for them."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [_with_arrays(item, arrays, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if ARRAY_MARK in value:
        dtype, shape = value[ARRAY_MARK]
        return _next_array(arrays, dtype, shape)
    return {key: _with_arrays(item, arrays, depth + 1) for key, item in value.items()}


def _next_array(arrays: BufferedReader, dtype: str, shape: list[int]) -> NDArray[Any]:
    """Read the numbers of one array, never more than the file holds."""
    if dtype not in _DTYPES or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"no array: {dtype} {shape}")
    count = math.prod(shape)
    if count * np.dtype(dtype).itemsize > os.fstat(arrays.fileno()).st_size - arrays.tell():
        raise ValueError("an array is cut off")
    return np.fromfile(arrays, dtype, count).reshape(shape)
