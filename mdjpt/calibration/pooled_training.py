"""Training the decoder of one person, and finding out what it does with trials it does not know.

Weights of the pool come from held-out folds of neighbouring trials. What the decoder claims comes
from an outer fold: for every fold, heads and weights are learned from the others, the weights by
leaving out a second fold each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.blocks import block_folds
from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.coverage import choose_threshold
from mdjpt.calibration.pool_weights import fit_pool_weights, pooled
from mdjpt.calibration.pooled_decoder import PooledDecoder
from mdjpt.calibration.trials import balanced_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.calibration.calibration_windows import CalibrationWindows

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["HeldOutPool", "cross_validate", "train_pooled_decoder"]

SURER = 1.4
"""What the final weights are multiplied by: its heads learned from more trials than the held-out
ones did. Measured on real and on simulated people."""


@dataclass(frozen=True, eq=False)
class HeldOutPool:
    """What decoders said of windows of trials that they were not trained on."""

    families: Float64
    """Logits of each family's heads. Shape (n_families, n_used, n_classes)."""
    weights: Float64
    """That they are most likely with, with the prior. Shape (n_families,)."""
    probabilities: Float64
    """Of the pooled decoder as shown; heads and weights from other folds. Shape (n_used,
    n_classes)."""
    shares: Float64
    """Their mean over each trial. Shape (n_trials, n_classes)."""

    @property
    def answers(self) -> Labels:
        """Class of each trial, shape (n_trials,)."""
        answers: Labels = self.shares.argmax(axis=1)
        return answers

    def accuracies(self, trial: Labels, label: Labels) -> tuple[float, ...]:
        """Return the share of the trials that each family by itself has right.

        `trial` is of each window, shape (n_used,), `label` of each trial, shape (n_trials,).
        """
        shares = np.zeros((len(self.families), *self.shares.shape))
        for total, logits in zip(shares, self.families, strict=True):
            np.add.at(total, trial, softmax(logits))
        return tuple((shares.argmax(axis=2) == label).mean(axis=1).tolist())


def cross_validate(calibration: CalibrationWindows, label: Labels, folds: Labels) -> HeldOutPool:
    """Decode every trial by heads and weights that were learned without its fold.

    Labels, of which permuted ones tell what chance would do, and folds, see
    :func:`~mdjpt.calibration.blocks.block_folds`, have shape (n_trials,).
    """
    n_classes, fold = int(label.max()) + 1, folds[calibration.trial]
    n_folds = int(folds.max()) + 1
    out = np.empty((n_folds, n_folds, len(calibration.families), len(fold), n_classes))
    for o in range(n_folds):
        for i in range(o + 1):
            used = (folds != o) & (folds != i)
            # With two folds nothing is left without both; what one fold taught has to do.
            trained = calibration.trained(label, n_classes, used if used.any() else folds != o)
            out[o, i] = out[i, o] = calibration.smoothed(np.stack([t.logits for t in trained]))
    rows = np.arange(len(fold))
    held_out = out[fold, fold, :, rows].transpose(1, 0, 2)
    truth, trial_weights = label[calibration.trial], calibration.trial_weights
    prior = calibration.prior
    probabilities = np.empty((len(fold), n_classes))
    for o in range(n_folds):
        test = fold == o
        inner = out[o, fold, :, rows].transpose(1, 0, 2)[:, ~test]
        weights = fit_pool_weights(inner, truth[~test], trial_weights[~test], prior)
        probabilities[test] = softmax(SURER * pooled(held_out[:, test], weights))
    weights = fit_pool_weights(held_out, truth, trial_weights, prior)
    shares = np.zeros((calibration.n_trials, n_classes))
    np.add.at(shares, calibration.trial, probabilities * trial_weights[:, None])
    return HeldOutPool(held_out, weights, probabilities, shares)


def train_pooled_decoder(
    calibration: CalibrationWindows, label: Labels, folds: Labels | None = None
) -> tuple[PooledDecoder, HeldOutPool]:
    """Train the decoder of a person, and tell what it does with trials it does not know.

    Labels, in the order of time, and folds, neighbouring blocks by default, have shape (n_trials,).

    Raises ProfileError when a class has a single trial.
    """
    folds = block_folds(label) if folds is None else folds
    found = cross_validate(calibration, label, folds)
    n_classes = int(label.max()) + 1
    trained = calibration.trained(label, n_classes, np.ones(len(label), bool))
    weights = SURER * found.weights
    decoder = PooledDecoder(
        tuple(calibration.families),
        tuple(t.head for t in trained),
        weights,
        balanced_weights(calibration.trial, label) @ pooled(found.families, weights),
        choose_threshold(found.probabilities, label[calibration.trial], calibration.trial),
    )
    return decoder, found
