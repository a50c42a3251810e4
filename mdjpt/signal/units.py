"""Units of electric potential, as devices and files write them or leave them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MICROVOLTS_PER_VOLT", "in_microvolts", "looks_like_volts", "microvolts_per"]

MICROVOLTS_PER_VOLT = 1e6

# Lower case, without blanks.
_FACTORS = {
    MICROVOLTS_PER_VOLT: ("v", "volt", "volts"),
    1e3: ("mv", "millivolt", "millivolts"),
    1.0: ("uv", "µv", "μv", "muv", "microv", "microvolt", "microvolts"),
    1e-3: ("nv", "nanovolt", "nanovolts"),
}
_MICROVOLTS = {name: factor for factor, names in _FACTORS.items() for name in names}

# Half the spread of EEG is 1 to 1e4 in microvolts and 1e-6 to 1e-2 in volts with all drifts.
_VOLTS_BELOW = 1e-3
# No scalp electrode stays below a nanovolt or above a tenth of a volt.
_PLAUSIBLE_MICROVOLTS = (1e-3, 1e5)


def microvolts_per(unit: str) -> float | None:
    """Return how many microvolts one unit is.

    Parameters
    ----------
    unit : str
        A name ("uV", "millivolts"), or the negative power of ten of a volt that MNE writes ("-6").
        Its "0" means nothing here: that is volts, and also what is written of an unset unit.

    Returns
    -------
    float or None
        None when it names no unit of potential.
    """
    unit = unit.replace(" ", "").strip().lower()
    if re.fullmatch(r"-[1-9]", unit):
        return float(MICROVOLTS_PER_VOLT * 10.0 ** int(unit))
    return _MICROVOLTS.get(unit)


def looks_like_volts(samples: np.ndarray) -> bool:
    """Tell by the size of EEG of unknown unit whether it is in volts.

    Parameters
    ----------
    samples : ndarray of float, shape (n_channels, n_times)
        A second or so of signal.

    Returns
    -------
    bool
        False for microvolts, and when nothing can be told (no sample, flat).
    """
    if samples.shape[1] < 2:
        return False
    low, high = np.nanpercentile(samples, [16, 84], axis=1)
    spread = float(np.nanmedian(high - low)) / 2
    return 0 < spread < _VOLTS_BELOW


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
    by_amplitude = "V" if median < _VOLTS_BELOW else "uV"
    names = {MICROVOLTS_PER_VOLT: "V", 1.0: "uV"}
    stated = names.get(microvolts_per(unit) or 0.0, "")
    if unit.strip() and not stated:
        raise DatasetError(f"{where}: unit {unit!r}, need V or uV")
    low, high = _PLAUSIBLE_MICROVOLTS
    for name in dict.fromkeys((stated or by_amplitude, by_amplitude)):
        scale = MICROVOLTS_PER_VOLT if name == "V" else 1.0
        if low <= median * scale <= high:
            scaled = np.multiply(values, scale, dtype=np.float64).astype(np.float32)
            if name == stated:
                return scaled, ()
            if stated:
                note = f"amplitudes say {name}, the set's table says {stated}: {name} taken"
            else:
                note = f"unit {name} taken from the amplitudes"
            return scaled, (note,)
    raise DatasetError(f"{where}: median amplitude {median:g} is EEG neither in V nor in uV")
