"""Which columns of an LSL stream are electrodes, and how their numbers become microvolts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mdjpt.errors import RecordingError, SourceError
from mdjpt.recordings.electrodes import may_be_electrodes, select_electrodes
from mdjpt.signal.units import factors_by_size, microvolts_per
from streaming.stream import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streaming.sources.lsl_link.streams import StreamDescription

__all__ = ["Columns"]

_DOUBTFUL_UV = 1.0  # EEG before any filter is larger, if only by its offset


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The electrodes among the columns of a stream, and the others.

    Attributes
    ----------
    rows : ndarray of int, shape (n_channels,)
        Columns of the stream.
    names, units : tuple of str
        Electrode and unit of each, as the stream or the montage says.
    factors : ndarray of float64, shape (n_channels, 1)
        Microvolts per unit; NaN where the unit is not known.
    notes : tuple of str
        One-line remarks for the user.
    other_rows : ndarray of int, shape (n_others,)
        The columns that are no electrodes.
    others : tuple of Column
        What the stream says of them.
    """

    rows: NDArray[np.intp]
    names: tuple[str, ...]
    units: tuple[str, ...]
    factors: NDArray[np.float64]
    notes: tuple[str, ...]
    other_rows: NDArray[np.intp]
    others: tuple[Column, ...]

    @classmethod
    def of(cls, stream: StreamDescription, montage: Sequence[str] | None) -> Self:
        """Choose the electrodes of a stream.

        Raises
        ------
        SourceError
            No column has the name of an electrode, or the montage has another length.
        """
        is_eeg = may_be_electrodes(stream.labels, stream.types, montage)
        try:
            chosen = select_electrodes(stream.labels, montage, is_eeg=is_eeg)
        except RecordingError as error:
            raise SourceError(f"LSL stream {stream.name!r}: {error}") from None
        units = tuple(stream.units[column] for column in chosen.columns)
        factors = [microvolts_per(unit) or np.nan for unit in units]
        others = [i for i in range(stream.n_channels) if i not in chosen.columns]
        return cls(
            np.array(chosen.columns, np.intp),
            chosen.names,
            units,
            np.array(factors)[:, np.newaxis],
            chosen.notes,
            np.array(others, np.intp),
            tuple(Column(stream.labels[i], stream.units[i], stream.types[i]) for i in others),
        )

    @property
    def units_known(self) -> bool:
        """Whether every electrode has a unit of potential."""
        return bool(np.isfinite(self.factors).all())

    def in_doubt(self, samples: NDArray[Any]) -> bool:
        """Tell whether a unit is missing, or is too large for samples that are not 0.

        Parameters
        ----------
        samples : ndarray, shape (n_times, n_columns)
            The first ones of the stream.
        """
        if not self.units_known:
            return True
        size = np.abs(self.microvolts(samples))
        return bool(0 < np.max(size, initial=0.0, where=np.isfinite(size)) < _DOUBTFUL_UV)

    def with_units_judged(self, samples: NDArray[Any]) -> Self:
        """Return the columns with the units told by the size of the signal; itself if it is flat.

        Parameters
        ----------
        samples : ndarray, shape (n_times, n_columns)
            About a second of the stream.
        """
        signals = samples[:, self.rows].T.astype(np.float64)
        missing = np.isnan(self.factors[:, 0])
        if not np.ptp(signals[missing] if missing.any() else signals, axis=1).any():
            return self
        factors, notes = factors_by_size(signals, self.factors[:, 0])
        return replace(self, factors=factors[:, np.newaxis], notes=(*self.notes, *notes))

    def microvolts(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return the electrodes' signals.

        Parameters
        ----------
        samples : ndarray, shape (n_times, n_columns)
            As the stream sends them.

        Returns
        -------
        ndarray of float32, shape (n_channels, n_times)
            Microvolts, a copy; unknown units are taken as microvolts.
        """
        factors = np.where(np.isnan(self.factors), 1.0, self.factors)
        signals = np.empty((len(self.rows), len(samples)), np.float32)
        np.multiply(samples[:, self.rows].T, factors, out=signals, casting="unsafe")
        return signals

    def other_values(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Return what the columns beside the electrodes hold, as sent.

        Parameters
        ----------
        samples : ndarray, shape (n_times, n_columns)
            As the stream sends them.

        Returns
        -------
        ndarray of float64, shape (n_others, n_times)
            A copy.
        """
        return samples[:, self.other_rows].T.astype(np.float64)
