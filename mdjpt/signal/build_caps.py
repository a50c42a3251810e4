"""Make ``tables/caps.npz``: ``python -m mdjpt.signal.build_caps`` (needs MNE-Python).

For each montage that MNE-Python has built in: its labels, and the 10-05 place of each. A label that
is a 10-05 name keeps its own place; the others get the nearest place that is free (the assignment
with the smallest sum of squared angles), on a sphere around the centre of the montage: first the 60
places that the model knows, up to 10 degrees away, then any of the system up to 15 degrees away.
What lies farther from all (cheeks, neck) gets none.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np

from mdjpt import tables
from mdjpt.signal.montage import STANDARD_CHANNELS, canonical_name, electrode_positions

_NEAR, _FARTHEST = 10.0, 15.0  # degrees: 1.6 and 2.5 cm on a head
_NEVER = 1e4
_OWN_LABELS = ("biosemi128", "biosemi160", "biosemi256")  # C1 is no place of the 10-05 system there
# Where 10-05 names lie on the ideal sphere that BioSemi, Easycap and EGI use, the first known wins.
_IDEAL = ("biosemi64", "easycap-M1", "brainproducts-RNP-BA-128")
_EARS = {"A1", "A2", "M1", "M2"}
# Names that MNE-Python had before 1.13.
_OLD = {
    f"standard_{kind}": f"colin27_{kind}"
    for kind in ("1005", "1020", "alphabetic", "postfixed", "prefixed", "primed")
}


def _positions(name: str) -> dict[str, np.ndarray]:
    """Return the positions of a montage of MNE-Python, in metres."""
    import mne

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return dict(mne.channels.make_standard_montage(name).get_positions()["ch_pos"])


@cache
def _reference() -> dict[str, np.ndarray]:
    """Return the direction of every 10-05 place: on the ideal sphere, or of a real head."""
    names = tables.load_table("positions")["names"].tolist()
    reference = dict(zip(names, electrode_positions(names).astype(float), strict=True))
    for montage in reversed(_IDEAL):
        for label, xyz in _positions(montage).items():
            if place := canonical_name(label):
                reference[place] = xyz / np.linalg.norm(xyz)
    return reference


def _directions(xyz: np.ndarray) -> np.ndarray:
    """Return unit vectors from the centre of the sphere that fits best, shape (n, 3)."""
    from scipy.optimize import least_squares

    def off_sphere(sphere: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.norm(xyz - sphere[:3], axis=1) - sphere[3])

    from_centre = xyz - least_squares(off_sphere, [0.0, 0.0, 0.0, 0.095]).x[:3]
    return np.asarray(from_centre / np.linalg.norm(from_centre, axis=1, keepdims=True))


def _places(name: str, labels: list[str], xyz: np.ndarray) -> list[str]:
    """Return the 10-05 place of each label, "" where there is none."""
    places = [canonical_name(label) or "" for label in labels]
    if name in _OWN_LABELS:
        places = [""] * len(labels)
    elif any(places):
        places = ["-" if label in _EARS else p for label, p in zip(labels, places, strict=True)]
    directions = _directions(xyz)
    _assign(places, directions, STANDARD_CHANNELS, _NEAR)
    _assign(places, directions, tuple(_reference()), _FARTHEST)
    return [place.strip("-") for place in places]


def _assign(
    places: list[str], directions: np.ndarray, wanted: tuple[str, ...], farthest: float
) -> None:
    """Give the electrodes without a place those of the wanted ones that are free and near."""
    from scipy.optimize import linear_sum_assignment

    rows = [i for i, place in enumerate(places) if not place]
    free = [place for place in wanted if place not in places]
    if not rows or not free:
        return
    cosines = directions[rows] @ np.array([_reference()[place] for place in free]).T
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    cost = np.where(angles <= farthest, angles**2, _NEVER)
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if angles[row, column] <= farthest:
            places[rows[row]] = free[column]


def build() -> dict[str, np.ndarray]:
    """Return ``NAME/labels`` and ``NAME/places`` of every montage."""
    import mne

    built = {}
    for name in mne.channels.get_builtin_montages():
        positions = _positions(name)
        labels = list(positions)
        places = _places(name, labels, np.array(list(positions.values())))
        built[name] = np.array([labels, places])
    return built | {old: built[new] for old, new in _OLD.items()}


if __name__ == "__main__":
    np.savez_compressed(Path(tables.__file__).with_name("caps.npz"), **build())  # type: ignore[arg-type]
