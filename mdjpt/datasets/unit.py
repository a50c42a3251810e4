"""Telling volts from microvolts in files that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.signal.units import MICROVOLTS_PER_VOLT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["in_microvolts"]

# No scalp electrode stays below a nanovolt or above a tenth of a volt.
PLAUSIBLE_MICROVOLTS = (1e-3, 1e5)
VOLTS_BELOW = 1e-3


def in_microvolts(
    values: NDArray[np.floating], where: str, unit: str = ""
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return EEG in microvolts, and what the user should know of the unit.

    Parameters
    ----------
    values : ndarray
        EEG in the unit of the file, any shape.
    where : str
        File, for the message.
    unit : str
        "V" or "uV" as some table of the set says, "" when none does.

    Returns
    -------
    microvolts : ndarray of float32
        The same numbers in microvolts.
    notes : tuple of str
        A remark when the unit was taken from the amplitudes: a median of |x| below 0.001 means
        volts.

    Raises
    ------
    DatasetError
        The amplitudes fit neither unit, or the unit is unknown.
    """
    finite = values[np.isfinite(values)]
    median = float(np.median(np.abs(finite))) if finite.size else 0.0
    by_amplitude = "V" if median < VOLTS_BELOW else "uV"
    stated = unit.strip().replace("µ", "u").replace("μ", "u")
    if stated not in ("", "V", "uV"):
        raise DatasetError(f"{where}: unit {unit!r}, need V or uV")
    low, high = PLAUSIBLE_MICROVOLTS
    for name in dict.fromkeys((stated or by_amplitude, by_amplitude)):
        scale = MICROVOLTS_PER_VOLT if name == "V" else 1.0
        if low <= median * scale <= high:
            notes = _remark(name, stated)
            return np.multiply(values, scale, dtype=np.float64).astype(np.float32), notes
    raise DatasetError(f"{where}: median amplitude {median:g} is EEG neither in V nor in uV")


def _remark(used: str, stated: str) -> tuple[str, ...]:
    if used == stated:
        return ()
    if stated:
        return (f"amplitudes say {used}, the set's table says {stated}: {used} taken",)
    return (f"unit {used} taken from the amplitudes",)
