"""Reading a whole store to see that it holds what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.signal.filters import N_TIMES
from mdjpt.store.store import RECORDINGS, Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_store"]

_AT_ONCE = 1 << 20  # samples of a channel that are read at a time


def check_store(path: str | Path) -> list[str]:
    """Open a store, read every sample and compare it with its checksum.

    Returns
    -------
    list of str
        One line for each thing that is unusual but no error.

    Raises
    ------
    DatasetError
        As for :func:`mdjpt.store.store.open_store`; a recording's samples are not what was written,
        or not finite.
    """
    store = open_store(path)
    for index in range(len(store)):
        _check_recording(store, index)
    short = [trial for trial in store.trials if trial.n_times < N_TIMES]
    return [f"{len(short)} trials are shorter than a window of 5 s"] if short else []


def _check_recording(store: Store, index: int) -> None:
    facts = store.recordings[index].facts
    file, checksum = store.path / RECORDINGS / facts.file, 0
    for row in store.samples(index):
        for start in range(0, len(row), _AT_ONCE):
            part = row[start : start + _AT_ONCE]
            checksum = crc32(part.data, checksum)
            if not np.isfinite(part).all():
                raise DatasetError(f"{file}: holds NaN or infinity")
    if checksum != facts.crc32:
        raise DatasetError(f"{file}: damaged, its checksum does not match: prepare it again")
