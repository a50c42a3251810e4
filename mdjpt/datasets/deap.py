"""DEAP: self-reported ratings, one pickle (or MATLAB file) a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.electrodes import DEAP_32
from mdjpt.datasets.mat_file import read_matrices
from mdjpt.datasets.ratings import RatedReader
from mdjpt.datasets.table_file import number, read_table
from mdjpt.datasets.trials import RecordingKey, Trial, as_samples
from mdjpt.datasets.unpickle import read_pickled
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["DEAP_RATINGS", "DeapReader"]

DEAP_RATINGS = ("valence", "arousal", "dominance", "liking")
SFREQ = 128.0
BASELINE_S = 3.0
N_TRIALS = 40
N_SIGNALS = 40  # eight others follow the electrodes


class DeapReader(RatedReader):
    """DEAP: 32 subjects, 40 music videos of 60 s, rated from 1 to 9.

    The 3 s of baseline in front of every trial are cut off. metadata_csv/participant_ratings.csv
    tells the order of presentation.
    """

    card = CARDS["deap"]
    ratings = DEAP_RATINGS
    ch_names = DEAP_32

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        data, ratings = _content(key.path)
        order = self._order(key.subject)
        signals = data[:, : len(DEAP_32), round(BASELINE_S * SFREQ) :]
        for index in range(N_TRIALS):
            yield self._trial(
                key,
                index,
                as_samples(signals[index], f"{key.path}: trial {index + 1}"),
                self._label(ratings[index]),
                f"{index + 1:02d}",
                order=order.get(index + 1),
            )

    def _find_recordings(self) -> Iterator[RecordingKey]:
        folders = {
            ".dat": self._folder("data_preprocessed_python"),
            ".mat": self._folder("data_preprocessed_matlab"),
        }
        subjects: set[str] = set()
        for suffix, folder in folders.items():
            for path, match in self._matching(folder, suffix, rf"(?P<subject>s\d\d)\{suffix}"):
                if match["subject"] not in subjects:
                    subjects.add(match["subject"])
                    yield RecordingKey(match["subject"], "1", path)

    def _order(self, subject: str) -> dict[int, int]:
        """Return the place in the order of presentation by video, empty when it is not told."""
        folder = self._folder("metadata_csv", "metadata")
        path = folder / "participant_ratings.csv"
        if not path.is_file():
            return {}
        rows = read_table(path, need=("participant_id", "trial", "experiment_id"))
        return {
            int(number(row, "experiment_id", str(path))): int(number(row, "trial", str(path))) - 1
            for row in rows
            if number(row, "participant_id", str(path)) == int(subject[1:])
        }


def _content(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return data (trial, signal, sample) and ratings (trial, rating) of a subject's file."""
    if path.suffix == ".mat":
        content: Any = read_matrices(path, "data|labels", "'data' and 'labels'")
    else:
        content = read_pickled(path)
    shapes = {"data": (N_TRIALS, N_SIGNALS, None), "labels": (N_TRIALS, len(DEAP_RATINGS))}
    arrays = []
    for key, shape in shapes.items():
        array = content.get(key) if isinstance(content, dict) else None
        if not isinstance(array, np.ndarray):
            raise DatasetError(f"{path}: no key {key!r} with an array")
        fits = array.ndim == len(shape) and all(
            need in (None, got) for need, got in zip(shape, array.shape, strict=True)
        )
        if not fits:
            raise DatasetError(f"{path}: key {key!r}: need shape {shape}, got {array.shape}")
        arrays.append(array)
    if arrays[0].shape[2] <= BASELINE_S * SFREQ:
        raise DatasetError(f"{path}: key 'data': only {arrays[0].shape[2]} samples a trial")
    return arrays[0], arrays[1]
