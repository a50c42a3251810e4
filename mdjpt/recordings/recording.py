"""What a file of EEG holds once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.positions.gaps import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recording"]


def _none_missing() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The EEG of one file. Everything in it is placed by sample position.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_channels, n_times)
        Microvolts; NaN where the file holds no number, and all along an electrode that the file
        itself calls bad.
    sfreq : float
        Sampling rate in Hz: the measured one where the file's time stamps deny the declared one.
    ch_names : tuple of str
        Electrode labels, as the file writes them or as the montage names them.
    positions : ndarray of int64, shape (n_times,)
        Position of each sample, lost ones counted; strictly increasing, from 0 on. Left out, each
        sample follows the one before it.
    excluded : tuple of (int, int)
        Positions ``[first, stop)`` that are not to be used: where the file says so, and the first
        sample behind a seam of two pieces.
    markers : tuple of (float, str)
        Events: seconds and label. Second t is position t * sfreq, between two samples where the
        file knows it better.
    spans : tuple of (float, float, str)
        Those of the events that last: onset and duration in seconds, and label.
    began_at_s : float or None
        Unix time of the first sample, where the file tells it.
    simulated : bool
        True when the file says that its signal comes from no brain.
    notes : tuple of str
        One-line remarks for the user ("electrode names assumed from --montage").
    source : str
        Path of the file.

    Raises
    ------
    ValueError
        The arrays do not match, the rate is not positive, or positions do not increase.

    See Also
    --------
    mdjpt.read_recording : Reads one from a file.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> samples = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
    >>> mdjpt.Recording(samples, 250.0, ("Fp1", "Fp2")).duration_s
    4.0
    """

    samples: NDArray[np.float32]
    sfreq: float
    ch_names: tuple[str, ...]
    positions: NDArray[np.int64] = field(default_factory=_none_missing)
    excluded: tuple[tuple[int, int], ...] = ()
    markers: tuple[tuple[float, str], ...] = ()
    spans: tuple[tuple[float, float, str], ...] = ()
    began_at_s: float | None = None
    simulated: bool = False
    notes: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or len(self.samples) != len(self.ch_names):
            raise ValueError(
                f"samples {self.samples.shape} do not match {len(self.ch_names)} channel names"
            )
        if not (np.isfinite(self.sfreq) and self.sfreq > 0):
            raise ValueError(f"sfreq must be positive, got {self.sfreq} Hz")
        if not self.positions.size:
            object.__setattr__(self, "positions", np.arange(self.n_times, dtype=np.int64))
        if self.positions.shape != (self.n_times,):
            raise ValueError(
                f"positions {self.positions.shape} do not match {self.n_times} samples"
            )
        if self.n_times and (self.positions[0] < 0 or (np.diff(self.positions) <= 0).any()):
            raise ValueError("positions must increase from sample to sample, from 0 on")

    @property
    def n_channels(self) -> int:
        """Number of electrodes."""
        return int(self.samples.shape[0])

    @property
    def n_times(self) -> int:
        """Number of samples per electrode."""
        return int(self.samples.shape[1])

    @property
    def n_positions(self) -> int:
        """Number of samples per electrode with the lost ones."""
        return int(self.positions[-1]) + 1 if self.n_times else 0

    @property
    def duration_s(self) -> float:
        """Length in seconds, gaps included."""
        return self.n_positions / self.sfreq

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Positions ``[first, stop)`` of the samples that were lost."""
        edges = np.flatnonzero(np.diff(self.positions, prepend=-1) > 1)
        firsts = np.where(edges > 0, self.positions[edges - 1] + 1, 0)
        return tuple(zip(firsts.tolist(), self.positions[edges].tolist(), strict=True))

    @property
    def columns(self) -> NDArray[np.intp]:
        """Columns of the samples that may be used, shape (n_used,): those that are not excluded."""
        used = np.ones(self.n_times, bool)
        for span in self.excluded:
            used[slice(*np.searchsorted(self.positions, span))] = False
        return np.flatnonzero(used)

    def runs(self, first: int = 0, stop: int | None = None) -> list[Run]:
        """Return the stretches of samples without a gap.

        Parameters
        ----------
        first, stop : int, optional
            Positions ``[first, stop)`` to look at; default all.

        Returns
        -------
        list of Run
            In order; excluded samples are in none of them.
        """
        columns = self.columns
        places = self.positions[columns]
        low, high = np.searchsorted(places, (first, self.n_positions if stop is None else stop))
        columns, places = columns[low:high], places[low:high]
        edges = np.flatnonzero(np.diff(places) != 1) + 1
        parts = zip(np.split(columns, edges), np.split(places, edges), strict=True)
        return [Run(int(c[0]), int(c[-1]) + 1, int(p[0])) for c, p in parts if len(c)]
