"""The training filters, for a whole recording and for a live window.

One chain, defined once: resample to 125 Hz with an anti-aliasing kernel, then a zero-phase
(two-pass) Butterworth band-pass, 0.5 to 47 Hz, 4th order, as FieldTrip's default. Both steps are
linear, so a live window, whose length never changes, runs them as constant matrices made from the
very same functions. An electrode that hums loudly (:mod:`mdjpt.signal.mains` says when) has a notch
at its line of the mains in front of the band-pass. What a window lacks is its future: the second
pass needs some, and gets a forecast by an autoregressive model fitted to the window itself.

A causal filter of the same order is useless here: the model was trained on zero phase.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError
from mdjpt.signal.forecast import forecast
from mdjpt.signal.mains import mains_lines, without_hum
from mdjpt.signal.resampling import resample
from mdjpt.signal.units import all_potentials, are_potentials
from mdjpt.signal.window_product import WindowProduct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    Samples = NDArray[np.floating[Any]]
    Float64 = NDArray[np.float64]

__all__ = [
    "BAND_HZ",
    "MARGIN_S",
    "MIN_SFREQ",
    "N_TIMES",
    "SFREQ",
    "WINDOW_S",
    "SamplingRateError",
    "average_reference",
    "chain_gain",
    "filter_recording",
    "filter_window",
    "recording_windows",
]

SFREQ = 125.0
"""Sampling rate of the model's input, Hz."""
WINDOW_S = 5.0
"""Length of a window, seconds."""
N_TIMES = 625
"""Samples of a window at 125 Hz."""
MARGIN_S = 2.0
"""Signal wanted in front of a live window, seconds."""
MIN_SFREQ = 100.0
"""Lowest rate that still holds the band, Hz."""
BAND_HZ = (0.5, 47.0)
"""Pass band of the training filter, Hz."""

_FILTER_ORDER = 4
_NOTCH_HZ = 3.0  # width at -3 dB of one pass
_N_MARGIN = round(MARGIN_S * SFREQ)
_FORECAST = 250  # samples (2 s) appended for the second pass
_CONTEXT_S = 20.0  # the filter has forgotten all but 1e-10 of what is farther away


class SamplingRateError(MdjptError, ValueError):
    """The sampling rate cannot carry the band that the model was trained on."""


def _check_sfreq(sfreq: float) -> None:
    if not sfreq >= MIN_SFREQ:
        raise SamplingRateError(
            f"sfreq must be at least {MIN_SFREQ:g} Hz to hold the model's "
            f"{BAND_HZ[0]:g}-{BAND_HZ[1]:g} Hz band, got {sfreq:g} Hz"
        )


def average_reference(x: Float64, scalp: ArrayLike | None = None) -> Float64:
    """Subtract the mean over the scalp channels at every sample.

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_times)
    scalp : array_like of bool, shape (n,), optional
        Members of the reference, all channels when None; without any, `x` is returned as it is.

    See Also
    --------
    mdjpt.filter_recording : Comes before.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> mdjpt.average_reference(np.array([[1.0, 2.0], [3.0, 6.0]])).tolist()
    [[-1.0, -2.0], [1.0, 2.0]]
    """
    members = x if scalp is None else x[np.asarray(scalp, bool)]
    if len(members) == 0:
        return x
    reference: Float64 = members.mean(axis=0)
    return x - reference


# ---------------------------------------------------------------------------- band-pass


@cache
def _sos(line: float) -> Float64:
    """Return the second-order sections of one pass, with a notch at `line` Hz unless that is 0."""
    from scipy.signal import butter, iirnotch, tf2sos

    sos = butter(_FILTER_ORDER, BAND_HZ, btype="bandpass", fs=SFREQ, output="sos")
    if line:
        sos = np.vstack([tf2sos(*iirnotch(line, line / _NOTCH_HZ, SFREQ)), sos])
    return np.asarray(sos, np.float64)


def chain_gain(hz: ArrayLike, line: float = 0.0) -> Float64:
    """Return what both passes leave of sines, between 0 and 1, shape (n,).

    Frequencies `hz`, shape (n,), are below 62.5 Hz; the notch stands at `line` Hz, 0 for none.
    """
    from scipy.signal import sosfreqz

    _, response = sosfreqz(_sos(line), np.asarray(hz, np.float64), fs=SFREQ)
    return np.asarray(np.abs(response) ** 2, np.float64)


def _two_pass(x: Float64, line: float) -> Float64:
    """Filter forwards and backwards; before each end the signal counts as constant for ever."""
    from scipy.signal import sosfilt, sosfilt_zi

    sos = _sos(line)
    settled = sosfilt_zi(sos)[:, None, :]
    forward, _ = sosfilt(sos, x, axis=1, zi=settled * x[:, :1])
    backward, _ = sosfilt(sos, forward[:, ::-1], axis=1, zi=settled * forward[:, -1:])
    return np.asarray(backward[:, ::-1], np.float64)


