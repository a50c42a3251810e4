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
LONG = 10_000  # arrays of more numbers are signals, and float32 is enough for them
_SIGNATURE_OFFSETS = (0, 512)  # MATLAB puts its own header in front of the HDF5 file


def read_matrices(path: Path, pattern: str, need: str) -> dict[str, NDArray[np.float32]]:
    """Read the numeric variables of a MATLAB file whose names fit a pattern.

    Parameters
    ----------
    path : Path
        The file.
    pattern : str
        Regular expression; a variable fits when it matches the whole name.
    need : str
        How to say in a message what is looked for.

    Returns
    -------
    matrices : dict of str to ndarray of float32
        In the file's order.

    Raises
    ------
    DatasetError
        The file is damaged or has no such variable; the message names file and key.
    """
    result = read_guarded(path, "mat", pattern=pattern)
    if not result["values"]:
        raise DatasetError(f"{path}: no key {need}; there are {_few(result['keys'])}")
    return {
        key: _numbers(value, f"{path}: key {key}").astype(np.float32, copy=False)
        for key, value in result["values"].items()
    }


def read_variables(
    path: Path, need: tuple[str, ...], may: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Read variables of a MATLAB file with all their fields: structs as dicts, cells as lists.

    Axes of length one are dropped, as MATLAB has no vectors; long arrays come as float32.

    Parameters
    ----------
    path : Path
        The file.
    need, may : tuple of str
        Variables that must and that may be there.
    drop : tuple of str
        Fields of structs to leave out, to save memory.

    Raises
    ------
    DatasetError
        The file is damaged or lacks a variable; the message names file and key.
    """
    result = read_guarded(path, "mat", names=[*need, *may], drop=list(drop))
    for name in need:
        if name not in result["values"]:
            raise DatasetError(f"{path}: no key {name!r}; there are {_few(result['keys'])}")
    values: dict[str, Any] = result["values"]
    return values


def load(
    path: Path,
    *,
    pattern: str | None = None,
    names: list[str] | None = None,
    drop: list[str] | None = None,
) -> dict[str, Any]:
    """Return ``keys`` and the ``values`` that fit `pattern` (float32) or are called `names`.

    Parameters
    ----------
    path : Path
        The file.
    pattern : str, optional
        Regular expression on the whole name.
    names : list of str, optional
        Variables to read with all their fields.
    drop : list of str, optional
        Fields to leave out.

    Raises
    ------
    Exception
        Whatever SciPy, h5py or pymatreader raise on a damaged file.
    """
    is_hdf5 = _is_hdf5(path)
    keys = _hdf5_keys(path) if is_hdf5 else _keys(path)
    if names is not None:
        there = [name for name in names if name in keys]
        return {"keys": keys, "values": _slim(_trees(path, there, is_hdf5=is_hdf5), drop or [])}
    fitting = [key for key in keys if re.fullmatch(pattern or "", key)]
    matrices = _hdf5_matrices(path, fitting) if is_hdf5 else _matrices(path, fitting)
    return {"keys": keys, "values": matrices}


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
        yield key, _single(loadmat(path, variable_names=[key])[key])


def _hdf5_matrices(path: Path, keys: list[str]) -> Iterator[tuple[str, Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        for key in keys:
            value = file[key]
            # MATLAB writes column-major: the axes come back in reverse.
            yield key, _single(value[()].T) if isinstance(value, h5py.Dataset) else None


def _single(value: Any) -> Any:
    return value.astype(np.float32) if np.asarray(value).dtype.kind in "fiu" else None


def _trees(path: Path, names: list[str], *, is_hdf5: bool) -> dict[str, Any]:
    if not names:
        return {}
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


def _numbers(value: Any, where: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray):
        raise DatasetError(f"{where}: holds no matrix of numbers")
    return value


def _few(keys: list[str], limit: int = 8) -> str:
    return ", ".join(keys[:limit]) + (", ..." if len(keys) > limit else "") or "none"
