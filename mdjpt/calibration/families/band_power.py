"""Log power of each electrode in fine bands: differential entropy, but for a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mdjpt.calibration.families.covariances import CovarianceReference
from mdjpt.calibration.families.spectra import FINE_BANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.calibration.families.windows import OwnWindows

    Float64 = NDArray[np.float64]

__all__ = ["BandPower"]

_LEAST_POWER = 1e-12  # squared microvolts; an electrode without any signal


class BandPower:
    """Log power of the person's own electrodes in the fine bands, see :class:`FeatureFamily`.

    The differential entropy of a normal signal is half the log of its variance plus a constant
    (Duan, Zhu and Lu, NER 2013, DOI 10.1109/NER.2013.6695876), so the log power holds as much.
    """

    name: ClassVar[str] = "band-power"
    equal_variances: ClassVar[bool] = False
    prior_weight: ClassVar[float] = 0.4

    def __init__(self, reference: CovarianceReference) -> None:
        if len(reference.mean) != len(FINE_BANDS):
            raise ValueError(f"{len(FINE_BANDS)} bands wanted, got {len(reference.mean)}")
        self._reference = reference

    @classmethod
    def fit(cls, windows: OwnWindows, weights: Float64) -> Self:
        """Learn which electrodes work, and their usual covariance."""
        return cls(CovarianceReference.fit(windows, weights, FINE_BANDS))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build from what :attr:`arrays` returned."""
        return cls(CovarianceReference.from_arrays(arrays))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The reference's."""
        return self._reference.arrays

    def transform(self, windows: OwnWindows) -> Float64:
        """Return [n_windows, n_bands * n_working] log powers, band by band."""
        covariances = self._reference.covariances(windows, FINE_BANDS)
        power = np.diagonal(covariances, axis1=-2, axis2=-1)
        logs: Float64 = np.log(np.maximum(power, _LEAST_POWER)).reshape(len(windows), -1)
        return logs
