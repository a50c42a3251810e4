"""Windows cut by sample index, never by wall clock."""

from __future__ import annotations

from dataclasses import dataclass

from mdjpt.signal.filters import MARGIN_S, WINDOW_S, window_bounds

__all__ = ["Window", "Windower"]


@dataclass(frozen=True, slots=True)
class Window:
    """Place of a window in the stream, in raw samples since it was opened."""

    index: int
    first: int
    stop: int


class Windower:
    """Numbers the windows of a stream: window k starts at round(k * hop_s * sfreq).

    Parameters
    ----------
    sfreq : float
        Sampling rate in Hz.
    hop_s : float
        Seconds from one window's start to the next; at least one sample.
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
        first, stop = window_bounds(index, self.hop_s, self.sfreq)
        return Window(index, first, stop)

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
