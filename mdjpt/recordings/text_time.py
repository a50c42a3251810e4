"""Time stamps of tables, whose unit is seldom named, and the sampling rate behind them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.placement import steady_rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["in_seconds", "nominal_rate", "seconds_of"]

MIN_SFREQ = 50.0
# Rates that headsets have; a measured rate within the tolerance is one of them.
USUAL_RATES = (
    100.0, 125.0, 128.0, 160.0, 200.0, 220.0, 250.0, 256.0, 300.0, 500.0, 512.0, 1000.0, 1024.0,
    2000.0, 2048.0,
)  # fmt: skip
RATE_TOLERANCE = 0.01
SLOWEST = 0.9  # rows a second; Mind Monitor writes one

# Unix time in seconds stays below 1e11 for 3,000 years.
_PER_SECOND = {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}
_UNIX_FROM = 1e11
_NAMED = {
    1e3: re.compile(r"(?<![a-z])(ms|msec|milliseconds?)(?![a-z])", re.IGNORECASE),
    1e6: re.compile(r"(?<![a-z])(us|µs|usec|microseconds?)(?![a-z])", re.IGNORECASE),
    1e9: re.compile(r"(?<![a-z])(ns|nanoseconds?)(?![a-z])", re.IGNORECASE),
}


def in_seconds(stamps: NDArray[np.float64], name: str = "") -> NDArray[np.float64]:
    """Return the time stamps of a clock in seconds, shape (n_times,), NaN where there is none.

    The name of their column tells the unit, "Time (ms)"; else the size of Unix times does.
    """
    for per_second, named in _NAMED.items():
        if named.search(name):
            return stamps / per_second
    known = stamps[np.isfinite(stamps)]
    typical = float(np.median(known)) if known.size else 0.0
    units = [per_second for per_second in _PER_SECOND if typical >= _UNIX_FROM * per_second / 1e3]
    return stamps / max(units, default=1.0)


def seconds_of(
    stamps: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return finite time stamps in seconds, and a remark where only the rate tells their unit."""
    seconds = in_seconds(stamps, name)
    measured = steady_rate(seconds)
    if not 0 < measured < SLOWEST:
        return seconds, ()
    for per_second, unit in _PER_SECOND.items():
        if _usual(measured * per_second) is not None:
            return seconds / per_second, (f"time taken as {unit} by the size of its steps",)
    return seconds, ()


def nominal_rate(
    stamps: NDArray[np.float64] | None, told: float | None
) -> tuple[float, tuple[str, ...]]:
    """Return the nominal sampling rate, and a remark when it is an unusual one.

    Stamps, shape (n_times,), are seconds; the user, or the head of the file, may have told Hz.

    Raises RecordingError: rows too rare for raw EEG.
    """
    if told:
        return told, ()
    measured = steady_rate(stamps)
    if measured < MIN_SFREQ:
        raise RecordingError(
            f"{measured:.3g} rows a second are no raw EEG; "
            "record every sample (Mind Monitor: recording interval 'constant')"
        )
    usual = _usual(measured)
    if usual is not None:
        return usual, ()
    return round(measured, 2), (f"sampling rate {measured:.2f} Hz taken from the time stamps",)


def _usual(measured: float) -> float | None:
    """Return the rate of a headset that a measured one stands for."""
    usual = min(USUAL_RATES, key=lambda rate: abs(rate - measured))
    return usual if abs(measured / usual - 1) <= RATE_TOLERANCE else None
