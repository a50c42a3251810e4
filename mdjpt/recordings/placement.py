"""Where the samples and events of a file lie: its stamps and counters become positions, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.gaps import sample_positions
from mdjpt.recordings.recording import Recording
from mdjpt.recordings.set_clock import SET_AHEAD_S, TimeLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mdjpt.recordings.counters import Counter

    Float64 = NDArray[np.float64]

__all__ = ["placed_recording", "steady_rate", "true_rate"]

MISPLACED_S = 0.2
"""Second by which the nominal rate may misplace the end of a file before the true one is taken."""
BELIEVED = (0.4, 2.5)
"""Stamps that count less or more than this many times the nominal rate count something else."""
FAR_OFF = 0.2
"""Share of the nominal rate by which that of the stamps differs when a setting is wrong."""

_BLOCK_S = 1.0
_NEAR_S = 2.0  # of samples that tell where an event lies among them
_OUTSIDE_S = 1.0
_EXACT_S = 0.02  # what a rounded rate may misplace


def placed_recording(
    samples: NDArray[np.float32],
    nominal_sfreq: float,
    ch_names: tuple[str, ...],
    *,
    stamps: Float64 | None = None,
    counter: Counter | None = None,
    positions: NDArray[np.int64] | None = None,
    stamped_events: Iterable[tuple[float, str]] = (),
    column_events: Iterable[tuple[int, str]] = (),
    simulated: bool = False,
    notes: Sequence[str] = (),
    source: str = "",
) -> Recording:
    """Make a recording of samples with time stamps.

    Parameters
    ----------
    samples : ndarray of float32, shape (n_channels, n_times)
        Microvolts.
    nominal_sfreq : float
        What the file says, Hz; 0 when it leaves the rate to its stamps.
    ch_names : tuple of str
        Electrode labels.
    stamps : ndarray of float64, shape (n_times,), optional
        Time stamps in seconds as the file has them, never de-jittered; finite.
    counter : Counter, optional
        The device's sample counter.
    positions : ndarray of int64, shape (n_times,), optional
        Where the file itself says how many samples were lost, strictly increasing.
    stamped_events : iterable of (float, str)
        Events on the clock of `stamps`, and label.
    column_events : iterable of (int, str)
        Events of a sample, and label.
    simulated : bool
        As in :class:`Recording`.
    notes : sequence of str
        Remarks of the reader.
    source : str
        Path of the file.
    """
    line = None if stamps is None else TimeLine.of(stamps)
    stamps = None if line is None else line.stamps
    is_told = positions is not None
    if positions is None:
        positions = sample_positions(
            _likely_rate(nominal_sfreq, stamps),
            samples.shape[1],
            stamps,
            None if counter is None else counter.values,
            0 if counter is None else counter.modulus,
        )
    positions = positions - positions[:1]
    sfreq, rate_notes = true_rate(nominal_sfreq, stamps, positions)
    markers = [(int(positions[column]) / sfreq, label) for column, label in column_events]
    excluded: tuple[tuple[int, int], ...] = ()
    if line is None:
        markers += stamped_events
    else:
        advancing = np.maximum.accumulate(line.stamps)
        off_s = positions / sfreq - line.stamps
        markers += [
            (_second(line.place(stamp), advancing, off_s), label) for stamp, label in stamped_events
        ]
        if not is_told:
            seams = positions[list(line.starts[1:])].tolist()
            excluded = tuple((seam, seam + 1) for seam in seams)
            rate_notes = (*rate_notes, *line.notes(positions, sfreq))
    markers, event_notes = _of_its_clock(markers, int(positions[-1]) / sfreq)
    return Recording(
        samples=samples,
        sfreq=sfreq,
        ch_names=ch_names,
        positions=positions,
        excluded=excluded,
        markers=tuple(sorted(markers)),
        simulated=simulated,
        notes=(*notes, *rate_notes, *event_notes),
        source=source,
    )


def true_rate(
    nominal_sfreq: float, stamps: Float64 | None, positions: NDArray[np.int64]
) -> tuple[float, tuple[str, ...]]:
    """Return the rate at which samples were taken, and a remark where it is not the nominal one.

    The median of the intervals over a quarter of the file (in the way of Theil 1950 and Sen 1968):
    neither jitter nor a clock that is set once moves it.

    Parameters
    ----------
    nominal_sfreq : float
        Hz; 0 when there is none.
    stamps : ndarray of float64, shape (n_times,), or None
        Seconds.
    positions : ndarray of int64, shape (n_times,)
        Of the samples, lost ones counted.

    Returns
    -------
    sfreq : float
        The nominal rate unless it misplaces the end of the file by more than 0.2 s and by more
        than the jitter of the stamps can do; else the measured one.
    notes : tuple of str
        At most one.
    """
    quarter = max(1, len(positions) // 4)
    if stamps is None or len(positions) <= quarter:
        return nominal_sfreq, ()
    intervals = (stamps[quarter:] - stamps[:-quarter]) / (
        positions[quarter:] - positions[:-quarter]
    )
    interval, n_steps = float(np.median(intervals)), int(positions[-1])
    if not interval > 0:
        return nominal_sfreq, ()
    scatter_s = float(np.median(np.abs(intervals - interval))) * n_steps
    sfreq = _rounded(1 / interval, n_steps)
    if not nominal_sfreq:
        return sfreq, (f"no nominal rate: {sfreq:g} Hz by its time stamps",)
    off_s = abs(interval - 1 / nominal_sfreq) * n_steps
    if off_s <= max(MISPLACED_S, scatter_s):
        return nominal_sfreq, ()
    said = f"nominal {nominal_sfreq:g} Hz, but {sfreq:g} Hz by its time stamps"
    if not _believed(sfreq, nominal_sfreq):
        return nominal_sfreq, (f"{said}, which is not believed",)
    return sfreq, (f"{said}, which is taken",)


def steady_rate(stamps: Float64 | None) -> float:
    """Estimate the sampling rate by time stamps that are rounded and have gaps.

    Parameters
    ----------
    stamps : ndarray of float64, shape (n_times,), or None
        Seconds.

    Returns
    -------
    float
        Hz; 0 when the stamps do not advance. The median over blocks of about a second: the median
        of single steps would be that of the rounding (4 ms instead of 3.9 is 250 instead of
        256 Hz), the mean over all that of the gaps.
    """
    stamps = np.empty(0) if stamps is None else TimeLine.of(stamps[np.isfinite(stamps)]).stamps
    if len(stamps) < 2 or not stamps[-1] > stamps[0]:
        return 0.0
    rough = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    n = int(min(max(1, round(_BLOCK_S * rough)), len(stamps) - 1))
    step = float(np.median(stamps[n:] - stamps[:-n]))
    return n / step if step > 0 else 0.0


def _likely_rate(nominal_sfreq: float, stamps: Float64 | None) -> float:
    """Return the rate by which gaps are looked for: the nominal one unless it is far off."""
    steady = steady_rate(stamps)
    far = abs(steady - nominal_sfreq) > FAR_OFF * nominal_sfreq
    return steady if far and _believed(steady, nominal_sfreq) else nominal_sfreq


def _believed(sfreq: float, nominal_sfreq: float) -> bool:
    return not nominal_sfreq or BELIEVED[0] < sfreq / nominal_sfreq < BELIEVED[1]


def _rounded(sfreq: float, n_steps: int) -> float:
    """Return the shortest decimal number that is as good: a filter's matrices repeat sooner."""
    seconds = n_steps / sfreq
    candidates = (round(sfreq, digits) for digits in range(7))
    return next((c for c in candidates if abs(c / sfreq - 1) * seconds <= _EXACT_S), sfreq)


