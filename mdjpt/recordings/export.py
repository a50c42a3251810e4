"""Writing a recording as EDF+, which every EEG program reads."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["write_recording_edf"]

# EDF keeps 16 bits a sample: with steps of 0.1 uV the range is +-3276.7 uV.
STEP_UV = 0.1
MAX_STEPS = 32767
MAX_RECORD_S = 60


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
        Microvolts. Kept in steps of 0.1 uV, or coarser ones when they exceed +-3276.7 uV.
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
    from edfio import Edf, EdfAnnotation, EdfSignal

    path, samples = Path(path), np.asarray(samples_uV, np.float64)
    record_s, n_times = _whole_records(path, samples, sfreq, ch_names)
    try:
        signals = [
            EdfSignal(
                row,
                sampling_frequency=sfreq,
                label=name,
                physical_dimension="uV",
                physical_range=_range(row),
                digital_range=(-MAX_STEPS, MAX_STEPS),
            )
            for name, row in zip(ch_names, samples[:, :n_times], strict=True)
        ]
        annotations = [EdfAnnotation(time_s, None, label) for time_s, label in markers]
        Edf(signals, annotations=annotations, data_record_duration=record_s).write(path)
    except ValueError as error:
        raise RecordingError(f"{path}: does not fit into EDF: {error}") from None
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None


def _whole_records(
    path: Path, samples: NDArray[np.float64], sfreq: float, ch_names: Sequence[str]
) -> tuple[float, int]:
    """Return seconds of a record, and how many samples fill whole records."""
    if samples.ndim != 2 or len(samples) != len(ch_names):
        raise RecordingError(
            f"{path}: samples {samples.shape} do not match {len(ch_names)} channel names"
        )
    if not np.isfinite(samples).all():
        raise RecordingError(f"{path}: EDF has no place for NaN; leave out what is no number")
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise RecordingError(f"{path}: sfreq must be positive, got {sfreq} Hz")
    rate = Fraction(sfreq).limit_denominator(MAX_RECORD_S)
    if float(rate) != sfreq:
        raise RecordingError(f"{path}: no EDF record has whole samples at {sfreq} Hz")
    n_times = samples.shape[1] // rate.numerator * rate.numerator
    if not n_times:
        raise RecordingError(f"{path}: {samples.shape[1]} samples fill no record of EDF")
    return float(rate.denominator), n_times


def _range(row: NDArray[np.float64]) -> tuple[float, float]:
    """Return the physical range that spans a channel in steps of 0.1, 1, 10 ... uV."""
    step = STEP_UV
    while np.abs(row).max() > step * MAX_STEPS:
        step *= 10
    highest = round(step * MAX_STEPS, 1)
    return -highest, highest
