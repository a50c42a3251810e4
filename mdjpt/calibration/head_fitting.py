"""Ridge regression, and heads that begin as the model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.heads import AnchoredHead, GeneralHead, LinearHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["fit_anchored", "fit_ridge"]

_TINY = 1e-12


def fit_anchored(
    features: Float64,
    targets: Float64,
    weights: Float64,
    general: GeneralHead,
    strength: float,
) -> AnchoredHead:
    """Fit the correction to what the general head leaves over, by ridge regression.

    The stronger the penalty, the closer the person's head stays to the general one; at infinity it
    is the general head.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_features)
        Standardised.
    targets : ndarray of float64, shape (n, n_classes)
        One-hot labels.
    weights : ndarray of float64, shape (n,)
        Sum to 1.
    general : GeneralHead
        The model's.
    strength : float
        Penalty in units of the features' mean variance.
    """
    if np.isinf(strength):
        shape = (targets.shape[1], features.shape[1])
        return AnchoredHead(general, LinearHead(np.zeros(shape), np.zeros(shape[0])))
    left_over = targets - general.predict_proba(features)
    return AnchoredHead(general, LinearHead(*fit_ridge(features, left_over, weights, strength)))


def fit_ridge(
    features: Float64, targets: Float64, weights: Float64, strength: float
) -> tuple[Float64, Float64]:
    """Fit targets by ridge regression with an intercept that is not penalised.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_features)
    targets : ndarray of float64, shape (n, n_targets)
    weights : ndarray of float64, shape (n,)
        Sum to 1.
    strength : float
        Penalty in units of the features' mean variance.

    Returns
    -------
    weight : ndarray of float64, shape (n_targets, n_features)
    bias : ndarray of float64, shape (n_targets,)
    """
    centre, mean = weights @ features, weights @ targets
    x = (features - centre) * np.sqrt(weights)[:, None]
    y = (targets - mean) * np.sqrt(weights)[:, None]
    penalty = max(strength * float(np.mean(np.sum(x * x, axis=0))), _TINY)
    # The dual has as many unknowns as windows, the primal as features: take the smaller one.
    if len(x) < x.shape[1]:
        gram = x @ x.T + penalty * np.eye(len(x))
        weight = x.T @ np.linalg.solve(gram, y)
    else:
        scatter = x.T @ x + penalty * np.eye(x.shape[1])
        weight = np.linalg.solve(scatter, x.T @ y)
    return weight.T, mean - centre @ weight
