"""Units of electric potential, as devices and files write them."""

from __future__ import annotations

import numpy as np

__all__ = ["looks_like_volts", "microvolts_per"]

# Lower case, without blanks. "0", "-3", "-6": the power of ten that mne-lsl writes.
_FACTORS = {
    1e6: ("v", "volt", "volts"),
    1e3: ("mv", "millivolt", "millivolts", "-3"),
    1.0: ("uv", "µv", "μv", "muv", "microv", "microvolt", "microvolts", "-6"),
    1e-3: ("nv", "nanovolt", "nanovolts", "-9"),
}
_MICROVOLTS = {name: factor for factor, names in _FACTORS.items() for name in names}

# Half the spread of EEG is 1 to 1e4 in microvolts and 1e-6 to 1e-2 in volts with all drifts.
_VOLTS_BELOW = 1e-3


def microvolts_per(unit: str) -> float | None:
    """Return how many microvolts one `unit` is; None when it names no unit of potential."""
    return _MICROVOLTS.get(unit.strip().replace(" ", "").lower())


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
