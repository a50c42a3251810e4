"""The live preprocessor: a stretch of raw samples becomes the encoder's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.signal.filters import MARGIN_S, SFREQ, WINDOW_S, filter_window
from mdjpt.signal.quality import electrode_quality, from_one_head
from mdjpt.signal.window import Preparation
from streaming.prediction import Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["PreparedWindow", "Preprocessor", "warm_up_filters"]


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """What the preprocessor makes of a window.

    Attributes
    ----------
    window : ndarray of float32, shape (60, 625), or None
        Input of the encoder; None when the signal is bad or the scale still warms up.
    quality : Quality
        Electrodes used and left out.
    usable : bool
        False when too few electrodes are good.
    familiar : bool
        False when the good electrodes show no field of a head: noise, which is never decoded.
    """

    window: NDArray[np.float32] | None
    quality: Quality
    usable: bool
    familiar: bool = True


def warm_up_filters(sfreq: float) -> None:
    """Filter an empty window at `sfreq`; the first call of a process takes a second."""
    n_margin, n_window = round(MARGIN_S * sfreq), round(WINDOW_S * sfreq)
    filter_window(np.zeros((1, n_margin + n_window), dtype=np.float32), sfreq, n_margin)


class Preprocessor:
    """Applies the training filters to one stream's windows, in order.

    Parameters
    ----------
    ch_names : sequence of str
        Labels of the stream's channels.
    sfreq : float
        Sampling rate of the stream in Hz.

    Raises
    ------
    RecordingError
        When no label names a scalp electrode.
    """

    def __init__(self, ch_names: Sequence[str], sfreq: float) -> None:
        self.sfreq = sfreq
        self.preparation = Preparation(ch_names)

    def warm_up(self) -> None:
        """Build the filters' matrices, so that the first real window finds them in place."""
        warm_up_filters(self.sfreq)

    def __call__(self, raw: NDArray[np.float32], n_margin: int, end_s: float) -> PreparedWindow:
        """Prepare one window.

        Parameters
        ----------
        raw : ndarray of float32, shape (n_channels, n_margin + n_window)
            Microvolts; the first `n_margin` samples precede the window and settle the filters.
        n_margin : int
            Samples in front of the window.
        end_s : float
            End of the window in seconds since the stream was opened.
        """
        electrodes = self.preparation.electrodes
        scalp = raw[electrodes]
        good = electrode_quality(scalp[:, n_margin:], self.sfreq).good
        # The margin of an electrode that is back since a moment may still hold what made it bad.
        good &= np.isfinite(scalp).all(axis=1)
        names = self.preparation.ch_names
        bad = tuple(names[i] for i in electrodes[~good])
        quality = Quality(good=int(good.sum()), bad=bad)
        if not self.preparation.enough(good):
            return PreparedWindow(None, quality, usable=False)
        filtered = filter_window(scalp[good], self.sfreq, n_margin)
        if not from_one_head(filtered, SFREQ):
            return PreparedWindow(None, quality, usable=True, familiar=False)
        window = self.preparation.prepare(filtered, good, end_s)
        return PreparedWindow(window, quality, usable=True)
