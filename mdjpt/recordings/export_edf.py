"""Recordings as EDF+ and BDF+, which every EEG program reads.

Kemp and Olivan 2003, doi:10.1016/S1388-2457(03)00123-8; 24 bits as BioSemi has them. Gaps are
filled and marked rather than left as EDF+D has it: most readers take EDF+D for one piece, and what
lies behind a gap would come early.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mdjpt.errors import RecordingError, one_line
from mdjpt.recordings.export_layout import LOST, ExportEvent, ExportSignal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["write_edf", "write_recording_edf"]

MAX_RECORD_S = 60
LONGEST_ODD_S = 10
_DURATION_DIGITS = 6  # of the 8 characters that EDF has for the length of a record
# Steps in microvolts, and the largest digital value: what 8 characters can say of both ends.
_EDF_STEPS, _EDF_TOP = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), 30_000
_BDF_STEPS, _BDF_TOP = (2.0**-8, 2.0**-5, 2.0**-2, 1.0), 8_000_000
_OLDEST = datetime.datetime(1985, 1, 1, tzinfo=datetime.UTC)
_NOT_IN_TEXT = str.maketrans({0: " ", 0x14: " ", 0x15: " "})


def write_edf(path: Path, signal: ExportSignal, kind: Literal["edf", "bdf"]) -> tuple[str, ...]:
    """Write EDF+ (16 bits a sample) or BDF+ (24 bits); say what is not exactly as it was.

    An existing file is replaced. The last record is filled up with the last samples, marked as
    lost.

    Raises RecordingError: it does not fit into the format, or cannot be written.
    """
    n_times = signal.samples.shape[1]
    n_record, record_s = _record(path, signal.sfreq, n_times)
    sfreq, n_padded = n_record / record_s, -n_times % n_record
    padding = [ExportEvent(n_times, n_padded, LOST)] if n_padded else []
    marks = [
        (event.first / sfreq, event.n_times / sfreq, event.label)
        for event in (*signal.marks.annotations, *padding)
    ]
    padded = replace(signal, samples=np.pad(signal.samples, ((0, 0), (0, n_padded)), "edge"))
    steps = _written(path, padded, kind, record_s, sfreq, marks)
    notes = [f"samples are kept in steps of up to {max(steps):g} uV"]
    if abs(sfreq / signal.sfreq - 1) > 1e-12:
        notes.append(f"{signal.sfreq:.9g} Hz are {sfreq:.9g} Hz in it: no record is exact")
    if n_padded:
        notes.append(f"{n_padded} samples fill its last record, marked {LOST}")
    return tuple(notes)


def write_recording_edf(
    path: str | Path,
    samples_uV: NDArray[np.floating],
    sfreq: float,
    ch_names: Sequence[str],
    markers: Iterable[tuple[float, str]] = (),
) -> None:
    """Write EEG with its markers as an EDF+ file.

    Parameters
    ----------
    path : str or Path
        File to write; an existing one is replaced.
    samples_uV : ndarray, shape (n_channels, n_times)
        Microvolts. Kept in steps of 0.1 uV, or coarser ones when they span more than 6 mV.
    sfreq : float
        Sampling rate in Hz. EDF consists of records of whole samples, one second long at a whole
        number of Hz; what fills no whole record at the end is left out.
    ch_names : sequence of str
        Label of each channel, ASCII, at most 16 characters.
    markers : iterable of (float, str)
        Seconds from the first sample, and label; they become annotations.

    Raises
    ------
    RecordingError
        Samples and labels do not match, a sample is no number, or the file cannot be written.

    See Also
    --------
    mdjpt.read_recording : Reads it again.

    Examples
    --------
    >>> import mdjpt, tempfile
    >>> import numpy as np
    >>> samples = np.random.default_rng(0).normal(0, 20, (4, 2500))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/made.edf"
    ...     names, events = ["Fp1", "Fp2", "O1", "O2"], [(2.0, "calm")]
    ...     mdjpt.write_recording_edf(path, samples, 250.0, names, events)
    ...     mdjpt.read_recording(path).markers
    ((2.0, 'calm'),)
    """
    path, samples = Path(path), np.asarray(samples_uV, np.float32)
    if samples.ndim != 2 or len(samples) != len(ch_names):
        raise RecordingError(
            f"{path}: samples {samples.shape} do not match {len(ch_names)} channel names"
        )
    if not np.isfinite(samples).all():
        raise RecordingError(f"{path}: EDF has no place for NaN; leave out what is no number")
    n_record, record_s = _record(path, sfreq, samples.shape[1])
    n_times = samples.shape[1] // n_record * n_record
    if not n_times:
        raise RecordingError(f"{path}: {samples.shape[1]} samples fill no record of EDF")
    signal = ExportSignal(samples[:, :n_times], sfreq, tuple(ch_names))
    marks = [(time_s, 0.0, label) for time_s, label in markers]
    _written(path, signal, "edf", record_s, n_record / record_s, marks)


def _record(path: Path, sfreq: float, n_times: int) -> tuple[int, float]:
    """Return samples and seconds of a record, both as EDF can say them."""
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise RecordingError(f"{path}: sfreq must be positive, got {sfreq} Hz")
    rate = Fraction(sfreq).limit_denominator(MAX_RECORD_S)
    if float(rate) == sfreq:
        return rate.numerator, float(rate.denominator)
    least = max(1, round(sfreq))
    counts = np.arange(least, max(min(round(LONGEST_ODD_S * sfreq), n_times), least) + 1)
    seconds = np.round(counts / sfreq, _DURATION_DIGITS)
    best = int(np.argmin(np.abs(counts / seconds / sfreq - 1)))
    return int(counts[best]), float(seconds[best])


def _written(
    path: Path,
    signal: ExportSignal,
    kind: str,
    record_s: float,
    sfreq: float,
    marks: Iterable[tuple[float, float, str]],
) -> list[float]:
    """Write whole records; return the step of each channel in microvolts."""
    import edfio

    whole, one, steps, top = (
        (edfio.Edf, edfio.EdfSignal, _EDF_STEPS, _EDF_TOP)
        if kind == "edf"
        else (edfio.Bdf, edfio.BdfSignal, _BDF_STEPS, _BDF_TOP)
    )
    ranges = [_range(path, row, steps, top) for row in signal.samples]
    try:
        channels = [
            one(
                row.astype(np.float64),
                sampling_frequency=sfreq,
                label=name,
                physical_dimension="uV",
                physical_range=(low, high),
                digital_range=(-top, top),
            )
            for row, name, (_, low, high) in zip(
                signal.samples, signal.ch_names, ranges, strict=True
            )
        ]
        annotations = [
            edfio.EdfAnnotation(onset, duration or None, label.translate(_NOT_IN_TEXT))
            for onset, duration, label in marks
        ]
        date = _date(signal.began_at_s)
        whole(channels, annotations=annotations, data_record_duration=record_s, **date).write(path)
    except ValueError as error:
        raise RecordingError(f"{path}: does not fit into EDF: {one_line(error)}") from None
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
    return [step for step, _, _ in ranges]


def _range(
    path: Path, row: NDArray[np.float32], steps: Sequence[float], top: int
) -> tuple[float, float, float]:
    """Return the finest step with which a channel fits, and the ends of its physical range."""
    low, high = float(row.min()), float(row.max())
    for step in steps:
        half = step * top
        # Around zero where that is enough: such files compare with one another.
        centre = 0 if max(-low, high) <= half else round((low + high) / 2)
        if centre - half <= low and high <= centre + half:
            return step, centre - half, centre + half
    raise RecordingError(f"{path}: {low:g} to {high:g} uV does not fit into EDF")


def _date(began_at_s: float | None) -> dict[str, Any]:
    """Return when the recording began, for edfio; EDF knows no year before 1985."""
    import edfio

    if began_at_s is None:
        return {}
    began = datetime.datetime.fromtimestamp(began_at_s, datetime.UTC)
    if began < _OLDEST:
        return {}
    return {
        "recording": edfio.Recording(startdate=began.date()),
        "starttime": began.time().replace(tzinfo=None),
    }
