"""The robust z-score: one mean and one standard deviation for all channels of a recording.

Samples count only while |x| < 30 x median(|x|), over all channels and samples (mdJPT, released data
loader). Offline the whole recording is known. Live the median moves, so the samples are kept as a
fine histogram that lets the newest threshold apply to all that came before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.floating[Any]]

__all__ = ["FixedScale", "RunningScale", "robust_scale", "robust_zscore"]

_OUTLIER = 30.0  # times the median of |x|
_BINS_PER_OCTAVE = 64  # 1.1 % wide: what the threshold may be off
_LOWEST_OCTAVE, _HIGHEST_OCTAVE = -30, 34  # 1e-9 to 1.7e10 microvolts
_N_BINS = (_HIGHEST_OCTAVE - _LOWEST_OCTAVE) * _BINS_PER_OCTAVE + 1  # bin 0 also holds zero


def robust_scale(x: Samples) -> tuple[float, float]:
    """Return mean and standard deviation of the samples that are no outliers.

    Parameters
    ----------
    x : ndarray of float, shape (n_channels, n_times)
        A filtered recording.

    Returns
    -------
    mean, std : float
        Over all samples with ``|x| < 30 * median(|x|)``; the variance divides by n. Both 0 when
        more than half of the samples are 0.

    See Also
    --------
    mdjpt.robust_zscore : Applies it.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(0, 20, (8, 5000))
    >>> mean, std = mdjpt.robust_scale(np.append(x, np.full((8, 5), 1e6), axis=1))
    >>> 19 < std < 21
    True
    """
    magnitude = np.abs(x)
    kept = x[magnitude < _OUTLIER * np.median(magnitude)].astype(np.float64)
    if kept.size == 0:
        return 0.0, 0.0
    return float(kept.mean()), float(kept.std())


def robust_zscore(x: Samples) -> NDArray[np.float64]:
    """Scale a recording by its own :func:`robust_scale`.

    Parameters
    ----------
    x : ndarray of float, shape (n_channels, n_times)

    Returns
    -------
    ndarray of float64, shape (n_channels, n_times)
        ``(x - mean) / std``; a recording without variance is only centred.

    See Also
    --------
    mdjpt.robust_scale : The scale alone.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(3, 20, (8, 5000))
    >>> bool(abs(mdjpt.robust_zscore(x).std() - 1) < 1e-6)
    True
    """
    return FixedScale(*robust_scale(x)).transform(x)


@dataclass(frozen=True, slots=True)
class FixedScale:
    """A scale that is known from the start and never changes.

    Attributes
    ----------
    mean, std : float
        In the signal's unit.

    See Also
    --------
    mdjpt.RunningScale : Learned as the stream goes on.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> mdjpt.FixedScale(1.0, 2.0).transform(np.array([[1.0, 5.0]])).tolist()
    [[0.0, 2.0]]
    """

    mean: float
    std: float

    @property
    def ready(self) -> bool:
        """Always true."""
        return True

    @property
    def missing_s(self) -> float:
        """Always 0."""
        return 0.0

    def partial_fit(self, x: Samples) -> None:
        """Take no notice of `x`."""

    def transform(self, x: Samples) -> NDArray[np.float64]:
        """Return ``(x - mean) / std`` as float64; only centred when `std` is 0."""
        return (x.astype(np.float64) - self.mean) / (self.std or 1.0)


class RunningScale:
    """The robust scale over the signal so far.

    Count, sum and sum of squares are kept for each bin of ``|x|`` (64 bins an octave), so the
    threshold of 30 medians holds for old samples too and no cut of the stream into chunks changes
    a number. One thread feeds it; nothing blocks.

    Parameters
    ----------
    warm_up_s : float
        Signal to see before :attr:`ready`, seconds.
    sfreq : float
        Sampling rate of what it is fed, Hz.

    See Also
    --------
    mdjpt.robust_scale : The same over a whole recording.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> scale = mdjpt.RunningScale(warm_up_s=10.0)
    >>> scale.partial_fit(np.random.default_rng(0).normal(0, 20, (8, 625)))
    >>> scale.ready  # 5 s of 10
    False
    """

    def __init__(self, warm_up_s: float = 10.0, sfreq: float = SFREQ) -> None:
        self._sfreq = sfreq
        self._n_wanted = round(warm_up_s * sfreq)
        self._n_times = 0
        self._counts = np.zeros(_N_BINS, np.int64)
        self._sums = np.zeros(_N_BINS)
        self._squares = np.zeros(_N_BINS)
        self._scale: FixedScale | None = None

    @property
    def ready(self) -> bool:
        """True once the warm-up is over."""
        return self._n_times >= self._n_wanted

    @property
    def missing_s(self) -> float:
        """Signal that the warm-up still has to see, seconds."""
        return max(0, self._n_wanted - self._n_times) / self._sfreq

    @property
    def n_times(self) -> int:
        """Samples per channel seen so far."""
        return self._n_times

    @property
    def mean(self) -> float:
        """Mean of the samples within the threshold; 0 before the first."""
        return self._fitted().mean

    @property
    def std(self) -> float:
        """Standard deviation of the samples within the threshold; 0 before the first."""
        return self._fitted().std

    def partial_fit(self, x: Samples) -> None:
        """Take in the next samples of the stream.

        Parameters
        ----------
        x : ndarray of float, shape (n_channels, n_times)
            Only samples not seen before; may be empty. Non-finite ones are passed over.
        """
        self._n_times += x.shape[-1]
        samples = x.astype(np.float64).ravel()
        samples = samples[np.isfinite(samples)]
        bins = _bin_of(np.abs(samples))
        self._counts += np.bincount(bins, minlength=_N_BINS)
        self._sums += np.bincount(bins, samples, minlength=_N_BINS)
        self._squares += np.bincount(bins, samples * samples, minlength=_N_BINS)
        self._scale = None

    def transform(self, x: Samples) -> NDArray[np.float64]:
        """Return ``(x - mean) / std`` as float64; only centred while `std` is 0."""
        return self._fitted().transform(x)

    def _fitted(self) -> FixedScale:
        if self._scale is None:
            self._scale = self._fit()
        return self._scale

    def _fit(self) -> FixedScale:
        seen = np.cumsum(self._counts)
        if seen[-1] == 0:
            return FixedScale(0.0, 0.0)
        median_bin = int(np.searchsorted(2 * seen, seen[-1]))
        if median_bin == 0:
            return FixedScale(0.0, 0.0)
        stop = median_bin + round(_BINS_PER_OCTAVE * np.log2(_OUTLIER))
        n_kept = int(self._counts[:stop].sum())
        mean = float(self._sums[:stop].sum()) / n_kept
        variance = float(self._squares[:stop].sum()) / n_kept - mean * mean
        return FixedScale(mean, float(np.sqrt(max(variance, 0.0))))


def _bin_of(magnitude: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the histogram bin of each |x|; bin 0 takes all below the lowest octave."""
    octave = np.log2(np.maximum(magnitude, 2.0**_LOWEST_OCTAVE)) - _LOWEST_OCTAVE
    bins: NDArray[np.intp] = np.minimum(octave * _BINS_PER_OCTAVE, _N_BINS - 1).astype(np.intp)
    return bins
