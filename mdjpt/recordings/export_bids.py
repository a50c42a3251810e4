"""Recordings as a BIDS dataset, through mne-bids, with predictions among its derivatives.

BIDS 1.10, https://bids-specification.readthedocs.io: EEG as BrainVision, events and gaps in
``events.tsv``, other regular streams as ``physio.tsv.gz``, predictions in
``derivatives/mdjpt-live`` as ``desc-predictions_events.tsv``.
"""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdjpt.errors import RecordingError, one_line
from mdjpt.guard.extras import require_extra
from mdjpt.recordings.export_mne import as_annotations, write_brainvision
from mdjpt.recordings.export_tables import (
    PREDICTION_COLUMNS,
    prediction_rows,
    write_physio,
    write_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.recordings.beside import Beside, OtherStream
    from mdjpt.recordings.export_layout import ExportSignal

__all__ = ["BidsNames", "write_bids"]

PIPELINE = "mdjpt-live"
_BIDS_VERSION = "1.10.0"


@dataclass(frozen=True, slots=True)
class BidsNames:
    """What BIDS calls a recording.

    Raises RecordingError: one of them holds something else.
    """

    # Letters and digits.
    subject: str
    task: str = "emotion"
    # "" for none.
    session: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        for key in ("subject", "task", "session", "run"):
            text = getattr(self, key)
            needed = key in ("subject", "task")
            if not (text or not needed) or not re.fullmatch("[A-Za-z0-9]*", text):
                raise RecordingError(
                    f"BIDS: {key} must be letters and digits, got {text!r}; say --{key}"
                )
        if self.run and not self.run.isdigit():
            raise RecordingError(f"BIDS: run must be a number, got {self.run!r}")


def write_bids(
    root: Path, names: BidsNames, signal: ExportSignal, beside: Beside
) -> tuple[list[Path], tuple[str, ...]]:
    """Add a recording to a dataset, which is made where there is none.

    What was written comes first, the header of the EEG at its head, then what could not come along.

    Raises RecordingError: the dataset has this recording already, or cannot be written. Raises
    MdjptError: the extra ``export`` is missing.
    """
    mne_bids = require_extra("export", "mne_bids")
    path = mne_bids.BIDSPath(
        root=root,
        subject=names.subject,
        session=names.session or None,
        task=names.task,
        run=names.run or None,
        datatype="eeg",
        suffix="eeg",
        extension=".vhdr",
    )
    if path.fpath.exists():
        raise RecordingError(
            f"{path.fpath}: exists already and is not overwritten; say another --run or --session"
        )
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="mdjpt-bids-") as folder:
            warnings.simplefilter("ignore")
            _write_eeg(mne_bids, path, signal, Path(folder) / "signals.vhdr")
    except (OSError, ValueError, RuntimeError) as error:
        raise RecordingError(f"{root}: cannot be written: {one_line(error)}") from None
    written, notes = _write_others(path, beside.others)
    if beside.predictions:
        written.append(_write_predictions(root, path, signal, beside))
    return [Path(path.fpath), *written], notes


def _write_eeg(mne_bids: Any, path: Any, signal: ExportSignal, temporary: Path) -> None:
    """Hand the EEG to mne-bids as a BrainVision file, which it copies sample for sample."""
    import mne

    write_brainvision(temporary, signal)
    raw = mne.io.read_raw_brainvision(temporary, verbose="ERROR")
    raw.set_annotations(as_annotations(signal.marks.events, signal.sfreq))
    raw.info["bads"] = list(signal.bads)
    if not (path.root / "dataset_description.json").exists():
        mne_bids.make_dataset_description(
            path=path.root, name="Recordings of mDJPT Live", dataset_type="raw", verbose="ERROR"
        )
    mne_bids.write_raw_bids(raw, path, verbose="ERROR")
    sidecar = path.copy().update(extension=".json")
    mne_bids.update_sidecar_json(
        sidecar,
        {
            "EEGReference": "n/a",
            "Manufacturer": "n/a",
            "SoftwareFilters": "n/a",
            "RecordingRemarks": list(signal.marks.remarks),
        },
        verbose="ERROR",
    )


def _write_others(path: Any, others: Sequence[OtherStream]) -> tuple[list[Path], tuple[str, ...]]:
    """Write the other regular streams as physiological recordings."""
    written: list[Path] = []
    irregular: list[str] = []
    labels: Counter[str] = Counter()
    for stream in others:
        if not stream.sfreq > 0:
            irregular.append(stream.name)
            continue
        label = re.sub("[^A-Za-z0-9]", "", stream.name) or "stream"
        labels[label] += 1
        label += str(labels[label]) if labels[label] > 1 else ""
        stem = path.basename.removesuffix("_eeg.vhdr")
        file = path.directory / f"{stem}_recording-{label}_physio.tsv.gz"
        facts = write_physio(file, stream)
        _write_json(file.with_name(file.name.removesuffix(".tsv.gz") + ".json"), facts)
        written.append(file)
    if not irregular:
        return written, ()
    return written, (f"BIDS takes no irregular streams, left out: {', '.join(irregular)}",)


def _write_predictions(root: Path, path: Any, signal: ExportSignal, beside: Beside) -> Path:
    """Write the predictions as derivatives of this program."""
    home = root / "derivatives" / PIPELINE
    folder = home / Path(path.directory).relative_to(root)
    folder.mkdir(parents=True, exist_ok=True)
    about = home / "dataset_description.json"
    if not about.exists():
        _write_json(
            about,
            {
                "Name": "Emotions decoded by mDJPT Live",
                "BIDSVersion": _BIDS_VERSION,
                "DatasetType": "derivative",
                "GeneratedBy": [{"Name": PIPELINE}],
            },
        )
    stem = path.basename.removesuffix("_eeg.vhdr")
    file = folder / f"{stem}_desc-predictions_events.tsv"
    header, rows = prediction_rows(beside.predictions, signal.sfreq)
    write_rows(file, header, rows)
    columns = {
        name: {"Description": PREDICTION_COLUMNS.get(name, "Smoothed probability of the class.")}
        for name in header
    }
    remarks = {"Remarks": list(signal.marks.remarks)}
    _write_json(file.with_suffix(".json"), columns | remarks)
    return file


def _write_json(path: Path, content: object) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