@cache
def _window_map(line: float) -> WindowProduct:
    """Return :func:`_two_pass` on margin, window and forecast as a product, (1125, 625)."""
    response = _two_pass(np.eye(_N_MARGIN + N_TIMES + _FORECAST), line)
    return WindowProduct(response[:, _N_MARGIN : _N_MARGIN + N_TIMES], _N_MARGIN)


# ---------------------------------------------------------------------------- the chain


def _prepared(x: Samples, lines: Float64, sfreq: float) -> Float64:
    """Return float64 without offset; what is no potential is bridged by straight lines.

    Offsets of tens of millivolts are subtracted before any filter, where they would cost digits.
    A channel with such samples is unusable, as
    :func:`mdjpt.signal.quality.electrode_quality` says; here they only must not spread.
    """
    if (unusable := np.flatnonzero(~all_potentials(x))).size:
        x = np.array(x, np.float64)
        for row in unusable:
            x[row] = _bridged(x[row])
    samples = np.subtract(x, x.mean(axis=1, keepdims=True, dtype=np.float64), dtype=np.float64)
    return np.asarray(without_hum(samples, lines, sfreq), np.float64)


def _bridged(x: Float64) -> Float64:
    finite = are_potentials(x)
    if not finite.any():
        return np.zeros_like(x)
    times = np.arange(len(x))
    return np.interp(times, times[finite], x[finite])


def _two_pass_with_forecast(x: Float64, lines: Float64) -> Float64:
    """Filter a stretch at 125 Hz whose future is not known; `lines` as from `mains_lines`."""
    continued = np.hstack([x, forecast(x, _FORECAST)])
    filtered = np.empty_like(x)
    for line in np.unique(lines):
        rows = lines == line
        filtered[rows] = _two_pass(continued[rows], float(line))[:, : x.shape[1]]
    return filtered


