"""From a window of raw samples to the encoder's input, live and from files.

mdJPT's training order: band-pass, bad electrodes, common average reference, robust z-score, 60
standard channels. Live each window is filtered by itself; where the whole recording is at hand, its
filtered windows (:func:`mdjpt.signal.filters.recording_windows`) are handed in instead. All the
rest is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.signal.caps import ONE_ELECTRODE
from mdjpt.signal.filters import MARGIN_S, SFREQ, WINDOW_S, average_reference, filter_window
from mdjpt.signal.montage import Montage, canonical_name, map_montage, usual_name
from mdjpt.signal.one_head import OneHead
from mdjpt.signal.quality import Quality, electrode_quality
from mdjpt.signal.scaling import FixedScale, RunningScale
from mdjpt.signal.units import all_potentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "OwnElectrodes",
    "PreparedWindow",
    "Preprocessor",
    "Verdict",
    "distinct_rows",
    "warm_up_filters",
]

MIN_GOOD = 3
"""Electrodes below which nothing is decoded (an average reference of two says nothing)."""
MIN_GOOD_SHARE = 0.5
"""Share of a montage's electrodes that must be good."""


class OwnElectrodes(NamedTuple):
    """A window of the electrodes as they are connected, before reference, scale and projection."""

    samples: NDArray[np.float32]
    """Band-passed, at 125 Hz, microvolts, in the reference of the device; 0 where not good. Shape
    (n_electrodes, 625)."""
    good: NDArray[np.bool_]
    """Electrodes without a fault. Shape (n_electrodes,)."""
    ch_names: tuple[str, ...]
    """Their names in the 10-05 system."""


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """What the preprocessor makes of a window."""

    window: NDArray[np.float32] | None
    """Input of the encoder; None when the signal is bad or the scale still warms up. Shape (60,
    625), or None."""
    quality: Quality
    """Electrodes used and left out."""
    usable: bool
    """False when too few electrodes are good."""
    familiar: bool = True
    """False when the good electrodes show no field of a head: noise, which is never decoded."""
    own: OwnElectrodes | None = None
    """The same window for what is learned of one person; None where `window` is."""
    missing_s: float = 0.0
    """Signal that the scale still has to see, seconds; 0 once it is known."""


class Verdict(NamedTuple):
    """What the raw samples of a window tell of its electrodes."""

    quality: Quality
    """Electrodes used and left out."""
    good: NDArray[np.bool_]
    """Which are used. Shape (n_electrodes,)."""
    lines: NDArray[np.float64]
    """The mains line that stands out of each, Hz; 0 for none. Shape (n_electrodes,)."""


@dataclass(frozen=True, slots=True)
class _Projection:
    """Constant part of the preparation for one set of good electrodes."""

    montage: Montage
    rows: NDArray[np.intp]


