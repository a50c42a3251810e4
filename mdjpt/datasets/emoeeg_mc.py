"""EmoEEG-MC (seven classes, video and imagery): the preprocessed arrays of OpenNeuro ds005540."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.electrodes import EMOEEG_MC_64
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.trials import RecordingKey, Trial, as_samples
from mdjpt.errors import DatasetError, one_line
from mdjpt.signal.units import in_microvolts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["EMOEEG_MC_STIMULI", "EmoEegMcReader", "presented"]

_EMOTIONS = ("sad", "dis", "fear", "neu", "joy", "ten", "ins")
# The order of the rows of every file, whatever the order of presentation was.
EMOEEG_MC_STIMULI = tuple(f"{emotion}{number}" for emotion in _EMOTIONS for number in "458")
SFREQ = 200.0


class EmoEegMcReader(DatasetReader):
    """EmoEEG-MC: 60 subjects, 30 s of 21 imagined scenes and of 21 film clips.

    Subjects 55 to 60 lack some trials; which ones, and the order of presentation of everybody, is
    the set's own readme.
    """

    card = CARDS["emoeeg-mc"]
    ch_names = EMOEEG_MC_64

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        shown = presented(key.subject, key.session)
        stimuli = [name for name in EMOEEG_MC_STIMULI if name in shown]
        values, notes = in_microvolts(_array(key.path, len(stimuli)), str(key.path))
        for index, stimulus in enumerate(stimuli):
            yield self._trial(
                key,
                index,
                as_samples(values[index], f"{key.path}: trial {index + 1}"),
                _EMOTIONS.index(stimulus[:-1]),
                f"{key.session}-{stimulus}",
                order=shown.index(stimulus),
                notes=notes,
            )

    def _find_recordings(self) -> Iterator[RecordingKey]:
        pattern = r"(?P<subject>sub-\d\d)_ses-(?P<session>ima|vid)_task-emotion_reorder\.npy"
        for folder in sorted(self._folder("derivatives").glob("sub-*/ses-*/eeg")):
            for path, match in self._matching(folder, "_reorder.npy", pattern):
                yield RecordingKey(match["subject"], match["session"], path)


def presented(subject: str, session: str) -> tuple[str, ...]:
    """Return which of `EMOEEG_MC_STIMULI` a subject saw or imagined, in the order of presentation.

    The subjects are "sub-01" to "sub-60", the sessions "ima" (imagery) and "vid".

    Raises DatasetError: there is no such subject in the set.
    """
    table = files("mdjpt.datasets").joinpath("emoeeg_mc_orders.json").read_text(encoding="ascii")
    orders: dict[str, dict[str, str]] = json.loads(table)
    if subject not in orders:
        raise DatasetError(f"EmoEEG-MC has the subjects sub-01 to sub-60, not {subject}")
    return tuple(orders[subject][session].split())


def _array(path: Path, n_trials: int) -> NDArray[np.floating]:
    """Return (trial, electrode, sample) from a file that may hold the first two the other way."""
    try:
        values = np.load(path, mmap_mode="r")  # mapped: a false header cannot ask for memory
    except Exception as error:  # numpy parses the header as Python, which has many errors
        raise DatasetError(f"{path}: damaged or cut off: {one_line(error)}") from None
    need = (n_trials, len(EMOEEG_MC_64))
    if not isinstance(values, np.ndarray) or values.ndim != 3 or values.dtype.kind != "f":
        raise DatasetError(f"{path}: need real numbers of shape {(*need, 'n_times')}")
    if values.shape[:2] == need[::-1]:
        values = values.transpose(1, 0, 2)
    if values.shape[:2] != need:
        raise DatasetError(f"{path}: need shape {(*need, 'n_times')}, got {values.shape}")
    return values
