"""Heads over frozen features that a few minutes of one person can train.

All take standardised features and give one logit a class. Trained in milliseconds; trials count
the same however many windows they have, and so do classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = [
    "HEAD_KINDS",
    "HeadKind",
    "LinearHead",
    "PersonalHead",
    "PrototypeHead",
    "fit_head",
    "fit_ridge",
    "head_from",
]

HeadKind = Literal["anchored", "lda", "ridge", "prototypes", "mlp"]
HEAD_KINDS: tuple[HeadKind, ...] = get_args(HeadKind)

COSINE_SCALE = 10.0  # brings cosines to the range of logits; the temperature does the rest
MLP_EPOCHS, MLP_BATCH = 30, 64  # a few hundred windows are one of the paper's batches
_TINY = 1e-12


class PersonalHead(Protocol):
    """What every head offers; :class:`mdjpt.network.emotion_head.Head` does too."""

    @property
    def n_features(self) -> int:
        """Features of a window."""
        ...

    @property
    def n_classes(self) -> int:
        """Classes, one logit each."""
        ...

    @property
    def arrays(self) -> dict[str, Float32]:
        """What :func:`head_from` builds it from again."""
        ...

    def logits(self, features: ArrayLike) -> Float32:
        """[n, n_features] -> [n, n_classes]."""
        ...


class LinearHead:
    """Logits that are linear in the features: shrinkage LDA and ridge.

    Parameters
    ----------
    weight : array_like of float, shape (n_classes, n_features)
    bias : array_like of float, shape (n_classes,)
    """

    def __init__(self, weight: ArrayLike, bias: ArrayLike) -> None:
        # Row by row, as a file gives them back: another order is summed up in another order.
        self._weight = np.array(weight, np.float32, order="C")
        self._bias = np.array(bias, np.float32)
        _check(self._weight, self._bias)

    @property
    def n_features(self) -> int:
        """Features of a window."""
        return int(self._weight.shape[1])

    @property
    def n_classes(self) -> int:
        """Classes, one logit each."""
        return len(self._bias)

    @property
    def arrays(self) -> dict[str, Float32]:
        """Weight and bias."""
        return {"weight": self._weight.copy(), "bias": self._bias.copy()}

    def logits(self, features: ArrayLike) -> Float32:
        """Return [n, n_classes] float32 for [n, n_features]."""
        out: Float32 = np.asarray(features, np.float32) @ self._weight.T + self._bias
        return out


class PrototypeHead:
    """Logits that are cosines with one prototype a class, seen from a common centre.

    Parameters
    ----------
    prototypes : array_like of float, shape (n_classes, n_features)
        Of any length.
    centre : array_like of float, shape (n_features,)
        Taken from the features first.
    """

    def __init__(self, prototypes: ArrayLike, centre: ArrayLike) -> None:
        self._prototypes = np.array(prototypes, np.float32)
        self._centre = np.array(centre, np.float32)
        _check(self._prototypes, np.zeros(len(self._prototypes), np.float32))
        if self._centre.shape != self._prototypes.shape[1:]:
            raise ValueError(f"centre {self._centre.shape} and prototypes do not match")
        _check(self._centre[None], np.zeros(1, np.float32))

    @property
    def n_features(self) -> int:
        """Features of a window."""
        return len(self._centre)

    @property
    def n_classes(self) -> int:
        """Classes, one logit each."""
        return len(self._prototypes)

    @property
    def arrays(self) -> dict[str, Float32]:
        """Prototypes and centre."""
        return {"prototypes": self._prototypes.copy(), "centre": self._centre.copy()}

    def logits(self, features: ArrayLike) -> Float32:
        """Return [n, n_classes] float32 for [n, n_features]."""
        x = np.asarray(features, np.float32) - self._centre
        cosines = _unit(x) @ _unit(self._prototypes).T
        out: Float32 = (COSINE_SCALE * cosines).astype(np.float32)
        return out


def head_from(kind: HeadKind, arrays: Mapping[str, Any]) -> PersonalHead:
    """Build a head from its arrays.

    Raises
    ------
    ValueError
        When the kind is unknown or the arrays are not those of such a head.
    """
    if kind not in HEAD_KINDS:
        raise ValueError(f"unknown kind of head {kind!r:.40}")
    if kind == "anchored":
        from mdjpt.calibration.anchored import AnchoredHead

        return AnchoredHead.from_arrays(arrays)
    if kind == "mlp":
        from mdjpt.network.emotion_head import Head

        return Head(arrays)
    names = {"prototypes", "centre"} if kind == "prototypes" else {"weight", "bias"}
    if arrays.keys() != names:
        raise ValueError(f"a {kind} head holds {', '.join(sorted(names))}")
    return PrototypeHead(**arrays) if kind == "prototypes" else LinearHead(**arrays)


def fit_head(
    kind: Literal["lda", "ridge", "prototypes", "mlp"],
    features: Float64,
    labels: NDArray[np.intp],
    weights: Float64,
    *,
    strength: float | None = None,
    seed: int = 0,
) -> PersonalHead:
    """Train a head from nothing; :func:`~mdjpt.calibration.anchored.fit_anchored` has a start.

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
    means = _class_means(features, targets, weights)
    if kind == "prototypes":
        centre = means.mean(axis=0)
        return PrototypeHead(means - centre, centre)
    if kind == "ridge":
        return LinearHead(*fit_ridge(features, targets, weights, strength or 1.0))
    return _fit_lda(features - means[labels], means, weights, strength)


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
    weight, bias : ndarray of float64
        [n_targets, n_features] and [n_targets].
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


def _class_means(features: Float64, targets: Float64, weights: Float64) -> Float64:
    shares = targets * weights[:, None]
    means: Float64 = (shares / shares.sum(axis=0)).T @ features
    return means


def _unit(x: Float32) -> Float32:
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    unit: Float32 = x / np.maximum(length, np.float32(_TINY))
    return unit


def _check(weight: Float32, bias: Float32) -> None:
    if weight.ndim != 2 or not weight.size or bias.shape != weight.shape[:1]:
        shapes = f"{list(weight.shape)} and {list(bias.shape)}"
        raise ValueError(f"a head has weight [classes, features] and bias [classes], got {shapes}")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError("the head holds NaN or infinity")
