"""Is one arm better than another? Tests on the differences of what both were tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from mdjpt.evaluation.outcome import Outcome

__all__ = ["PairedTest", "compare_arms", "corrected_resampled_t", "signed_rank"]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A comparison of the accuracies of two arms."""

    # Names; the difference is arm minus other.
    arm: str
    other: str
    level: str
    """What was measured."""
    difference: float
    """Mean over the folds."""
    corrected_p: float
    """Corrected resampled t-test over the folds; NaN where folds are subjects, who share no
    training data to correct for."""
    n_subjects: int
    """Subjects that both were tested on."""
    subjects_p: float
    """Wilcoxon's signed-rank test over the subjects."""


def compare_arms(outcomes: Sequence[Outcome], level: str) -> list[PairedTest]:
    """Compare the first arm with every other one, tested on the same splits.

    Raises MdjptError: the arms were not tested on the same folds.
    """
    return [_compared(outcomes[0], other, level) for other in outcomes[1:]]


def corrected_resampled_t(differences: ArrayLike, test_to_train: float) -> float:
    """Return the two-sided p of the corrected resampled t-test.

    Folds that train on overlapping subjects are not independent; the variance of the mean
    difference is taken as (1 / J + n_test / n_train) s^2 over J folds (Nadeau and Bengio,
    "Inference for the generalization error", Machine Learning 52:239-281, 2003, section 5).

    Parameters
    ----------
    differences : array_like of float, shape (J,)
        One a fold; NaN with fewer than two.
    test_to_train : float
        Test subjects per training subject.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        return float("nan")
    spread = np.sqrt((1 / len(values) + test_to_train) * values.var(ddof=1))
    if spread == 0:
        return 1.0 if values.mean() == 0 else 0.0
    return float(2 * stats.t.sf(abs(values.mean()) / spread, len(values) - 1))


def signed_rank(differences: ArrayLike) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test; 1 where all differences are 0."""
    values = np.asarray(differences, np.float64)
    if not np.any(values):
        return 1.0
    return float(stats.wilcoxon(values, zero_method="pratt").pvalue)


def _compared(arm: Outcome, other: Outcome, level: str) -> PairedTest:
    if [fold.name for fold in arm.folds] != [fold.name for fold in other.folds]:
        raise MdjptError(f"{arm.arm} and {other.arm} were tested on different folds")
    by_fold = arm.values(level, "accuracy") - other.values(level, "accuracy")
    ours, theirs = arm.subject_means(level), other.subject_means(level)
    both = [name for name in ours if name in theirs]
    ratio = float(np.mean([fold.n_test / fold.n_train for fold in arm.folds]))
    resampled = arm.unit == "fold"
    return PairedTest(
        arm=arm.arm,
        other=other.arm,
        level=level,
        difference=float(by_fold.mean()),
        corrected_p=corrected_resampled_t(by_fold, ratio) if resampled else float("nan"),
        n_subjects=len(both),
        subjects_p=signed_rank([ours[name] - theirs[name] for name in both]),
    )
