"""Units of electric potential, as devices and files write them or leave them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MICROVOLTS_PER_VOLT",
    "all_potentials",
    "are_potentials",
    "factors_by_size",
    "in_microvolts",
    "microvolts_per",
]

MICROVOLTS_PER_VOLT = 1e6
_NO_POTENTIAL_UV = 1e9  # 1 kV: senders mark missing values by the largest number there is

# Lower case, without blanks.
_FACTORS = {
    MICROVOLTS_PER_VOLT: ("v", "volt", "volts"),
    1e3: ("mv", "millivolt", "millivolts"),
    1.0: ("uv", "µv", "μv", "muv", "microv", "microvolt", "microvolts"),
    1e-3: ("nv", "nanovolt", "nanovolts"),
}
_MICROVOLTS = {name: factor for factor, names in _FACTORS.items() for name in names}

_NAMES = {factor: names[-1] for factor, names in _FACTORS.items()}

# Half the spread of EEG is 1 to 1e4 in microvolts and 1e-6 to 1e-2 in volts with all drifts.
_VOLTS_BELOW = 1e-3
_MILLIVOLTS_BELOW = 0.2
# No scalp electrode stays below a nanovolt or above a tenth of a volt.
_PLAUSIBLE_MICROVOLTS = (1e-3, 1e5)


def microvolts_per(unit: str) -> float | None:
    """Return how many microvolts one unit is; None when it names no unit of potential.

    The unit is a name ("uV", "millivolts"), or the negative power of ten of a volt that MNE writes
    ("-6"). Its "0" means nothing here: that is volts, and also what is written of an unset unit.
    """
    unit = unit.replace(" ", "").strip().lower()
    if re.fullmatch(r"-[1-9]", unit):
        return float(MICROVOLTS_PER_VOLT * 10.0 ** int(unit))
    return _MICROVOLTS.get(unit)


def _spread(samples: np.ndarray) -> float:
    """Return half the spread of the median channel, 0 when nothing can be told."""
    if samples.shape[1] < 2:
        return 0.0
    known = samples[np.isfinite(samples).sum(axis=1) > 1].astype(np.float64)
    if not known.size:
        return 0.0
    known[~np.isfinite(known)] = np.nan
    low, high = np.nanpercentile(known, [16, 84], axis=1)
    return float(np.median(high - low)) / 2


def factors_by_size(
    samples: np.ndarray, factors: NDArray[np.float64], named: bool = False
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Settle the units that a stream or a file leaves open, by the size of its EEG.

    Half the spread of EEG is taken as volts below 0.001 and as millivolts below 0.2. A unit that is
    named is believed, unless the signal would stay below a nanovolt in it.

    Parameters
    ----------
    samples : ndarray of float, shape (n_channels, n_times)
        As they stand in the file; half a second at least.
    factors : ndarray of float64, shape (n_channels,)
        Microvolts per unit; NaN where no unit is named.
    named : bool
        Whether those without a factor name a unit that is not known.

    Returns
    -------
    factors : ndarray of float64, shape (n_channels,)
        Without NaN.
    notes : tuple of str
        What was assumed.
    """
    missing = np.isnan(factors)
    if missing.any():
        spread = _spread(samples[missing])
        unit, factor = "microvolts", 1.0
        if 0 < spread < _MILLIVOLTS_BELOW:
            unit, factor = ("volts", 1e6) if spread < _VOLTS_BELOW else ("millivolts", 1e3)
        what = "names an unknown unit" if named else "names no unit"
        note = f"it {what}: taken as {unit} by the size of the signal"
        return np.where(missing, factor, factors), (note,)
    if 0 < _spread(samples * factors[:, np.newaxis]) < _PLAUSIBLE_MICROVOLTS[0]:
        said = _NAMES.get(float(np.median(factors)), "another unit")
        if 0 < _spread(samples) < _VOLTS_BELOW:
            note = f"it says {said}, but the signal has the size of volts: volts taken"
            return np.full(len(factors), MICROVOLTS_PER_VOLT), (note,)
    return factors, ()


def in_microvolts(
    values: NDArray[np.floating], where: str, unit: str = ""
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return EEG of any shape in microvolts, float32, and what the user should know of the unit.

    `unit` is "V" or "uV" as some table of the set says, "" when none does: then the amplitudes
    tell, and a note says so. A median of |x| below 0.001 means volts. `where` names the file in
    messages.

    Raises DatasetError: the amplitudes fit neither unit, or the unit is unknown.
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


def are_potentials(samples: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Tell which samples, of any shape in microvolts, are numbers below 1 kV."""
    return np.asarray(np.abs(samples) < _NO_POTENTIAL_UV)


def all_potentials(samples: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Tell of which channels, shape (n, n_times), every sample is a number below 1 kV."""
    if not samples.shape[1]:
        return np.ones(len(samples), bool)
    most, least = samples.max(axis=1), samples.min(axis=1)  # NaN where one is no number
    return np.asarray((most < _NO_POTENTIAL_UV) & (least > -_NO_POTENTIAL_UV))
