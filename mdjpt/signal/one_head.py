"""EEG told from noise of the electrodes' own, over 45 s where a window cannot tell.

Four to seven electrodes near each other share little that their average leaves: over the motor
cortex the field of one window of EEG reaches down to that of noise (0.014 against up to 0.09).
Averaged over 45 s, noise stays below 0.026, and EEG above 0.03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.signal.quality import FEW_FROM_ONE_HEAD, field_of, from_one_head, shared_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OneHead"]

_MEMORY_S = 20.0
_LEAST_S = 45.0
_LEAST_MEAN = 0.03
_CLEAR_MEAN = 0.15  # a cap with such a field shows it in every window, unless it comes off
_WINDOW_S = 5.0


class OneHead:
    """Tells whether the windows of one stream, in order, come from a head.

    A window by itself as in :func:`mdjpt.signal.quality.from_one_head`. One of 4 to 7 electrodes
    that shows too little field passes where the mean of the last 45 s shows enough, unless
    that was so clear that the cap must have come off.
    """

    def __init__(self) -> None:
        self._mean: NDArray[np.float64] | None = None
        self._good = b""
        self._seconds = self._until_s = 0.0

    def __call__(
        self,
        filtered: NDArray[np.floating[Any]],
        good: NDArray[np.bool_],
        sfreq: float,
        stop_s: float,
    ) -> bool:
        """Judge the next window, which ends at `stop_s` in the stream.

        `filtered`, shape (n_good, n_times), is band-passed with any reference; `good`, shape
        (n_electrodes,), tells which electrodes these are: others begin anew.
        """
        if len(filtered) not in FEW_FROM_ONE_HEAD:
            return from_one_head(filtered, sfreq)
        field = field_of(filtered, sfreq)
        if from_one_head(filtered, sfreq):
            self._extend(field, good, stop_s)
            return True
        if shared_field(field) > _CLEAR_MEAN or self._level() > _CLEAR_MEAN:
            self._mean = None
            return False
        self._extend(field, good, stop_s)
        return self._seconds >= _LEAST_S and self._level() >= _LEAST_MEAN

    def _level(self) -> float:
        return 0.0 if self._mean is None else shared_field(self._mean)

    def _extend(self, field: NDArray[np.float64], good: NDArray[np.bool_], stop_s: float) -> None:
        new_s = float(np.clip(stop_s - self._until_s, 0.0, _WINDOW_S))
        self._until_s = stop_s
        if self._mean is None or good.tobytes() != self._good:
            self._mean, self._good, self._seconds = field, good.tobytes(), _WINDOW_S
            return
        self._seconds += new_s
        weight = max(1.0 - np.exp(-new_s / _MEMORY_S), new_s / self._seconds)
        self._mean = self._mean + weight * (field - self._mean)
