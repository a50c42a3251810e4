"""Which labels are trials: chosen, renamed, and checked against the recording.

A label that cannot belong to the recording is refused with its row. Nothing is repaired, and what
is left out is counted.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mdjpt.calibration.trials import LabelledInterval
from mdjpt.errors import LabelsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mdjpt.calibration.label_files import LabelRow

__all__ = ["ChosenTrials", "choose_trials", "parse_classes"]

_CUT_S = 1.0
"""Recordings are stopped a little early: a trial may end that much behind them, which is said."""
_LEAST_TRIAL_S = 6.0
"""Of a trial that holds a window of 5 s, 1 s after its onset."""
_ROUNDED_S = 0.02
"""Tables are rounded to milliseconds, recordings to samples: so much behind the end is nothing."""
_APART = re.compile(r"[\s_-]+|(?<=\d)\.0+$")
"""What two spellings of a class may differ in, beside their case; 1.0 is how some write 1."""
_NAMED = 8
_UNIX_FROM = 1e9  # seconds: 2001
"""Rows or labels that a message names at most."""


@dataclass(frozen=True, slots=True)
class ChosenTrials:
    """The trials of a recording.

    Attributes
    ----------
    trials : tuple of LabelledInterval
        In the order of time.
    notes : tuple of str
        What was left out, one line each.
    """

    trials: tuple[LabelledInterval, ...]
    notes: tuple[str, ...] = ()


def parse_classes(text: str) -> dict[str, str]:
    """Return the class of each label that ``T1=left,T2=right`` chooses; ``left,right`` keeps names.

    Raises
    ------
    LabelsError
        When it is not of that form.
    """
    classes = {}
    for part in text.split(","):
        label, _, name = part.partition("=")
        label, name = _tidy(label), _tidy(name or label)
        if not (label and name) or label in classes:
            raise LabelsError(
                f"--classes {text}: give each label once, T1=left,T2=right or left,right"
            )
        classes[label] = name
    return classes


def choose_trials(
    rows: Sequence[LabelRow],
    source: str,
    *,
    recording_s: float,
    sfreq: float,
    classes: Mapping[str, str] | None = None,
    trial_s: float | None = None,
) -> ChosenTrials:
    """Return the rows that are trials.

    Parameters
    ----------
    rows : sequence of LabelRow
        From a table or from events.
    source : str
        Where they come from, for messages.
    recording_s, sfreq : float
        Length of the recording in seconds, its rate in Hz.
    classes : mapping of str to str, optional
        Class of each label to take; every label as it stands by default.
    trial_s : float, optional
        Length in seconds of rows that tell none.

    Raises
    ------
    LabelsError
        A row cannot be a trial of this recording, trials overlap, names differ only in case, or
        nothing is left.
    """
    taken, notes = _taken(rows, source, classes, trial_s)
    _refuse_alike(taken, source)
    trials = [_trial(row, source) for row in taken]
    _refuse_behind_the_end(taken, source, recording_s, sfreq)
    notes = (*notes, *_cut_off(taken, source, recording_s))
    order = sorted(range(len(trials)), key=lambda k: trials[k].onset_s)
    for a, b in itertools.pairwise(order):
        if trials[b].onset_s < trials[a].end_s - 1e-6:
            raise LabelsError(
                f"{source}: the trials at {trials[a].onset_s:g} s ({taken[a].where}) and "
                f"{trials[b].onset_s:g} s ({taken[b].where}) overlap; correct them, or choose "
                "labels with --classes"
            )
    return ChosenTrials(tuple(trials[k] for k in order), notes)


def _taken(
    rows: Sequence[LabelRow],
    source: str,
    classes: Mapping[str, str] | None,
    trial_s: float | None,
) -> tuple[list[LabelRow], tuple[str, ...]]:
    """Return the rows of the chosen labels with their length, and what is left out."""
    found = Counter(_tidy(row.label) for row in rows if row.label is not None)
    missing = [label for label in classes or () if label not in found]
    if missing:
        raise LabelsError(f"{source}: nothing is labelled {missing[0]!r}; there are {_list(found)}")
    taken, left_out = [], Counter[str]()
    for row in rows:
        if row.label is None:
            left_out["without a label"] += 1
        elif classes is not None and _tidy(row.label) not in classes:
            left_out["of other labels"] += 1
        elif not row.duration_s and trial_s is None:
            left_out["without a duration"] += 1
        else:
            taken.append(_renamed(row, classes, trial_s))
    if not taken and left_out["without a duration"]:
        raise LabelsError(
            f"{source}: nothing tells how long a trial lasts: give --trial-s SECONDS, and the "
            f"labels with --classes; there are {_list(found)}"
        )
    if not taken:
        raise LabelsError(f"{source}: holds no trial; one line each: onset_s,duration_s,label")
    notes = [f"{source}: {n} rows {why} left out" for why, n in left_out.items()]
    return taken, tuple(notes)


def _renamed(row: LabelRow, classes: Mapping[str, str] | None, trial_s: float | None) -> LabelRow:
    label = row.label if classes is None or row.label is None else classes[_tidy(row.label)]
    return replace(row, label=label, duration_s=row.duration_s or trial_s)


def _refuse_alike(rows: Sequence[LabelRow], source: str) -> None:
    """Refuse classes that differ only in case or blanks: nobody meant two."""
    spellings: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        name = row.label or ""
        spellings[_APART.sub("", name.casefold())].setdefault(name, row.where)
    for spelled in spellings.values():
        if len(spelled) > 1:
            all_of_them = ", ".join(f"{name!r} ({where})" for name, where in spelled.items())
            first, other = list(spelled)[:2]
            raise LabelsError(
                f"{source}: {all_of_them} differ only in case or blanks; write them alike, or "
                f"choose what they are with --classes {other}={first},..."
            )


def _trial(row: LabelRow, source: str) -> LabelledInterval:
    try:
        return LabelledInterval(
            row.onset_s, row.duration_s or 0.0, row.label or "", row.valence, row.arousal
        )
    except ValueError as error:
        raise LabelsError(f"{source}: {row.where}: {error}") from None


def _refuse_behind_the_end(
    rows: Sequence[LabelRow], source: str, recording_s: float, sfreq: float
) -> None:
    ends = [(row, row.onset_s + (row.duration_s or 0.0)) for row in rows]
    late = [(row, end_s) for row, end_s in ends if end_s > recording_s + _CUT_S]
    if not late:
        return
    shown = ", ".join(f"{row.where} ({row.onset_s:g} to {end_s:g} s)" for row, end_s in late)
    if len(late) > _NAMED:
        shown = f"{len(late)} of {len(rows)} trials, the first in {late[0][0].where}"
    raise LabelsError(
        f"{source}: behind the end of the recording ({recording_s:.1f} s): {shown}; "
        f"{_perhaps(ends, recording_s, sfreq)}"
    )


def _cut_off(rows: Sequence[LabelRow], source: str, recording_s: float) -> Iterator[str]:
    """Tell which trial the end of the recording cuts off."""
    for row in rows:
        behind_s = row.onset_s + (row.duration_s or 0.0) - recording_s
        if behind_s > _ROUNDED_S:
            yield f"{source}: {row.where}: the recording ends {behind_s:.2g} s before its trial"


def _perhaps(ends: Sequence[tuple[LabelRow, float]], recording_s: float, sfreq: float) -> str:
    """Guess in which unit a table was written whose trials lie behind the end."""
    last = max(end for _, end in ends)
    longest = max(row.duration_s or 0.0 for row, _ in ends)
    units = {f"samples at {sfreq:g} Hz": sfreq, "milliseconds": 1e3, "microseconds": 1e6}
    fitting = [
        name
        for name, per_s in units.items()
        if last / per_s <= recording_s + _CUT_S and longest / per_s >= _LEAST_TRIAL_S
    ]
    if min(end for _, end in ends) > _UNIX_FROM:
        return "perhaps they are times of the day: give seconds from the first sample"
    if not fitting:
        return "correct them, or name the recording that they belong to"
    return f"perhaps they are {' or '.join(fitting)}: give seconds from the first sample"


def _tidy(text: str) -> str:
    """Return a text without blanks around it, and with single ones in it."""
    return " ".join(text.split())


def _list(found: Mapping[str, int]) -> str:
    """Return labels with their numbers, the most frequent first."""
    most = sorted(found.items(), key=lambda item: -item[1])
    words = [f"{label} ({n})" for label, n in most[:_NAMED]]
    return ", ".join(words) + (", ..." if len(most) > _NAMED else "") or "no labels"
