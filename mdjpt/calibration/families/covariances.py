"""Band covariances of a person whose electrodes are not all good in every window.

An electrode that is bad in a window is completed from the others: what it would most likely have
measured, given theirs, if the covariance between them were as usual for the person. That keeps the
size of every family's features, and adds no evidence of its own: the completed part says what the
good electrodes say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mdjpt.alignment.spd import floored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.calibration.families.spectra import Band
    from mdjpt.calibration.families.windows import OwnWindows

    Bools = NDArray[np.bool_]
    Float64 = NDArray[np.float64]

__all__ = ["CovarianceReference", "completed"]

_WORKS_SHARE = 0.5
_N_ROUNDS = 4  # of completion; the mean moves by less than 1 % after three


@dataclass(frozen=True, eq=False)
class CovarianceReference:
    """The electrodes of a person that work, and their usual covariance in each band.

    Attributes
    ----------
    works : ndarray of bool, shape (n_electrodes,)
        Electrodes that were good in at least half of the calibration; the others are left out.
    mean : ndarray of float64, shape (n_bands, n_working, n_working)
        Mean covariance of the calibration's windows, squared microvolts; condition at most 1e6.
    """

    works: Bools
    mean: Float64

    @classmethod
    def fit(cls, windows: OwnWindows, weights: Float64, bands: tuple[Band, ...]) -> Self:
        """Find them in the windows of a calibration.

        The mean over windows with faults is found by completing them with the mean of the round
        before (Dempster, Laird and Rubin, J R Stat Soc B 39:1-38, 1977).

        Parameters
        ----------
        windows : OwnWindows
            Of a calibration.
        weights : ndarray of float64, shape (n_windows,)
            Of the windows; sum to 1.
        bands : tuple of Band
            To look into.

        Raises
        ------
        ValueError
            When no electrode works.
        """
        works = weights @ windows.good >= _WORKS_SHARE * weights.sum() - 1e-9
        if not works.any():
            raise ValueError("no electrode is good in half of the windows")
        good = windows.good[:, works]
        found = _of(windows.covariances(bands), works)
        pairs = np.einsum("n,ni,nj->ij", weights, good, good)
        mean = floored(np.einsum("n,nbij->bij", weights, found) / np.maximum(pairs, 1e-9))
        for _ in range(0 if good.all() else _N_ROUNDS):
            mean = floored(np.einsum("n,nbij->bij", weights, completed(found, good, mean)))
        return cls(works, mean)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build from what :attr:`arrays` returned; KeyError or ValueError when it does not fit."""
        works, mean = np.array(arrays["works"], bool), np.array(arrays["mean"], np.float64)
        n = int(works.sum())
        if works.ndim != 1 or mean.ndim != 3 or not n or mean.shape[1:] != (n, n):
            raise ValueError(f"{n} working electrodes and covariances {mean.shape} do not match")
        if not np.isfinite(mean).all():
            raise ValueError("the usual covariance holds NaN or infinity")
        return cls(works, mean)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Both, the flags as whole numbers."""
        return {"works": self.works.astype(np.int64), "mean": self.mean.copy()}

    def covariances(self, windows: OwnWindows, bands: tuple[Band, ...]) -> Float64:
        """Return the completed covariances of windows.

        Parameters
        ----------
        windows : OwnWindows
            With the electrodes that it was fitted to.
        bands : tuple of Band
            As it was fitted with.

        Returns
        -------
        ndarray of float64, shape (n_windows, n_bands, n_working, n_working)
            NaN for windows in which fewer than half of the working electrodes are good.

        Raises
        ------
        ValueError
            When the windows have another number of electrodes, or the bands are others.
        """
        if windows.n_electrodes != len(self.works):
            raise ValueError(f"{len(self.works)} electrodes wanted, got {windows.n_electrodes}")
        if len(bands) != len(self.mean):
            raise ValueError(
                f"{len(bands)} bands wanted, the usual covariances are of {len(self.mean)}"
            )
        good = windows.good[:, self.works]
        found = _of(windows.covariances(bands), self.works)
        whole = completed(found, good, self.mean)
        whole[good.mean(axis=1) < _WORKS_SHARE] = np.nan
        return whole


def completed(found: Float64, good: Bools, usual: Float64) -> Float64:
    """Complete the covariances of bad electrodes from those of good ones.

    With g the good and b the bad electrodes of a window, S its covariance, R the usual one and
    ``A = R_bg R_gg^-1`` the regression of the bad on the good: ``S_bg = A S_gg`` and
    ``S_bb = A S_gg A' + R_bb - A R_gb`` (the expectation step for a normal distribution, Little and
    Rubin 2019, Statistical Analysis with Missing Data, section 11.2).

    Parameters
    ----------
    found : ndarray of float64, shape (n, n_bands, n_electrodes, n_electrodes)
        Of windows; what bad electrodes have a part in is not read.
    good : ndarray of bool, shape (n, n_electrodes)
        Electrodes without a fault.
    usual : ndarray of float64, shape (n_bands, n_electrodes, n_electrodes)
        Positive definite.

    Returns
    -------
    ndarray of float64, of the shape of `found`
        A copy. Windows without a good electrode get the usual covariance.
    """
    out = found.copy()
    patterns, which = np.unique(good, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        if pattern.all():
            continue
        rows = np.flatnonzero(which.ravel() == k)
        g, b = np.flatnonzero(pattern), np.flatnonzero(~pattern)
        regression = np.linalg.solve(usual[:, g[:, None], g], usual[:, g[:, None], b])
        regression = np.swapaxes(regression, -1, -2)
        left_over = usual[:, b[:, None], b] - regression @ usual[:, g[:, None], b]
        own = found[rows[:, None, None], :, g[:, None], g].transpose(0, 3, 1, 2)
        cross = regression @ own
        both = cross @ np.swapaxes(regression, -1, -2) + left_over
        out[rows[:, None, None], :, b[:, None], g] = cross.transpose(0, 2, 3, 1)
        out[rows[:, None, None], :, g[:, None], b] = cross.transpose(0, 3, 2, 1)
        out[rows[:, None, None], :, b[:, None], b] = both.transpose(0, 2, 3, 1)
    return out


def _of(covariances: Float64, works: Bools) -> Float64:
    return covariances if works.all() else covariances[:, :, works][:, :, :, works]
