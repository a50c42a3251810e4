"""From a filtered window to the encoder's input: reference, scale, 60 standard channels.

The live preprocessor and the extraction of features from a file both call this class, so that
both give the encoder the same numbers (mdJPT's training order: band-pass, bad electrodes, common
average reference, robust z-score, projection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.signal.filters import SFREQ, average_reference
from mdjpt.signal.montage import Montage, map_montage
from mdjpt.signal.scaling import FixedScale, RunningScale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MIN_GOOD", "MIN_GOOD_SHARE", "Preparation"]

MIN_GOOD = 3
"""Electrodes below which nothing is decoded (an average reference of two says nothing)."""
MIN_GOOD_SHARE = 0.5
"""Share of a montage's electrodes that must be good."""


@dataclass(frozen=True, slots=True)
class _Projection:
    """Constant part of the preparation for one set of good electrodes."""

    montage: Montage
    rows: NDArray[np.intp]


class Preparation:
    """Prepares the windows of one stream, in order.

    Parameters
    ----------
    ch_names : sequence of str
        Electrode labels of the stream; labels without a scalp position are left out.
    scale : RunningScale or FixedScale, optional
        Where the robust scale of the stream is kept; a new one when None.

    Raises
    ------
    RecordingError
        When no label names a scalp electrode.
    """

    def __init__(
        self, ch_names: Sequence[str], scale: RunningScale | FixedScale | None = None
    ) -> None:
        self.ch_names = tuple(ch_names)
        self.montage = map_montage(self.ch_names)
        self.electrodes: NDArray[np.intp] = np.flatnonzero(self.montage.scalp)
        if not self.electrodes.size:
            listed = ", ".join(self.ch_names[:6])
            raise RecordingError(
                f"no channel has the name of a scalp electrode ({listed}): "
                "name them with --montage, e.g. --montage Fp1,Fp2,C3,C4"
            )
        self.scale: RunningScale | FixedScale = RunningScale() if scale is None else scale
        self._seen_s = 0.0
        self._projections: dict[bytes, _Projection] = {}

    def enough(self, good: NDArray[np.bool_]) -> bool:
        """Tell whether the good electrodes suffice to decode.

        Parameters
        ----------
        good : ndarray of bool, shape (n_electrodes,)
            One flag for each of :attr:`electrodes`.
        """
        n_good = int(good.sum())
        return n_good >= min(MIN_GOOD, good.size) and n_good >= MIN_GOOD_SHARE * good.size

    def prepare(
        self, filtered: NDArray[np.float64], good: NDArray[np.bool_], end_s: float
    ) -> NDArray[np.float32] | None:
        """Turn a filtered window into the encoder's input.

        The window's samples that no earlier window held extend the running scale first.

        Parameters
        ----------
        filtered : ndarray of float64, shape (n_good, 625)
            Good electrodes at 125 Hz, band-passed, microvolts.
        good : ndarray of bool, shape (n_electrodes,)
            Which electrodes the rows are.
        end_s : float
            End of the window in seconds since the stream was opened.

        Returns
        -------
        ndarray of float32, shape (60, 625), or None
            None while the scale still warms up.
        """
        referenced = average_reference(filtered)
        self._extend_scale(referenced, end_s)
        if not self.scale.ready:
            return None
        projection = self._projection(good)
        scaled = self.scale.transform(referenced)
        window = projection.montage.matrix[:, projection.rows] @ scaled.astype(np.float32)
        return np.ascontiguousarray(window, dtype=np.float32)

    def _extend_scale(self, referenced: NDArray[np.float64], end_s: float) -> None:
        n_times = referenced.shape[1]
        n_new = min(n_times, round((end_s - self._seen_s) * SFREQ))
        if n_new > 0:
            self.scale.partial_fit(referenced[:, n_times - n_new :])
            self._seen_s = end_s

    def _projection(self, good: NDArray[np.bool_]) -> _Projection:
        key = good.tobytes()
        if key not in self._projections:
            usable = np.zeros(len(self.ch_names), dtype=bool)
            usable[self.electrodes[good]] = True
            self._projections[key] = _Projection(
                map_montage(self.ch_names, usable), self.electrodes[good]
            )
        return self._projections[key]
