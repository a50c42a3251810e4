"""SEED-VII (seven classes): preprocessed MATLAB files, or the Neuroscan recordings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.electrodes import SEED_62
from mdjpt.datasets.mat_file import read_matrices
from mdjpt.datasets.seed import NeuroscanReader
from mdjpt.datasets.table_file import read_sheet
from mdjpt.datasets.trials import RecordingKey, Trial, as_samples
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SEED_VII_CLASSES", "SEED_VII_LABELS", "SeedVIIReader", "labels_of_workbook"]

SEED_VII_CLASSES = CARDS["seed-vii"].class_names
# The other coding in use, by the same names.
_OTHER_CLASSES = ("disgust", "fear", "sad", "neutral", "happy", "anger", "surprise")
# As mdJPT's authors use them: half a session, played twice. Their first session differs in trials
# 12, 14 and 15 from another public reader, so the set's own workbook goes first.
SEED_VII_LABELS: dict[str, tuple[int, ...]] = {
    "1": (0, 1, 2, 3, 4, 4, 3, 2, 1, 0) * 2,
    "2": (4, 3, 6, 1, 5, 5, 1, 6, 3, 4) * 2,
    "3": (0, 5, 2, 6, 4, 4, 6, 2, 5, 0) * 2,
    "4": (2, 3, 6, 5, 0, 0, 5, 6, 3, 2) * 2,
}
_CODES = frozenset("0123456")
N_CLIPS = 20
WORKBOOK = "emotion_label_and_stimuli_order.xlsx"
# Two recordings lost their events; their onset, local time, completes their list of triggers.
_ONSETS = {
    "9_20221111_3": datetime(2022, 11, 11, 14, 1, 27),
    "14_20221015_1": datetime(2022, 10, 15, 14, 25, 34),
}


class SeedVIIReader(NeuroscanReader):
    """SEED-VII: 20 subjects, 4 sessions with 20 film clips each, 80 different ones.

    The preprocessed files are read when they are there, else the recordings.
    """

    card = CARDS["seed-vii"]

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the clips of a recording: see `DatasetReader.trials`."""
        labels = self._labels()[key.session]
        first = (int(key.session) - 1) * N_CLIPS
        names = [f"{number:02d}" for number in range(first + 1, first + N_CLIPS + 1)]
        if key.path.suffix != ".mat":
            yield from self._recorded(key, _listed_spans(key.path) or N_CLIPS, labels, names)
            return
        for index, samples in enumerate(_preprocessed(key.path, first)):
            yield self._trial(key, index, samples, labels[index], names[index], order=index)

    def _find_recordings(self) -> Iterator[RecordingKey]:
        preprocessed = self._folder("EEG_preprocessed")
        found = list(self._matching(preprocessed, ".mat", r"(?P<subject>\d+)\.mat"))
        for path, match in found:
            for session in SEED_VII_LABELS:
                yield RecordingKey(match["subject"], session, path)
        if not found:
            # The date stands before the session: the other way round in SEED-V.
            pattern = r"(?P<subject>\d+)_\d{8}_(?P<session>[1-4])\.cnt"
            for path, match in self._matching(self._folder("EEG_raw"), ".cnt", pattern):
                yield RecordingKey(match["subject"], match["session"], path)

    def _labels(self) -> dict[str, tuple[int, ...]]:
        for folder in (self.root, self.root.parent):
            if (folder / WORKBOOK).is_file():
                return labels_of_workbook(read_sheet(folder / WORKBOOK), str(folder / WORKBOOK))
        return SEED_VII_LABELS


def _preprocessed(path: Path, first: int) -> Iterator[NDArray[np.float32]]:
    names = [str(number) for number in range(first + 1, first + N_CLIPS + 1)]
    matrices = read_matrices(path, "|".join(names), f"{names[0]} to {names[-1]}")
    for name in names:
        if name not in matrices:
            raise DatasetError(f"{path}: no key {name!r}, {len(matrices)} of {N_CLIPS} are there")
        yield as_samples(matrices[name], f"{path}: key {name}", len(SEED_62))


def _listed_spans(path: Path) -> list[tuple[float, float]]:
    """Return the trials of a recording without events, from its list of triggers."""
    table = path.parent.parent / "save_info" / f"{path.stem}_trigger_info.csv"
    if path.stem not in _ONSETS or not table.is_file():
        return []
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
        stamps = [datetime.fromisoformat(line.split(",")[1].strip()) for line in lines if line]
    except (OSError, ValueError, IndexError) as error:
        raise DatasetError(f"{table}: need lines of event,date and time: {error}") from None
    seconds = [(stamp - _ONSETS[path.stem]).total_seconds() for stamp in stamps]
    if len(seconds) < 2 * N_CLIPS:
        raise DatasetError(
            f"{table}: {N_CLIPS} trials need {2 * N_CLIPS} lines, got {len(seconds)}"
        )
    return list(zip(seconds[: 2 * N_CLIPS : 2], seconds[1 : 2 * N_CLIPS : 2], strict=True))


def labels_of_workbook(rows: Sequence[Sequence[str]], where: str) -> dict[str, tuple[int, ...]]:
    """Return the four sessions' labels, indices into `SEED_VII_CLASSES`, from a workbook's rows.

    A row of 20 emotions, or of 20 codes from 0 to 6, is a session. Codes may follow either coding
    in use: the sessions 2 to 4, on which all sources agree, tell which. `where` is the file.

    Raises DatasetError: the workbook does not hold four such rows, or codes of neither coding.
    """
    named = [_named(row) for row in rows]
    sessions = [labels for labels in named if len(labels) == N_CLIPS]
    if len(sessions) != len(SEED_VII_LABELS):
        coded = [row[-N_CLIPS:] for row in rows if len(row) >= N_CLIPS]
        sessions = _decoded([row for row in coded if set(row) <= _CODES], where)
    return dict(zip(SEED_VII_LABELS, sessions, strict=True))


def _named(row: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the emotions in a row, of which other cells are left out."""
    names = (cell.lower() for cell in row)
    return tuple(SEED_VII_CLASSES.index(name) for name in names if name in SEED_VII_CLASSES)


def _decoded(rows: list[Sequence[str]], where: str) -> list[tuple[int, ...]]:
    known = list(SEED_VII_LABELS.values())
    for classes in (SEED_VII_CLASSES, _OTHER_CLASSES):
        sessions = [tuple(SEED_VII_CLASSES.index(classes[int(c)]) for c in row) for row in rows]
        if len(sessions) == len(known) and sessions[1:] == known[1:]:
            return sessions
    raise DatasetError(
        f"{where}: need four rows of {N_CLIPS} emotions ({', '.join(SEED_VII_CLASSES)})"
    )
