"""Why a window has no label, in words that a user can act on: all of them are made here.

Each function returns one line without a full stop, for every output alike.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mdjpt.signal.filters import WINDOW_S
from mdjpt.signal.montage import short_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdjpt.signal.quality import Quality

__all__ = [
    "FAULTS",
    "NO_ANSWER",
    "NO_FIELD",
    "NO_HEAD",
    "UNLIKE_SESSION",
    "bad_electrodes",
    "not_clear_enough",
    "only_simulated",
    "samples_lost",
    "unlike_anything",
    "warming_up",
    "wrong_rate",
]

FAULTS = {
    "nan": "not finite",
    "railed": "at the rail",
    "flat": "flat",
    "noisy": "noisy",
    "mains": "mains",
}
"""What can be wrong with an electrode, see :func:`mdjpt.signal.quality.electrode_quality`."""
NO_FIELD = "no EEG: every electrode has noise of its own, or all have the same"
"""The good electrodes see no field of a head, see :func:`mdjpt.signal.quality.from_one_head`."""
NO_ANSWER = "the model gives no numbers: choose another, or calibrate again"
NO_HEAD = "this model has no emotion head: calibrate, or choose another"
UNLIKE_SESSION = "this session is unlike the calibration: calibrate again"
"""See :data:`mdjpt.calibration.session_centre.UNLIKE`."""
_NAMED = 3
"""Electrodes that are named; more are counted."""


def samples_lost(n_lost: int, ago_s: float) -> str:
    """Say how much is missing, and when a window will be whole again.

    Parameters
    ----------
    n_lost : int
        Samples of the window that were lost.
    ago_s : float
        From the last of them to the window's end, seconds.
    """
    samples = "1 sample" if n_lost == 1 else f"{n_lost} samples"
    when = f"{ago_s:.1f} s ago" if ago_s >= 0.05 else "just now"
    return f"{samples} lost {when}; back in {math.ceil(WINDOW_S - ago_s)} s"


def wrong_rate(real_hz: float, declared_hz: float) -> str:
    """Say which rate the time stamps count, and which one the source declares."""
    return f"{real_hz:.0f} Hz by its time stamps, declared {declared_hz:g} Hz"


def bad_electrodes(quality: Quality) -> str:
    """Say what is wrong with the electrodes, the most frequent fault first."""
    found: dict[str, list[str]] = {}
    for name, cause in zip(quality.bad, quality.causes, strict=True):
        found.setdefault(cause, []).append(short_name(name))
    ordered = sorted(found.items(), key=lambda fault: -len(fault[1]))
    n_all = quality.good + len(quality.bad)
    return "; ".join(_where(FAULTS[cause], names, n_all) for cause, names in ordered)


def _where(fault: str, names: list[str], n_all: int) -> str:
    """Name a few electrodes, count many: "flat: T7, T8", "mains on 12 of 14 electrodes"."""
    n = len(names)
    if n <= _NAMED:
        return f"{fault}: {', '.join(names)}"
    if n == n_all:
        return f"{fault} on all {n} electrodes"
    if 2 * n > n_all:
        return f"{fault} on {n} of {n_all} electrodes"
    return f"{fault}: {names[0]}, {names[1]}, and {n - 2} more"


def warming_up(missing_s: float) -> str:
    """Say how much signal the scale still has to see, seconds."""
    return f"warming up, {math.ceil(missing_s)} s left"


def only_simulated(*, calibrated: bool, how: str = "key C") -> str:
    """Say that what answers on a real signal has never seen a brain.

    Parameters
    ----------
    calibrated : bool
        True when a calibration answers, one of a simulated person; else the model.
    how : str
        What begins a calibration.
    """
    if calibrated:
        whose, whom = "this calibration is of a simulated person", " as somebody new"
    else:
        whose, whom = "this model has only seen simulated people", ""
    return f"{whose}: calibrate{whom} ({how}), or choose another"


def unlike_anything(*, calibrated: bool) -> str:
    """Say that a window is far from all that the calibration, or else the model, was made of."""
    return f"unlike anything {'in the calibration' if calibrated else 'that the model knows'}"


def not_clear_enough(probabilities: Mapping[str, float], shown: str, threshold: float) -> str:
    """Say how far the answer is from a label.

    Parameters
    ----------
    probabilities : mapping of str to float
        Smoothed, by class.
    shown : str
        The class whose label it would be.
    threshold : float
        Probability from which it were one.
    """
    best, confidence = max(probabilities, key=probabilities.__getitem__), probabilities[shown]
    if best != shown:
        return f"{best} {probabilities[best]:.2f}, {shown} {confidence:.2f}: neither leads clearly"
    digits = next(n for n in range(2, 18) if f"{confidence:.{n}f}" != f"{threshold:.{n}f}")
    return f"confidence {confidence:.{digits}f} below {threshold:.{digits}f}"
