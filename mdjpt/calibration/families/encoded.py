"""The features of the pre-trained encoder: what mdJPT sees of all 60 channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.calibration.families.windows import OwnWindows

    Float64 = NDArray[np.float64]

__all__ = ["Encoded"]


class Encoded:
    """The encoder's features as they are, see :class:`FeatureFamily`."""

    name: ClassVar[str] = "encoder"
    equal_variances: ClassVar[bool] = True
    prior_weight: ClassVar[float] = 0.4

    def __init__(self, n_features: int) -> None:
        self._n_features = n_features

    @classmethod
    def fit(cls, windows: OwnWindows, weights: Float64) -> Self:
        """Learn how many there are."""
        del weights
        return cls(windows.encoded.shape[1])

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build from what :attr:`arrays` returned; ValueError when it is not that."""
        if np.shape(arrays["n_features"]) != ():
            raise ValueError("the number of the encoder's features is no single number")
        return cls(int(arrays["n_features"]))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The number."""
        return {"n_features": np.array(self._n_features, np.int64)}

    def transform(self, windows: OwnWindows) -> Float64:
        """Return [n_windows, n_features]; ValueError for features of another encoder."""
        if windows.encoded.shape[1] != self._n_features:
            raise ValueError(f"{self._n_features} features wanted, got {windows.encoded.shape[1]}")
        return windows.encoded.astype(np.float64)
