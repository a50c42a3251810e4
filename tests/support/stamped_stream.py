"""Time stamps as devices give them: with jitter, drift, another rate, and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.positions.gaps import PositionTracker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class StampedStream:
    """A stream of samples.

    Attributes
    ----------
    sfreq : float
        Nominal rate in Hz.
    rate : float or None
        True rate in Hz, None for the nominal one.
    jitter_s : float
        Most that a stamp is late, evenly distributed.
    per : {"sample", "chunk"}
        Whether each sample has its own jitter or all of a chunk share one, as with LSL, which
        stamps the last sample of a chunk and counts back at the nominal rate.
    drift : float
        Relative error of the clock.
    seed : int
        Of the jitter.
    """

    sfreq: float
    rate: float | None = None
    jitter_s: float = 0.0
    per: Literal["sample", "chunk"] = "sample"
    drift: float = 0.0
    seed: int = 0

    @property
    def n_chunk(self) -> int:
        """Samples of 20 ms."""
        return max(1, round(0.02 * self.sfreq))

    def stamps(self, seconds: float, gaps: Sequence[tuple[float, int]] = ()) -> NDArray[np.float64]:
        """Return the stamps of the samples that come, with `n_lost` missing at each second."""
        rate = self.rate or self.sfreq
        numbers = np.arange(round(seconds * rate))
        positions = numbers.astype(np.float64)
        for at_s, n_lost in gaps:
            positions[round(at_s * rate) :] += n_lost
        times = 5000.0 + positions / rate * (1 + self.drift)
        rng = np.random.default_rng(self.seed)
        if self.per == "sample":
            return times + rng.uniform(0, self.jitter_s, len(times))
        last = np.minimum(numbers // self.n_chunk * self.n_chunk + self.n_chunk, len(numbers)) - 1
        late = rng.uniform(0, self.jitter_s, len(numbers))
        return times[last] + late[last] - (last - numbers) / self.sfreq


def growing_jitter(sfreq: float, seed: int, seconds: float = 60.0) -> NDArray[np.float64]:
    """Return the stamps of a radio link that gets worse: 5 ms of jitter, 50 ms from 12 s on."""
    numbers = np.arange(round(seconds * sfreq))
    chunks = numbers // 10
    late = np.random.default_rng(seed).uniform(0.0, 1.0, chunks[-1] + 1)
    jitter_s = np.where(chunks * 10 > 12.0 * sfreq, 0.050, 0.005)
    return 5000.0 + numbers / sfreq + late[chunks] * jitter_s


def busy_sender(sfreq: float, seed: int, seconds: float = 60.0) -> NDArray[np.float64]:
    """Return the stamps of a sender that is starved now and then: chunks of 5 are pushed late.

    LSL stamps the last sample of a chunk when it is pushed and counts back at the nominal rate.
    """
    chunks = np.arange(round(seconds * sfreq / 5))
    due_s = (chunks + 1) * 5 / sfreq
    starved = (due_s % 20.0) < 4.0
    late = np.random.default_rng(seed).exponential(np.where(starved, 0.020, 0.0005))
    return np.repeat(5000.0 + due_s + late, 5) - np.tile(np.arange(5)[::-1] / sfreq, len(chunks))


def bursts(sfreq: float, seed: int, longest_s: float = 1.0) -> NDArray[np.float64]:
    """Return the stamps of a link that stalls, then delivers all at once under one stamp."""
    rng = np.random.default_rng(seed)
    times, stamps = 0.0, np.empty(0)
    while times < 60.0:
        n_due = int(times * sfreq) - len(stamps)
        stamps = np.append(stamps, np.full(n_due, 5000.0 + times))
        times += rng.uniform(0.02, longest_s)
    return stamps


def positions_of(
    tracker: PositionTracker,
    stamps: NDArray[np.float64],
    cuts: int | Sequence[int],
    counter: NDArray[np.int64] | None = None,
    arrivals: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Place a stream that is cut into equal blocks, or at the given samples."""
    edges = list(range(cuts, len(stamps), cuts)) if isinstance(cuts, int) else sorted(cuts)
    placed = []
    for part in np.split(np.arange(len(stamps)), edges):
        counted = None if counter is None else counter[part]
        arrival = None if arrivals is None or not len(part) else float(arrivals[part[-1]])
        placed.append(tracker.place(stamps[part], counted, arrival))
    return np.concatenate([*placed, tracker.finish()])


def gaps_of(sfreq: float, stamps: NDArray[np.float64], n_chunk: int) -> list[tuple[int, int]]:
    """Return the number of each sample behind a gap, and how many samples are lost in it."""
    lost = np.diff(positions_of(PositionTracker(sfreq), stamps, n_chunk), prepend=-1) - 1
    return [(int(number), int(lost[number])) for number in np.flatnonzero(lost)]
