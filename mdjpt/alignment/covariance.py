"""Alignment of the input: the channels' covariance is recoloured to the training set's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mdjpt.alignment.aligner import Aligner, bounded_weight
from mdjpt.alignment.fading import FadingMean, checked_arrays
from mdjpt.alignment.spd import floored, geodesic, oas, power, range_basis
from mdjpt.signal.window import distinct_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["CovarianceAligner", "MeanKind", "Shrinkage", "input_covariance"]

MeanKind = Literal["euclid", "riemann"]
Shrinkage = Literal["oas", "ledoit-wolf", "none"]

_OUTLIER = 3.0  # times the usual amplitude
_REFRESH_S = 2.0  # of signal between two computations of the matrix


class CovarianceAligner(Aligner):
    """Euclidean or Riemannian alignment of the prepared windows (60 standard channels).

    ``x' = A x`` with ``A = C_ref^1/2 C^-1/2`` (He and Wu, IEEE Trans Biomed Eng 67:399-410, 2020;
    Zanini et al., ibid. 65:1107-1116, 2018), C the mean covariance of the stream so far with the
    reference as a prior worth `prior_s` seconds, so that A begins as the identity. Both are taken
    in the subspace in which the stream has signal: electrodes that are absent have no place in it,
    and what a window holds outside of it passes unchanged.

    The Riemannian mean is inductive: every window moves it along the geodesic by its share of the
    weight (Ho et al., NeurIPS 2013, for equal weights). Directions that a window does not have are
    filled with the present mean's, so that they do not move it.

    Parameters
    ----------
    reference : array_like of float, shape (n, n)
        Mean covariance of the training windows.
    memory_s : float
        Seconds of signal after which a window counts 1/e; ``inf`` forgets nothing.
    prior_s : float
        Seconds of signal that the reference is worth in the mean.
    mean : {"euclid", "riemann"}
        Which mean of covariances.
    shrinkage : {"oas", "ledoit-wolf", "none"}
        Estimator of a window's covariance, within the window's subspace.

    Raises
    ------
    ValueError
        When the reference is no covariance or a setting is unknown or out of range.

    See Also
    --------
    mdjpt.MixedAligner : The same inside the network.

    References
    ----------
    He and Wu, Transfer Learning for Brain-Computer Interfaces: A Euclidean Space Data Alignment
    Approach, IEEE TBME 67 (2020), https://doi.org/10.1109/TBME.2019.2913914

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> aligner = mdjpt.CovarianceAligner(np.eye(60))
    >>> aligner.transform(np.ones((60, 625))).shape
    (60, 625)
    """

    def __init__(
        self,
        reference: ArrayLike,
        *,
        memory_s: float = 600.0,
        prior_s: float = 90.0,
        mean: MeanKind = "euclid",
        shrinkage: Shrinkage = "oas",
    ) -> None:
        matrix = np.array(reference, np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
            raise ValueError(f"the reference must be a finite square matrix, got {matrix.shape}")
        if mean not in ("euclid", "riemann") or shrinkage not in ("oas", "ledoit-wolf", "none"):
            raise ValueError(f"unknown mean or shrinkage: {mean!r}, {shrinkage!r}")
        self._reference = floored((matrix + matrix.T) / 2)
        self._mean_kind, self._shrinkage = mean, shrinkage
        super().__init__(memory_s, prior_s)

    def _statistics(self) -> Sequence[FadingMean]:
        return [self._rolling]

    @property
    def matrix(self) -> Float64:
        """What windows are multiplied by now, shape (n, n)."""
        return self._matrix

    @property
    def covariance(self) -> Float64:
        """Mean covariance of prior and stream, shape (n, n)."""
        if self._mean_kind == "riemann":
            return self._geometric
        own = self._rolling.weight_s / (self._rolling.weight_s + self._prior_s)
        return own * self._rolling.mean + (1 - own) * self._reference

    def _forget(self) -> None:
        shape = self._reference.shape
        self._rolling = FadingMean(shape, self._memory_s)
        self._geometric = self._reference.copy()
        self._matrix = np.eye(len(self._reference))
        self._since_refresh_s = np.inf

    def transform(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Recolour a window.

        Parameters
        ----------
        x : ndarray of float, shape (n, n_times)
            Prepared window. Rows that are equal (channels interpolated from the same electrodes)
            stay equal, bit by bit, which spares the encoder their repetition.

        Returns
        -------
        ndarray of float32, shape (n, n_times)
        """
        window = np.asarray(x, np.float32)
        first, where = distinct_rows(window)
        rows = self._matrix[first].astype(np.float32)
        aligned: NDArray[np.float32] = (rows @ window)[where]
        return aligned

    def _is_acceptable(self, x: NDArray[Any]) -> bool:
        return super()._is_acceptable(x) and bool(np.any(x))

    def _learn(self, x: NDArray[Any], weight_s: float, _probabilities: Float64 | None) -> None:
        window = np.asarray(x, np.float64)
        sample, basis = _own_covariance(window)
        shrunk = basis @ self._estimate(basis.T @ window) @ basis.T
        usual = float(np.trace(basis.T @ self.covariance @ basis))
        loudness = float(np.sqrt(np.trace(sample) / usual))
        kept = weight_s * bounded_weight(loudness, _OUTLIER)
        self._rolling.fade(weight_s)
        self._rolling.add(shrunk, kept)
        if self._mean_kind == "riemann":
            self._move(shrunk, basis, kept)
        self._since_refresh_s += weight_s
        if self._since_refresh_s >= _REFRESH_S:
            self._refresh()

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the covariances and the matrix, the reference too."""
        rolling = self._rolling.state_dict()
        return {
            "reference": self._reference.copy(),
            "weight_s": rolling["weight_s"],
            "mean": rolling["mean"],
            "geometric": self._geometric.copy(),
            "matrix": self._matrix.copy(),
        }

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        shape = self._reference.shape
        names = ("reference", "mean", "geometric", "matrix")
        arrays = checked_arrays(state, dict.fromkeys(names, shape) | {"weight_s": ()})
        self._rolling.load_state_dict({"weight_s": arrays["weight_s"], "mean": arrays["mean"]})
        self._reference, self._geometric = arrays["reference"], arrays["geometric"]
        self._matrix = arrays["matrix"]
        self._since_refresh_s = 0.0

    def _estimate(self, projected: Float64) -> Float64:
        """Estimate the covariance of a window in its own subspace, [r, T] -> [r, r]."""
        if self._shrinkage == "ledoit-wolf":
            from sklearn.covariance import ledoit_wolf

            shrunk: Float64 = ledoit_wolf(projected.T)[0]
            return shrunk
        sample = np.cov(projected, bias=True).reshape(len(projected), -1)
        return oas(sample, projected.shape[1]) if self._shrinkage == "oas" else sample

    def _move(self, shrunk: Float64, basis: Float64, weight_s: float) -> None:
        """Move the Riemannian mean towards one window's covariance."""
        inside = basis @ basis.T
        outside = np.eye(len(inside)) - inside
        filled = floored(shrunk + outside @ self._geometric @ outside)
        share = weight_s / (self._prior_s + self._rolling.weight_s)
        self._geometric = geodesic(self._geometric, filled, share)

    def _refresh(self) -> None:
        """Compute the matrix from the covariances."""
        present = range_basis(self._rolling.mean)
        target = power(present.T @ self._reference @ present, 0.5)
        whitening = power(present.T @ self.covariance @ present, -0.5)
        kept = np.eye(len(present)) - present @ present.T
        self._matrix = present @ target @ whitening @ present.T + kept
        size = np.linalg.norm(self.covariance) / len(present)
        self._pace.step(self.covariance, np.asarray(size), self._since_refresh_s)
        self._since_refresh_s = 0.0


def input_covariance(windows: NDArray[np.float32]) -> Float64:
    """Return the mean covariance of prepared windows, shape (n, n): the alignment's reference.

    `windows`, shape (n_windows, n, n_times), are of many people, as many of each.
    """
    total = np.zeros((windows.shape[1], windows.shape[1]))
    for window in windows:
        total += _own_covariance(window.astype(np.float64))[0]
    return total / len(windows)


def _own_covariance(window: Float64) -> tuple[Float64, Float64]:
    """Return a window's sample covariance and a basis of its range."""
    sample = np.cov(window, bias=True)
    return sample, range_basis(sample)
