"""Neuroscan continuous files (.cnt) of SEED-V and SEED-VII, cut into trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.guarded_file import read_guarded
from mdjpt.errors import DatasetError
from mdjpt.signal.units import MICROVOLTS_PER_VOLT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["CntTrials", "load", "read_cnt_trials"]


class CntTrials:
    """The trials of one .cnt file.

    Parameters
    ----------
    path : Path
        The file.
    result : dict
        What `load` left.

    Attributes
    ----------
    sfreq : float
        Sampling rate in Hz.
    ch_names : tuple of str
        The electrodes, in the file's order.
    spans : list of (float, float)
        Start and end of each trial, seconds in the recording.
    samples : list of ndarray of float32, shape (n_channels, n_times)
        Microvolts.
    notes : tuple of str
        Remarks for the user.
    """

    def __init__(self, path: Path, result: dict[str, Any]) -> None:
        self.sfreq = float(result["sfreq"])
        self.ch_names = tuple(str(name) for name in result["ch_names"])
        self.spans: list[tuple[float, float]] = [(a, b) for a, b in result["spans"]]
        self.samples: list[NDArray[np.float32]] = list(result["samples"].values())
        self.notes = tuple(str(note) for note in result["notes"])
        self._check(path, float(result["duration_s"]))

    def _check(self, path: Path, duration_s: float) -> None:
        for index, (start_s, stop_s) in enumerate(self.spans):
            if not 0 <= start_s < stop_s <= duration_s:
                raise DatasetError(
                    f"{path}: trial {index + 1} lasts from {start_s:.0f} to {stop_s:.0f} s, the "
                    f"recording ends at {duration_s:.0f} s; was the download complete?"
                )


def read_cnt_trials(
    path: Path,
    ch_names: Sequence[str],
    spans: Sequence[tuple[float, float]] | int,
    data_format: str = "auto",
) -> CntTrials:
    """Cut the trials out of a .cnt file.

    Parameters
    ----------
    path : Path
        The file.
    ch_names : sequence of str
        The electrodes to read, in the wanted order.
    spans : sequence of (float, float), or int
        Start and end of each trial in seconds, or how many pairs of events mark them.
    data_format : {"auto", "int16", "int32"}
        Width of a sample, see :func:`mdjpt.recordings.neuroscan.open_neuroscan`.

    Returns
    -------
    trials : CntTrials
        What was cut out.

    Raises
    ------
    DatasetError
        The file is damaged, too short, lacks an electrode or has too few events.
    """
    wanted = spans if isinstance(spans, int) else [list(span) for span in spans]
    result = read_guarded(
        path, "cnt", ch_names=list(ch_names), spans=wanted, data_format=data_format
    )
    if result["lacking"]:
        raise DatasetError(
            f"{path}: no channel {', '.join(result['lacking'][:8])}; there are "
            f"{', '.join(result['there'][:8])}, ..."
        )
    if isinstance(spans, int) and len(result["spans"]) < spans:
        raise DatasetError(
            f"{path}: {spans} trials need {2 * spans} events, there are {result['n_events']}"
        )
    return CntTrials(path, result)


def load(
    path: Path, *, ch_names: list[str], spans: list[tuple[float, float]] | int, data_format: str
) -> dict[str, Any]:
    """Read a .cnt file; runs in the guarded process.

    Raises
    ------
    Exception
        Whatever MNE raises on a damaged file.
    """
    from mdjpt.recordings.neuroscan import open_neuroscan

    raw, notes = open_neuroscan(path, data_format)
    by_name = {name.upper(): name for name in raw.ch_names}
    lacking = [name for name in ch_names if name.upper() not in by_name]
    duration_s = raw.n_times / raw.info["sfreq"]
    onsets = [float(onset) for onset in raw.annotations.onset]
    if isinstance(spans, int):
        spans = list(zip(onsets[0 : 2 * spans : 2], onsets[1 : 2 * spans : 2], strict=False))
    readable = not lacking and all(0 <= a < b <= duration_s for a, b in spans)
    picks = [by_name[name.upper()] for name in ch_names] if readable else []
    return {
        "sfreq": raw.info["sfreq"],
        "duration_s": duration_s,
        "ch_names": ch_names,
        "there": raw.ch_names,
        "lacking": lacking,
        "n_events": len(onsets),
        "spans": [[a, b] for a, b in spans],
        "notes": list(notes),
        "samples": _cut(raw, picks, spans) if readable else {},
    }


def _cut(
    raw: Any, picks: list[str], spans: list[tuple[float, float]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Read one trial after the other, so that float64 never holds the whole file."""
    sfreq = raw.info["sfreq"]
    for index, (start_s, stop_s) in enumerate(spans):
        start, stop = round(start_s * sfreq), round(stop_s * sfreq)
        volts = raw.get_data(picks=picks, start=start, stop=stop)
        yield str(index), (volts * MICROVOLTS_PER_VOLT).astype(np.float32)