def distinct_rows(
    window: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the rows that repeat, those of channels that are interpolated from the same electrodes.

    Parameters
    ----------
    window : ndarray of float32, shape (n, n_times)
        Prepared window.

    Returns
    -------
    distinct : ndarray of int, shape (n_distinct,)
        One row of each kind; all rows where they cannot be told apart quickly.
    where : ndarray of int, shape (n,)
        Which of the distinct rows each row equals: ``window[distinct][where]`` is the window.
    """
    every = np.arange(len(window))
    bits = np.ascontiguousarray(window).view(np.int32).sum(1, dtype=np.int64)
    _, distinct, where = np.unique(bits, return_index=True, return_inverse=True)
    if len(distinct) == len(window) or not np.array_equal(window[distinct][where], window):
        return every, every
    return distinct, where


def warm_up_filters(sfreq: float) -> None:
    """Filter an empty window at `sfreq`; the first call of a process takes a second."""
    n_margin, n_window = round(MARGIN_S * sfreq), round(WINDOW_S * sfreq)
    filter_window(np.zeros((1, n_margin + n_window), dtype=np.float32), sfreq, n_margin)


class Preprocessor:
    """Prepares the windows of one stream, in order.

    Parameters
    ----------
    ch_names : sequence of str
        Labels of the stream's channels; those without a scalp position are left out.
    sfreq : float
        Sampling rate of the stream in Hz.
    scale : RunningScale or FixedScale, optional
        Where the robust scale of the stream is kept; a new running one when None.

    Raises
    ------
    RecordingError
        When no label names a scalp electrode, or only one does.

    See Also
    --------
    mdjpt.prepare_windows : A whole recording at once.

    Examples
    --------
    >>> import mdjpt
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> preprocess = mdjpt.Preprocessor(recording.ch_names, recording.sfreq)
    >>> prepared = preprocess(recording.samples[:, :1120], n_margin=320, stop=1120)
    >>> prepared.window is None, prepared.quality.good  # the scale warms up for 10 s
    (True, 64)
    """

    def __init__(
        self,
        ch_names: Sequence[str],
        sfreq: float,
        scale: RunningScale | FixedScale | None = None,
    ) -> None:
        self.ch_names = tuple(ch_names)
        self.sfreq = sfreq
        self.electrodes: NDArray[np.intp] = np.flatnonzero(map_montage(self.ch_names).scalp)
        """Rows of the stream that are electrodes of the scalp."""
        if not self.electrodes.size:
            listed = ", ".join(self.ch_names[:6])
            raise RecordingError(
                f"no channel has the name of a scalp electrode ({listed}): "
                "name them with --montage, e.g. --montage Fp1,Fp2,C3,C4"
            )
        if self.electrodes.size == 1:
            raise RecordingError(f"{ONE_ELECTRODE} ({self.ch_names[self.electrodes[0]]} is alone)")
        self.own_names = tuple(
            usual_name(canonical_name(self.ch_names[i]) or self.ch_names[i])
            for i in self.electrodes
        )
        """Their names in the 10-05 system."""
        self.scale: RunningScale | FixedScale = RunningScale() if scale is None else scale
        self._one_head = OneHead()
        self._seen = 0
        self._projections: dict[bytes, _Projection] = {}

    def warm_up(self) -> None:
        """Build the filters' matrices, so that the first real window finds them in place."""
        warm_up_filters(self.sfreq)

    def __call__(
        self,
        raw: NDArray[np.float32],
        n_margin: int,
        stop: int,
        filtered: NDArray[np.float64] | None = None,
        verdict: Verdict | None = None,
    ) -> PreparedWindow:
        """Prepare one window.

        Parameters
        ----------
        raw : ndarray of float32, shape (n_channels, n_margin + n_window)
            Microvolts; the first `n_margin` samples precede the window and settle the filters.
        n_margin : int
            Samples in front of the window.
        stop : int
            End of the window in samples since the stream was opened: what no earlier window held
            extends the running scale.
        filtered : ndarray of float64, shape (n_electrodes, 625), optional
            The window of :attr:`electrodes` out of a recording that was filtered as a whole, at
            125 Hz; None filters the window by itself.
        verdict : Verdict, optional
            What :meth:`judge` says of the window, where it was asked before.
        """
        quality, good, lines = self.judge(raw, n_margin) if verdict is None else verdict
        if not _enough(good):
            return PreparedWindow(None, quality, usable=False)
        if filtered is None:
            used = raw[self.electrodes[good]]
            own = filter_window(used, self.sfreq, n_margin, lines[good])
        else:
            own = filtered[good]
        if not self._one_head(own, good, SFREQ, stop / self.sfreq):
            return PreparedWindow(None, quality, usable=True, familiar=False)
        window = self._scaled(own, good, stop)
        if window is None:
            return PreparedWindow(None, quality, usable=True, missing_s=self.scale.missing_s)
        samples = np.zeros((len(good), own.shape[1]), np.float32)
        samples[good] = own
        return PreparedWindow(
            window, quality, usable=True, own=OwnElectrodes(samples, good, self.own_names)
        )

    def judge(self, raw: NDArray[np.float32], n_margin: int) -> Verdict:
        """Judge the electrodes of a window, given as for the call; from any thread."""
        scalp = raw[self.electrodes]
        verdict = electrode_quality(scalp[:, n_margin:], self.sfreq)
        # The margin of an electrode that is back since a moment may still hold what made it bad.
        good = verdict.good & all_potentials(scalp)
        bad = np.flatnonzero(~good)
        names = tuple(self.ch_names[k] for k in self.electrodes[bad])
        causes = tuple(verdict.reason[k] or "nan" for k in bad)
        quality = Quality(good=int(good.sum()), bad=names, causes=causes)
        return Verdict(quality, good, verdict.line)

    def _scaled(
        self, filtered: NDArray[np.float64], good: NDArray[np.bool_], stop: int
    ) -> NDArray[np.float32] | None:
        """Return a band-passed window as the encoder's input; None while the scale warms up."""
        referenced = average_reference(filtered)
        self._extend_scale(referenced, stop)
        if not self.scale.ready:
            return None
        projection = self._projection(good)
        scaled = self.scale.transform(referenced)
        window = projection.montage.matrix[:, projection.rows] @ scaled.astype(np.float32)
        return np.ascontiguousarray(window, dtype=np.float32)

    def _extend_scale(self, referenced: NDArray[np.float64], stop: int) -> None:
        n_times = referenced.shape[1]
        # By the ends, not hop by hop: half a sample of each hop would be lost or doubled.
        n_new = round(stop / self.sfreq * SFREQ) - round(self._seen / self.sfreq * SFREQ)
        n_new = min(n_times, n_new)
        if n_new > 0:
            self.scale.partial_fit(referenced[:, n_times - n_new :])
            self._seen = stop

    def _projection(self, good: NDArray[np.bool_]) -> _Projection:
        key = good.tobytes()
        if key not in self._projections:
            usable = np.zeros(len(self.ch_names), dtype=bool)
            usable[self.electrodes[good]] = True
            self._projections[key] = _Projection(
                map_montage(self.ch_names, usable), self.electrodes[good]
            )
        return self._projections[key]


def _enough(good: NDArray[np.bool_]) -> bool:
    """Tell whether the good electrodes suffice to decode."""
    n_good = int(good.sum())
    return n_good >= min(MIN_GOOD, good.size) and n_good >= MIN_GOOD_SHARE * good.size
