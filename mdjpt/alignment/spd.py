"""Symmetric positive definite matrices: powers, geodesics, shrinkage, and what exists of them.

Means over whole sets are pyRiemann's business (its results are what the tests compare with). A
stream needs one step at a time, and neither the import of pyRiemann (seconds) nor its iterations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["MAX_CONDITION", "floored", "geodesic", "oas", "power", "range_basis"]

MAX_CONDITION = 1e6
"""Largest over smallest eigenvalue of any matrix that is inverted."""


def power(matrix: Float64, exponent: float) -> Float64:
    """Return a symmetric matrix, shape (..., n, n), to a real power, e.g. -0.5.

    Its eigenvalues, none negative but for rounding, are floored at the largest / 1e6.
    """
    values, vectors = np.linalg.eigh(matrix)
    scaled = vectors * (_floor(values) ** exponent)[..., None, :]
    result: Float64 = scaled @ np.swapaxes(vectors, -1, -2)
    return result


def floored(matrix: Float64) -> Float64:
    """Return a symmetric matrix, shape (..., n, n), whose condition number is at most 1e6."""
    return power(matrix, 1.0)


def geodesic(a: Float64, b: Float64, t: float) -> Float64:
    """Return the point at `t` from 0 (`a`) to 1 (`b`) of the affine-invariant geodesic.

    ``a^1/2 (a^-1/2 b a^-1/2)^t a^1/2`` of positive definite matrices, shape (n, n) (Bhatia 2007,
    Positive Definite Matrices, eq. 6.11).
    """
    values, vectors = np.linalg.eigh(a)
    values = _floor(values)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    middle = inverse @ b @ inverse
    point: Float64 = root @ power((middle + middle.T) / 2, t) @ root
    return (point + point.T) / 2


def oas(covariance: Float64, n_times: int) -> Float64:
    """Shrink a covariance over `n_times` samples, shape (n, n), towards a multiple of the identity.

    Oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero, IEEE Trans Signal Process
    58:5016-5029, 2010, eq. 23, as scikit-learn has it); the covariance is divided by `n_times`.
    """
    n = len(covariance)
    scale = np.trace(covariance) / n
    square = np.mean(covariance**2)
    numerator = square + scale**2
    denominator = (n_times + 1) * (square - scale**2 / n)
    share = 1.0 if denominator <= 0 else min(numerator / denominator, 1.0)
    shrunk: Float64 = (1 - share) * covariance
    shrunk[np.diag_indices(n)] += share * scale
    return shrunk


def range_basis(covariance: Float64) -> Float64:
    """Return an orthonormal basis, shape (n, rank), of the directions in which there is signal.

    Interpolated channels and the average reference leave directions of the covariance, shape (n,
    n), empty: their eigenvalues are rounding, and are told from signal by the largest condition
    number that is inverted, 1e6.
    """
    values, vectors = np.linalg.eigh(covariance)
    basis: Float64 = vectors[:, values > values[-1] / MAX_CONDITION]
    return basis if values[-1] > 0 else basis[:, :0]


def _floor(values: Float64) -> Float64:
    """Raise eigenvalues, in rising order, to the largest / 1e6 (to 1 where all are 0)."""
    largest = values[..., -1:]
    floor = np.where(largest > 0, largest / MAX_CONDITION, 1.0)
    raised: Float64 = np.maximum(values, floor)
    return raised
