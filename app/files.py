"""Small files that several commands read or write: electrode names, features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_montage", "save_features"]

N_FEATURES = 512


def read_montage(text: str | None) -> tuple[str, ...]:
    """Return the electrode names of a ``--montage`` option.

    Parameters
    ----------
    text : str or None
        Names separated by commas, or the path of a text file with names separated by commas or
        lines; None gives no names.

    Raises
    ------
    MdjptError
        When no name is in it.
    """
    if text is None:
        return ()
    path = Path(text)
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    names = tuple(name.strip() for name in text.replace("\n", ",").split(",") if name.strip())
    if not names:
        raise MdjptError("--montage holds no name: write e.g. --montage Fp1,Fp2,C3,C4")
    return names


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
