"""Tables that ship with the package, and how each was made (README.md)."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

__all__ = ["load_table"]


def load_table(name: str) -> dict[str, np.ndarray]:
    """Read the arrays of ``<name>.npz`` next to this file."""
    with (files(__package__) / f"{name}.npz").open("rb") as file, np.load(file) as arrays:
        return {key: arrays[key] for key in arrays.files}
