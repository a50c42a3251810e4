"""Writing a store, recording by recording.

Beside each finished recording lies ``NAME.json`` with its facts and trials; the table and the card
of the store are made of these at the end, so a killed preparation can be taken up again. Several
processes may write recordings at once.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.guard.atomic_file import atomic_file
from mdjpt.store.card import RecordingFacts, RecordingFile, StoreCard, StoreFile, read_description
from mdjpt.store.store import CARD_FILE, RECORDINGS, TABLE_FILE
from mdjpt.store.trials import StoredTrial, write_trial_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydantic import BaseModel

__all__ = [
    "PreparedRecording",
    "finish_store",
    "recording_name",
    "write_recording",
    "written",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedRecording:
    """One recording, ready to be stored."""

    samples: NDArray[np.float32]
    """The trials one after the other: 125 Hz, filtered, referenced, robustly scaled. Shape
    (n_channels, n_times)."""
    ch_names: tuple[str, ...]
    """Electrodes, upper-case 10-05 names."""
    trials: tuple[StoredTrial, ...]
    """Where each trial lies; :attr:`StoredTrial.recording` is filled in when it is written."""
    # Of the robust scaling, microvolts.
    scale_mean: float
    scale_std: float
    quality: dict[str, float] = field(default_factory=dict)
    """Numbers that sum up the preparation."""
    notes: tuple[str, ...] = ()
    """Remarks of the reader."""


def recording_name(subject: str, session: str) -> str:
    """Return the name of a recording's files, without their ending.

    Letters, digits, "." and "-" are kept; a checksum tells apart what is alike without the rest.
    """
    plain = [re.sub(r"[^A-Za-z0-9.-]", "", name) for name in (subject, session)]
    name = f"sub-{plain[0]}_ses-{plain[1]}"
    if plain == [subject, session]:
        return name
    return f"{name}_{crc32(json.dumps([subject, session]).encode()):08x}"


def write_recording(
    folder: Path, prepared: PreparedRecording, preparation: Mapping[str, Any]
) -> None:
    """Write a recording's samples, then the description that makes it count as finished.

    Raises DatasetError: a file cannot be written.
    """
    subject, session = prepared.trials[0].subject, prepared.trials[0].session
    name = recording_name(subject, session)
    samples = np.ascontiguousarray(prepared.samples, np.float32)
    facts = RecordingFacts(
        file=f"{name}.npy",
        subject=subject,
        session=session,
        n_times=samples.shape[1],
        crc32=crc32(samples.data),
        scale_mean=prepared.scale_mean,
        scale_std=prepared.scale_std,
        quality=prepared.quality,
        notes=prepared.notes,
    )
    description = RecordingFile(
        preparation=dict(preparation),
        ch_names=prepared.ch_names,
        facts=facts,
        trials=tuple(asdict(replace(trial, recording=facts.file)) for trial in prepared.trials),
    )
    path = folder / RECORDINGS / facts.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            np.lib.format.write_array(file, samples)
        _write_json(path.with_suffix(".json"), description)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written: {error.strerror}") from None


def written(folder: Path, subject: str, session: str, preparation: Mapping[str, Any]) -> bool:
    """Tell whether a recording is already in the store.

    Raises DatasetError: it is, but was prepared with other settings.
    """
    path = folder / RECORDINGS / f"{recording_name(subject, session)}.json"
    if not path.is_file():
        return False
    if read_description(RecordingFile, path).preparation != dict(preparation):
        raise DatasetError(
            f"{path}: prepared with other settings: choose another --out, or delete {folder}"
        )
    return True


def finish_store(folder: Path, card: StoreCard, keys: Sequence[tuple[str, str]]) -> None:
    """Write the table of trials and the card of a store whose recordings are all there.

    The card's ``ch_names`` are taken from the recordings; `keys` are subject and session of each,
    in the order of the store.

    Raises DatasetError: a recording is missing or has other electrodes than the first, or a file
    cannot be written.
    """
    paths = [folder / RECORDINGS / f"{recording_name(*key)}.json" for key in keys]
    parts = [read_description(RecordingFile, path) for path in paths]
    trials = [
        trial for path, part in zip(paths, parts, strict=True) for trial in _trials(path, part)
    ]
    content = StoreFile(
        **dict(card) | {"ch_names": _common_electrodes(paths, parts)},
        recordings=tuple(part.facts for part in parts),
    )
    try:
        with atomic_file(folder / TABLE_FILE) as file:
            write_trial_table(file, trials)
        _write_json(folder / CARD_FILE, content)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be written: {error.strerror}") from None


def _common_electrodes(paths: Sequence[Path], parts: Sequence[RecordingFile]) -> tuple[str, ...]:
    first = parts[0].ch_names
    for path, part in zip(paths, parts, strict=True):
        if part.ch_names != first:
            odd = ", ".join(sorted(set(part.ch_names) ^ set(first)))
            raise DatasetError(
                f"{path}: has other electrodes than {paths[0].name} ({odd:.60}): prepare such "
                "recordings into stores of their own"
            )
    return first


def _trials(path: Path, part: RecordingFile) -> list[StoredTrial]:
    try:
        return [StoredTrial(**trial) for trial in part.trials]
    except TypeError:
        raise DatasetError(f"{path}: key 'trials' is damaged: delete it and resume") from None


def _write_json(path: Path, content: BaseModel) -> None:
    with atomic_file(path) as file:
        file.write(json.dumps(content.model_dump(mode="json"), indent=1).encode())
