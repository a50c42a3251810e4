"""What a file of EEG holds once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recording"]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The EEG of one file.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_channels, n_times)
        Microvolts; NaN where the file holds no number.
    sfreq : float
        Nominal sampling rate in Hz.
    ch_names : tuple of str
        Electrode labels, as the file writes them or as the montage names them.
    timestamps : ndarray of float64, shape (n_times,), or None
        Time stamps of the samples in seconds as the file has them (never de-jittered; the offsets
        between the clocks of an XDF file are corrected), None when it has none.
    counter : ndarray of int64, shape (n_times,), or None
        The device's sample counter, one step a sample, modulo `counter_modulus`.
    counter_modulus : int
        Number of different values of `counter`; 0 without a counter.
    markers : tuple of (float, str)
        Events: seconds from the first sample, and label; on the clock of `timestamps` where the
        file has them, else by the position of the sample.
    spans : tuple of (float, float, str)
        Those of the events that last: onset and duration in seconds, and label.
    began_at_s : float or None
        Unix time of the first sample, where the file tells it.
    positions : ndarray of int64, shape (n_times,), or None
        Position of each sample with the lost ones counted, where the file says so itself; strictly
        increasing.
    simulated : bool
        True when the file says that its signal comes from no brain.
    notes : tuple of str
        One-line remarks for the user ("electrode names assumed from --montage").
    source : str
        Path of the file.
    """

    samples: NDArray[np.float32]
    sfreq: float
    ch_names: tuple[str, ...]
    timestamps: NDArray[np.float64] | None = None
    counter: NDArray[np.int64] | None = None
    counter_modulus: int = 0
    markers: tuple[tuple[float, str], ...] = ()
    spans: tuple[tuple[float, float, str], ...] = ()
    began_at_s: float | None = None
    positions: NDArray[np.int64] | None = None
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
        for name in ("timestamps", "counter", "positions"):
            column = getattr(self, name)
            if column is not None and column.shape != (self.n_times,):
                raise ValueError(f"{name} {column.shape} do not match {self.n_times} samples")
        if self.positions is not None and (np.diff(self.positions) <= 0).any():
            raise ValueError("positions must increase from sample to sample")

    @property
    def n_channels(self) -> int:
        """Number of electrodes."""
        return int(self.samples.shape[0])

    @property
    def n_times(self) -> int:
        """Number of samples per electrode."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds at the nominal rate."""
        return self.n_times / self.sfreq
