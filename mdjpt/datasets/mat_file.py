"""MATLAB files, version 5 to 7.3. Runs in the guarded process: see `guarded_file`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.guarded_file import read_guarded
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["load", "read_matrices", "read_variables"]

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SHOWN = 8  # names in a message
LONG = 10_000  # arrays of more numbers are signals, and float32 is enough for them
_SIGNATURE_OFFSETS = (0, 512)  # MATLAB puts its own header in front of the HDF5 file


def read_matrices(path: Path, pattern: str, need: str) -> dict[str, NDArray[np.float32]]:
    """Read the numeric variables of a MATLAB file whose whole names fit a pattern, as float32.

    `need` is how a message says what is looked for.

    Raises DatasetError: the file is damaged or has no such variable; the message names file and
    key.
    """
    values = read_guarded(path, f"{__name__}:load", pattern=pattern, need=[need])
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def read_variables(
    path: Path, need: tuple[str, ...], may: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Read variables of a MATLAB file with all their fields: structs as dicts, cells as lists.

    Axes of length one are dropped, as MATLAB has no vectors; long arrays come as float32. The
    variables in `need` must be there; fields in `drop` are left out, to save memory.

    Raises DatasetError: the file is damaged or lacks a variable; the message names file and key.
    """
    values: dict[str, Any] = read_guarded(
        path, f"{__name__}:load", need=list(need), may=list(may), drop=list(drop)
    )
    return values


def load(
    path: Path,
    *,
    need: list[str],
    may: list[str] | None = None,
    drop: list[str] | None = None,
    pattern: str | None = None,
) -> Any:
    """Return the variables that fit `pattern` as float32, or the named ones with all their fields.

    The arguments are those of :func:`read_variables` and :func:`read_matrices`.

    Raises
    ------
    DatasetError
        A variable is missing, or is no matrix of numbers.
    Exception
        Whatever SciPy, h5py or pymatreader raise on a damaged file.
    """
    is_hdf5 = _is_hdf5(path)
    keys = _hdf5_keys(path) if is_hdf5 else _keys(path)
    there = f"there are {', '.join(keys[:_SHOWN]) or 'none'}{', ...' if len(keys) > _SHOWN else ''}"
    if pattern is None:
        if lacking := [name for name in need if name not in keys]:
            raise DatasetError(f"{path}: no key {lacking[0]!r}; {there}")
        names = [name for name in (*need, *(may or ())) if name in keys]
        return _slim(_trees(path, names, is_hdf5=is_hdf5), drop or [])
    fitting = [key for key in keys if re.fullmatch(pattern, key)]
    if not fitting:
        raise DatasetError(f"{path}: no key {need[0]}; {there}")
    return _hdf5_matrices(path, fitting) if is_hdf5 else _matrices(path, fitting)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(max(_SIGNATURE_OFFSETS) + len(HDF5_SIGNATURE))
    return any(head[at:].startswith(HDF5_SIGNATURE) for at in _SIGNATURE_OFFSETS)


def _keys(path: Path) -> list[str]:
    from scipy.io import whosmat

    return [key for key, _, _ in whosmat(path)]


def _hdf5_keys(path: Path) -> list[str]:
    import h5py

    with h5py.File(path, "r") as file:
        return [key for key in file if not key.startswith("#")]


def _matrices(path: Path, keys: list[str]) -> Iterator[tuple[str, Any]]:
    """Read one variable after the other, so that float64 never holds the whole file."""
    from scipy.io import loadmat

    for key in keys:
        yield key, _single(loadmat(path, variable_names=[key])[key], f"{path}: key {key}")


def _hdf5_matrices(path: Path, keys: list[str]) -> Iterator[tuple[str, Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        for key in keys:
            value = file[key]
            # MATLAB writes column-major: the axes come back in reverse.
            found = value[()].T if isinstance(value, h5py.Dataset) else None
            yield key, _single(found, f"{path}: key {key}")


def _single(value: Any, where: str) -> NDArray[np.float32]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise DatasetError(f"{where}: holds no matrix of numbers")
    return array.astype(np.float32)


def _trees(path: Path, names: list[str], *, is_hdf5: bool) -> dict[str, Any]:
    if is_hdf5:
        from pymatreader import read_mat

        found = read_mat(path, variable_names=names)
    else:
        from scipy.io import loadmat

        # Some of the sets' own files fail the integrity check and hold their data all the same.
        found = loadmat(
            path, variable_names=names, simplify_cells=True, verify_compressed_data_integrity=False
        )
    return {name: found[name] for name in names}


def _slim(value: Any, drop: list[str]) -> Any:
    """Leave fields out and halve long arrays."""
    if isinstance(value, dict):
        return {key: _slim(item, drop) for key, item in value.items() if key not in drop}
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype == object):
        return [_slim(item, drop) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > LONG:
        return value.astype(np.float32)
    return value
