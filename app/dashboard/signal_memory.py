"""The signals of a whole session as envelopes: little enough to keep for a day. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["POINTS_HZ", "SignalMemory"]

BINS_HZ = 10.0
POINTS_HZ = 2 * BINS_HZ
"""Points a second that are read: least and greatest of every tenth of a second."""
BLOCK_BINS = 600
LARGEST_UV = 60_000.0  # half precision ends at 65504


class SignalMemory:
    """Least and greatest of every channel in every tenth of a second since the stream began.

    64 channels over 8 h take 74 MB. Samples come in the order of time, those that come again are
    left out.

    Parameters
    ----------
    n_channels : int
        Rows.
    sfreq : float
        Sampling rate in Hz.
    """

    def __init__(self, n_channels: int, sfreq: float) -> None:
        self._n_channels, self._sfreq = n_channels, sfreq
        self._blocks: list[NDArray[np.float16]] = []
        self._stop = 0

    @property
    def stop_s(self) -> float:
        """Seconds of the stream until the newest sample."""
        return self._stop / self._sfreq

    def append(self, first_sample: int, values: NDArray[np.float32]) -> None:
        """Take samples in.

        Parameters
        ----------
        first_sample : int
            Position of the first since the stream was opened.
        values : ndarray of float32, shape (n_channels, n_times)
            Microvolts as they are shown, NaN where lost.
        """
        known = max(0, self._stop - first_sample)
        new = values[:, known:]
        if new.shape[1] == 0:
            return
        positions = np.arange(first_sample + known, first_sample + values.shape[1])
        self._stop = int(positions[-1]) + 1
        bins = (positions * (BINS_HZ / self._sfreq)).astype(int)
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        clipped = np.clip(new, -LARGEST_UV, LARGEST_UV)
        least = np.fmin.reduceat(clipped, starts, axis=1)
        greatest = np.fmax.reduceat(clipped, starts, axis=1)
        for k, number in enumerate(bins[starts]):
            pair = self._pair(int(number))
            pair[:, 0] = np.fmin(pair[:, 0], least[:, k])
            pair[:, 1] = np.fmax(pair[:, 1], greatest[:, k])

    def read(self, begin_s: float, span_s: float) -> NDArray[np.float32]:
        """Return the envelope of a stretch, shape (n_channels, span_s * POINTS_HZ); NaN if unknown.

        Parameters
        ----------
        begin_s, span_s : float
            Seconds of the stream, in tenths.
        """
        first, n_bins = round(begin_s * BINS_HZ), round(span_s * BINS_HZ)
        points = np.full((self._n_channels, n_bins, 2), np.nan, np.float32)
        for k in range(n_bins):
            block, place = divmod(first + k, BLOCK_BINS)
            if block < len(self._blocks):
                points[:, k] = self._blocks[block][:, place]
        return points.reshape(self._n_channels, 2 * n_bins)

    def _pair(self, number: int) -> NDArray[np.float16]:
        """Return what is kept of a tenth of a second, shape (n_channels, 2), to write into."""
        block, place = divmod(number, BLOCK_BINS)
        while len(self._blocks) <= block:
            shape = (self._n_channels, BLOCK_BINS, 2)
            self._blocks.append(np.full(shape, np.nan, np.float16))
        return self._blocks[block][:, place]
