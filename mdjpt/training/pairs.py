"""Which windows of which two subjects meet in a step of pre-training.

A step takes one pair of subjects from every dataset: two people who saw the same programme. Of each
stimulus that both saw, random windows are taken, at the same time for both (Zhang et al. 2025,
section 3: inter-subject alignment is time-locked).

Everything drawn is a function of (seed, dataset, index of the draw): nothing is remembered, so a
run that is taken up again, or that is shared by several processes, draws what an undisturbed one
draws.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from mdjpt.errors import DatasetError
from mdjpt.guard.schema import STRICT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.store.trials import StoredTrial

__all__ = ["PairDraw", "PairSampler", "PairSettings", "allowed_pairs"]

_SHUFFLE, _WINDOWS = 0, 1  # keep the two kinds of random numbers apart
MIN_SHARED = 2  # with one window each there is nothing to tell the positive from


def _all_or_some(n_trials: int) -> int:
    if n_trials < 0 or n_trials == 1:
        raise ValueError(f"must be 0 (all) or 2 or more, got {n_trials}")
    return n_trials


@dataclass(frozen=True, slots=True, config=STRICT)
class PairSettings:
    """How windows are drawn."""

    # Samples of a window, and of the grid that its beginning lies on, from the trial's start.
    n_times: Annotated[int, Field(ge=1)] = 625
    step: Annotated[int, Field(ge=1)] = 250
    windows_per_trial: Annotated[int, Field(ge=1)] = 1
    """Different windows drawn from each trial; all there are when a trial has fewer."""
    max_trials: Annotated[int, AfterValidator(_all_or_some)] = 0
    """Random trials of a pair that are used in a draw; 0: all."""
    time_locked: bool = True
    """False draws the second subject's windows on their own (the ablation): other times of the same
    stimuli."""


class PairDraw(NamedTuple):
    """The windows of one pair: row k of both is a positive pair."""

    # Indices of the two recordings.
    first: int
    second: int
    # First samples of the windows in the recordings. Shape (n_windows,).
    first_starts: NDArray[np.int64]
    second_starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    """Class of each window's trial, -1 where there is none. Shape (n_windows,)."""


def allowed_pairs(subjects: Sequence[str], sessions: Sequence[str]) -> list[tuple[int, int]]:
    """Return all pairs of recordings of different subjects in the same session: i < j, sorted."""
    return [
        (i, j)
        for i, j in combinations(range(len(subjects)), 2)
        if sessions[i] == sessions[j] and subjects[i] != subjects[j]
    ]


class PairSampler:
    """Draws pairs of one dataset: each allowed pair once, in random order, then all over again.

    Parameters
    ----------
    recordings : sequence of sequence of StoredTrial
        The trials of each recording, none of them empty.
    settings : PairSettings
        How windows are drawn.
    seed : int
        0 or more.
    name : str
        Of the dataset, for messages.
    number : int
        Of the dataset within the corpus, so that datasets draw differently.

    Raises
    ------
    DatasetError
        No two subjects share two trials of a session that are long enough for a window.
    """

    def __init__(
        self,
        recordings: Sequence[Sequence[StoredTrial]],
        settings: PairSettings,
        seed: int = 0,
        name: str = "dataset",
        number: int = 0,
    ) -> None:
        self._settings = settings
        self._seed = (seed, number)
        self._trials = [_long_trials(trials, settings.n_times) for trials in recordings]
        subjects = [trials[0].subject for trials in recordings]
        sessions = [trials[0].session for trials in recordings]
        self.pairs = [
            pair
            for pair in allowed_pairs(subjects, sessions)
            if len(self._trials[pair[0]].keys() & self._trials[pair[1]].keys()) >= MIN_SHARED
        ]
        if not self.pairs:
            raise DatasetError(
                f"{name}: no two subjects share two trials of a session of at least "
                f"{settings.n_times} samples, so there is nothing to align"
            )
        self._order = (-1, np.empty(0, np.int64))

    def draw(self, index: int) -> PairDraw:
        """Return the windows of draw `index`, counted from 0 over the whole training."""
        lap, place = divmod(index, len(self.pairs))
        first, second = self.pairs[self._order_of(lap)[place]]
        rng = np.random.default_rng((*self._seed, _WINDOWS, index))
        shared = self._shared(first, second, rng)
        drawn = [self._windows(one, other, rng) for one, other in shared]
        labels = [
            np.full(len(starts), -1 if one.label is None else one.label)
            for (one, _), (starts, _) in zip(shared, drawn, strict=True)
        ]
        starts = [np.concatenate(half) for half in zip(*drawn, strict=True)]
        return PairDraw(first, second, starts[0], starts[1], np.concatenate(labels))

    def _order_of(self, lap: int) -> NDArray[np.int64]:
        if self._order[0] != lap:
            rng = np.random.default_rng((*self._seed, _SHUFFLE, lap))
            self._order = (lap, rng.permutation(len(self.pairs)))
        return self._order[1]

    def _shared(
        self, first: int, second: int, rng: np.random.Generator
    ) -> list[tuple[StoredTrial, StoredTrial]]:
        """Return the trials that both saw, in the order of the first subject."""
        mine, theirs = self._trials[first], self._trials[second]
        shared = [(trial, theirs[key]) for key, trial in mine.items() if key in theirs]
        wanted = self._settings.max_trials
        if not wanted or wanted >= len(shared):
            return shared
        chosen = np.sort(rng.permutation(len(shared))[:wanted])
        return [shared[k] for k in chosen]

    def _windows(
        self, one: StoredTrial, other: StoredTrial, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        settings = self._settings
        n_grid = (min(one.n_times, other.n_times) - settings.n_times) // settings.step + 1
        wanted = min(settings.windows_per_trial, n_grid)
        mine = rng.permutation(n_grid)[:wanted] * settings.step
        theirs = mine if settings.time_locked else rng.permutation(n_grid)[:wanted] * settings.step
        return one.start + mine, other.start + theirs


def _long_trials(trials: Sequence[StoredTrial], n_times: int) -> dict[tuple[str, int], StoredTrial]:
    """Return the trials that hold a window, by stimulus and how often it was shown before.

    Where the stimulus is not known nobody else is known to have seen it.
    """
    shown: defaultdict[str, int] = defaultdict(int)
    found = {}
    for trial in trials:
        occurrence = shown[trial.stimulus]
        shown[trial.stimulus] += 1
        if trial.n_times >= n_times and trial.stimulus:
            found[trial.stimulus, occurrence] = trial
    return found
