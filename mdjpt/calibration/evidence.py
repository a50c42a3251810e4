"""How good a personal decoder is on trials that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from mdjpt.calibration.verdict import SIGNIFICANT, Design, Verdict
from mdjpt.guard.schema import STRICT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = [
    "Evidence",
    "Share",
    "Uncalibrated",
    "accuracy_interval",
    "balanced_accuracy",
]

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
        Of the test against chance, see :func:`~mdjpt.calibration.verdict.permutation_p`.
    window_accuracy : float
        Balanced accuracy of held-out windows, smoothed as shown.
    calibration_error : float
        Expected calibration error of held-out windows.
    design : Design
        In which order the trials were shown.
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
    design: Design
    before: Share | None = None

    def __post_init__(self) -> None:
        if self.n_correct > self.n_trials:
            raise ValueError(f"{self.n_correct} of {self.n_trials} trials cannot be right")

    @property
    def accuracy(self) -> float:
        """Share of held-out trials decoded right."""
        return self.n_correct / self.n_trials

    @property
    def verdict(self) -> Verdict:
        """Whether it is better than chance, not better, or whether that cannot be told."""
        if not self.design.can_tell:
            return "cannot be told"
        better = self.p_value < SIGNIFICANT and self.accuracy > self.chance
        return "better" if better else "not better"

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

    def clearly_better_than(self, evidence: Evidence) -> bool:
        """Tell whether it has more trials right than the interval of a decoder's accuracy allows.

        A decoder is judged by what it learned from fewer trials than it has in the end, of eight a
        third less; the model loses nothing that way. So the burden of proof lies with the model:
        with 6 to 12 trials, simulated people are better off by 1 to 3 points than where a decoder
        has to have more trials right.
        """
        return self.accuracy > evidence.high


def accuracy_interval(n_correct: int, n_trials: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy (Clopper and Pearson, Biometrika 26:404, 1934)."""
    from scipy.special import betaincinv

    wrong = n_trials - n_correct
    low = float(betaincinv(n_correct, wrong + 1, 0.025)) if n_correct else 0.0
    high = float(betaincinv(n_correct + 1, wrong, 0.975)) if wrong else 1.0
    return low, high


def balanced_accuracy(answers: Labels, labels: Labels) -> float:
    """Return the mean over the classes of the share that was answered right."""
    return float(np.mean([(answers[labels == k] == k).mean() for k in np.unique(labels)]))
