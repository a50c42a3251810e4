"""Which head suits one person: cross-validation that never divides a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdjpt.calibration.blocks import block_folds
from mdjpt.calibration.confidence import best_temperature, log_loss, softmax
from mdjpt.calibration.head_fitting import fit_anchored, fit_head
from mdjpt.calibration.smoothing import smoothed
from mdjpt.calibration.trials import balanced_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.calibration.heads import GeneralHead, HeadKind, PersonalHead
    from mdjpt.calibration.trials import LabelledFeatures

    Float64 = NDArray[np.float64]

__all__ = [
    "ANCHORED",
    "CANDIDATES",
    "Candidate",
    "HeldOut",
    "fit_candidate",
    "select_head",
]

TOLERANCE = 0.5
"""Standard errors by which a head may be worse than the best and still be preferred to it."""


class Candidate(NamedTuple):
    """A head and its setting.

    Attributes
    ----------
    kind : {"anchored", "lda", "ridge", "prototypes", "mlp"}
        Which head.
    strength : float or None
        As :mod:`~mdjpt.calibration.head_fitting` takes it.
    """

    kind: HeadKind
    strength: float | None = None

    @property
    def name(self) -> str:
        """Kind and setting, for tables."""
        return self.kind if self.strength is None else f"{self.kind} {self.strength:g}"


ANCHORED: tuple[Candidate, ...] = (
    Candidate("anchored", 100.0),
    Candidate("anchored", 30.0),
    Candidate("anchored", 10.0),
    Candidate("anchored", float("inf")),
)
"""Heads that begin as the model's own; the first is the one to doubt last."""

CANDIDATES: tuple[Candidate, ...] = (
    Candidate("ridge", 10.0),
    # Overlapping windows of few trials look like more data than they are, to Ledoit and Wolf too.
    Candidate("lda", 0.9),
    Candidate("prototypes"),
    Candidate("ridge", 1.0),
    Candidate("lda", 0.5),
    Candidate("lda"),
    Candidate("mlp"),
)
"""Heads that begin from nothing, from the most cautious on."""


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
    trial_losses : ndarray of float64, shape (n_trials,)
        Mean log loss of each trial's smoothed probabilities at that temperature.
    shares : ndarray of float64, shape (n_trials, n_classes)
        Mean probabilities of each trial's windows.
    """

    candidate: Candidate
    logits: Float64
    temperature: float
    trial_losses: Float64
    shares: Float64

    @property
    def answers(self) -> NDArray[np.intp]:
        """Class of each trial, shape (n_trials,)."""
        answers: NDArray[np.intp] = self.shares.argmax(axis=1)
        return answers

    @property
    def loss(self) -> float:
        """Mean log loss of the trials."""
        return float(self.trial_losses.mean())


def select_head(
    data: LabelledFeatures,
    standardised: Float64,
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    general: GeneralHead | None = None,
    seed: int = 0,
) -> tuple[list[HeldOut], int]:
    """Compare heads by the log loss of held-out trials.

    Of the heads whose loss is within half a standard error of the lowest, the first is taken: few
    trials cannot tell good heads apart, and one that is good for most people fails less (Breiman
    et al. 1984, Classification and Regression Trees, section 3.4.3, with the error of the paired
    difference and half of it: for simulated people a whole one was too cautious).

    Parameters
    ----------
    data : LabelledFeatures
        Trials and labels.
    standardised : ndarray of float64, shape (n_windows, n_features)
        Its features, standardised.
    candidates : sequence of Candidate
        What to compare, the one to prefer first.
    general : GeneralHead, optional
        The model's own head, which anchored candidates begin from.
    seed : int
        Of the MLP.

    Returns
    -------
    held_out : list of HeldOut
        One a candidate.
    taken : int
        Which one is taken.
    """
    folds = block_folds(data.label, data.blocks)
    results = [_held_out(c, data, standardised, folds, general, seed) for c in candidates]
    lowest = min(results, key=lambda result: result.loss)
    for k, result in enumerate(results):
        worse = result.trial_losses - lowest.trial_losses
        if worse.mean() <= TOLERANCE * worse.std(ddof=1) / np.sqrt(len(worse)):
            return results, k
    raise AssertionError("the lowest loss is within any error of itself")


def fit_candidate(
    candidate: Candidate,
    standardised: Float64,
    trial: NDArray[np.intp],
    label: NDArray[np.intp],
    general: GeneralHead | None = None,
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
    general : GeneralHead, optional
        The model's own head, for anchored candidates.
    seed : int
        Of the MLP.

    Raises
    ------
    ValueError
        When an anchored candidate has no general head to begin from.
    """
    weights = balanced_weights(trial, label)
    kind, strength = candidate
    if kind != "anchored":
        return fit_head(kind, standardised, label[trial], weights, strength=strength, seed=seed)
    if general is None or strength is None:
        raise ValueError("an anchored head begins from a general one, with a penalty")
    targets = np.eye(general.n_classes)[label[trial]]
    return fit_anchored(standardised, targets, weights, general, strength)


def _held_out(
    candidate: Candidate,
    data: LabelledFeatures,
    standardised: Float64,
    folds: NDArray[np.intp],
    general: GeneralHead | None,
    seed: int,
) -> HeldOut:
    """Train without each fold in turn; find the best temperature, and what each trial loses."""
    logits = np.empty((len(standardised), data.n_classes))
    for fold in range(folds.max() + 1):
        test = folds[data.trial] == fold
        head = fit_candidate(
            candidate, standardised[~test], data.trial[~test], data.label, general, seed
        )
        logits[test] = head.logits(standardised[test])
    labels = data.window_label
    temperature = best_temperature(logits, labels, data.trial, data.weights, data.hop_s)
    probabilities = softmax(logits, temperature)
    shown = smoothed(probabilities, data.trial, data.hop_s)
    windows_of = [np.flatnonzero(data.trial == k) for k in range(data.n_trials)]
    losses = [log_loss(shown[rows], labels[rows]) for rows in windows_of]
    shares = np.stack([probabilities[rows].mean(axis=0) for rows in windows_of])
    return HeldOut(candidate, logits, temperature, np.array(losses), shares)
