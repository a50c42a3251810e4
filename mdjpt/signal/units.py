"""Units of electric potential, as devices and files write them."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["MICROVOLTS_PER_VOLT", "looks_like_volts", "microvolts_per"]

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
