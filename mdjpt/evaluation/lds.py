"""Temporal smoothing of features by a linear dynamical system (Shi and Lu 2010; mdJPT).

Each feature follows a random walk that is observed with noise: A = C = 1, process noise 1e-4,
measurement noise 1, prior variance 0.01. Offline a Rauch-Tung-Striebel smoother looks both ways;
live only its forward half, the Kalman filter, can run. The gains depend on no data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["LdsFilter", "lds_filter", "lds_smooth"]

_PROCESS_NOISE = 1e-4
_MEASUREMENT_NOISE = 1.0
_PRIOR_VARIANCE = 0.01


def lds_filter(sequence: ArrayLike, prior_mean: ArrayLike | None = None) -> Float64:
    """Smooth a sequence causally (the Kalman filter alone).

    Parameters
    ----------
    sequence : array_like of float, shape (n_windows, n_features)
        Features of one trial in the order of time.
    prior_mean : array_like of float, shape (n_features,), optional
        State expected before the first observation. None: the sequence's mean, as the released
        code has it, which a live system cannot know.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_features)

    Raises
    ------
    ValueError
        The sequence has another number of axes.

    See Also
    --------
    mdjpt.lds_smooth : Looks into the future too.

    References
    ----------
    Shi and Lu, Off-line and On-line Vigilance Estimation Based on Linear Dynamical System and
    Manifold Learning, EMBC 2010, https://doi.org/10.1109/IEMBS.2010.5627125

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(26, 512))
    >>> bool(mdjpt.lds_filter(x).var() < x.var())
    True
    """
    rows = np.asarray(sequence, np.float64)
    if rows.ndim != 2:
        raise ValueError(f"a sequence must have shape (n_windows, n_features), got {rows.shape}")
    if not len(rows):
        return np.empty_like(rows)
    state = LdsFilter(rows.mean(axis=0) if prior_mean is None else prior_mean)
    return np.stack([state.step(row) for row in rows])


def lds_smooth(sequence: ArrayLike) -> Float64:
    """Smooth a trial with its past and its future (Rauch-Tung-Striebel).

    Parameters
    ----------
    sequence : array_like of float, shape (n_windows, n_features)
        Features of one trial in the order of time. The prior mean is the trial's mean.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_features)

    See Also
    --------
    mdjpt.lds_filter : Live, without the future.

    References
    ----------
    Rauch, Tung, Striebel, Maximum likelihood estimates of linear dynamic systems, AIAA Journal 3
    (1965), https://doi.org/10.2514/3.3166

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> mdjpt.lds_smooth(np.ones((4, 2))).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    out = lds_filter(sequence)
    variance, weights = _PRIOR_VARIANCE, []
    for _ in out[:-1]:
        filtered = _updated(variance)[1]
        variance = filtered + _PROCESS_NOISE
        weights.append(filtered / variance)
    for index, weight in reversed(list(enumerate(weights))):
        out[index] += weight * (out[index + 1] - out[index])
    return out


def _updated(predicted: float) -> tuple[float, float]:
    """Return the weight of an observation, and the variance that it leaves of the predicted one."""
    gain = predicted / (predicted + _MEASUREMENT_NOISE)
    return gain, (1.0 - gain) * predicted


class LdsFilter:
    """The causal half, one feature vector at a time: the numbers of :func:`lds_filter`.

    One thread feeds it; nothing blocks.

    Parameters
    ----------
    prior_mean : array_like of float, shape (n_features,), optional
        State expected before the first observation. None: the first observation itself.

    See Also
    --------
    mdjpt.lds_filter : A whole sequence at once.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(5, 3))
    >>> live = mdjpt.LdsFilter(prior_mean=x.mean(axis=0))
    >>> steps = np.stack([live.step(feature) for feature in x])
    >>> bool(np.allclose(steps, mdjpt.lds_filter(x)))
    True
    """

    def __init__(self, prior_mean: ArrayLike | None = None) -> None:
        self._prior_mean = None if prior_mean is None else np.array(prior_mean, np.float64)
        self.reset()

    def reset(self) -> None:
        """Begin a new trial."""
        self._variance = _PRIOR_VARIANCE
        self._mean = self._prior_mean

    def step(self, feature: ArrayLike) -> Float64:
        """Take in the next feature vector and return the smoothed one.

        Parameters
        ----------
        feature : array_like of float, shape (n_features,)

        Returns
        -------
        ndarray of float64, shape (n_features,)
        """
        value = np.array(feature, np.float64)
        gain, filtered = _updated(self._variance)
        self._variance = filtered + _PROCESS_NOISE
        mean: Float64 = value if self._mean is None else self._mean + gain * (value - self._mean)
        self._mean = mean
        return mean.copy()

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what the trial has taught, as plain arrays; no mean before the first step."""
        state: dict[str, NDArray[Any]] = {"variance": np.array(self._variance)}
        if self._mean is not None:
            state["mean"] = self._mean.copy()
        return state

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another instance stopped."""
        self._variance = float(state["variance"])
        self._mean = np.array(state["mean"], np.float64) if "mean" in state else None
