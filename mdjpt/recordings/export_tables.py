"""What goes beside an exported recording, and a recording, as plain tables."""

from __future__ import annotations

import csv
import gzip
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.guard.cells import table_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mdjpt.recordings.beside import OtherStream, StoredPrediction
    from mdjpt.recordings.export_layout import ExportEvent
    from mdjpt.recordings.recording import Recording

__all__ = [
    "PREDICTION_COLUMNS",
    "prediction_rows",
    "write_csv",
    "write_events",
    "write_other",
    "write_physio",
    "write_rows",
]

MISSING = "n/a"
PREDICTION_COLUMNS = {
    "onset": "Beginning of the window that was decoded, seconds from the first sample.",
    "duration": "Length of the window in seconds; the decision is about its end.",
    "sample": "First sample of the window.",
    "status": "Whether there is a label: ok, warming_up, bad_signal, gap or unsure.",
    "label": "The emotion, where status is ok.",
    "reason": "Why there is no label.",
    "confidence": "Probability of the class that is shown or would be.",
    "valence": "In the units of the person's ratings.",
    "arousal": "In the units of the person's ratings.",
    "good_electrodes": "Number of electrodes used.",
    "bad_electrodes": "Electrodes left out.",
    "latency_ms": "From the arrival of the window's newest sample to the decision.",
    "simulated": "1 where anything is simulated.",
    "simulated_parts": "What is: the signal, the model (its training), the person (calibrated on).",
    "model": "The model.",
}
"""Columns of a table of predictions; those of the classes, ``p_CLASS``, come behind them."""


def prediction_rows(
    predictions: Sequence[StoredPrediction], sfreq: float
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return header and rows of a table of predictions.

    Parameters
    ----------
    predictions : sequence of StoredPrediction
        Of one recording.
    sfreq : float
        Hz, of the exported signal.
    """
    classes = list(dict.fromkeys(name for p in predictions for name in p.probabilities))
    rows = [
        [
            _number(p.first / sfreq),
            _number((p.stop - p.first) / sfreq),
            str(p.first),
            p.status,
            p.label or MISSING,
            p.reason or MISSING,
            _number(p.confidence),
            _number(p.valence),
            _number(p.arousal),
            str(p.quality.good),
            ",".join(p.quality.bad) or MISSING,
            _number(p.latency_ms),
            str(int(p.simulated)),
            ",".join(p.simulated_parts) or MISSING,
            p.model or MISSING,
            *(_number(p.probabilities.get(name)) for name in classes),
        ]
        for p in predictions
    ]
    return (*PREDICTION_COLUMNS, *(f"p_{name}" for name in classes)), rows


def write_events(path: Path, events: Iterable[ExportEvent], sfreq: float) -> None:
    """Write events as a table: onset and duration in seconds, sample, label.

    Parameters
    ----------
    path : Path
        File to write, which does not exist.
    events : iterable of ExportEvent
        Placed on samples.
    sfreq : float
        Hz.
    """
    rows = [
        [_number(e.first / sfreq), _number(e.n_times / sfreq), str(e.first), e.label]
        for e in events
    ]
    write_rows(path, ("onset", "duration", "sample", "label"), rows)


def write_other(path: Path, stream: OtherStream) -> None:
    """Write another stream: seconds from the first sample of the EEG, then its channels.

    Parameters
    ----------
    path : Path
        File to write, which does not exist.
    stream : OtherStream
        What to write.
    """
    names = [
        (label or f"channel_{n}") + (f" ({unit})" if unit else "")
        for n, (label, unit) in enumerate(zip(stream.labels, stream.units, strict=True), start=1)
    ]
    table = np.column_stack([stream.seconds, stream.values.T])
    _write_table(path, ["onset", *names], table, ["%.6f"] + ["%.17g"] * len(names), "\t")


def write_physio(path: Path, stream: OtherStream) -> dict[str, object]:
    """Write a regular stream as BIDS has physiological recordings: no header, compressed.

    Parameters
    ----------
    path : Path
        File to write, ``.tsv.gz``, which does not exist.
    stream : OtherStream
        What to write.

    Returns
    -------
    dict
        What its JSON file has to say of it. The seconds of its samples are a column of their own,
        because a recorded rate is never quite the nominal one.
    """
    names = [label or f"channel_{n}" for n, label in enumerate(stream.labels, start=1)]
    table = np.column_stack([stream.seconds, stream.values.T])
    _write_table(path, None, table, ["%.6f"] + ["%.17g"] * len(names), "\t")
    units = {name: {"Units": unit} for name, unit in zip(names, stream.units, strict=True) if unit}
    return {
        "SamplingFrequency": stream.sfreq,
        "StartTime": float(stream.seconds[0]) if len(stream.seconds) else 0.0,
        "Columns": ["seconds", *names],
        "seconds": {"Description": "From the first sample of the EEG.", "Units": "s"},
        **units,
    }


def write_csv(path: Path, recording: Recording, events: Sequence[ExportEvent]) -> tuple[str, ...]:
    """Write a recording as CSV: a row a sample, lost ones left out, events in the last column.

    Parameters
    ----------
    path : Path
        File to write, which does not exist.
    recording : Recording
        Its time stamps are those of its positions: a gap is a jump in them.
    events : sequence of ExportEvent
        Those that begin at the same sample share a cell, joined by ``/``.

    Returns
    -------
    tuple of str
        A remark on gaps.

    Raises
    ------
    RecordingError
        It cannot be written.
    """
    labels: dict[int, str] = {}
    columns = np.minimum(
        np.searchsorted(recording.positions, [event.first for event in events]),
        recording.n_times - 1,
    )
    for column, event in zip(columns.tolist(), events, strict=True):
        label = table_cell(event.label).replace(",", ";")
        labels[column] = f"{labels[column]}/{label}" if column in labels else label
    header = ["timestamps", *recording.ch_names, "marker"]
    table = np.column_stack([recording.positions / recording.sfreq, recording.samples.T])
    template = ",".join(["%.9f"] + ["%.9g"] * recording.n_channels)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(map(table_cell, header))
            for column, row in enumerate(table.tolist()):
                file.write(f"{template % tuple(row)},{_quoted(labels.get(column, ''))}\n")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
    n_gaps = len(recording.gaps)
    return (f"gaps: {n_gaps}, jumps in its time stamps",) if n_gaps else ()


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table of texts, separated by tabs.

    Parameters
    ----------
    path : Path
        File to write, which does not exist.
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence of str
        Tabs and line ends in them become blanks.

    Raises
    ------
    RecordingError
        It exists, or cannot be written.
    """
    lines = ["\t".join(map(table_cell, row)) for row in (header, *rows)]
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None


def _write_table(
    path: Path,
    header: Sequence[str] | None,
    table: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    formats: Sequence[str],
    delimiter: str,
) -> None:
    text = io.StringIO()
    if header is not None:
        text.write(delimiter.join(map(table_cell, header)) + "\n")
    np.savetxt(text, table, fmt=list(formats), delimiter=delimiter)
    content = text.getvalue().encode()
    try:
        with path.open("xb") as file:
            file.write(gzip.compress(content) if path.suffix == ".gz" else content)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if '"' in text or "\n" in text else text


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.9g}"
