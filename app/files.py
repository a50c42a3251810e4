"""Small files that several commands read or write: electrode names, features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import MdjptError
from mdjpt.recordings import montage_names

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_montage", "save_features"]

N_FEATURES = 512


def read_montage(text: str | None) -> tuple[str, ...]:
    """Return the electrode names of a ``--montage`` option, none without it.

    Parameters
    ----------
    text : str or None
        Names separated by commas, or the path of a text file of names: see `montage_names`.

    Raises
    ------
    RecordingError
        No such file, or no name in it.
    """
    return montage_names(text) or ()


def save_features(path: Path, features: NDArray[np.float32], start_s: NDArray[np.float64]) -> None:
    """Write the arrays ``features`` [n, 512] and ``start_s`` [n] as .npz.

    Raises
    ------
    MdjptError
        When the file cannot be written.
    """
    rows = features.reshape(len(start_s), N_FEATURES).astype(np.float32)
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, features=rows, start_s=np.asarray(start_s, dtype=np.float64))
    except OSError as error:
        raise MdjptError(f"cannot write {path}: {error.strerror}; choose another file") from None
