"""Alignment of the statistics that normalise the network's rows (channel x dim)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.aligner import Aligner, bounded_weight
from mdjpt.alignment.fading import FadingMean, checked_arrays
from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["RowAligner"]

_OUTLIER = 4.0  # deviations of an average row
_EPS = 1e-3  # the network's own, added to every row's deviation


class RowAligner(Aligner):
    """Rolling statistics of the rows of one stratified normalisation.

    In training the rows are normalised over a group of windows of one person; a live stream has
    one window at a time. Here the group is the stream's past: of W seconds, the mean of the
    windows' means, and as variance the mean of their variances plus the variance of their means.
    The prior, worth `prior_s` seconds, is the training set's statistics, or where a model has none
    those of the window itself, which is then a member of its group as in training.

    What is transformed and fitted has shape (2, n_rows): a window's own mean and standard
    deviation of each row over its patches.

    Parameters
    ----------
    n_rows : int
        Rows of the normalisation.
    prior : array_like of float, shape (2, n_rows), optional
        Mean and standard deviation over the training windows; None takes each window's own.
    memory_s : float
        Seconds of signal after which a window counts 1/e. The released extraction normalises over
        blocks of 32 windows, 67 s.
    prior_s : float
        Seconds of signal that the prior is worth.

    See Also
    --------
    mdjpt.RowStats : What it begins from.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> aligner = mdjpt.RowAligner(n_rows=4)
    >>> aligner.gauge.effective_windows
    0.0
    """

    def __init__(
        self,
        n_rows: int,
        prior: ArrayLike | None = None,
        *,
        memory_s: float = 600.0,
        prior_s: float = 90.0,
    ) -> None:
        self._prior = None if prior is None else np.array(prior, np.float64)
        if self._prior is not None and self._prior.shape != (2, n_rows):
            raise ValueError(f"the prior must be [2, {n_rows}], got {list(self._prior.shape)}")
        self._n_rows = n_rows
        super().__init__(memory_s, prior_s if prior is not None else WINDOW_S)

    def _statistics(self) -> Sequence[FadingMean]:
        return [self._means]

    def _forget(self) -> None:
        self._means = FadingMean((self._n_rows,), self._memory_s, spread=True)
        self._variances = FadingMean((self._n_rows,), self._memory_s)

    def transform(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Return the statistics to normalise a window with.

        Parameters
        ----------
        x : ndarray of float, shape (2, n_rows)
            Mean and standard deviation of the window's own rows.

        Returns
        -------
        ndarray of float32, shape (2, n_rows)
            Mean and standard deviation of its group.
        """
        prior = np.asarray(x, np.float64) if self._prior is None else self._prior
        seconds = self._means.weight_s
        own = seconds / (seconds + self._prior_s)
        mean = own * self._means.mean + (1 - own) * prior[0]
        variance = own * self._variances.mean + (1 - own) * prior[1] ** 2
        if self._prior is None:
            # The window is one of its group, so the spread of the means includes its own.
            variance += (
                own * self._means.variance + own * (1 - own) * (prior[0] - self._means.mean) ** 2
            )
        else:
            variance += own * self._means.variance
        return np.stack([mean, np.sqrt(variance)]).astype(np.float32)

    def _learn(self, x: NDArray[Any], weight_s: float, _probabilities: Float64 | None) -> None:
        value = np.asarray(x, np.float64)
        mean, deviation = self._usual(value)
        size = np.sqrt(value[1] ** 2 + (value[0] - mean) ** 2) / (deviation + _EPS)
        kept = weight_s * bounded_weight(float(np.sqrt(np.mean(size**2))), _OUTLIER)
        for statistic, row in ((self._means, value[0]), (self._variances, value[1] ** 2)):
            statistic.fade(weight_s)
            statistic.add(row, kept)
        self._pace.step(self._means.mean, deviation + _EPS, weight_s)

    def _usual(self, x: Float64) -> Float64:
        """Return what a window is compared with: without a prior, the windows before it."""
        if self._prior is None and self._means.weight_s > 0:
            variance = self._variances.mean + self._means.variance
            return np.stack([self._means.mean, np.sqrt(variance)])
        return self.transform(x).astype(np.float64)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the statistics of the stream."""
        means, variances = self._means.state_dict(), self._variances.state_dict()
        return {
            "weight_s": means["weight_s"],
            "mean": means["mean"],
            "scatter": means["scatter"],
            "variance": variances["mean"],
        }

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        arrays = checked_arrays(state, {"variance": (self._n_rows,)})
        self._means.load_state_dict(state)
        self._variances.load_state_dict({"weight_s": state["weight_s"], "mean": arrays["variance"]})
