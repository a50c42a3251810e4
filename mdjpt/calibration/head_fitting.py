"""Training of heads, in milliseconds: each trial counts the same however long it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.calibration.heads import AnchoredHead, GeneralHead, LinearHead, PrototypeHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.calibration.heads import PersonalHead

    Float64 = NDArray[np.float64]

__all__ = ["fit_anchored", "fit_head", "fit_ridge"]

MLP_EPOCHS, MLP_BATCH = 30, 64  # a few hundred windows are one of the paper's batches
_TINY = 1e-12


def fit_head(
    kind: Literal["lda", "ridge", "prototypes", "mlp"],
    features: Float64,
    labels: NDArray[np.intp],
    weights: Float64,
    *,
    strength: float | None = None,
    seed: int = 0,
) -> PersonalHead:
    """Train a head from nothing; :func:`fit_anchored` has a start.

    Parameters
    ----------
    kind : {"lda", "ridge", "prototypes", "mlp"}
        Which one.
    features : ndarray of float64, shape (n, n_features)
        Standardised.
    labels : ndarray of int, shape (n,)
        From 0; every class is there.
    weights : ndarray of float64, shape (n,)
        Sum to 1; the MLP has no use for them.
    strength : float, optional
        LDA: share of the identity in the within-class covariance, by default Ledoit and Wolf's.
        Ridge: penalty in units of the features' mean variance, by default 1.
    seed : int
        Of the MLP.
    """
    n_classes = int(labels.max()) + 1
    if kind == "mlp":
        from mdjpt.network.emotion_head import Head

        return Head.fit(
            features, labels, n_classes, n_epochs=MLP_EPOCHS, batch_size=MLP_BATCH, seed=seed
        )
    targets = np.eye(n_classes)[labels]
    if kind == "ridge":
        return LinearHead(*fit_ridge(features, targets, weights, strength or 1.0))
    shares = targets * weights[:, None]
    means: Float64 = (shares / shares.sum(axis=0)).T @ features
    if kind == "prototypes":
        centre = means.mean(axis=0)
        return PrototypeHead(means - centre, centre)
    return _fit_lda(features - means[labels], means, weights, strength)


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


def _fit_lda(
    residuals: Float64, means: Float64, weights: Float64, shrinkage: float | None
) -> LinearHead:
    """Linear discriminant analysis with equal priors (Friedman, J Am Stat Assoc 84:165, 1989)."""
    x = residuals * np.sqrt(weights)[:, None]
    if shrinkage is None:
        from sklearn.covariance import ledoit_wolf_shrinkage

        shrinkage = float(ledoit_wolf_shrinkage(residuals, assume_centered=True))
    scale = max(float(np.mean(np.sum(x * x, axis=0))), _TINY)
    shrinkage = min(max(shrinkage, 1e-3), 1.0)
    within = (1 - shrinkage) * (x.T @ x)
    within[np.diag_indices(len(within))] += shrinkage * scale
    weight = np.linalg.solve(within, means.T).T
    return LinearHead(weight, -0.5 * np.sum(weight * means, axis=1))
