"""Adaptive normalisation of the features of one session (mdJPT, released extraction script)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.fading import FadingMean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["RunningNorm", "running_norm"]

_EPSILON = 1e-10  # variances of raw features go down to 8e-10: it shows


class RunningNorm:
    """Normalises features one by one, with a prior that fades as the session goes on.

    At step k (from 0) the running mean and variance are those of the features 0 to k;
    ``w = decay**k``; ``mean = w prior_mean + (1 - w) running mean``, the variance likewise;
    ``out = (f - mean) / sqrt(var + 1e-10)``. Variances divide by n. One thread feeds it.

    Parameters
    ----------
    prior_mean, prior_var : array_like of float, shape (n_features,)
        Mean and variance of the training set's features.
    decay : float
        Weight of the prior that is left from one step to the next.

    See Also
    --------
    mdjpt.running_norm : A whole session at once.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> norm = mdjpt.RunningNorm(prior_mean=[1.0], prior_var=[4.0])
    >>> norm.step([3.0]).round(6).tolist()
    [1.0]
    """

    def __init__(self, prior_mean: ArrayLike, prior_var: ArrayLike, decay: float = 0.99) -> None:
        self._prior_mean = np.array(prior_mean, np.float64)
        self._prior_var = np.array(prior_var, np.float64)
        if self._prior_mean.ndim != 1 or self._prior_mean.shape != self._prior_var.shape:
            raise ValueError(
                "prior_mean and prior_var must be vectors of one length, got shapes "
                f"{self._prior_mean.shape} and {self._prior_var.shape}"
            )
        if not 0.0 <= decay <= 1.0:
            raise ValueError(f"decay must lie between 0 and 1, got {decay}")
        self._decay = decay
        self.reset()

    def reset(self) -> None:
        """Begin a new session."""
        self._seen = FadingMean(self._prior_mean.shape, math.inf, spread=True)

    def step(self, feature: ArrayLike) -> Float64:
        """Take in the next feature vector and return it normalised.

        Parameters
        ----------
        feature : array_like of float, shape (n_features,)

        Returns
        -------
        ndarray of float64, shape (n_features,)
        """
        value = np.asarray(feature, np.float64)
        weight = self._decay**self._seen.weight_s
        self._seen.add(value, 1.0)
        mean = weight * self._prior_mean + (1.0 - weight) * self._seen.mean
        var = weight * self._prior_var + (1.0 - weight) * self._seen.variance
        normalised: Float64 = (value - mean) / np.sqrt(var + _EPSILON)
        return normalised

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return a copy of what the session has taught, as plain arrays."""
        return self._seen.state_dict()

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another instance stopped.

        Raises
        ------
        ValueError
            The arrays do not fit the number of features.
        """
        self._seen.load_state_dict(state)


def running_norm(
    features: ArrayLike, prior_mean: ArrayLike, prior_var: ArrayLike, decay: float = 0.99
) -> Float64:
    """Normalise the features of one session, each by what came before and itself.

    Parameters
    ----------
    features : array_like of float, shape (n_windows, n_features)
        In the order of time.
    prior_mean, prior_var : array_like of float, shape (n_features,)
        Mean and variance of the training set's features.
    decay : float
        Weight of the prior that is left from one step to the next.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_features)
        What :class:`RunningNorm` returns step by step.

    See Also
    --------
    mdjpt.RunningNorm : Feature by feature, live.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> mdjpt.running_norm([[3.0], [1.0]], prior_mean=[1.0], prior_var=[4.0]).round(4).tolist()
    [[1.0], [-0.005]]
    """
    norm = RunningNorm(prior_mean, prior_var, decay)
    rows = np.asarray(features, np.float64)
    return np.array([norm.step(row) for row in rows]).reshape(rows.shape)
