"""Windows cut by sample position, never by wall clock: live, offline and out of stored trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.signal.filters import MARGIN_S, WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Window", "Windower", "window_starts"]


@dataclass(frozen=True, slots=True)
class Window:
    """Place of a window in the stream, in raw samples since it was opened."""

    index: int
    first: int
    stop: int


class Windower:
    """Numbers the windows of a stream: window k starts at round(k * hop_s * sfreq).

    The start is computed, never accumulated, so it cannot drift.

    Raises ValueError when the hop is shorter than a sample.
    """

    def __init__(self, sfreq: float, hop_s: float) -> None:
        if not hop_s * sfreq >= 1:
            raise ValueError(f"hop must be at least one sample, got {hop_s} s at {sfreq} Hz")
        self.sfreq = sfreq
        self.hop_s = hop_s
        self.n_margin = round(MARGIN_S * sfreq)
        self.n_window = round(WINDOW_S * sfreq)

    def window(self, index: int) -> Window:
        """Return window number `index`."""
        first = round(index * self.hop_s * self.sfreq)
        return Window(index, first, first + self.n_window)

    def newest(self, written: int) -> int:
        """Return the number of the newest window that ends at or before sample `written`.

        Negative while not even the first window is complete.
        """
        index = int((written - self.n_window) / (self.hop_s * self.sfreq)) + 1
        while index >= 0 and self.window(index).stop > written:
            index -= 1
        return index

    def first_from(self, sample: int) -> int:
        """Return the number of the first window that starts at or after `sample`."""
        index = max(0, int(sample / (self.hop_s * self.sfreq)) - 1)
        while self.window(index).first < sample:
            index += 1
        return index

    def within(self, first: int, stop: int) -> Iterator[Window]:
        """Return the windows that lie wholly in the samples ``[first, stop)``, in order."""
        return map(self.window, range(self.first_from(first), self.newest(stop) + 1))


def window_starts(first: int, stop: int, n_times: int, step: int) -> NDArray[np.int64]:
    """Return the first sample of every window of a stretch, int64, none where it is too short.

    As in training: the windows of a trial begin with the trial. `stop` is the sample behind its
    last.
    """
    return np.arange(first, stop - n_times + 1, step, dtype=np.int64)
