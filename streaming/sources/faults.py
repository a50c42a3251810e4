"""Faults of devices and networks, put into a replayed stream: seeded, each at its second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streaming.sources.fault_kinds import Faults

__all__ = ["FaultyDevice", "Sent"]

_RAIL_UV = 187_500.0  # of the ADS1299 with a gain of 24
_VOLTS_PER_MICROVOLT = 1e-6
_BLINK_S = 0.3
_LOUD = 1000.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes out instead of a chunk.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_times, n_channels)
        As they are sent.
    stamps : ndarray of float64, shape (n_times,)
        Seconds.
    """

    samples: NDArray[np.float32]
    stamps: NDArray[np.float64]


class FaultyDevice:
    """Spoils the chunks of one stream, in order.

    Parameters
    ----------
    faults : Faults
        What goes wrong.
    n_channels : int
        Electrodes.
    sfreq : float
        Rate of the recording in Hz.
    """

    def __init__(self, faults: Faults, n_channels: int, sfreq: float) -> None:
        self._faults = faults
        self._sfreq = sfreq
        self._rng = np.random.default_rng(faults.seed)
        self._order = self._rng.permutation(n_channels)
        self._forehead = self._rng.uniform(0.2, 1.0, n_channels)
        self._period = max(2, round(faults.every_s * sfreq))

    def send(
        self,
        samples: NDArray[np.float32],
        positions: NDArray[np.int64],
        stamps: NDArray[np.float64],
    ) -> Sent:
        """Return what goes out of samples, shape (n_times, n_channels), at their positions."""
        spoiled = self._electrodes(samples.astype(np.float64), positions)
        late = self._stamped(stamps, positions)
        order = self._arrival(positions)
        if self._faults.counter:
            count = (positions % self._faults.counter)[:, np.newaxis]
            spoiled = np.column_stack([spoiled, count])
        return Sent(spoiled[order].astype(np.float32), late[order])

    def _last(self, positions: NDArray[np.int64], n_times: int) -> NDArray[np.bool_]:
        """Tell the last samples of each period."""
        n_times = min(n_times, self._period - 1)
        return np.asarray(positions % self._period >= self._period - n_times)

    def _electrodes(
        self, x: NDArray[np.float64], positions: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        f, seconds = self._faults, positions / self._sfreq
        rows = np.flatnonzero(self._last(positions, round(f.for_s * self._sfreq)))
        hum = np.sin(2 * np.pi * 50 * seconds[rows])[:, np.newaxis]
        hum60 = np.sin(2 * np.pi * 60 * seconds[rows])[:, np.newaxis]
        x[rows] += f.hum_uv * hum + f.hum60_uv * hum60
        noise = self._rng.normal(0, 200, (len(rows), len(self._order)))
        first = x[rows, self._order[0]][:, np.newaxis]
        for n, value in (
            (f.bridge + 1 if f.bridge else 0, first),
            (f.loud, _LOUD * x[rows]),
            (f.off, 500 * hum + noise),
            (f.rail, _RAIL_UV),
            (f.flat, 0.0),
            (f.nan, np.nan),
        ):
            chosen = self._order[:n]
            whole = np.broadcast_to(value, (len(rows), len(self._order)))
            x[np.ix_(rows, chosen)] = whole[:, chosen]
        since = seconds % 1.0
        blink = np.where(since < _BLINK_S, np.sin(np.pi * since / _BLINK_S), 0.0)
        x += f.blink_uv * blink[:, np.newaxis] * self._forehead + 1e3 * f.offset_mv
        return x * (_VOLTS_PER_MICROVOLT if f.volts else 1.0)

    def _stamped(
        self, stamps: NDArray[np.float64], positions: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        f = self._faults
        late = stamps + positions / self._sfreq * 1e-6 * f.drift_ppm
        late += self._rng.uniform(0.0, 1e-3 * f.jitter_ms)
        late += f.jump_s * ((positions // self._period) % 2)
        late[self._last(positions, f.no_stamp)] = np.nan
        same, turned = self._last(positions, f.equal), self._last(positions, f.backwards)
        if f.equal and same.any():
            late[same] = late[same][-1]
        if f.backwards and turned.any():
            late[turned] = late[turned][::-1]
        return late

    def _arrival(self, positions: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return which samples arrive, in the order of their arrival."""
        f = self._faults
        order = np.flatnonzero(~self._last(positions, f.drop))
        if f.reorder:
            moved = self._last(positions[order], f.reorder)
            order = np.concatenate([order[moved], order[~moved]])
        if f.duplicate:
            order = np.concatenate([order, order[self._last(positions[order], f.duplicate)]])
        return np.asarray(order, np.intp)
