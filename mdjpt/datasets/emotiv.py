"""DREAMER and AMIGOS: ratings, 14 electrodes of an Emotiv headset, MATLAB files with time first."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.electrodes import EMOTIV_14
from mdjpt.datasets.mat_file import read_variables
from mdjpt.datasets.ratings import RatedReader
from mdjpt.datasets.trials import RecordingKey, Trial, as_samples
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["AMIGOS_RATINGS", "AmigosReader", "DreamerReader"]

SFREQ = 128.0
# Emotiv's converter writes EEG around the middle of its range, about 4200 microvolts.
OFFSET_ABOVE = 1000.0
OFFSET_NOTE = "Emotiv's offset was removed: the median of each channel is 0"

DREAMER_RATINGS = ("valence", "arousal", "dominance")
DREAMER_FIELDS = ("ScoreValence", "ScoreArousal", "ScoreDominance")

# Arousal comes first: the other way round from DEAP.
AMIGOS_RATINGS = (
    "arousal",
    "valence",
    "dominance",
    "liking",
    "familiarity",
    "neutral",
    "disgust",
    "happiness",
    "surprise",
    "anger",
    "fear",
    "sadness",
)
AMIGOS_BASELINE_S = 5.0
# Columns of the cell arrays: 16 short clips, then 4 long ones, seen on another day.
AMIGOS_SESSIONS = {"1": range(16), "2": range(16, 20)}
# torcheeg leaves these subjects out.
AMIGOS_DOUBTFUL = frozenset({"P09", "P12", "P21", "P22", "P23", "P24", "P33"})


class DreamerReader(RatedReader):
    """DREAMER: 23 subjects, 18 film clips, rated from 1 to 5; all in one file.

    The file is read once and the EEG of all subjects kept (about 0.6 GB for the complete set).
    """

    card = CARDS["dreamer"]
    ratings, ch_names = DREAMER_RATINGS, EMOTIV_14
    middle = 3.0

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        where = f"{key.path}: key DREAMER.Data[{key.subject}]"
        subject = self._data[int(key.subject) - 1]
        stimuli = _cells(_field(_field(subject, "EEG", where), "stimuli", f"{where}.EEG"))
        scores = [np.ravel(_field(subject, name, where)) for name in DREAMER_FIELDS]
        if any(len(column) != len(stimuli) for column in scores):
            raise DatasetError(f"{where}: {len(stimuli)} clips, {len(scores[0])} ScoreValence")
        for index, values in enumerate(stimuli):
            samples, notes = _time_last(values, f"{where}.EEG.stimuli[{index + 1}]")
            label = self._label(column[index] for column in scores)
            yield self._trial(key, index, samples, label, f"{index + 1:02d}", notes=notes)

    def _find_recordings(self) -> Iterator[RecordingKey]:
        self._path = self.root / "DREAMER.mat"
        if self._path.is_file():
            for number in range(1, len(self._data) + 1):
                yield RecordingKey(f"{number:02d}", "1", self._path)

    @cached_property
    def _data(self) -> list[Any]:
        found = read_variables(self._path, ("DREAMER",), drop=("baseline", "ECG"))["DREAMER"]
        return _cells(_field(found, "Data", f"{self._path}: key DREAMER"))


class AmigosReader(RatedReader):
    """AMIGOS: 40 subjects, 16 short and 4 long film clips, rated from 1 to 9.

    The short clips are session 1, the long ones session 2. The 5 s of baseline in front of every
    trial are cut off. Clips without EEG or rating, of which there are some, are left out.
    """

    card = CARDS["amigos"]
    ratings, ch_names = AMIGOS_RATINGS, EMOTIV_14

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        content = read_variables(
            key.path, ("joined_data", "labels_selfassessment"), may=("VideoIDs",)
        )
        clips, ratings = _cells(content["joined_data"]), _cells(content["labels_selfassessment"])
        if len(clips) != len(ratings):
            raise DatasetError(
                f"{key.path}: key 'joined_data' has {len(clips)} cells, 'labels_selfassessment' "
                f"{len(ratings)}"
            )
        names = [str(name) for name in _cells(content.get("VideoIDs", []))]
        for index in AMIGOS_SESSIONS[key.session]:
            if index >= len(clips) or not np.size(clips[index]) or not np.size(ratings[index]):
                continue
            where = f"{key.path}: key joined_data[{index + 1}]"
            samples, notes = _time_last(clips[index], where, round(AMIGOS_BASELINE_S * SFREQ))
            if np.isnan(samples).all():
                continue
            scores = np.ravel(ratings[index])
            if len(scores) != len(AMIGOS_RATINGS):
                raise DatasetError(
                    f"{key.path}: key labels_selfassessment[{index + 1}]: need "
                    f"{len(AMIGOS_RATINGS)} ratings, got {len(scores)}"
                )
            name = names[index] if index < len(names) else f"{index + 1:02d}"
            notes = (*notes, *_doubt(key.subject))
            label = self._label(scores)
            yield self._trial(key, index, samples, label, name, notes=notes)

    def _find_recordings(self) -> Iterator[RecordingKey]:
        folder = self._folder("data_preprocessed")
        pattern = r"Data_Preprocessed_(?P<subject>P\d\d)\.mat"
        for path, match in self._matching(folder, ".mat", pattern):
            for session in AMIGOS_SESSIONS:
                yield RecordingKey(match["subject"], session, path)


def _time_last(
    values: Any, where: str, first: int = 0
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return (time, signal) as (electrode, time) from sample `first`, around zero."""
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] < len(EMOTIV_14) or len(array) <= first:
        raise DatasetError(
            f"{where}: need more than {first} samples of {len(EMOTIV_14)} or more signals, "
            f"time first, got shape {array.shape}"
        )
    samples = as_samples(array[first:, : len(EMOTIV_14)].T, where)
    offset = np.median(samples, axis=1, keepdims=True)
    if not np.all(offset > OFFSET_ABOVE):
        return samples, ()
    return samples - offset, (OFFSET_NOTE,)


def _cells(value: Any) -> list[Any]:
    """Return the cells of a cell array, of which MATLAB's reader unwraps a single one."""
    return value if isinstance(value, list) else [value]


def _field(struct: Any, name: str, where: str) -> Any:
    if not isinstance(struct, dict) or name not in struct:
        raise DatasetError(f"{where}: no field {name!r}")
    return struct[name]


def _doubt(subject: str) -> tuple[str, ...]:
    if subject not in AMIGOS_DOUBTFUL:
        return ()
    return ("torcheeg leaves this subject out because of invalid data",)
