"""How much each family counts in the pooled answer, from trials that it was not trained on.

The answer is proportional to the product of the families' probabilities, each to the power of its
weight (logarithmic opinion pool; Genest and Zidek, Statistical Science 1:114-135, 1986, DOI
10.1214/ss/1177013825). A weight is a temperature too: a family that is too sure of itself gets
less than its share, and one that is right in every held-out trial gets more. Few trials cannot
tell temperatures apart, so every weight has a prior.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.confidence import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["PRIOR_SPREAD", "fit_pool_weights", "pooled", "smoothed_logits"]

PRIOR_SPREAD = 0.5
"""Standard deviation of a weight's prior, in units of the inverse spread of its logits. Held-out
heads of few trials learned from fewer still, and say little of what the final ones deserve."""
_EPS = 1e-9


def fit_pool_weights(
    logits: Float64, labels: Labels, trial_weights: Float64, prior: Float64
) -> Float64:
    """Return the weights that held-out answers are most likely with, given the prior.

    Maximises ``sum_i t_i log p_i(label_i) - sum_f (s_f w_f - prior_f)^2 / 2`` over weights w of at
    least 0, s_f being the spread of the logits of family f: the same prior for families whose
    logits differ in size. The problem is convex.

    Parameters
    ----------
    logits : ndarray of float64, shape (n_families, n_windows, n_classes)
        Each by a head that was trained without the window's trial, centred.
    labels : ndarray of int, shape (n_windows,)
        True classes.
    trial_weights : ndarray of float64, shape (n_windows,)
        Of each window: a trial is one observation, however many windows it has.
    prior : ndarray of float64, shape (n_families,)
        Mean of the prior.

    Returns
    -------
    ndarray of float64, shape (n_families,)
        0 for a family without any opinion.
    """
    from scipy.optimize import minimize

    spread = np.sqrt(np.mean(logits**2, axis=(1, 2)))
    speaks = spread > _EPS
    z = logits[speaks] / spread[speaks][:, None, None]
    targets = np.eye(logits.shape[2])[labels]

    def loss(w: Float64) -> tuple[float, Float64]:
        p = softmax(np.tensordot(w, z, 1))
        off = w - prior[speaks]
        value = -trial_weights @ np.log(np.maximum((p * targets).sum(axis=1), 1e-300))
        error = (p - targets) * trial_weights[:, None]
        gradient = np.einsum("fnk,nk->f", z, error) + off / PRIOR_SPREAD**2
        return float(value + 0.5 * off @ off / PRIOR_SPREAD**2), gradient

    weights = np.zeros(len(logits))
    if speaks.any():
        bounds = [(0.0, None)] * int(speaks.sum())
        found = minimize(loss, prior[speaks], jac=True, method="L-BFGS-B", bounds=bounds)
        weights[speaks] = found.x / spread[speaks]
    return weights


def pooled(logits: Float64, weights: Float64) -> Float64:
    """Return pooled logits [n_windows, n_classes] of [n_families, n_windows, n_classes]."""
    out: Float64 = np.tensordot(weights, logits, 1)
    return out


def smoothed_logits(logits: Float64, trial: Labels, keep: float) -> Float64:
    """Smooth logits exponentially within each trial, as the live decoder does.

    Log-odds add up where probabilities do not: a sure window counts more than a doubtful one. The
    logits, shape (..., n_windows, n_classes), are in the order of time; the smoothing starts again
    where the trial, shape (n_windows,), changes. `keep` is the share of the past, ``exp(-hop / time
    constant)``.
    """
    out = logits.copy()
    for k in range(1, len(trial)):
        if trial[k] == trial[k - 1]:
            out[..., k, :] = keep * out[..., k - 1, :] + (1.0 - keep) * logits[..., k, :]
    return out
