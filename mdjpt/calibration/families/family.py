"""The protocol of a feature family: numbers that a window is described by, learned from nobody.

A family is fitted to the windows of one calibration without their labels: it learns what is usual
for the person (which electrodes work, the mean covariance), not what tells the classes apart. So it
is fitted once, to all trials, and cross-validation of what follows leaks no label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from mdjpt.calibration.families.windows import OwnWindows

    Float64 = NDArray[np.float64]

__all__ = ["FeatureFamily"]


class FeatureFamily(Protocol):
    """One way to describe windows. Fitted ones are never changed; any thread may use them."""

    name: ClassVar[str]
    """Of the family, in files and tables: small letters and hyphens."""
    equal_variances: ClassVar[bool]
    """Whether every feature is brought to the same variance; else their proportions say more."""
    prior_weight: ClassVar[float]
    """Weight in the pooled decoder before anything is known of a person."""

    @classmethod
    def fit(cls, windows: OwnWindows, weights: Float64) -> Self:
        """Learn what is usual for a person from a calibration, whose weights sum to 1."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build from what :attr:`arrays` returned; KeyError or ValueError when it does not fit."""
        ...

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a profile stores."""
        ...

    def transform(self, windows: OwnWindows) -> Float64:
        """Describe windows, shape (n_windows, n_features); NaN where it can say nothing of one.

        Their electrodes are those that it was fitted to; at most 10 ms for a window of 64 on one
        core.
        """
        ...
