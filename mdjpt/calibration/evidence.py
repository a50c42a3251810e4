"""Is a decoder better than chance? Trials are independent, so trials are what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from mdjpt.guard.schema import STRICT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = [
    "SIGNIFICANT",
    "Evidence",
    "Share",
    "Uncalibrated",
    "balanced_accuracy",
    "exact_interval",
    "permutation_p",
]

SIGNIFICANT = 0.05
N_PERMUTATIONS = 2000
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, config=STRICT)
class Evidence:
    """How good a personal decoder was on trials that it was not trained on.

    Attributes
    ----------
    n_trials, n_correct : int
        Held-out trials, and those decoded right.
    low, high : float
        95 % interval of the accuracy (Clopper and Pearson 1934), trials taken as independent.
    chance : float
        Share of the most frequent class, at least 1 / n_classes.
    p_value : float
        Of the permutation test, see :func:`permutation_p`.
    window_accuracy : float
        Balanced accuracy of held-out windows, smoothed as shown.
    calibration_error : float
        Expected calibration error of held-out windows.
    before : float or None
        Accuracy of the general model on the same trials; None where it has other classes.

    Raises
    ------
    ValueError
        When a number is out of its range.
    """

    n_trials: Annotated[int, Field(gt=0)]
    n_correct: Annotated[int, Field(ge=0)]
    low: Share
    high: Share
    chance: Share
    p_value: Share
    window_accuracy: Share
    calibration_error: Share
    before: Share | None = None

    def __post_init__(self) -> None:
        if self.n_correct > self.n_trials:
            raise ValueError(f"{self.n_correct} of {self.n_trials} trials cannot be right")

    @property
    def accuracy(self) -> float:
        """Share of held-out trials decoded right."""
        return self.n_correct / self.n_trials

    @property
    def better_than_chance(self) -> bool:
        """True when the permutation test says so at 5 %."""
        return self.p_value < SIGNIFICANT and self.accuracy > self.chance

    def summary(self) -> str:
        """Say it in one line."""
        before = "" if self.before is None else f"before {self.before:.2f}, "
        return (
            f"{before}now {self.accuracy:.2f} of {self.n_trials} trials right (95 % interval "
            f"{self.low:.2f} to {self.high:.2f}), chance {self.chance:.2f}, "
            f"p {'< 0.001' if self.p_value < 1e-3 else f'= {self.p_value:.3f}'}"
        )


class Uncalibrated(NamedTuple):
    """What a model gets right without calibration, on the trials of the calibration.

    Attributes
    ----------
    accuracy : float
        Share of the trials.
    window_accuracy : float
        Balanced accuracy of their windows, smoothed as shown.
    """

    accuracy: float
    window_accuracy: float

    def beaten_by(self, evidence: Evidence) -> bool:
        """Tell whether a decoder has more trials right, or as many and more of their windows."""
        return (evidence.accuracy, evidence.window_accuracy) > tuple(self)


def exact_interval(n_correct: int, n_trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial interval of a proportion (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = beta.ppf(tail, n_correct, n_trials - n_correct + 1) if n_correct else 0.0
    high = beta.ppf(1 - tail, n_correct + 1, n_trials - n_correct) if n_correct < n_trials else 1.0
    return float(low), float(high)


def balanced_accuracy(answers: Labels, labels: Labels) -> float:
    """Return the mean over the classes of the share that was answered right."""
    return float(np.mean([(answers[labels == k] == k).mean() for k in np.unique(labels)]))


def permutation_p(shares: Float64, labels: Labels, chosen: int, seed: int = 0) -> float:
    """Test held-out answers against chance, the choice among several decoders allowed for.

    The statistic is the mean probability that a decoder gave to the true class, each class with
    the same weight. The labels of the trials are permuted, every decoder's statistic is brought to
    the mean and deviation it has by chance, and the chosen one's is compared with the largest of
    all (studentised maximum, Westfall and Young 1993). Probabilities tell more of few trials than
    right and wrong do.

    Parameters
    ----------
    shares : ndarray of float64, shape (n_candidates, n_trials, n_classes)
        Mean held-out probabilities of each trial, of every decoder that was compared.
    labels : ndarray of int, shape (n_trials,)
        True classes.
    chosen : int
        Which candidate was taken.
    seed : int
        Of the permutations.
    """
    rng = np.random.default_rng(seed)
    n_classes = shares.shape[2]
    weight = np.eye(n_classes) / np.bincount(labels, minlength=n_classes).clip(1)[:, None]
    permuted = np.stack([rng.permutation(labels) for _ in range(N_PERMUTATIONS)])
    by_chance = np.einsum("ctk,ptk->pc", shares, weight[permuted], optimize=True)
    observed = np.einsum("tk,tk->", shares[chosen], weight[labels])
    mean, spread = by_chance.mean(axis=0), np.maximum(by_chance.std(axis=0), 1e-9)
    largest = ((by_chance - mean) / spread).max(axis=1)
    at_least = (largest >= (observed - mean[chosen]) / spread[chosen] - 1e-9).sum()
    return float((1 + at_least) / (1 + N_PERMUTATIONS))
