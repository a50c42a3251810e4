"""SEED-V (five classes): Neuroscan recordings, cut by the table that comes with the set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.datasets.cnt_file import read_cnt_trials
from mdjpt.datasets.electrodes import SEED_62
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.seed import SEED_LICENCE
from mdjpt.datasets.trials import DatasetCard, RecordingKey, Trial, as_samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SEED_V_LABELS", "SEED_V_SPANS", "SeedVReader"]

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


class SeedVReader(DatasetReader):
    """SEED-V: 16 subjects, 3 sessions with 15 film clips each, 45 different ones.

    Parameters
    ----------
    root : path-like
        Folder of the dataset, or of its recordings.
    data_format : {"auto", "int16", "int32"}
        Width of a sample in the .cnt files: see `read_cnt_trials`.
    """

    card = DatasetCard(
        name="seed-v",
        title="SEED-V",
        class_names=("disgust", "fear", "sad", "neutral", "happy"),
        label_scheme="of the clip: the published table",
        sfreq=1000.0,
        n_subjects=16,
        n_sessions=3,
        licence=SEED_LICENCE,
        url="https://bcmi.sjtu.edu.cn/home/seed/seed-v.html",
        layout="EEG_raw/{subject}_{session 1-3}_{YYYYMMDD}.cnt",
    )

    ch_names = SEED_62

    def __init__(self, root: str | Path, data_format: str = "auto") -> None:
        super().__init__(root)
        self.data_format = data_format

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        cut = read_cnt_trials(key.path, SEED_62, SEED_V_SPANS[key.session], self.data_format)
        for index, label in enumerate(SEED_V_LABELS[key.session]):
            yield self._trial(
                key,
                index,
                as_samples(cut.samples[index], f"{key.path}: trial {index + 1}"),
                label,
                f"{key.session}-{index + 1:02d}",
                start_s=cut.spans[index][0],
                order=index,
                notes=cut.notes,
                sfreq=cut.sfreq,
            )

    def _find_recordings(self) -> Iterator[RecordingKey]:
        pattern = r"(?P<subject>\d+)_(?P<session>[123])_\d{8}\.cnt"
        for path, match in self._matching(self._folder("EEG_raw"), ".cnt", pattern):
            yield RecordingKey(match["subject"], match["session"], path)
