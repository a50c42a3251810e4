"""Random events that can be rendered over any stretch of time, and the shapes they take.

Time is cut into cells of 4 s; the events of a cell are a function of (seed, cell) alone. A course
over [a, b) is the sum of a kernel over all events near it, so that any two stretches agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.simulation.emotion import smoothstep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = [
    "Event",
    "EventTrain",
    "blink_kernel",
    "burst_kernel",
    "evoked_kernel",
    "pop_kernel",
    "saccade_kernel",
]

_CELL_S = 4.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    time_s: float
    """Onset."""
    size: float
    """Standard normal number: what it means is the caller's."""
    place: float
    """Uniform number in [0, 1): which electrode, say."""
    duration_s: float
    """Between 0.3 and 2 s, for events that have one."""


class EventTrain:
    """A Poisson process in time, of a mean number of events a minute; same seed, same events."""

    def __init__(self, seed: tuple[int, ...], rate_per_min: float) -> None:
        self._seed = seed
        self._mean = rate_per_min * _CELL_S / 60
        self._cells: dict[int, list[Event]] = {}

    def _cell(self, cell: int) -> list[Event]:
        if cell not in self._cells:
            # Rendering moves forward: cells left behind are not asked for again soon.
            if len(self._cells) > 16:
                self._cells.clear()
            rng = np.random.default_rng([*self._seed, cell])
            n = int(rng.poisson(self._mean))
            times = np.sort(cell * _CELL_S + _CELL_S * rng.random(n))
            draws = zip(times, rng.standard_normal(n), rng.random((n, 2)), strict=True)
            self._cells[cell] = [
                Event(float(t), float(size), float(place), 0.3 + 1.7 * float(duration) ** 2)
                for t, size, (place, duration) in draws
            ]
        return self._cells[cell]

    def near(self, start_s: float, stop_s: float, reach_s: float) -> Iterator[Event]:
        """Yield the events from 0 s on that begin in [start_s - reach_s, stop_s)."""
        first = max(0, int((start_s - reach_s) // _CELL_S))
        for cell in range(first, int(stop_s // _CELL_S) + 1):
            yield from (e for e in self._cell(cell) if start_s - reach_s <= e.time_s < stop_s)

    def render(
        self,
        times_s: NDArray[np.float64],
        kernel: Callable[[NDArray[np.float64], Event], NDArray[np.float64]],
        reach_s: float,
    ) -> NDArray[np.float64]:
        """Return the sum of ``kernel(times since it, event)`` over all events, shape (n_times,)."""
        course = np.zeros_like(times_s)
        for event in self.near(times_s[0], times_s[-1], reach_s):
            first, last = np.searchsorted(times_s, (event.time_s, event.time_s + reach_s))
            course[first:last] += kernel(times_s[first:last] - event.time_s, event)
        return course


def blink_kernel(t: NDArray[np.float64], event: Event) -> NDArray[np.float64]:
    """Return a blink: closing in about 0.1 s, opening in about 0.2 s, peak 1 (0.8 to 1.2)."""
    peak = np.clip(1 + 0.15 * event.size, 0.7, 1.4)
    return np.asarray(peak * smoothstep(t / 0.11) * smoothstep((0.36 - t) / 0.22))


def saccade_kernel(t: NDArray[np.float64], event: Event) -> NDArray[np.float64]:
    """Return a jump of the gaze within 40 ms that returns within about 2 s, size normal."""
    return np.asarray(event.size * smoothstep(t / 0.04) * smoothstep((2.0 - t) / 1.6))


def burst_kernel(t: NDArray[np.float64], event: Event) -> NDArray[np.float64]:
    """Return the envelope of a muscle burst: its duration, soft edges of 0.1 s."""
    edges = smoothstep(t / 0.1) * smoothstep((event.duration_s - t) / 0.1)
    return np.asarray(np.exp(0.4 * event.size) * edges)


def pop_kernel(t: NDArray[np.float64], event: Event) -> NDArray[np.float64]:
    """Return an electrode pop: a step that decays with 0.5 s, of either sign."""
    return np.asarray(np.sign(event.size) * np.exp(-t / 0.5) * np.exp(0.3 * abs(event.size)))


def evoked_kernel(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return visual P1, N1, P2 (row 0) and the late positive potential (row 1), shape (2, n_times).

    Gaussians at 100, 160 and 230 ms and at 500 ms: Hajcak et al., Dev Neuropsychol 35:129-155,
    2010, for the late one.
    """

    def peak(centre_s: float, width_s: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.5 * ((t - centre_s) / width_s) ** 2))

    early = peak(0.10, 0.018) - 1.5 * peak(0.16, 0.025) + 1.2 * peak(0.23, 0.035)
    return np.stack([early, 0.6 * peak(0.5, 0.11)])
