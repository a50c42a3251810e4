"""From the features of one family to logits; what is unlike the calibration counts less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.heads import LinearHead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.calibration.heads import PersonalHead

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["Familiar", "FamilyHead", "Span", "discriminant"]

SHRINKAGE = 0.2
"""Share of the identity in the covariance within classes."""
_FAMILIAR_SHARE = 0.9
_EPS = 1e-12


@dataclass(frozen=True, eq=False)
class Familiar:
    """What the features of a family usually are, and how far they usually go."""

    # Standardised are ``(features - mean) / scale``; their mean square is about 1. Shape
    # (n_features,).
    mean: Float64
    scale: Float64
    limit: float
    """Root mean square of standardised features that 90 % of the calibration's windows stay
    within."""

    @classmethod
    def fit(cls, features: Float64, weights: Float64, *, equal_variances: bool) -> Familiar:
        """Measure it on a calibration: finite features, shape (n_windows, n_features).

        The weights, shape (n_windows,), sum to 1. With equal variances each feature gets the
        variance 1; else all have one scale.
        """
        mean = weights @ features
        variance = weights @ (features - mean) ** 2
        if not equal_variances:
            variance = np.full_like(variance, variance.mean())
        scale = np.sqrt(variance + _EPS)
        far = _root_mean_square((features - mean) / scale)
        return cls(mean, scale, float(np.quantile(far, _FAMILIAR_SHARE)))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Familiar:
        """Build from what :attr:`arrays` returned; KeyError or ValueError when it does not fit."""
        mean, scale, limit = arrays["mean"], arrays["scale"], arrays["limit"]
        if (mean.shape, scale.shape, limit.shape) != ((n_features,), (n_features,), ()):
            raise ValueError(f"the usual features are not {n_features}")
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and np.isfinite(limit)):
            raise ValueError("the usual features hold NaN or infinity")
        if not (scale.min() > 0 and limit > 0):
            raise ValueError("the usual features have no scale")
        return cls(mean, scale, float(limit))

    @property
    def arrays(self) -> dict[str, Float64]:
        """What a profile stores."""
        return {"mean": self.mean, "scale": self.scale, "limit": np.array(self.limit)}

    def standardised(self, features: Float64) -> Float64:
        """Return standardised features, of the same shape."""
        out: Float64 = (features - self.mean) / self.scale
        return out

    def trust(self, standardised: Float64) -> Float64:
        """Return how much windows are like the calibration, shape (n_windows,).

        1 up to the limit, falling with the square of the distance beyond it: evidence of a linear
        head grows with the distance, and so it fades away where nothing was ever seen, on noise or
        where an electrode jumped. (Predictive variance does the same to a Bayesian classifier:
        MacKay, Neural Computation 4:720-736, 1992, DOI 10.1162/neco.1992.4.5.720.)
        """
        far = _root_mean_square(standardised)
        trust: Float64 = (self.limit / np.maximum(far, self.limit)) ** 2
        return trust


@dataclass(frozen=True, eq=False)
class FamilyHead:
    """A family's part in the decoder of a person."""

    familiar: Familiar
    """How features are standardised."""
    head: PersonalHead
    """From standardised features to logits."""

    def judge(self, features: Float64) -> tuple[Float64, Float64]:
        """Return what the family makes of windows, and how much it trusts itself.

        Parameters
        ----------
        features : ndarray of float64, shape (n_windows, n_features)
            Of the family.

        Returns
        -------
        logits : ndarray of float64, shape (n_windows, n_classes)
            Centred, the smaller the less a window is like the calibration; 0 in rows that are not
            finite: the family has nothing to say.
        trust : ndarray of float64, shape (n_windows,)
            See :meth:`Familiar.trust`; NaN in rows that are not finite.
        """
        known = np.isfinite(features).all(axis=1)
        x = self.familiar.standardised(features[known])
        logits = np.zeros((len(features), self.head.n_classes))
        trust = np.full(len(features), np.nan)
        trust[known] = self.familiar.trust(x)
        logits[known] = centred(np.asarray(self.head.logits(x), np.float64))
        logits[known] *= trust[known, None]
        return logits, trust


