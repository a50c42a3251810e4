"""Electrode names and the projection of any montage onto the 60 channels of the model.

A missing standard channel is the plain mean of its up to three nearest present channels, in the
fixed order of the released code (``tables/neighbours.npz``). The whole step is one constant matrix
for a montage, shape (60, n), so a live system multiplies once per window and rebuilds the matrix
when an electrode goes bad.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from mdjpt.errors import MdjptError
from mdjpt.tables import load_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "STANDARD_CHANNELS",
    "Montage",
    "canonical_name",
    "electrode_positions",
    "map_montage",
    "montage_matrix",
    "short_name",
    "topographic_positions",
    "usual_name",
]

# fmt: off
STANDARD_CHANNELS: tuple[str, ...] = (
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8",
    "FT7", "FC5", "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8",
    "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8", "TP7", "CP5", "CP3", "CP1", "CPZ",
    "CP2", "CP4", "CP6", "TP8",
    "P7", "P5", "P3", "P1", "PZ", "P2", "P4", "P6", "P8", "PO7", "PO5", "PO3", "POZ", "PO4",
    "PO6", "PO8", "O1", "OZ", "O2",
)
# fmt: on
"""The input channels of the model, in its order (upper case)."""

_ROW_OF = {name: row for row, name in enumerate(STANDARD_CHANNELS)}
_OLD_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
_SMALL = re.compile(r"(?<=F)P(?=[Z\d])|[ZH]$")
_N_NEIGHBOURS = 3
_FEW_CHANNELS = 8
_LABEL = re.compile(
    r"""
    (?:EEG[\s._:-]*)?                           # "EEG Fp1", "EEG.AF3", "EEG-C3"
    (?P<name>[A-Z]{1,4}?(?:Z|[1-9]H|10H|10|[1-9]))
    [\s.]*                                      # "Fc5.", "C3.."
    (?:[\s_/-]+                                 # the common reference: "-REF", "-A2", "-Le"
        (?:REF|LE|RE|AR|CAR|AVG|AVE|AVERAGE|LINK|LINKED|LER|NE|[AM][12](?:[AM+/]*[12])?|AA|MM|TP9|TP10)
    )?
    (?:-\d+)?                                   # running number that tells repeated labels apart
    (?:\s*[(\[](?:u|µ|μ|m)?V[)\]])?             # unit
    """,
    re.VERBOSE | re.IGNORECASE,
)


@cache
def _positions() -> dict[str, NDArray[np.float32]]:
    table = load_table("positions")
    return dict(zip(table["names"].tolist(), table["positions"], strict=True))


@cache
def _neighbour_order() -> NDArray[np.intp]:
    return load_table("neighbours")["neighbour_order"].astype(np.intp)


@lru_cache(maxsize=4096)
def canonical_name(label: str) -> str | None:
    """Return the 10-05 name that an electrode label stands for.

    Parameters
    ----------
    label : str
        As devices and files write it: "Fp1", "EEG Fp1-REF", "Fc5.", "FP1-A2", "T3".

    Returns
    -------
    str or None
        Upper-case 10-05 name ("FP1"; T3, T4, T5, T6 become T7, T8, P7, P8). None when the label
        names no place on the scalp (EOG, AUX, earlobes, counters) or a bipolar derivation.
    """
    match = _LABEL.fullmatch(label.strip(" \t\0'\""))
    if match is None:
        return None
    name = match["name"].upper()
    name = _OLD_NAMES.get(name, name)
    return name if name in _positions() else None


def usual_name(name: str) -> str:
    """Return a 10-05 name as it is usually written: "FP1" is Fp1, "CZ" Cz, "FCC1H" FCC1h."""
    return _SMALL.sub(lambda letter: letter[0].lower(), name)


def short_name(label: str) -> str:
    """Return an electrode's label without the decoration of its file format.

    ``"EEG Fp1-REF"`` becomes ``"Fp1-REF"``, ``"Fc5."`` becomes ``"Fc5"``.
    """
    plain = label.strip(" .")
    return plain[4:].strip(" .") if plain[:4].upper() == "EEG " else plain


@cache
def _stand_in_row(name: str) -> int:
    """Return the row of the standard channel that a 10-05 name outside the 60 may stand in for.

    The nearest of the same row and side of the head (AF7 -> AF3, TP9 -> TP7), for a row that the 60
    lack the nearest of all.
    """
    row, side = _row_and_side(name)
    same = [s for s in STANDARD_CHANNELS if _row_and_side(s) == (row, side)]
    positions = _positions()
    candidates = same or STANDARD_CHANNELS
    nearest = min(candidates, key=lambda s: np.linalg.norm(positions[s] - positions[name]))
    return _ROW_OF[nearest]


def _row_and_side(name: str) -> tuple[str, int]:
    letters = name.rstrip("H").rstrip("0123456789")
    digits = name.rstrip("H")[len(letters) :]
    return letters, int(digits) % 2 if digits else -1


def _names(ch_names: Sequence[str]) -> list[str | None]:
    """Return the 10-05 name of each label; none at all for BioSemi's A1..H32 layout.

    There "C3" is not the electrode over the left motor cortex. No 10-05 name begins with B.
    """
    lettered = {label.strip().upper() for label in ch_names}
    if sum(f"B{number}" in lettered for number in range(1, 33)) >= _FEW_CHANNELS:
        return [None] * len(ch_names)
    return [canonical_name(label) for label in ch_names]


@dataclass(frozen=True)
class Montage:
    """How the channels of a source become the 60 channels of the model."""

    matrix: NDArray[np.float32]
    """Standard channels = matrix @ source channels; rows sum to 1, or to 0 when nothing is usable.
    Shape (60, n)."""
    scalp: NDArray[np.bool_]
    """Usable channels on the scalp: the members of the average reference. Shape (n,)."""
    mapped: tuple[str, ...]
    """Standard channels that are present."""
    interpolated: tuple[str, ...]
    """Standard channels made from their neighbours."""
    dropped: tuple[str, ...]
    """Labels that do not reach the model: no scalp position, outside the 60, repeated, or bad."""
    approximate: Mapping[str, str]
    """Source label -> the standard channel it stands in for."""

    def summary(self) -> str:
        """Return one line for the user."""
        parts = [
            f"{len(self.mapped)} of {len(STANDARD_CHANNELS)} channels present",
            f"{len(self.interpolated)} interpolated",
        ]
        if self.approximate:
            stand_ins = ", ".join(f"{a} for {b}" for a, b in self.approximate.items())
            parts.append(f"approximate: {stand_ins}")
        if self.dropped:
            parts.append(f"left out: {', '.join(self.dropped)}")
        return "; ".join(parts)

    def require_usable(self) -> Self:
        """Return the montage itself; raise when no channel reaches the model.

        Raises MdjptError: no channel has a usable name.
        """
        if not self.mapped:
            raise MdjptError(
                "no channel has a 10-20 electrode name "
                f"(labels: {_shortened(self.dropped)}): name the electrodes with --montage"
            )
        return self


def _shortened(labels: Sequence[str], n_shown: int = 8) -> str:
    more = ", ..." if len(labels) > n_shown else ""
    return ", ".join(labels[:n_shown]) + more


def _standard_sources(names: Sequence[str | None]) -> tuple[dict[int, int], frozenset[int]]:
    """Return {standard row: source index} and the sources that only stand in for their row."""
    source_of: dict[int, int] = {}
    for index, name in enumerate(names):
        if name in _ROW_OF:
            source_of.setdefault(_ROW_OF[name], index)
    if len(source_of) >= _FEW_CHANNELS:
        return source_of, frozenset()
    positions = _positions()
    outside = [
        (float(np.linalg.norm(positions[name] - positions[STANDARD_CHANNELS[row]])), index, row)
        for index, name in enumerate(names)
        if name is not None and name not in _ROW_OF
        for row in [_stand_in_row(name)]
    ]
    stand_ins = set()
    for _, index, row in sorted(outside):
        if source_of.setdefault(row, index) == index:
            stand_ins.add(index)
    return source_of, frozenset(stand_ins)


def _projection(source_of: Mapping[int, int], n_channels: int) -> NDArray[np.float32]:
    """Return the matrix, shape (60, n): copies, and means of the three nearest present channels."""
    n_standard = len(STANDARD_CHANNELS)
    matrix = np.zeros((n_standard, n_channels), np.float32)
    if not source_of:
        return matrix
    source = np.full(n_standard, -1)
    source[list(source_of)] = list(source_of.values())
    present = source >= 0
    order = _neighbour_order()
    chosen = present[order] & (np.cumsum(present[order], axis=1) <= _N_NEIGHBOURS)
    chosen[present] = order[present] == np.flatnonzero(present)[:, None]
    rows, ranks = np.nonzero(chosen)
    counts = chosen.sum(axis=1)
    matrix[rows, source[order[rows, ranks]]] = 1.0 / counts[rows]
    return matrix


def map_montage(ch_names: Sequence[str], usable: ArrayLike | None = None) -> Montage:
    """Work out how a source's channels become the model's.

    Parameters
    ----------
    ch_names : sequence of str
        Electrode labels of the source. Of repeated labels the first counts.
    usable : array_like of bool, shape (n,), optional
        False for an electrode that is bad now: it counts as absent, and a standard channel it
        carried is interpolated from good ones. None: all are usable.

    Returns
    -------
    Montage
        With fewer than 8 standard channels present, 10-05 names outside the 60 stand in for their
        nearest standard one.

    Raises
    ------
    ValueError
        When `usable` does not have one entry per channel.

    See Also
    --------
    mdjpt.montage_matrix : The matrix alone.

    Examples
    --------
    >>> import mdjpt
    >>> montage = mdjpt.map_montage(["TP9", "AF7", "AF8", "TP10", "Right AUX"])
    >>> montage.matrix.shape, montage.scalp.tolist()
    ((60, 5), [True, True, True, True, False])
    """
    mask = np.ones(len(ch_names), bool) if usable is None else np.asarray(usable, bool)
    if mask.shape != (len(ch_names),):
        raise ValueError(f"usable must hold {len(ch_names)} flags, got shape {mask.shape}")
    names = _names(ch_names)
    source_of, stand_ins = _standard_sources(names)
    source_of = {row: index for row, index in source_of.items() if mask[index]}
    first = {name: index for index, name in reversed(list(enumerate(names))) if name is not None}
    scalp = np.zeros(len(names), bool)
    scalp[list(first.values())] = True
    used = set(source_of.values())
    return Montage(
        matrix=_projection(source_of, len(names)),
        scalp=scalp & mask,
        mapped=tuple(s for row, s in enumerate(STANDARD_CHANNELS) if row in source_of),
        interpolated=tuple(s for row, s in enumerate(STANDARD_CHANNELS) if row not in source_of),
        dropped=tuple(label for index, label in enumerate(ch_names) if index not in used),
        approximate={
            ch_names[index]: STANDARD_CHANNELS[row]
            for row, index in sorted(source_of.items())
            if index in stand_ins
        },
    )


def montage_matrix(ch_names: Sequence[str]) -> NDArray[np.float32]:
    """Return the matrix that makes the standard channels of the source's channels.

    Parameters
    ----------
    ch_names : sequence of str
        Electrode labels of the source.

    Returns
    -------
    ndarray of float32, shape (60, n)
        All zeros when no label names an electrode of the scalp.

    See Also
    --------
    mdjpt.map_montage : With a report of what stands where.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> matrix = mdjpt.montage_matrix(["Fp1", "Fp2", "Cz", "O1"])
    >>> matrix.shape, matrix.sum(axis=1).round(6).min().item()
    ((60, 4), 1.0)
    """
    return map_montage(ch_names).matrix


def electrode_positions(ch_names: Sequence[str]) -> NDArray[np.float32]:
    """Return where electrodes sit on a spherical head, float32, shape (n, 3).

    On a unit sphere: x to the right ear, y to the nose, z to the vertex (Cz). NaN for a label,
    decorated as it may be, without a place on the scalp.
    """
    table, nowhere = _positions(), np.full(3, np.nan, np.float32)
    rows = [table.get(canonical_name(label) or "", nowhere) for label in ch_names]
    return np.array(rows, np.float32).reshape(-1, 3)


def topographic_positions(ch_names: Sequence[str]) -> NDArray[np.float32]:
    """Return where electrodes sit on a head drawn from above, float32, shape (n, 2).

    Azimuthal equidistant projection: the distance from the centre is the angle from the vertex. x
    to the right, y to the nose; radius 1 is the head's equator (90 degrees from Cz). NaN for a
    label, decorated as it may be, without a place on the scalp.
    """
    xyz = electrode_positions(ch_names).astype(np.float64)
    angle = np.arctan2(np.hypot(xyz[:, 0], xyz[:, 1]), xyz[:, 2])
    azimuth = np.arctan2(xyz[:, 1], xyz[:, 0])
    radius = angle / (np.pi / 2)
    flat = np.column_stack([radius * np.cos(azimuth), radius * np.sin(azimuth)])
    return flat.astype(np.float32)
