"""Which head suits one person: cross-validation that never divides a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdjpt.calibration.confidence import best_temperature, log_loss, smoothed, softmax
from mdjpt.calibration.heads import fit_head
from mdjpt.calibration.labelled import balanced_weights
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.calibration.heads import HeadKind, PersonalHead
    from mdjpt.calibration.labelled import LabelledFeatures

    Float64 = NDArray[np.float64]

__all__ = ["CANDIDATES", "Candidate", "HeldOut", "select_head", "trial_folds"]

MAX_FOLDS = 6


class Candidate(NamedTuple):
    """A head and its setting.

    Attributes
    ----------
    kind : {"lda", "ridge", "prototypes", "mlp"}
        Which head.
    strength : float or None
        As :func:`~mdjpt.calibration.heads.fit_head` takes it.
    """

    kind: HeadKind
    strength: float | None = None

    @property
    def name(self) -> str:
        """Kind and setting, for tables."""
        return self.kind if self.strength is None else f"{self.kind} {self.strength:g}"


CANDIDATES: tuple[Candidate, ...] = (
    Candidate("lda"),
    # Overlapping windows of few trials look like more data than they are, to Ledoit and Wolf too.
    Candidate("lda", 0.5),
    Candidate("lda", 0.9),
    Candidate("ridge", 1.0),
    Candidate("ridge", 10.0),
    Candidate("prototypes"),
    Candidate("mlp"),
)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What one candidate said of windows that it was not trained on.

    Attributes
    ----------
    candidate : Candidate
        Which one.
    logits : ndarray of float64, shape (n_windows, n_classes)
        Each by the head that was trained without the window's trial.
    temperature : float
        Best for these logits.
    loss : float
        Log loss of the smoothed probabilities at that temperature.
    answers : ndarray of int, shape (n_trials,)
        Class of the largest mean logit of each trial.
    """

    candidate: Candidate
    logits: Float64
    temperature: float
    loss: float
    answers: NDArray[np.intp]


def trial_folds(label: NDArray[np.intp]) -> NDArray[np.intp]:
    """Deal the trials of each class out to folds in turn.

    Parameters
    ----------
    label : ndarray of int, shape (n_trials,)
        Class of each trial.

    Returns
    -------
    ndarray of int, shape (n_trials,)
        Fold of each trial, from 0.

    Raises
    ------
    ProfileError
        When a class has a single trial: without it, nothing would be left to learn it from.
    """
    counts = np.bincount(label)
    if counts.min() < 2:
        raise ProfileError(
            "each class needs at least 2 trials to tell whether its decoding works, "
            f"the smallest has {counts.min()}: record more trials"
        )
    n_folds = min(MAX_FOLDS, int(counts.max()))
    folds = np.empty(len(label), np.intp)
    start = 0
    for k in range(len(counts)):
        members = np.flatnonzero(label == k)
        folds[members] = (start + np.arange(len(members))) % n_folds
        start += len(members)
    return folds


def select_head(
    data: LabelledFeatures,
    standardised: Float64,
    *,
    keep: float,
    candidates: Sequence[Candidate] = CANDIDATES,
    seed: int = 0,
) -> tuple[list[HeldOut], int]:
    """Compare heads by the log loss of held-out trials.

    Parameters
    ----------
    data : LabelledFeatures
        Trials and labels.
    standardised : ndarray of float64, shape (n_windows, n_features)
        Its features, standardised.
    keep : float
        Share of the past in the smoothing, see :func:`~mdjpt.calibration.confidence.smoothed`.
    candidates : sequence of Candidate
        What to compare.
    seed : int
        Of the MLP.

    Returns
    -------
    held_out : list of HeldOut
        One a candidate.
    best : int
        Which has the lowest loss.
    """
    folds = trial_folds(data.label)
    results = [_held_out(c, data, standardised, folds, keep, seed) for c in candidates]
    return results, int(np.argmin([result.loss for result in results]))


def fit_candidate(
    candidate: Candidate,
    standardised: Float64,
    trial: NDArray[np.intp],
    label: NDArray[np.intp],
    seed: int = 0,
) -> PersonalHead:
    """Train a candidate on windows of some of the trials.

    Parameters
    ----------
    candidate : Candidate
        Kind and setting.
    standardised : ndarray of float64, shape (n, n_features)
        Windows to train on.
    trial : ndarray of int, shape (n,)
        Trial of each.
    label : ndarray of int, shape (n_trials,)
        Class of each trial, those that are not there included.
    seed : int
        Of the MLP.
    """
    weights = balanced_weights(trial, label)
    kind, strength = candidate
    return fit_head(kind, standardised, label[trial], weights, strength=strength, seed=seed)


def _held_out(
    candidate: Candidate,
    data: LabelledFeatures,
    standardised: Float64,
    folds: NDArray[np.intp],
    keep: float,
    seed: int,
) -> HeldOut:
    logits = np.empty((len(standardised), data.n_classes))
    for fold in range(folds.max() + 1):
        test = folds[data.trial] == fold
        head = fit_candidate(candidate, standardised[~test], data.trial[~test], data.label, seed)
        logits[test] = head.logits(standardised[test])
    labels, weights = data.window_label, data.weights
    temperature = best_temperature(logits, labels, data.trial, weights, keep)
    shown = smoothed(softmax(logits, temperature), data.trial, keep)
    sums = np.zeros((data.n_trials, data.n_classes))
    np.add.at(sums, data.trial, logits)
    loss = log_loss(shown, labels, weights)
    return HeldOut(candidate, logits, temperature, loss, sums.argmax(axis=1))
