"""Neuroscan continuous files (.cnt) of SEED-V and SEED-VII, cut into trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdjpt.datasets.guarded_file import read_guarded
from mdjpt.errors import DatasetError
from mdjpt.signal.units import MICROVOLTS_PER_VOLT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["CntTrials", "load", "read_cnt_trials"]


class CntTrials(NamedTuple):
    """The trials of one .cnt file."""

    sfreq: float
    """Sampling rate in Hz."""
    spans: list[tuple[float, float]]
    """Start and end of each trial, seconds in the recording."""
    samples: list[NDArray[np.float32]]
    """Microvolts. Shape (n_channels, n_times)."""
    notes: tuple[str, ...]
    """Remarks for the user."""


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

    Raises
    ------
    DatasetError
        The file is damaged, too short, lacks an electrode or has too few events.
    """
    wanted = spans if isinstance(spans, int) else [list(span) for span in spans]
    result = read_guarded(
        path, f"{__name__}:load", ch_names=list(ch_names), spans=wanted, data_format=data_format
    )
    return CntTrials(
        float(result["sfreq"]),
        [(float(start_s), float(stop_s)) for start_s, stop_s in result["spans"]],
        list(result["samples"].values()),
        tuple(str(note) for note in result["notes"]),
    )


def load(
    path: Path, *, ch_names: list[str], spans: list[tuple[float, float]] | int, data_format: str
) -> dict[str, Any]:
    """Read a .cnt file; runs in the guarded process.

    Raises
    ------
    DatasetError
        An electrode or events are missing, or the recording ends before a trial.
    Exception
        Whatever MNE raises on a damaged file.
    """
    from mdjpt.recordings.neuroscan import open_neuroscan

    raw, notes = open_neuroscan(path, data_format)
    by_name = {name.upper(): name for name in raw.ch_names}
    if lacking := [name for name in ch_names if name.upper() not in by_name]:
        raise DatasetError(
            f"{path}: no channel {', '.join(lacking[:8])}; there are "
            f"{', '.join(raw.ch_names[:8])}, ..."
        )
    if isinstance(spans, int):
        onsets = [float(onset) for onset in raw.annotations.onset]
        if len(onsets) < 2 * spans:
            raise DatasetError(
                f"{path}: {spans} trials need {2 * spans} events, there are {len(onsets)}"
            )
        spans = list(zip(onsets[0 : 2 * spans : 2], onsets[1 : 2 * spans : 2], strict=True))
    duration_s = raw.n_times / raw.info["sfreq"]
    for index, (start_s, stop_s) in enumerate(spans):
        if not 0 <= start_s < stop_s <= duration_s:
            raise DatasetError(
                f"{path}: trial {index + 1} lasts from {start_s:.0f} to {stop_s:.0f} s, the "
                f"recording ends at {duration_s:.0f} s; was the download complete?"
            )
    return {
        "sfreq": raw.info["sfreq"],
        "spans": [[start_s, stop_s] for start_s, stop_s in spans],
        "notes": list(notes),
        "samples": _cut(raw, [by_name[name.upper()] for name in ch_names], spans),
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
