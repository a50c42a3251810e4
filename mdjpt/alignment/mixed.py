"""Alignment of the mixed channels: their covariance in every dim, towards the stored centroids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.aligner import Aligner, bounded_weight
from mdjpt.alignment.fading import FadingMean, checked_arrays
from mdjpt.alignment.spd import floored, power

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["MixedAligner"]

_OUTLIER = 3.0  # times the usual amplitude
_DIMS_A_PART = 4  # 128 kB of covariances
_DIMS_A_STEP = 1  # recomputed at each window: an update stays within 5 ms


class MixedAligner(Aligner):
    """Recolours z, what pre-training aligned across datasets, to the centroids it was aligned at.

    For every dim ``z' = m_ref + A (z - m)`` with ``A = R^1/2 C^-1/2``; C and m are mean covariance
    over the patches and mean of the stream's windows with the reference as a prior. Centroids are
    stored without their diagonal (mdJPT, its cross-dataset loss): here it is the rows' variance
    over the training windows, and the eigenvalues are floored.

    The matrix of one dim is computed anew with each window, in turn.

    Parameters
    ----------
    centroids : array_like of float, shape (n_datasets, n_dims, n_mixed, n_mixed)
        Of the bundle; their mean is the reference.
    row_mean, row_std : array_like of float, shape (n_dims * n_mixed,)
        Statistics of the mixed channels over the training windows, of the bundle.
    memory_s : float
        Seconds of signal after which a window counts 1/e; ``inf`` forgets nothing.
    prior_s : float
        Seconds of signal that the reference is worth.

    Raises
    ------
    ValueError
        When shapes do not fit or a setting is out of range.

    See Also
    --------
    mdjpt.CovarianceAligner : The same on the encoder's input.
    mdjpt.cda_loss : What brings the centroids together in pre-training.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> centroids = np.zeros((1, 2, 3, 3))  # (n_datasets, n_dims, n_mixed, n_mixed)
    >>> aligner = mdjpt.MixedAligner(centroids, row_mean=np.zeros(6), row_std=np.ones(6))
    >>> aligner.transform(np.random.default_rng(0).normal(size=(2, 3, 99))).shape
    (2, 3, 99)
    """

    def __init__(
        self,
        centroids: ArrayLike,
        row_mean: ArrayLike,
        row_std: ArrayLike,
        *,
        memory_s: float = 600.0,
        prior_s: float = 90.0,
    ) -> None:
        matrices = np.array(centroids, np.float64)
        if matrices.ndim != 4 or not len(matrices) or matrices.shape[2] != matrices.shape[3]:
            raise ValueError(f"centroids must be [datasets, D, M, M], got {list(matrices.shape)}")
        n_dims, n_mixed = matrices.shape[1:3]
        reference = matrices.mean(axis=0)
        diagonal = np.arange(n_mixed)
        reference[:, diagonal, diagonal] = np.reshape(row_std, (n_dims, n_mixed)) ** 2
        self._reference = floored(reference)
        self._root = power(self._reference, 0.5)
        self._reference_total = _total(self._reference)
        self._deviation = np.sqrt(np.diagonal(self._reference, axis1=1, axis2=2))
        self._reference_mean = np.array(row_mean, np.float64).reshape(n_dims, n_mixed)
        super().__init__(memory_s, prior_s)

    def _statistics(self) -> Sequence[FadingMean]:
        return [self._covariances]

    def _forget(self) -> None:
        self._covariances = FadingMean(self._reference.shape, self._memory_s)
        self._means = FadingMean(self._reference_mean.shape, self._memory_s)
        self._matrices = np.broadcast_to(np.eye(self._reference.shape[1]), self._reference.shape)
        self._matrices = self._matrices.astype(np.float32)
        self._next_dim = 0

    def transform(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Recolour the mixed channels of a window, shape (n_dims, n_mixed, n_patches)."""
        mean = self._mean()[..., None].astype(np.float32)
        out = self._matrices @ (np.asarray(x, np.float32) - mean)
        out += self._reference_mean[..., None].astype(np.float32)
        return out

    def _learn(self, x: NDArray[Any], weight_s: float, _probabilities: Float64 | None) -> None:
        mean = x.mean(axis=-1, dtype=np.float64)
        centred = x - mean[..., None].astype(x.dtype)
        own = self._own()
        usual = own * _total(self._covariances.mean) + (1 - own) * self._reference_total
        total = float(np.vdot(centred, centred)) / (x.shape[-1] - 1)
        kept = weight_s * bounded_weight(float(np.sqrt(total / usual)), _OUTLIER)
        self._means.fade(weight_s)
        self._means.add(mean, kept)
        self._covariances.fade(weight_s)
        self._add_covariance(centred, self._covariances.share_of(kept))
        self._refresh()
        self._pace.step(self._mean(), self._deviation, weight_s)

    def _add_covariance(self, centred: NDArray[Any], share: float) -> None:
        """Move the mean covariance towards a window's, a few dims at a time: they stay in cache."""
        mean, n_patches = self._covariances.mean, centred.shape[-1]
        for first in range(0, len(mean), _DIMS_A_PART):
            dims = slice(first, first + _DIMS_A_PART)
            products = np.matmul(centred[dims], centred[dims].swapaxes(1, 2))
            offset = products.astype(np.float64) / (n_patches - 1) - mean[dims]
            mean[dims] += share * offset

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return means, covariances and matrices of all dims."""
        return {
            "weight_s": np.array(self._covariances.weight_s),
            "covariance": self._covariances.mean.copy(),
            "mean": self._means.mean.copy(),
            "matrices": self._matrices.copy(),
            "next_dim": np.array(self._next_dim),
        }

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        matrices, vectors = self._reference.shape, self._reference_mean.shape
        shapes = {"covariance": matrices, "mean": vectors, "matrices": matrices}
        arrays = checked_arrays(state, shapes | {"weight_s": (), "next_dim": ()})
        for statistic, name in ((self._covariances, "covariance"), (self._means, "mean")):
            statistic.load_state_dict({"weight_s": arrays["weight_s"], "mean": arrays[name]})
        self._matrices = arrays["matrices"].astype(np.float32)
        self._next_dim = int(arrays["next_dim"]) % len(self._matrices)

    def _own(self) -> float:
        return self._covariances.weight_s / (self._covariances.weight_s + self._prior_s)

    def _mean(self) -> Float64:
        own = self._own()
        return own * self._means.mean + (1 - own) * self._reference_mean

    def _covariance(self, dims: list[int]) -> Float64:
        own = self._own()
        mixture: Float64 = own * self._covariances.mean[dims] + (1 - own) * self._reference[dims]
        return mixture

    def _refresh(self) -> None:
        n_dims = len(self._matrices)
        dims = [(self._next_dim + k) % n_dims for k in range(min(_DIMS_A_STEP, n_dims))]
        whitening = power(self._covariance(dims), -0.5)
        self._matrices[dims] = (self._root[dims] @ whitening).astype(np.float32)
        self._next_dim = (dims[-1] + 1) % n_dims


def _total(covariances: Float64) -> float:
    """Return the variance of all rows together."""
    return float(np.einsum("dmm->", covariances))
