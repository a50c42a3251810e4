"""Entry module of the process that reads one file of a dataset: see `mdjpt.guard.process`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mdjpt.guard.process import serve

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_file"]

_READERS = {
    "mat": ("mdjpt.datasets.mat_file", "load"),
    "cnt": ("mdjpt.datasets.cnt_file", "load"),
    "xlsx": ("mdjpt.datasets.table_file", "load_xlsx"),
    "parquet": ("mdjpt.datasets.table_file", "load_parquet"),
}


def read_file(path: Path, kind: str, options: dict[str, Any]) -> Any:
    """Read a file in this process, without limits.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"mat", "cnt", "xlsx", "parquet"}
        Which reader to call.
    options : dict
        For the reader.

    Returns
    -------
    value
        For `mdjpt.guard.result.write_result`.

    Raises
    ------
    Exception
        Whatever the reader raises on a damaged file.
    """
    module, function = _READERS[kind]
    return getattr(import_module(module), function)(path, **options)


if __name__ == "__main__":
    serve(read_file)
