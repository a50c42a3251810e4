"""Make ``tables/positions.npz``: ``python -m mdjpt.signal.build_positions`` (needs MNE-Python).

The electrode positions of MNE's ``standard_1005`` montage (Oostenveld and Praamstra 2001 on the
Colin27 head) are mirrored to be symmetric, mapped onto a sphere through the ellipsoid that fits the
60 standard channels best, and turned until Cz is the vertex. Ear and mastoid references and the old
names T3 to T6 are left out.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from mdjpt import tables
from mdjpt.signal.montage import STANDARD_CHANNELS

_NOT_SCALP = {"A1", "A2", "M1", "M2", "T3", "T4", "T5", "T6"}


def _mirrored_name(name: str) -> str:
    """Return the electrode at the other side: C3 -> C4, FFC1H -> FFC2H, CZ -> CZ."""
    match = re.fullmatch(r"([A-Z]+)(\d+)(H?)", name)
    if match is None:
        return name
    number = int(match[2])
    return f"{match[1]}{number + 1 if number % 2 else number - 1}{match[3]}"


def _head_positions() -> dict[str, np.ndarray]:
    """Return symmetric positions in metres, x to the right ear, y to the nose, z up."""
    import mne

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the montage is about to be renamed
        montage = mne.channels.make_standard_montage("standard_1005")
    raw = {name.upper(): xyz for name, xyz in montage.get_positions()["ch_pos"].items()}
    return {
        name: (xyz + raw[_mirrored_name(name)] * [-1, 1, 1]) / 2
        for name, xyz in raw.items()
        if name not in _NOT_SCALP
    }


def build() -> tuple[list[str], np.ndarray]:
    """Return the names and their positions on the unit sphere, shape (n, 3)."""
    from scipy.optimize import least_squares

    head = _head_positions()
    standard = np.array([head[name] for name in STANDARD_CHANNELS])

    def off_surface(ellipsoid: np.ndarray) -> np.ndarray:
        centre = np.array([0.0, *ellipsoid[:2]])
        return np.asarray(np.linalg.norm((standard - centre) / ellipsoid[2:], axis=1) - 1)

    ellipsoid = least_squares(off_surface, [0.0, 0.0, 0.09, 0.1, 0.09]).x
    sphere = (np.array(list(head.values())) - [0.0, *ellipsoid[:2]]) / ellipsoid[2:]
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    vertex = sphere[list(head).index("CZ")]
    tilt = np.arctan2(vertex[1], vertex[2])
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    return list(head), sphere @ turn.T


if __name__ == "__main__":
    names, positions = build()
    np.savez_compressed(
        Path(tables.__file__).with_name("positions.npz"),
        names=np.array(names),
        positions=positions.astype(np.float32),
    )
