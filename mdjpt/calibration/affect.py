"""Valence and arousal as numbers: ridge regression on the ratings of the trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from mdjpt.calibration.blocks import MAX_FOLDS
from mdjpt.calibration.head_fitting import fit_ridge
from mdjpt.guard.schema import STRICT, Unchecked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mdjpt.calibration.trials import LabelledFeatures

__all__ = ["DIMENSIONS", "AffectAbout", "AffectHead", "concordance", "fit_affect"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Dimension = Literal["valence", "arousal"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
STRENGTHS = (1.0, 10.0, 100.0)  # penalties in units of the features' mean variance
MIN_TRIALS = 6  # one a fold
N_PERMUTATIONS = 2000  # p is known to 0.005 at 0.05
SIGNIFICANT = 0.05


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AffectAbout:
    """Which ratings could be predicted better than chance."""

    names: Annotated[tuple[Dimension, ...], Field(min_length=1)]
    """One of "valence" and "arousal", or both."""
    agreement: tuple[Annotated[float, Field(ge=-1, le=1)], ...]
    """Concordance of held-out trials."""


@dataclass(frozen=True, eq=False, kw_only=True, config=STRICT)
class AffectHead(AffectAbout):
    """Linear predictors of the ratings that could be predicted better than chance.

    Raises ValueError when the arrays do not fit each other.
    """

    weight: Unchecked[Float32]
    """On standardised features. Shape (n_names, n_features)."""
    bias: Unchecked[Float32]
    """In units of the rating. Shape (n_names,)."""
    # Smallest and largest rating given: predictions stay between them. Shape (n_names,).
    low: Unchecked[Float32]
    high: Unchecked[Float32]

    def __post_init__(self) -> None:
        n = len(self.names)
        one_each = {array.shape for array in (self.bias, self.low, self.high)} == {(n,)}
        if not one_each or self.weight.ndim != 2 or len(self.weight) != n:
            raise ValueError("the arrays of valence and arousal do not fit each other")

    def predict(self, features: ArrayLike) -> Float32:
        """Return ratings (n, n_names) for standardised features (n, n_features)."""
        raw = np.asarray(features, np.float32) @ self.weight.T + self.bias
        clipped: Float32 = np.clip(raw, self.low, self.high)
        return clipped


def concordance(predicted: Float64, rated: Float64) -> float:
    """Return Lin's concordance correlation coefficient (Biometrics 45:255-268, 1989)."""
    return float(_concordances(predicted[None], rated[None])[0, 0])


def _concordances(predicted: Float64, rated: Float64) -> Float64:
    """Return the coefficient of each prediction [a, n] with each rating [b, n], [a, b]."""
    mean_p, mean_r = predicted.mean(axis=1)[:, None], rated.mean(axis=1)[:, None]
    covariance = (predicted - mean_p) @ (rated - mean_r).T / rated.shape[1]
    spread = predicted.var(axis=1)[:, None] + rated.var(axis=1) + (mean_p - mean_r.T) ** 2
    coefficients: Float64 = 2 * covariance / np.maximum(spread, 1e-300)
    return coefficients


def fit_affect(data: LabelledFeatures, standardised: Float64, seed: int = 0) -> AffectHead | None:
    """Train on the trials' ratings; None when no rating can be predicted.

    A dimension is kept when the held-out predictions of the trials agree with their ratings better
    than with 95 % of the permuted ratings, the best of the penalties each time. `standardised` are
    the features, float64, shape (n_windows, n_features); the seed is of the permutations.
    """
    kept = []
    for k, name in enumerate(DIMENSIONS):
        fitted = None if data.ratings is None else _dimension(data, standardised, k, seed)
        if fitted is not None:
            kept.append((name, *fitted))
    if not kept:
        return None
    names, weights, biases, lows, highs, agreement = zip(*kept, strict=True)
    bias, low, high = (np.array(values, np.float32) for values in (biases, lows, highs))
    return AffectHead(
        names=names,
        agreement=agreement,
        weight=np.stack(weights).astype(np.float32),
        bias=bias,
        low=low,
        high=high,
    )


def _dimension(
    data: LabelledFeatures, standardised: Float64, which: int, seed: int
) -> tuple[Float64, float, float, float, float] | None:
    """Return weight, bias, lowest and highest rating and agreement of one dimension."""
    assert data.ratings is not None
    ratings = data.ratings[:, which]
    rated = np.flatnonzero(np.isfinite(ratings))
    if len(rated) < MIN_TRIALS or np.ptp(ratings[rated]) == 0:
        return None
    predictions = np.stack([_held_out(data, standardised, ratings, rated, s) for s in STRENGTHS])
    agreements = [concordance(p, ratings[rated]) for p in predictions]
    best = int(np.argmax(agreements))
    if _p_value(predictions, ratings[rated], agreements[best], seed) >= SIGNIFICANT:
        return None
    weight, bias = _fit(data, standardised, ratings, rated, STRENGTHS[best])
    low, high = float(ratings[rated].min()), float(ratings[rated].max())
    return weight, bias, low, high, agreements[best]


def _held_out(
    data: LabelledFeatures,
    standardised: Float64,
    ratings: Float64,
    rated: NDArray[np.intp],
    strength: float,
) -> Float64:
    """Return the mean prediction of each rated trial by a regression trained without it.

    Neighbours are held out together: a drift makes them alike, and their ratings too.
    """
    folds = np.arange(len(rated)) * min(MAX_FOLDS, len(rated)) // len(rated)
    out = np.empty(len(rated))
    for fold in range(folds.max() + 1):
        weight, bias = _fit(data, standardised, ratings, rated[folds != fold], strength)
        for place in np.flatnonzero(folds == fold):
            out[place] = (standardised[data.trial == rated[place]] @ weight + bias).mean()
    return out


def _fit(
    data: LabelledFeatures,
    standardised: Float64,
    ratings: Float64,
    trials: NDArray[np.intp],
    strength: float,
) -> tuple[Float64, float]:
    chosen = np.isin(data.trial, trials)
    trial = data.trial[chosen]
    weights = 1.0 / np.bincount(trial)[trial]
    targets = ratings[trial][:, None]
    weight, bias = fit_ridge(standardised[chosen], targets, weights / weights.sum(), strength)
    return weight[0], float(bias[0])


def _p_value(predictions: Float64, rated: Float64, observed: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    permuted = np.stack([rng.permutation(rated) for _ in range(N_PERMUTATIONS)])
    by_chance = _concordances(predictions, permuted).max(axis=0)
    return float((1 + (by_chance >= observed - 1e-12).sum()) / (1 + N_PERMUTATIONS))
