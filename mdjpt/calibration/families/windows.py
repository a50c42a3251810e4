"""What every feature family sees of a window: the person's own electrodes, and the encoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from mdjpt.calibration.families.spectra import BROAD_BANDS, FINE_BANDS, band_covariances
from mdjpt.signal.filters import N_TIMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from mdjpt.calibration.families.spectra import Band
    from mdjpt.signal.window import OwnElectrodes

    Bools = NDArray[np.bool_]
    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = ["OwnWindows"]


@dataclass(frozen=True, eq=False)
class OwnWindows:
    """Windows of one person, in the order of time.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_windows, n_electrodes, 625)
        The electrodes of the scalp as they were connected, at 125 Hz, after the training filters,
        microvolts, in the person's own reference. Rows that are not good may hold anything.
    good : ndarray of bool, shape (n_windows, n_electrodes)
        Electrodes without a fault in each window.
    encoded : ndarray of float32, shape (n_windows, n_features)
        What the encoder made of each window, not standardised.

    Raises
    ------
    ValueError
        When the arrays do not fit each other.
    """

    samples: Float32
    good: Bools
    encoded: Float32
    _covariances: dict[tuple[Band, ...], Float64] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        if self.samples.ndim != 3 or self.samples.shape[2] != N_TIMES:
            raise ValueError(
                f"samples must be [n_windows, n_electrodes, {N_TIMES}], got {self.samples.shape}"
            )
        if self.good.shape != self.samples.shape[:2]:
            raise ValueError(f"good must be {self.samples.shape[:2]}, got {self.good.shape}")
        if self.encoded.ndim != 2 or len(self.encoded) != len(self.samples):
            raise ValueError(f"encoded must have {len(self)} rows, got {self.encoded.shape}")

    @classmethod
    def of(cls, own: Sequence[OwnElectrodes], encoded: ArrayLike) -> Self:
        """Put windows together as the preprocessor made them.

        Parameters
        ----------
        own : sequence of OwnElectrodes
            One a window; empty where there is nothing but the encoder's features.
        encoded : array_like of float, shape (n_windows, n_features)
            What the encoder made of each.
        """
        features = np.asarray(encoded, np.float32)
        if not own:
            nothing = np.zeros((len(features), 0, N_TIMES), np.float32)
            return cls(nothing, np.zeros((len(features), 0), bool), features)
        return cls(np.stack([w.samples for w in own]), np.stack([w.good for w in own]), features)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def n_electrodes(self) -> int:
        """Electrodes, the faulty ones included."""
        return int(self.samples.shape[1])

    def __getitem__(self, rows: ArrayLike | slice) -> OwnWindows:
        """Return some of the windows, chosen by a slice, by flags or by numbers."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        return OwnWindows(self.samples[chosen], self.good[chosen], self.encoded[chosen])

    def covariances(self, bands: tuple[Band, ...]) -> Float64:
        """Return the covariance of the electrodes in each band; computed once, do not write to it.

        Parameters
        ----------
        bands : tuple of Band
            Fine or broad ones.

        Returns
        -------
        ndarray of float64, shape (n_windows, n_bands, n_electrodes, n_electrodes)
            0 where an electrode is bad.
        """
        if bands not in self._covariances:
            # Whoever wants the one wants the other next, and together they cost little more.
            both = (*FINE_BANDS, *BROAD_BANDS)
            usable = np.where(self.good[..., None], self.samples, np.float32(0.0))
            found = band_covariances(usable, both)
            self._covariances[FINE_BANDS] = found[:, : len(FINE_BANDS)]
            self._covariances[BROAD_BANDS] = found[:, len(FINE_BANDS) :]
        return self._covariances[bands]
