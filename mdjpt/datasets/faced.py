"""FACED (nine classes): one pickled array a subject, clips in the order of their index."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.electrodes import FACED_32
from mdjpt.datasets.mat_file import read_variables
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.table_file import read_table
from mdjpt.datasets.trials import RecordingKey, Trial, as_samples
from mdjpt.datasets.unpickle import read_pickled
from mdjpt.errors import DatasetError
from mdjpt.signal.units import in_microvolts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FACED_LABELS", "FACED_VALENCE_LABELS", "FacedReader"]

FACED_CLASSES = CARDS["faced"].class_names
NEUTRAL = FACED_CLASSES.index("neutral")
# Stimuli_info.xlsx of the set: four clips are neutral, three belong to each other emotion.
FACED_LABELS = tuple(
    index for index in range(len(FACED_CLASSES)) for _ in range(4 if index == NEUTRAL else 3)
)
# Negative 0, positive 1, None for the neutral clips.
FACED_VALENCE_LABELS = tuple(None if c == NEUTRAL else int(c > NEUTRAL) for c in FACED_LABELS)
SFREQ = 250.0


class FacedReader(DatasetReader):
    """FACED: 123 subjects, the last 30 s of 28 film clips.

    Subjects differ in their unit: Recording_info.csv tells it, and where that is missing or cannot
    be, the amplitudes do. Data/{subject}/After_remarks.mat tells the order of presentation.

    Parameters
    ----------
    root : path-like
        Folder of the dataset, or of its recordings.
    target : {"emotion", "valence"}
        Nine emotions, or negative against positive without the neutral clips.
    """

    card = CARDS["faced"]
    ch_names = FACED_32

    def __init__(self, root: str | Path, target: Literal["emotion", "valence"] = "emotion") -> None:
        if target not in ("emotion", "valence"):
            raise ValueError(f"target must be emotion or valence, got {target!r}")
        super().__init__(root)
        self._labels = FACED_LABELS if target == "emotion" else FACED_VALENCE_LABELS
        if target == "valence":
            self.card = replace(self.card, class_names=("negative", "positive"))

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        values = read_pickled(key.path)
        need = (len(FACED_LABELS), len(FACED_32))
        if not isinstance(values, np.ndarray) or values.ndim != 3 or values.shape[:2] != need:
            got = getattr(values, "shape", type(values).__name__)
            raise DatasetError(
                f"{key.path}: need an array of shape {(*need, 'n_times')}, got {got}"
            )
        clips, notes = in_microvolts(values, str(key.path), self._unit(key.subject))
        order = self._order(key.subject)
        for index, label in enumerate(self._labels):
            if label is not None:
                samples = as_samples(clips[index], f"{key.path}: clip {index + 1}")
                place = order.get(index + 1)
                yield self._trial(
                    key, index, samples, label, f"{index + 1:02d}", order=place, notes=notes
                )

    def _find_recordings(self) -> Iterator[RecordingKey]:
        folder = self._folder("Processed_data", "Processed_Data")
        for path, match in self._matching(folder, ".pkl", r"(?P<subject>sub\d{3})\.pkl"):
            yield RecordingKey(match["subject"], "1", path)

    def _unit(self, subject: str) -> str:
        path = self.root / "Recording_info.csv"
        if not path.is_file():
            return ""
        rows = read_table(path, need=("sub", "unit"))
        return next((row.get("unit", "") for row in rows if row.get("sub") == subject), "")

    def _order(self, subject: str) -> dict[int, int]:
        """Return the place in the order of presentation by clip, empty when it is not told."""
        path = self.root / "Data" / subject / "After_remarks.mat"
        if not path.is_file():
            return {}
        entries = read_variables(path, ("After_remark",))["After_remark"]
        try:
            clips = [int(entry["vid"]) for entry in entries]
        except (TypeError, KeyError, ValueError):
            clips = []
        if sorted(clips) != list(range(1, len(FACED_LABELS) + 1)):
            raise DatasetError(
                f"{path}: key 'After_remark': need one 'vid' of 1 to {len(FACED_LABELS)} each"
            )
        return {clip: place for place, clip in enumerate(clips)}
