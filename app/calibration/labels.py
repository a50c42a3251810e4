"""From the markers of a recorded session to the trials that a decoder is trained on."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Literal

from app.calibration.markers import FeltMark, PlanMark, RatingMark, TrialMark, parse_mark
from mdjpt.calibration.trials import LabelledInterval
from mdjpt.errors import ProfileError
from mdjpt.guard.atomic_file import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from app.calibration.markers import CalibrationMark

__all__ = ["LabelBy", "labels_from_markers", "write_labels"]

LabelBy = Literal["intended", "rated"]

_SAME_S = 0.25
"""Seconds that stretches may overlap and still be two: markers stand at samples that have come,
up to a chunk before the moment that is meant."""


def labels_from_markers(markers: Sequence[tuple[float, str]]) -> tuple[LabelledInterval, ...]:
    """Return the trials of every calibration session in a recording, in the order of time.

    A trial counts when it was begun, ended and not taken back. Its label is the class that was
    asked for; in a session planned to be labelled by rating, the one that the person said they
    felt, and trials without an answer are left out. Where somebody said twice of the same moment
    what they felt, the later word counts. Markers (seconds from the first sample, label) of others
    are passed over.
    """
    trials: list[LabelledInterval] = []
    felt: list[LabelledInterval] = []
    session = _Session("intended")
    for onset_s, label in sorted(markers, key=lambda marker: marker[0]):
        mark = parse_mark(label)
        if isinstance(mark, PlanMark):
            trials += session.trials()
            session = _Session(_planned(mark))
        elif isinstance(mark, FeltMark):
            began_s = max(0.0, onset_s - mark.duration_s)
            felt = [earlier for earlier in felt if earlier.end_s <= began_s + _SAME_S]
            began_s = max(began_s, felt[-1].end_s) if felt else began_s
            if onset_s > began_s:
                felt.append(LabelledInterval(began_s, onset_s - began_s, mark.label))
        elif mark is not None:
            session.take(onset_s, mark)
    return tuple(sorted((*trials, *session.trials(), *felt), key=lambda trial: trial.onset_s))


class _Session:
    """The trials of one session as its markers tell them."""

    def __init__(self, label_by: LabelBy) -> None:
        self._label_by = label_by
        self._begun: dict[int, float] = {}
        self._ended: dict[int, LabelledInterval] = {}
        self._rated: dict[int, RatingMark] = {}

    def take(self, onset_s: float, mark: CalibrationMark) -> None:
        """Note one marker."""
        if isinstance(mark, RatingMark):
            self._rated[mark.number] = mark
        if not isinstance(mark, TrialMark):
            return
        begun_s = self._begun.pop(mark.number, None)
        if mark.step == "begin":
            self._begun[mark.number] = onset_s
        if mark.step in ("begin", "void"):
            self._ended.pop(mark.number, None)
            self._rated.pop(mark.number, None)
        elif begun_s is not None and onset_s > begun_s:
            interval = LabelledInterval(begun_s, onset_s - begun_s, mark.label)
            self._ended[mark.number] = interval

    def trials(self) -> Iterable[LabelledInterval]:
        """Yield what counts, in the order of time."""
        for number, trial in sorted(self._ended.items(), key=lambda item: item[1].onset_s):
            rating = self._rated.get(number)
            felt = None if rating is None else rating.felt
            label = trial.label if self._label_by == "intended" else felt
            if label is not None:
                yield LabelledInterval(
                    trial.onset_s,
                    trial.duration_s,
                    label,
                    None if rating is None else float(rating.valence),
                    None if rating is None else float(rating.arousal),
                )


def _planned(mark: PlanMark) -> LabelBy:
    return "rated" if mark.settings.get("label_by") == "rated" else "intended"


def write_labels(path: Path, intervals: Iterable[LabelledInterval]) -> None:
    """Write trials as the CSV that :func:`mdjpt.calibration.trials.read_labels` reads.

    The file is there whole or not at all.

    Raises ProfileError when the file cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["onset_s", "duration_s", "label", "valence", "arousal"])
    for trial in intervals:
        ratings = ["" if r is None else repr(r) for r in (trial.valence, trial.arousal)]
        table.writerow([repr(trial.onset_s), repr(trial.duration_s), trial.label, *ratings])
    try:
        with atomic_file(path) as file:
            file.write(text.getvalue().encode())
    except OSError as error:
        raise ProfileError(
            f"{path}: the labels cannot be written: {error.strerror}; choose another folder"
        ) from None