class Span:
    """The calibration's windows of one family, in as many coordinates as there are windows.

    A discriminant with a shrunk covariance is the same in any rotation, and nothing lies outside
    of what the windows span: so heads are trained there, many times over for a cross-validation.

    Parameters
    ----------
    features : ndarray of float64, shape (n_windows, n_features)
        NaN in rows that the family can say nothing of.
    weights : ndarray of float64, shape (n_windows,)
        Sum to 1. No label has a part in them.
    equal_variances : bool
        As the family has it.

    Raises
    ------
    ValueError
        When no window has features.
    """

    def __init__(self, features: Float64, weights: Float64, *, equal_variances: bool) -> None:
        self.known: NDArray[np.bool_] = np.asarray(np.isfinite(features).all(axis=1))
        """Windows that have features."""
        if not self.known.any():
            raise ValueError("no window has features of this family")
        own = weights[self.known] / weights[self.known].sum()
        known = features[self.known]
        self.familiar = Familiar.fit(known, own, equal_variances=equal_variances)
        x = self.familiar.standardised(known)
        self._trust = self.familiar.trust(x)
        self.standardised = np.zeros(features.shape)
        """Standardised features; 0 where there are none."""
        self.standardised[self.known] = x
        u, s, self._basis = np.linalg.svd(x, full_matrices=False)
        self._coordinates = np.zeros((len(features), len(s)))
        self._coordinates[self.known] = u * s

    def discriminant(
        self, rows: NDArray[np.bool_], labels: Labels, weights: Float64, n_classes: int
    ) -> tuple[Float64, Float64]:
        """Train on some windows: weight [n_coordinates, n_classes] and bias [n_classes]."""
        used = rows & self.known
        return discriminant(self._coordinates[used], labels[used], weights[used], n_classes)

    def logits(self, weight: Float64, bias: Float64) -> Float64:
        """Return centred logits [n_windows, n_classes] of all windows, as a head gives them."""
        return self.as_given(self._coordinates @ weight + bias)

    def as_given(self, logits: Float64) -> Float64:
        """Return logits of all windows centred and trusted, 0 where there are no features."""
        out = np.zeros_like(logits)
        out[self.known] = centred(logits[self.known]) * self._trust[:, None]
        return out

    def head(self, weight: Float64, bias: Float64) -> FamilyHead:
        """Return the head that does the same to features."""
        return FamilyHead(self.familiar, LinearHead((self._basis.T @ weight).T, bias))


def discriminant(
    x: Float64, labels: Labels, weights: Float64, n_classes: int, shrinkage: float = SHRINKAGE
) -> tuple[Float64, Float64]:
    """Train a linear discriminant with equal priors (Friedman, J Am Stat Assoc 84:165, 1989).

    A class without a window is put in the middle: nothing speaks for it or against it.

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_coordinates)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float64, shape (n,)
        Of the windows, positive.
    n_classes : int
    shrinkage : float
        Share of a multiple of the identity in the covariance within classes.

    Returns
    -------
    weight, bias : ndarray of float64
        [n_coordinates, n_classes] and [n_classes].
    """
    shares = np.eye(n_classes)[labels] * (weights / weights.sum())[:, None]
    of_class = shares.sum(axis=0)
    middle = shares.sum(axis=1) @ x
    means = np.where(
        of_class[:, None] > 0, shares.T @ x / np.maximum(of_class, _EPS)[:, None], middle
    )
    residuals = (x - means[labels]) * np.sqrt(shares.sum(axis=1))[:, None]
    within = (1 - shrinkage) * (residuals.T @ residuals)
    scale = max(float(np.mean(np.sum(residuals**2, axis=0))), _EPS)
    within[np.diag_indices(len(within))] += shrinkage * scale
    weight = np.linalg.solve(within, means.T)
    return weight, -0.5 * np.sum(weight * means.T, axis=0)


def centred(logits: Float64) -> Float64:
    """Return logits whose mean over the classes is 0: what a softmax makes of them is the same."""
    out: Float64 = logits - logits.mean(axis=-1, keepdims=True)
    return out


def _root_mean_square(x: NDArray[Any]) -> Float64:
    out: Float64 = np.sqrt(np.mean(np.square(x, dtype=np.float64), axis=-1))
    return out