def _of_its_clock(
    markers: Sequence[tuple[float, str]], end_s: float
) -> tuple[list[tuple[float, str]], tuple[str, ...]]:
    """Leave out events that lie days away: on another clock. Say how many lie outside."""
    outside = [marker for marker in markers if not -_OUTSIDE_S < marker[0] < end_s + _OUTSIDE_S]
    if not outside:
        return list(markers), ()
    said = f"{len(outside)} of {len(markers)} events lie outside of the recording"
    first_s, label = outside[0]
    kept = [m for m in markers if -SET_AHEAD_S < m[0] < end_s + SET_AHEAD_S]
    if len(kept) == len(markers):
        return kept, (f"{said}, as {label[:40]!r} at {first_s:.1f} s",)
    n = len(markers) - len(kept)
    return kept, (f"{said}; {n} are stamped by another clock than its samples and left out",)


def _second(stamp: float, advancing: Float64, off_s: Float64) -> float:
    """Return the second of an event by the samples around it: their jitter is not the event's."""
    low, high = np.searchsorted(advancing, (stamp - _NEAR_S, stamp + _NEAR_S))
    if low == high:  # in a gap, or beyond the ends: by the sample before it
        low = max(int(low) - 1, 0)
        high = low + 1
    return round(stamp + float(np.median(off_s[low:high])), 6)
