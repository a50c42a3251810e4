"""Filter-bank covariances in the tangent space at the person's mean.

Covariances live in a curved space whose straight lines at a point are matrix logarithms (Barachant
et al., IEEE Trans Biomed Eng 59:920-928, 2012, DOI 10.1109/TBME.2011.2172210). Seen from the
person's mean, any change of reference or gain of the amplifier, and any fixed mixing of the
electrodes, changes nothing but a rotation. The mean is the arithmetic one: the geometric mean, by
iteration, decoded no better, and pyRiemann, whose results the tests compare with, takes seconds to
import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mdjpt.alignment.spd import MAX_CONDITION
from mdjpt.calibration.families.covariances import CovarianceReference
from mdjpt.calibration.families.spectra import BROAD_BANDS, FINE_BANDS
from mdjpt.signal.filters import N_TIMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.calibration.families.spectra import Band
    from mdjpt.calibration.families.windows import OwnWindows

    Float64 = NDArray[np.float64]

__all__ = ["BroadTangent", "FineTangent", "shrunk_log", "whitener"]

_MAX_COMPONENTS = 24
"""Directions of the strongest usual signal that are kept of a large cap: bounds the time that a
live window takes, and few trials tell no more apart."""


class _Tangent:
    """Common to both sets of bands, see :class:`FeatureFamily`."""

    bands: ClassVar[tuple[Band, ...]]

    def __init__(self, reference: CovarianceReference) -> None:
        if len(reference.mean) != len(self.bands):
            raise ValueError(f"{len(self.bands)} bands wanted, got {len(reference.mean)}")
        self._reference = reference
        self._whiteners = [whitener(mean) for mean in reference.mean]

    @classmethod
    def fit(cls, windows: OwnWindows, weights: Float64) -> Self:
        """Learn which electrodes work, and their usual covariance."""
        return cls(CovarianceReference.fit(windows, weights, cls.bands))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build from what :attr:`arrays` returned."""
        return cls(CovarianceReference.from_arrays(arrays))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The reference's."""
        return self._reference.arrays

    def transform(self, windows: OwnWindows) -> Float64:
        """Return the tangent vectors, band by band: [n_windows, sum of k (k + 1) / 2]."""
        covariances = self._reference.covariances(windows, self.bands)
        usable = np.isfinite(covariances).all(axis=(1, 2, 3))
        parts = [
            _vector(shrunk_log(white @ covariances[usable, b] @ white.T))
            for b, white in enumerate(self._whiteners)
        ]
        vectors = np.concatenate(parts, axis=1)
        out = np.full((len(windows), vectors.shape[1]), np.nan)
        out[usable] = vectors
        return out


class FineTangent(_Tangent):
    """Nine narrow bands, in their natural proportions: strong patterns of a few electrodes."""

    name: ClassVar[str] = "fine-covariances"
    equal_variances: ClassVar[bool] = False
    prior_weight: ClassVar[float] = 0.8
    bands: ClassVar[tuple[Band, ...]] = FINE_BANDS


class BroadTangent(_Tangent):
    """Five classical bands, every feature of the same variance: weak patterns of many."""

    name: ClassVar[str] = "broad-covariances"
    equal_variances: ClassVar[bool] = True
    prior_weight: ClassVar[float] = 0.8
    bands: ClassVar[tuple[Band, ...]] = BROAD_BANDS


def whitener(usual: Float64) -> Float64:
    """Return the matrix W [k, n] for which ``W usual W'`` is the identity; usual is symmetric.

    Directions without signal (of an average reference, of bridged electrodes) are left out, and of
    the others all but the 24 strongest.
    """
    values, vectors = np.linalg.eigh(usual)
    # Floored matrices have their empty directions just at the limit.
    kept = np.flatnonzero(values > 2.0 * values[-1] / MAX_CONDITION)[-_MAX_COMPONENTS:]
    matrix: Float64 = (vectors[:, kept] / np.sqrt(values[kept])).T
    return matrix


def shrunk_log(matrices: Float64) -> Float64:
    """Return the logarithm of covariances, shrunk towards a multiple of the identity first.

    Oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero, IEEE Trans Signal Process
    58:5016-5029, 2010, eq. 23) with the samples of a window. In coordinates where the person's
    usual covariance is the identity it shrinks towards that, whatever reference and gain. Shrinkage
    changes eigenvalues alone, so one decomposition does both. The matrices, shape (..., k, k), are
    whitened, symmetric, without negative eigenvalues but for rounding.
    """
    values, vectors = np.linalg.eigh(matrices)
    k = values.shape[-1]
    scale = values.mean(axis=-1, keepdims=True)
    square = np.mean(values**2, axis=-1, keepdims=True) / k
    numerator = square + scale**2
    denominator = (N_TIMES + 1) * (square - scale**2 / k)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(denominator > 0, np.minimum(numerator / denominator, 1.0), 1.0)
    shrunk = (1 - share) * values + share * scale
    logs = np.log(np.maximum(shrunk, 1.0 / MAX_CONDITION))
    matrix: Float64 = (vectors * logs[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return matrix


def _vector(symmetric: Float64) -> Float64:
    """Return the upper triangles as vectors of the same length, [n, k (k + 1) / 2]."""
    rows, columns = np.triu_indices(symmetric.shape[-1])
    vector: Float64 = symmetric[:, rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
    return vector
