"""Time stamps as devices give them: with jitter, drift, another rate, and holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.positions.gaps import GapDetector


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

    def stamps(
        self, seconds: float, holes: Sequence[tuple[float, int]] = ()
    ) -> NDArray[np.float64]:
        """Return the stamps of the samples that come, with `n_lost` missing at each second."""
        rate = self.rate or self.sfreq
        numbers = np.arange(round(seconds * rate))
        positions = numbers.astype(np.float64)
        for at_s, n_lost in holes:
            positions[round(at_s * rate) :] += n_lost
        times = 5000.0 + positions / rate * (1 + self.drift)
        rng = np.random.default_rng(self.seed)
        if self.per == "sample":
            return times + rng.uniform(0, self.jitter_s, len(times))
        last = np.minimum(numbers // self.n_chunk * self.n_chunk + self.n_chunk, len(numbers)) - 1
        late = rng.uniform(0, self.jitter_s, len(numbers))
        return times[last] + late[last] - (last - numbers) / self.sfreq


def told_holes(
    detector: GapDetector, stamps: NDArray[np.float64], n_chunk: int
) -> list[tuple[int, int]]:
    """Feed stamps chunk by chunk; return the number of each sample behind a hole, and its loss."""
    parts = [detector.positions(stamps[i : i + n_chunk]) for i in range(0, len(stamps), n_chunk)]
    lost = np.diff(np.concatenate(parts), prepend=-1) - 1
    return [(int(number), int(lost[number])) for number in np.flatnonzero(lost)]
