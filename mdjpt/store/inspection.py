"""Whether a store is sound: its samples as they were written, and possible at all."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.signal.filters import BAND_HZ, N_TIMES, SFREQ
from mdjpt.store.store import RECORDINGS, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mdjpt.store.store import Store

__all__ = ["check_store"]

_AT_ONCE = 1 << 20  # samples
_STOP_BAND_HZ = BAND_HZ[1] + 8.0  # where the training filter leaves next to nothing
_MOST_ABOVE = 0.05
_NAMED = 3


def check_store(path: str | Path) -> list[str]:
    """Open a store, read every sample, compare it with its checksum and look at what it holds.

    Returns
    -------
    list of str
        One line for each thing that is unusual but no error.

    Raises
    ------
    DatasetError
        As for :func:`mdjpt.store.store.open_store`; a recording's samples are not what was written,
        not finite, or flat over a whole trial; or trials overlap.
    """
    store = open_store(path)
    for index in range(len(store)):
        _check_recording(store, index)
    remarks = [*_on_trials(store), *_on_labels(store)]
    unfiltered = [r.facts.file for i, r in enumerate(store.recordings) if _share_above(store, i)]
    if unfiltered:
        remarks.append(
            f"{_listed(unfiltered)}: power above {_STOP_BAND_HZ:g} Hz, which the filter takes out: "
            f"another rate than {SFREQ:g} Hz, or not prepared?"
        )
    return remarks


def _check_recording(store: Store, index: int) -> None:
    recording, samples = store.recordings[index], store.samples(index)
    file, checksum = store.path / RECORDINGS / recording.facts.file, 0
    for row in samples:
        for start in range(0, len(row), _AT_ONCE):
            part = row[start : start + _AT_ONCE]
            checksum = crc32(part.data, checksum)
            if not np.isfinite(part).all():
                raise DatasetError(f"{file}: holds NaN or infinity")
    if checksum != recording.facts.crc32:
        raise DatasetError(f"{file}: damaged, its checksum does not match: prepare it again")
    end = 0
    for trial in recording.trials:
        where = f"{file}: trial {trial.trial + 1}"
        if trial.start < end:
            raise DatasetError(f"{where} begins before the one before it ends")
        end = trial.stop
        if not np.ptp(samples[:, trial.start : trial.stop], axis=1).any():
            raise DatasetError(f"{where} is flat: prepare it again, or leave it out")


def _on_trials(store: Store) -> Iterable[str]:
    short = [trial for trial in store.trials if trial.n_times < N_TIMES]
    if short:
        yield f"{len(short)} trials are shorter than a window of 5 s"


def _on_labels(store: Store) -> Iterable[str]:
    """Remark on classes without trials, and on clips that are labelled in two ways."""
    names, used = store.card.class_names, {trial.label for trial in store.trials}
    absent = [name for label, name in enumerate(names) if label not in used]
    if absent and used != {None}:
        yield f"no trial of class {', '.join(absent)}"
    labels: dict[str, set[int]] = {}
    for trial in store.trials:
        if trial.stimulus and trial.label is not None:
            labels.setdefault(trial.stimulus, set()).add(trial.label)
    two = [stimulus for stimulus, found in labels.items() if len(found) > 1]
    if two:
        yield f"labelled differently from trial to trial: stimulus {_listed(two)}"


def _share_above(store: Store, index: int) -> bool:
    """Tell whether a recording's first trial holds more than the filter leaves."""
    trial = store.recordings[index].trials[0]
    x = store.samples(index)[:, trial.start : trial.stop].astype(np.float64)
    power = np.abs(np.fft.rfft((x - x.mean(axis=1, keepdims=True)) * np.hanning(x.shape[1]))) ** 2
    above = np.fft.rfftfreq(x.shape[1], 1 / SFREQ) > _STOP_BAND_HZ
    return bool(power[:, above].sum() > _MOST_ABOVE * power.sum())


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
