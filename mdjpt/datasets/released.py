"""The layout of mdJPT's released code: one MATLAB file a subject, all its trials in one array."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.electrodes import (
    DEAP_32_BY_HEMISPHERE,
    EMOEEG_MC_64,
    FACED_32,
    SEED_60,
    SEED_62,
)
from mdjpt.datasets.emoeeg_mc import EMOEEG_MC_STIMULI
from mdjpt.datasets.faced import FACED_LABELS
from mdjpt.datasets.mat_file import read_matrices
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.seed import SEED_IV_LABELS, SEED_LABELS, SEED_V_LABELS
from mdjpt.datasets.seed_vii import SEED_VII_LABELS
from mdjpt.datasets.trials import RecordingKey, Trial
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["RELEASED_PROGRAMMES", "Programme", "ReleasedReader"]

SFREQ = 125.0
# The readme's names, and the ones that FACED's files and some scripts have.
_DATA_KEYS = ("merged_data_all_cleaned", "merged_data_all_cleared", "data_all_cleaned")
_LENGTH_KEYS = ("merged_n_samples_one", "n_samples_one")


@dataclass(frozen=True, slots=True)
class Programme:
    """What the subjects of a dataset were shown."""

    labels: tuple[tuple[int, ...], ...]
    """By session, one label a trial."""
    class_names: tuple[str, ...]
    """Their names."""
    ch_names: dict[int, tuple[str, ...]]
    """Electrodes by the number of rows of the file."""
    same_clips: bool = False
    """True when every session shows the same clips."""
    last_s: float = 0.0
    """Only the end of each trial, this long, is used; 0 for all of it."""
    notes: tuple[str, ...] = ()
    """Remarks for the user."""


_SEED_ROWS = {62: SEED_62, 60: SEED_60}
RELEASED_PROGRAMMES = {
    "seed": Programme((SEED_LABELS,) * 3, CARDS["seed"].class_names, _SEED_ROWS, same_clips=True),
    "seed-iv": Programme(tuple(SEED_IV_LABELS.values()), CARDS["seed-iv"].class_names, _SEED_ROWS),
    "seed-v": Programme(tuple(SEED_V_LABELS.values()), CARDS["seed-v"].class_names, _SEED_ROWS),
    "seed-vii": Programme(
        tuple(SEED_VII_LABELS.values()), CARDS["seed-vii"].class_names, _SEED_ROWS
    ),
    "faced": Programme(
        (FACED_LABELS,),
        CARDS["faced"].class_names,
        {32: FACED_32, 30: FACED_32[:30]},
        last_s=30.0,
    ),
    "deap": Programme(
        ((0,) * 20 + (1,) * 20,),
        ("low valence", "high valence"),
        {32: DEAP_32_BY_HEMISPHERE},
        notes=("trials are sorted by rating: the labels are places in that order",),
    ),
    "emoeeg-mc": Programme(
        (tuple(index // 3 for index in range(len(EMOEEG_MC_STIMULI))),),
        CARDS["emoeeg-mc"].class_names,
        {64: EMOEEG_MC_64, 62: EMOEEG_MC_64[:62]},
    ),
}


_Content: TypeAlias = "tuple[NDArray[np.float32], list[tuple[int, int]]]"


class ReleasedReader(DatasetReader):
    """Files as mdJPT's released code takes them: prepared, 125 Hz, all trials one after the other.

    Subjects are numbered from 0 in the order of the first number in their file names, as the
    released splits name them.

    Parameters
    ----------
    root : path-like
        Folder of the .mat files.
    dataset : str
        A key of `RELEASED_PROGRAMMES`: labels and electrodes are not in the files.
    ch_names : sequence of str, optional
        Electrodes, when the files have other rows than the released ones.
    exact : bool
        Trials end where their lengths say. By default every length is cut to whole seconds first,
        as the released code does: its trials drift apart from the stimuli when lengths are not
        whole.
    """

    card = CARDS["released"]

    def __init__(
        self,
        root: str | Path,
        dataset: str,
        ch_names: Sequence[str] | None = None,
        *,
        exact: bool = False,
    ) -> None:
        if dataset not in RELEASED_PROGRAMMES:
            raise ValueError(
                f"dataset must be one of {', '.join(RELEASED_PROGRAMMES)}, got {dataset!r}"
            )
        self._programme = RELEASED_PROGRAMMES[dataset]
        self._ch_names = None if ch_names is None else tuple(ch_names)
        self._exact = exact
        self._last: tuple[Path, _Content] | None = None
        super().__init__(root)
        self.card = replace(
            self.card,
            title=f"{self.card.title} of {dataset}",
            class_names=self._programme.class_names,
            n_sessions=len(self._programme.labels),
        )

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the trials of a session, numbered within it: see `DatasetReader.trials`."""
        session = int(key.session) - 1
        before = sum(len(labels) for labels in self._programme.labels[:session])
        # The sessions of a subject follow each other, and their file is large.
        if self._last is None or self._last[0] != key.path:
            self._last = (key.path, self._content(key.path))
        data, spans = self._last[1]
        ch_names = self._electrodes(key.path, len(data))
        for index, label in enumerate(self._programme.labels[session]):
            first, stop = spans[before + index]
            clip = index if self._programme.same_clips else before + index
            yield Trial(
                samples=data[:, first:stop].copy(),
                sfreq=SFREQ,
                ch_names=ch_names,
                subject=key.subject,
                session=key.session,
                trial=index,
                label=label,
                stimulus=f"{clip + 1:02d}",
                start_s=first / SFREQ,
                notes=self._programme.notes,
            )

    def _find_recordings(self) -> Iterator[RecordingKey]:
        found = self._matching(self.root, ".mat", r"\D*(?P<number>\d+).*\.mat")
        paths = sorted((int(match["number"]), path) for path, match in found)
        for subject, (_, path) in enumerate(paths):
            for session in range(1, len(self._programme.labels) + 1):
                yield RecordingKey(str(subject), str(session), path)

    def _electrodes(self, path: Path, n_rows: int) -> tuple[str, ...]:
        names = self._ch_names or self._programme.ch_names.get(n_rows)
        if names is None or len(names) != n_rows:
            raise DatasetError(f"{path}: {n_rows} rows of unknown electrodes; give ch_names")
        return names

    def _content(self, path: Path) -> _Content:
        """Return the samples and the first sample of each trial and of what follows it."""
        need = f"{_DATA_KEYS[0]} and {_LENGTH_KEYS[0]}"
        found = read_matrices(path, "|".join((*_DATA_KEYS, *_LENGTH_KEYS)), need)
        data = next((found[key] for key in _DATA_KEYS if key in found), None)
        seconds = next((np.ravel(found[key]) for key in _LENGTH_KEYS if key in found), None)
        if data is None or seconds is None or data.ndim != 2:
            raise DatasetError(f"{path}: need keys {need}; there are {', '.join(found)}")
        n_trials = sum(len(labels) for labels in self._programme.labels)
        if len(seconds) != n_trials or not np.all(seconds > 0):
            raise DatasetError(
                f"{path}: key {_LENGTH_KEYS[0]}: need {n_trials} lengths in seconds, "
                f"got {len(seconds)}"
            )
        spans = self._spans(seconds.astype(np.float64))
        if spans[-1][1] > data.shape[1] or spans[0][0] < 0:
            raise DatasetError(
                f"{path}: the trials need {spans[-1][1]} samples, {data.shape[1]} are there"
            )
        return data, spans

    def _spans(self, seconds: NDArray[np.float64]) -> list[tuple[int, int]]:
        last = round(self._programme.last_s * SFREQ)
        if self._exact:
            stops = np.rint(np.cumsum(seconds * SFREQ)).astype(int)
        elif last:
            stops = np.cumsum(seconds * SFREQ).astype(int)
        else:
            stops = np.cumsum(seconds.astype(int) * round(SFREQ))
        firsts = stops - last if last else np.concatenate(([0], stops[:-1]))
        return list(zip(firsts.tolist(), stops.tolist(), strict=True))
