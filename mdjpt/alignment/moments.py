"""Alignment of the features: each is standardised by the stream's own mean and variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.aligner import Aligner, bounded_weight
from mdjpt.alignment.fading import FadingMean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["VARIANCE_EPS", "MomentAligner"]

VARIANCE_EPS = 1e-10  # of mdJPT's running normalisation and of the bundle's standardisation
_OUTLIER = 4.0  # deviations of an average feature


class MomentAligner(Aligner):
    """Rolling standardisation with the training set's statistics as a prior that fades.

    With prior mean m0 and variance v0 worth `prior_s` seconds, and mean m and variance v of W
    seconds of the stream: ``mean = (prior_s m0 + W m) / (prior_s + W)``, the variance likewise,
    ``out = (f - mean) / sqrt(var + 1e-10)``. Before the first window that is the standardisation
    the head was trained with.

    Emotions last for minutes, so a mean over the last minute is the mean of one emotion, and
    removing it removes what is to be decoded (SPDIM, Li et al., ICLR 2025). Against that the
    memory is long, and with ``n_classes`` the statistics are kept apart by decoded class and
    averaged with equal weight: a class that was not seen yet stands for itself by the prior.

    Parameters
    ----------
    prior_mean, prior_var : array_like of float, shape (n_features,)
        Of the features the head was trained on.
    memory_s : float
        Seconds of signal after which a window counts 1/e; ``inf`` forgets nothing.
    prior_s : float
        Seconds of signal that the prior is worth.
    n_classes : int
        Classes to give equal weight to; 1 makes no difference between windows.

    Raises
    ------
    ValueError
        When the prior's shapes differ or a setting is out of range.

    See Also
    --------
    mdjpt.RunningNorm : The published way.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> aligner = mdjpt.MomentAligner(prior_mean=np.zeros(3), prior_var=np.ones(3))
    >>> for feature in np.random.default_rng(0).normal(2, 1, (400, 3)):
    ...     aligner = aligner.partial_fit(feature)
    >>> before, now = np.full(3, 2.0), aligner.transform(np.full(3, 2.0))
    >>> bool((np.abs(now) < before / 2).all())
    True
    """

    def __init__(
        self,
        prior_mean: ArrayLike,
        prior_var: ArrayLike,
        *,
        memory_s: float = 600.0,
        prior_s: float = 90.0,
        n_classes: int = 1,
    ) -> None:
        self._prior_mean = np.array(prior_mean, np.float64)
        self._prior_var = np.array(prior_var, np.float64)
        if self._prior_mean.ndim != 1 or self._prior_var.shape != self._prior_mean.shape:
            shapes = f"{self._prior_mean.shape} and {self._prior_var.shape}"
            raise ValueError(
                f"prior_mean and prior_var must be vectors of one length, got {shapes}"
            )
        if n_classes < 1:
            raise ValueError(f"classes must be 1 or more, got {n_classes}")
        self._n_classes = n_classes
        super().__init__(memory_s, prior_s / n_classes)

    def _statistics(self) -> Sequence[FadingMean]:
        return self._groups

    @property
    def mean(self) -> Float64:
        """What is subtracted now, shape (n_features,)."""
        return self._mean

    @property
    def variance(self) -> Float64:
        """What is divided by the root of now, shape (n_features,)."""
        return self._var

    def _forget(self) -> None:
        shape = self._prior_mean.shape
        self._groups = [
            FadingMean(shape, self._memory_s, spread=True) for _ in range(self._n_classes)
        ]
        self._combine()

    def transform(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Standardise features.

        Parameters
        ----------
        x : ndarray of float, shape (n_features,) or (n, n_features)
            From the encoder.

        Returns
        -------
        ndarray of float32, of the same shape
        """
        out: NDArray[np.float32] = ((x - self._mean) / self._deviation).astype(np.float32)
        return out

    def novelty(self, x: NDArray[Any]) -> float:
        """Return how far a feature vector is from the prior, whatever was learned since.

        Parameters
        ----------
        x : ndarray of float, shape (n_features,)

        Returns
        -------
        float
            Root mean square of the features in the prior's standard deviations: about 1 for
            windows like those the prior was measured on.
        """
        far = (x - self._prior_mean) / np.sqrt(self._prior_var + VARIANCE_EPS)
        return float(np.sqrt(np.mean(far * far)))

    def _learn(self, x: NDArray[Any], weight_s: float, probabilities: Float64 | None) -> None:
        value = np.asarray(x, np.float64)
        distance = float(np.sqrt(np.mean(((value - self._mean) / self._deviation) ** 2)))
        kept = weight_s * bounded_weight(distance, _OUTLIER)
        for group, share in zip(self._groups, self._shares(probabilities), strict=True):
            group.fade(weight_s)
            group.add(value, kept * share)
        self._combine()
        self._pace.step(self._mean, self._deviation, weight_s)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the statistics of every class, stacked."""
        states = [group.state_dict() for group in self._groups]
        return {name: np.stack([state[name] for state in states]) for name in states[0]}

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        if any(len(np.atleast_1d(array)) != self._n_classes for array in state.values()):
            raise ValueError(f"the aligner's state must be of {self._n_classes} classes")
        for k, group in enumerate(self._groups):
            group.load_state_dict({name: array[k] for name, array in state.items()})
        self._combine()

    def _shares(self, probabilities: Float64 | None) -> Float64:
        if self._n_classes == 1:
            return np.ones(1)
        if probabilities is None or len(probabilities) != self._n_classes:
            return np.full(self._n_classes, 1.0 / self._n_classes)
        return np.asarray(probabilities, np.float64)

    def _combine(self) -> None:
        """Bring prior and stream together, class by class, then average the classes."""
        weights = np.array([group.weight_s for group in self._groups])[:, None]
        own = weights / (weights + self._prior_s)
        means = own * [group.mean for group in self._groups] + (1 - own) * self._prior_mean
        within = own * [group.variance for group in self._groups] + (1 - own) * self._prior_var
        self._mean: Float64 = means.mean(axis=0)
        self._var: Float64 = (within + (means - self._mean) ** 2).mean(axis=0)
        self._deviation: Float64 = np.sqrt(self._var + VARIANCE_EPS)