def _prevailing_lines(raw: Samples, sfreq: float) -> Float64:
    """Return the strong line of each electrode in at least half of the recording's 5 s, else 0."""
    n_times = raw.shape[1]
    length = min(round(WINDOW_S * sfreq), n_times)
    pieces = [raw[:, k : k + length] for k in range(0, n_times - length + 1, length)]
    lines = np.sort([mains_lines(piece, sfreq) for piece in pieces], axis=0)
    prevailing: Float64 = lines[len(lines) // 2]
    return prevailing


def filter_recording(x: Samples, sfreq: float) -> Float64:
    """Apply the training filters to a whole recording.

    Parameters
    ----------
    x : ndarray of float, shape (n, n_times)
        Any unit, any offset. Non-finite samples are bridged.
    sfreq : float
        Sampling rate in Hz, at least 100.

    Returns
    -------
    ndarray of float64, shape (n, ceil(n_times * 125 / sfreq))
        Same unit, 0.5-47 Hz at 125 Hz; sample j lies at j / 125 s.

    Raises
    ------
    SamplingRateError
        `sfreq` is below 100 Hz.

    See Also
    --------
    mdjpt.filter_window : The same for a live window.

    Examples
    --------
    >>> import mdjpt
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> mdjpt.filter_recording(recording.samples, recording.sfreq).shape  # at 125 Hz
    (64, 3750)
    """
    _check_sfreq(sfreq)
    if x.shape[1] == 0:
        return np.empty((len(x), 0))
    n_out = int(np.ceil(x.shape[1] * SFREQ / sfreq - 1e-9))
    lines = _prevailing_lines(x, sfreq)
    known = resample(_prepared(x, lines, sfreq), sfreq, SFREQ, 0.0, n_out)
    return _two_pass_with_forecast(known, lines)


def filter_window(
    raw: Samples, sfreq: float, n_margin: int, lines: Float64 | None = None
) -> Float64:
    """Apply the training filters to one live window.

    The same as the whole recording's filter but for what lies outside: before the margin the
    signal counts as constant, behind the newest sample 2 s are forecast from each channel's own
    past (:func:`mdjpt.signal.forecast.forecast`). On real EEG the outcome correlates to 0.997 with
    the whole recording's. 3 ms for 64 channels at 160 to 500 Hz on one core, 2 more where all
    of them hum.

    Parameters
    ----------
    raw : ndarray of float, shape (n, n_margin + round(5 * sfreq))
        The window with the signal in front of it. Any unit, any offset. Non-finite samples are
        bridged.
    sfreq : float
        Sampling rate in Hz, at least 100.
    n_margin : int
        Samples in front of the window. 2 s are used; fewer, as at the beginning of a stream, are
        made up by holding the first sample.
    lines : ndarray of float64, shape (n,), optional
        The window's :func:`mdjpt.signal.mains.mains_lines`, where they are known.

    Returns
    -------
    ndarray of float64, shape (n, 625)
        Same unit; sample j lies j / 125 s behind raw sample `n_margin`.

    Raises
    ------
    SamplingRateError
        `sfreq` is below 100 Hz.
    ValueError
        `raw` does not hold margin and window.

    See Also
    --------
    mdjpt.filter_recording : The same where the whole recording is at hand.

    Examples
    --------
    >>> import mdjpt
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> margin, window = 320, 800  # 2 s that settle the filters, and 5 s
    >>> mdjpt.filter_window(recording.samples[:, : margin + window], 160.0, margin).shape
    (64, 625)
    """
    _check_sfreq(sfreq)
    n_window = round(WINDOW_S * sfreq)
    if n_margin < 0 or raw.shape[1] != n_margin + n_window:
        raise ValueError(
            f"raw must hold {n_margin} samples of margin and {n_window} of window, "
            f"got {raw.shape[1]} samples"
        )
    n_before = min(_N_MARGIN, int(n_margin * SFREQ / sfreq + 1e-9))
    first = n_margin - n_before * sfreq / SFREQ
    if lines is None:
        lines = mains_lines(raw[:, n_margin:], sfreq)
    known = resample(_prepared(raw, lines, sfreq), sfreq, SFREQ, first, n_before + N_TIMES)
    held = np.repeat(known[:, :1], _N_MARGIN - n_before, axis=1)
    signal = np.hstack([held, known, forecast(known, _FORECAST)])
    if not lines.any():
        return _window_map(0.0)(signal)
    window = np.empty((len(raw), N_TIMES))
    for line in np.unique(lines):
        window[lines == line] = _window_map(float(line))(signal[lines == line])
    return window


def recording_windows(
    raw: Samples,
    sfreq: float,
    starts: Sequence[int],
    chunk_s: float = 60.0,
    lines_from: Callable[[int], Float64] | None = None,
) -> Iterator[Float64]:
    """Cut windows out of a recording that is filtered as a whole.

    Each window has the time grid of :func:`filter_window`: sample j lies j / 125 s behind raw
    sample `first`, even where that is no multiple of 1 / 125 s.

    Parameters
    ----------
    raw : ndarray of float, shape (n, n_times)
        The recording. Any unit, any offset. Non-finite samples are bridged.
    sfreq : float
        Sampling rate in Hz, at least 100.
    starts : sequence of int
        First raw sample of each window, ascending (:mod:`mdjpt.signal.windower` cuts them).
    chunk_s : float
        Seconds of windows worked on at a time. Bounds the memory and does not show in the result:
        20 s of signal on either side are filtered along.
    lines_from : callable, optional
        Gives the :func:`mdjpt.signal.mains.mains_lines` of the window that begins at a raw sample,
        where they are known.

    Yields
    ------
    ndarray of float64, shape (n, 625)
        One window for each start, in their order.

    Raises
    ------
    SamplingRateError
        `sfreq` is below 100 Hz.
    ValueError
        A window reaches beyond the recording, or `starts` do not ascend.
    """
    _check_sfreq(sfreq)
    firsts = np.asarray(starts, int).reshape(-1)
    n_window = round(WINDOW_S * sfreq)
    if np.any(np.diff(firsts) < 0):
        raise ValueError("starts must ascend")
    if len(firsts) and (firsts[0] < 0 or firsts[-1] + n_window > raw.shape[1]):
        raise ValueError(
            f"windows of {n_window} samples from {firsts[0]} to {firsts[-1]} do not fit into "
            f"{raw.shape[1]} samples"
        )
    if lines_from is None:

        def lines_from(first: int) -> Float64:
            return mains_lines(raw[:, first : first + n_window], sfreq)

    n_context = round(_CONTEXT_S * sfreq)
    chunk = firsts // max(round(chunk_s * sfreq), 1)
    for number in np.unique(chunk):
        members = firsts[chunk == number]
        low = max(int(members[0]) - n_context, 0)
        segment = raw[:, low : members[-1] + n_window + n_context]
        lines = np.array([lines_from(first) for first in members.tolist()])
        yield from _segment_windows(segment, sfreq, members - low, lines)


def _segment_windows(
    raw: Samples, sfreq: float, firsts: NDArray[np.int_], lines: Float64
) -> list[Float64]:
    """Filter a segment once for each position of the window's first sample on the 125 Hz grid.

    And once more the electrodes that hum in a window, with the notch for it.
    """
    columns = np.floor(firsts * SFREQ / sfreq + 1e-9).astype(int)
    phases = np.round(np.abs(firsts - columns * sfreq / SFREQ), 6)
    windows = np.empty((len(firsts), len(raw), N_TIMES))
    for line in np.unique(lines):
        rows = np.flatnonzero((lines == line).any(axis=0))
        same = np.full(len(rows), line)
        x = _prepared(raw[rows], same, sfreq)
        for phase in np.unique(phases):
            n_out = int(np.ceil((x.shape[1] - phase) * SFREQ / sfreq - 1e-9))
            known = resample(x, sfreq, SFREQ, float(phase), n_out)
            filtered = _two_pass_with_forecast(known, same)
            for index in np.flatnonzero(phases == phase):
                its, column = lines[index, rows] == line, columns[index]
                windows[index, rows[its]] = filtered[its, column : column + N_TIMES]
    return list(windows)
