"""SEED (three classes) and SEED-IV (four): one MATLAB file a session, one variable a clip."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.electrodes import SEED_62
from mdjpt.datasets.mat_file import read_matrices, read_variables
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.trials import DatasetCard, RecordingKey, Trial, as_samples
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "SEED_IV_LABELS",
    "SEED_LABELS",
    "SEED_LICENCE",
    "SeedIVReader",
    "SeedReader",
]

SEED_LICENCE = (
    "on request from BCMI, Shanghai Jiao Tong University; signed agreement, research only"
)

# label.mat of the set (-1, 0, 1), one higher: the same for every session.
SEED_LABELS = (2, 1, 0, 0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 2, 0)
# ReadMe of the set, by session.
SEED_IV_LABELS = {
    "1": (1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3),
    "2": (2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1),
    "3": (1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0),
}
SFREQ = 200.0
_KEY = r".*_eeg\d+"  # the prefix, the subject's initials, differs between subjects
_NAME = r"(?P<subject>\d+)_(?P<date>\d{8})\.mat"


class _SessionReader(DatasetReader):
    """Reads one MATLAB file a session, with the variables ..._eeg1 to ..._eegN."""

    ch_names = SEED_62

    def _clips(
        self, key: RecordingKey, labels: tuple[int, ...], prefix: str = ""
    ) -> Iterator[Trial]:
        """Yield the clips of a session; `prefix` tells those of the same number apart."""
        path, need = key.path, f"..._eeg1 to ..._eeg{len(labels)}"
        matrices: dict[str, Any] = read_matrices(path, _KEY, need)
        by_number = {int(re.findall(r"\d+$", name)[0]): name for name in matrices}
        for index, label in enumerate(labels):
            number = index + 1
            if number not in by_number:
                raise DatasetError(f"{path}: no key ..._eeg{number}, the file has {len(by_number)}")
            name = by_number[number]
            samples = as_samples(matrices[name], f"{path}: key {name}", len(SEED_62))
            yield self._trial(key, index, samples, label, f"{prefix}{number:02d}", order=index)


class SeedReader(_SessionReader):
    """SEED: 15 subjects, 3 sessions with the same 15 film clips.

    The number of a session is not in the file name: a subject's sessions are numbered by date. When
    one of them was not downloaded, the numbers of the later ones are too low; the clips are the
    same in all.
    """

    card = DatasetCard(
        name="seed",
        title="SEED",
        class_names=("negative", "neutral", "positive"),
        label_scheme="of the clip: label.mat, else the published table; -1, 0, 1 become 0, 1, 2",
        sfreq=SFREQ,
        n_subjects=15,
        n_sessions=3,
        licence=SEED_LICENCE,
        url="https://bcmi.sjtu.edu.cn/home/seed/seed.html",
        layout="Preprocessed_EEG/{subject}_{YYYYMMDD}.mat",
    )

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        return self._clips(key, self._labels())

    def _find_recordings(self) -> Iterator[RecordingKey]:
        folder = self._folder("Preprocessed_EEG")
        by_subject: dict[str, list[tuple[str, Path]]] = {}
        for path, match in self._matching(folder, ".mat", _NAME, ignore="label.mat".__eq__):
            by_subject.setdefault(match["subject"], []).append((match["date"], path))
        for subject, dated in by_subject.items():
            for number, (_, path) in enumerate(sorted(dated), start=1):
                yield RecordingKey(subject, str(number), path)

    def _labels(self) -> tuple[int, ...]:
        """Return the labels of label.mat, 0 to 2, or of the published table without it."""
        path = self._folder("Preprocessed_EEG") / "label.mat"
        if not path.is_file():
            return SEED_LABELS
        values = np.atleast_1d(
            np.asarray(read_variables(path, ("label",))["label"], dtype=object)
        ).ravel()
        if len(values) != len(SEED_LABELS) or not all(value in (-1, 0, 1) for value in values):
            raise DatasetError(
                f"{path}: key 'label': need {len(SEED_LABELS)} numbers of -1, 0 and 1"
            )
        return tuple(int(value) + 1 for value in values)


class SeedIVReader(_SessionReader):
    """SEED-IV: 15 subjects, 3 sessions with 24 film clips each, 72 different ones."""

    card = DatasetCard(
        name="seed-iv",
        title="SEED-IV",
        class_names=("neutral", "sad", "fear", "happy"),
        label_scheme="of the clip: the published table",
        sfreq=SFREQ,
        n_subjects=15,
        n_sessions=3,
        licence=SEED_LICENCE,
        url="https://bcmi.sjtu.edu.cn/home/seed/seed-iv.html",
        layout="eeg_raw_data/{session 1-3}/{subject}_{YYYYMMDD}.mat",
    )

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        return self._clips(key, SEED_IV_LABELS[key.session], f"{key.session}-")

    def _find_recordings(self) -> Iterator[RecordingKey]:
        folder = self._folder("eeg_raw_data")
        for session in SEED_IV_LABELS:
            if (folder / session).is_dir():
                for path, match in self._matching(folder / session, ".mat", _NAME):
                    yield RecordingKey(match["subject"], session, path)
