"""When a simulated participant feels what: the truth that predictions are compared with."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mdjpt.simulation.emotion import (
    DEFAULT_CLASSES,
    EMOTIONS,
    N_LATENTS,
    SlowProcess,
    Stimulus,
    check_classes,
    smoothstep,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "TRANSITION_S",
    "BlockSchedule",
    "EmotionalCourse",
    "FixedSchedule",
    "Schedule",
    "Segment",
    "Transition",
]

TRANSITION_S = 2.0
_SCHEDULE_STREAM = 0x5C4
_CLIPS_PER_CLASS = 5


@dataclass(frozen=True, slots=True)
class Segment:
    """One emotional state from its start to the start of the next one."""

    start_s: float
    """Seconds since the beginning."""
    stimulus: Stimulus
    """What evokes the state."""

    @property
    def state(self) -> str:
        """Name of the state."""
        return self.stimulus.state


@dataclass(frozen=True, slots=True)
class Transition:
    """The first sample of a state."""

    sample: int
    """Position since the beginning."""
    state: str
    """The state that begins."""
    stimulus: Stimulus
    """What evokes it."""


class Schedule(Protocol):
    """A sequence of segments, the first at 0 s, each at least :data:`TRANSITION_S` long."""

    def segment(self, index: int) -> Segment | None:
        """Return segment `index`, None behind the last one."""
        ...


class BlockSchedule:
    """Endless balanced blocks: every round shows each class once, in a random order.

    No class follows itself. Durations are uniform in `block_s`, shortest and longest, in seconds.
    Classes are states out of :data:`mdjpt.simulation.emotion.EMOTIONS`; same seed, same schedule.

    Raises ValueError if the classes are unknown or a block could be shorter than a transition.
    """

    def __init__(
        self,
        seed: int = 0,
        classes: tuple[str, ...] = DEFAULT_CLASSES,
        block_s: tuple[float, float] = (20.0, 40.0),
    ) -> None:
        check_classes(classes)
        if not TRANSITION_S <= block_s[0] <= block_s[1]:
            raise ValueError(f"block_s must rise from at least {TRANSITION_S} s, got {block_s}")
        self.classes = classes
        self._block_s = block_s
        self._rng = np.random.default_rng([seed, _SCHEDULE_STREAM])
        self._segments: list[Segment] = []
        self._end_s = 0.0

    def segment(self, index: int) -> Segment:
        """Return segment `index`; there is always a next one."""
        while len(self._segments) <= index:
            self._append_round()
        return self._segments[index]

    def _append_round(self) -> None:
        order = self._rng.permutation(len(self.classes))
        if self._segments and self.classes[order[0]] == self._segments[-1].state:
            order = np.roll(order, 1)
        for name in (self.classes[i] for i in order):
            clip = list(EMOTIONS).index(name) * 1000 + int(self._rng.integers(_CLIPS_PER_CLASS))
            self._segments.append(Segment(self._end_s, Stimulus(name, clip)))
            # Whole milliseconds: boundaries fall on samples at the usual rates.
            self._end_s += round(self._rng.uniform(*self._block_s), 3)


class FixedSchedule:
    """Given blocks, what is shown for how many seconds, one after another; the last one never ends.

    Raises ValueError if there is no block, or one is shorter than a transition.
    """

    def __init__(self, blocks: Sequence[tuple[Stimulus, float]]) -> None:
        if not blocks or min(duration for _, duration in blocks) < TRANSITION_S:
            raise ValueError(f"a schedule needs blocks of at least {TRANSITION_S} s")
        ends = np.cumsum([duration for _, duration in blocks])
        starts = [0.0, *ends[:-1].tolist()]
        self._segments = [Segment(s, clip) for s, (clip, _) in zip(starts, blocks, strict=True)]

    def segment(self, index: int) -> Segment | None:
        """Return segment `index`, None behind the last one."""
        return self._segments[index] if index < len(self._segments) else None


class EmotionalCourse:
    """The latent emotion as a function of time, and the states of a schedule that it follows.

    State k begins at sample round(start_s * sfreq).
    """

    def __init__(self, schedule: Schedule, sfreq: float) -> None:
        self._schedule = schedule
        self._sfreq = sfreq
        self._segments: list[Segment] = []
        self._starts: list[int] = []
        self._next = 0
        self._complete = False
        self._evoking: dict[Stimulus, tuple[NDArray[np.float64], SlowProcess]] = {}
        self._extend(0)

    def _extend(self, sample: int) -> None:
        """Make sure that the segments up to and behind `sample` are known."""
        while not self._complete and (not self._starts or self._starts[-1] <= sample):
            segment = self._schedule.segment(self._next)
            if segment is None:
                self._complete = True
            else:
                self._next += 1
                self._segments.append(segment)
                self._starts.append(round(segment.start_s * self._sfreq))

    def prompt(self, sample: int, stimulus: Stimulus | None) -> None:
        """Leave the schedule for a stimulus that lasts; None goes back to what it has at that time.

        From `sample` on nothing may have been asked for yet. What begins does so there, or once the
        state before it has lasted :data:`TRANSITION_S`.
        """
        self._extend(sample)
        kept = bisect_right(self._starts, sample - 1)
        del self._segments[kept:], self._starts[kept:]
        self._complete = stimulus is not None
        if kept and stimulus == self._segments[-1].stimulus:
            return
        begin = sample
        if kept:
            begin = max(sample, self._starts[-1] + round(TRANSITION_S * self._sfreq))
        begin_s = begin / self._sfreq
        self._starts.append(begin)
        self._segments.append(Segment(begin_s, stimulus or self._scheduled(begin_s)))

    def _scheduled(self, time_s: float) -> Stimulus:
        """Return what the schedule has at `time_s`, and go on from there."""
        self._next = 1
        newest = self._schedule.segment(0)
        while (later := self._schedule.segment(self._next)) is not None:
            # What is nearly over has no time left to fade in.
            if later.start_s > time_s + TRANSITION_S:
                break
            newest, self._next = later, self._next + 1
        assert newest is not None, "a schedule has at least one segment"
        return newest.stimulus

    def index_at(self, sample: int) -> int:
        """Return the number of the segment that holds `sample`."""
        self._extend(sample)
        return bisect_right(self._starts, max(sample, 0)) - 1

    def segment(self, index: int) -> Segment:
        """Return segment `index`, which must be known already."""
        return self._segments[index]

    def stop_s(self, index: int) -> float:
        """Return the end of segment `index` in seconds, infinity while no next one is known."""
        return self._segments[index + 1].start_s if index + 1 < len(self._segments) else np.inf

    def between(self, start: int, stop: int) -> list[Transition]:
        """Return the transitions at samples in [start, stop)."""
        self._extend(stop)
        first = bisect_right(self._starts, start - 1)
        last = bisect_right(self._starts, stop - 1)
        begun = zip(self._starts[first:last], self._segments[first:last], strict=True)
        return [Transition(sample, segment.state, segment.stimulus) for sample, segment in begun]

    def latents(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return valence, arousal and approach, shape (3, stop - start).

        A state fades into the next one over :data:`TRANSITION_S` from its first sample on.
        """
        out = np.empty((N_LATENTS, stop - start))
        for index in range(self.index_at(start), self.index_at(stop - 1) + 1):
            known_stop = self._starts[index + 1] if index + 1 < len(self._starts) else stop
            a = start if index == 0 else max(start, self._starts[index])
            times = np.arange(a, min(stop, known_stop)) / self._sfreq
            now = self._evoked(index, times)
            if index:
                fade = smoothstep((times - self._segments[index].start_s) / TRANSITION_S)
                now = fade * now + (1 - fade) * self._evoked(index - 1, times)
            out[:, a - start : a - start + times.size] = now
        return out

    def _evoked(self, index: int, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the clip of segment `index` evokes at `times_s`, shape (3, n_times)."""
        segment = self._segments[index]
        clip = segment.stimulus
        if clip not in self._evoking:
            self._evoking[clip] = clip.course()
        point, fluctuation = self._evoking[clip]
        return point + clip.fluctuation_std * fluctuation(times_s - segment.start_s)
