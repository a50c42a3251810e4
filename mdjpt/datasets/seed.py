"""SEED (three classes), SEED-IV (four) and SEED-V (five).

The first two have one MATLAB file a session and one variable a clip, the third Neuroscan recordings
that are cut by the table that comes with the set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.cnt_file import read_cnt_trials
from mdjpt.datasets.electrodes import SEED_62
from mdjpt.datasets.mat_file import read_matrices, read_variables
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.trials import RecordingKey, Trial, as_samples
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "SEED_IV_LABELS",
    "SEED_LABELS",
    "SEED_V_LABELS",
    "SEED_V_SPANS",
    "NeuroscanReader",
    "SeedIVReader",
    "SeedReader",
    "SeedVReader",
]

# label.mat of the set (-1, 0, 1), one higher: the same for every session.
SEED_LABELS = (2, 1, 0, 0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 2, 0)
# ReadMe of the set, by session.
SEED_IV_LABELS = {
    "1": (1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3),
    "2": (2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1),
    "3": (1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0),
}
_SESSIONS_2_AND_3 = (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0)
# emotion_label_and_stimuli_order.xlsx of the set.
SEED_V_LABELS = {
    "1": (4, 1, 3, 2, 0) * 3,
    "2": _SESSIONS_2_AND_3,
    "3": _SESSIONS_2_AND_3,
}


def _spans(starts: str, stops: str) -> tuple[tuple[float, float], ...]:
    return tuple(zip(map(float, starts.split()), map(float, stops.split()), strict=True))


# trial_start_end_timestamp.txt of the set: seconds in the recording, equal for all subjects.
SEED_V_SPANS = {
    "1": _spans(
        "30 132 287 555 773 982 1271 1628 1730 2025 2227 2435 2667 2932 3204",
        "102 228 524 742 920 1240 1568 1697 1994 2166 2401 2607 2901 3172 3359",
    ),
    "2": _spans(
        "30 299 548 646 836 1000 1091 1392 1657 1809 1966 2186 2333 2490 2741",
        "267 488 614 773 967 1059 1331 1622 1777 1908 2153 2302 2428 2709 2817",
    ),
    "3": _spans(
        "30 353 478 674 825 908 1200 1346 1451 1711 2055 2307 2457 2726 2888",
        "321 418 643 764 877 1147 1284 1418 1679 1996 2275 2425 2664 2857 3066",
    ),
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

    card = CARDS["seed"]

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

    card = CARDS["seed-iv"]

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        return self._clips(key, SEED_IV_LABELS[key.session], f"{key.session}-")

    def _find_recordings(self) -> Iterator[RecordingKey]:
        folder = self._folder("eeg_raw_data")
        for session in SEED_IV_LABELS:
            if (folder / session).is_dir():
                for path, match in self._matching(folder / session, ".mat", _NAME):
                    yield RecordingKey(match["subject"], session, path)


class NeuroscanReader(DatasetReader):
    """Reads a set of the family that has Neuroscan recordings.

    `data_format` is the width of a sample in the .cnt files: see `read_cnt_trials`.
    """

    ch_names = SEED_62

    def __init__(self, root: str | Path, data_format: str = "auto") -> None:
        super().__init__(root)
        self.data_format = data_format

    def _recorded(
        self,
        key: RecordingKey,
        spans: Sequence[tuple[float, float]] | int,
        labels: Sequence[int],
        names: Sequence[str],
    ) -> Iterator[Trial]:
        """Yield the clips of a .cnt file, each with its label and name."""
        cut = read_cnt_trials(key.path, SEED_62, spans, self.data_format)
        for index, ((start_s, _), values) in enumerate(zip(cut.spans, cut.samples, strict=True)):
            samples = as_samples(values, f"{key.path}: trial {index + 1}")
            more = {"start_s": start_s, "order": index, "notes": cut.notes, "sfreq": cut.sfreq}
            yield self._trial(key, index, samples, labels[index], names[index], **more)


class SeedVReader(NeuroscanReader):
    """SEED-V: 16 subjects, 3 sessions with 15 film clips each, 45 different ones."""

    card = CARDS["seed-v"]

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        labels = SEED_V_LABELS[key.session]
        names = [f"{key.session}-{number:02d}" for number in range(1, len(labels) + 1)]
        return self._recorded(key, SEED_V_SPANS[key.session], labels, names)

    def _find_recordings(self) -> Iterator[RecordingKey]:
        pattern = r"(?P<subject>\d+)_(?P<session>[123])_\d{8}\.cnt"
        for path, match in self._matching(self._folder("EEG_raw"), ".cnt", pattern):
            yield RecordingKey(match["subject"], match["session"], path)
