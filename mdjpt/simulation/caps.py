"""Electrode caps that simulated participants wear."""

from __future__ import annotations

import numpy as np

from mdjpt.datasets.electrodes import EMOTIV_14
from mdjpt.simulation.volume_conductor import electrode_vectors

__all__ = ["CAPS", "DEFAULT_CH_NAMES", "cap"]

# The 32 electrodes of the BioSemi cap, in its order.
DEFAULT_CH_NAMES: tuple[str, ...] = (
    *("Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1"),
    *("Oz", "Pz", "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2"),
    *("P4", "P8", "PO4", "O2"),
)

_EXTENSION = (
    *("Fpz", "AF7", "AF8", "F5", "F1", "F2", "F6", "FT7", "FC3", "FC4", "FT8", "C5", "C1", "C2"),
    *("C6", "TP7", "CP3", "CPz", "CP4", "TP8", "P5", "P1", "P2", "P6", "PO7", "POz", "PO8"),
    *("AFz", "P9", "P10", "Iz", "FCz"),
)

CAPS: dict[int, tuple[str, ...]] = {
    4: ("TP9", "AF7", "AF8", "TP10"),
    14: EMOTIV_14,
    32: DEFAULT_CH_NAMES,
}


def cap(n_channels: int) -> tuple[str, ...]:
    """Return the electrodes of a cap with 1 to 64 of them, the same for the same number.

    4 is a Muse headband, 14 an Emotiv EPOC, 32 a BioSemi cap; any other number up to 32 is an even
    choice out of the 32, more are the 32 and electrodes between them.

    Raises ValueError if there is no such cap.
    """
    if not 1 <= n_channels <= len(DEFAULT_CH_NAMES) + len(_EXTENSION):
        raise ValueError(f"n_channels must lie between 1 and 64, got {n_channels}")
    if n_channels in CAPS:
        return CAPS[n_channels]
    if n_channels > len(DEFAULT_CH_NAMES):
        return (*DEFAULT_CH_NAMES, *_EXTENSION)[:n_channels]
    chosen = set(_farthest_first()[:n_channels])
    return tuple(name for name in DEFAULT_CH_NAMES if name in chosen)


def _farthest_first() -> list[str]:
    """Return the 32 names, each the farthest from all before it, beginning at Cz."""
    vectors = electrode_vectors(DEFAULT_CH_NAMES)
    order = [DEFAULT_CH_NAMES.index("Cz")]
    while len(order) < len(vectors):
        similarity = (vectors @ vectors[order].T).max(axis=1)
        similarity[order] = np.inf
        order.append(int(similarity.argmin()))
    return [DEFAULT_CH_NAMES[index] for index in order]
