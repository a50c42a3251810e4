"""From which confidence on an answer is shown: how many are, and how many of them are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic.dataclasses import dataclass

from mdjpt.calibration.evidence import Share
from mdjpt.guard.schema import STRICT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["Coverage", "choose_threshold", "least_threshold", "lower_bound"]

WANTED_ACCURACY = 0.7
BOUND_LEVEL = 0.7
"""Belief that the accuracy is above its lower bound."""
_MORE_LIKELY_THAN_NOT = 0.5
_ABOVE_CHANCE = 0.05
_LEAST_COVERAGE = 0.1
_N_THRESHOLDS = 40


@dataclass(frozen=True, slots=True, config=STRICT)
class Coverage:
    """What a threshold does to held-out windows."""

    threshold: Share
    """Confidence from which an answer is shown."""
    coverage: Share
    """Share of the windows that is shown, every trial counted the same."""
    accuracy: Share | None
    """Share of what is shown that is right; None where nothing is."""
    at_least: Share
    """Lower bound of the accuracy, with the trials as observations."""


def least_threshold(n_classes: int) -> float:
    """Return the confidence below which an answer is never shown: more likely wrong than right.

    Never as low as chance either.
    """
    return max(_MORE_LIKELY_THAN_NOT, 1.0 / n_classes + _ABOVE_CHANCE)


def choose_threshold(
    probabilities: Float64,
    labels: Labels,
    trial: Labels,
    wanted_accuracy: float = WANTED_ACCURACY,
) -> Coverage:
    """Return the lowest threshold whose answers are right often enough, beyond luck.

    Selective classification with a guaranteed risk (Geifman and El-Yaniv, NeurIPS 2017), the trials
    taken as the independent observations. Where no threshold promises the accuracy wanted of what
    is shown, the one that comes closest to it among those that show a tenth of the windows. The
    probabilities are held out, as they are shown, shape (n_windows, n_classes); labels and trials
    have shape (n_windows,).
    """
    least = least_threshold(probabilities.shape[1])
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    higher = np.quantile(confidence, np.linspace(0.0, 1.0, _N_THRESHOLDS))
    tried = [least, *higher[higher > least].tolist()]
    found = [_at(t, confidence, right, trial) for t in tried]
    for coverage in found:
        if coverage.at_least >= wanted_accuracy:
            return coverage
    shown = [c for c in found if c.coverage >= _LEAST_COVERAGE]
    return max(shown or found[:1], key=lambda c: c.at_least)


def lower_bound(n_right: float, n: float, level: float = BOUND_LEVEL) -> float:
    """Return the one-sided lower bound of a proportion, which lies above with probability `level`.

    Of the Jeffreys interval (Brown, Cai and DasGupta, Statistical Science 16:101-133, 2001, DOI
    10.1214/ss/1009213286): the exact one holds back more than it says where trials are few. Trials
    that are shown in part count in part.
    """
    from scipy.stats import beta

    return float(beta.ppf(1.0 - level, n_right + 0.5, n - n_right + 0.5)) if n_right > 0 else 0.0


def _at(threshold: float, confidence: Float64, right: NDArray[np.bool_], trial: Labels) -> Coverage:
    shown = confidence >= threshold
    weight = 1.0 / np.bincount(trial)[trial]
    n_trials = len(np.unique(trial))
    n, n_right = float(weight[shown].sum()), float(weight[shown & right].sum())
    accuracy = min(n_right / n, 1.0) if n > 0 else None
    covered = min(n / n_trials, 1.0)
    return Coverage(float(threshold), covered, accuracy, lower_bound(n_right, n))
