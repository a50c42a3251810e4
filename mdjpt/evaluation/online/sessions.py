"""Sessions of simulated participants, prepared as a live stream: what the evaluations run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.features import prepare_windows
from mdjpt.recordings.recording import Recording
from mdjpt.signal.filters import WINDOW_S
from mdjpt.simulation import BlockSchedule, FixedSchedule, SimulatedParticipant, Stimulus, cap
from mdjpt.simulation.emotion import EMOTIONS

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from mdjpt.signal.window import OwnElectrodes
    from mdjpt.simulation import Schedule

__all__ = [
    "CONDITIONS",
    "Condition",
    "Session",
    "blocked",
    "calibration_schedule",
    "make_session",
]

SFREQ = 250.0
SETTLED_S = 1.0
REST_S = 3.0
_CLIP_S = 30.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How a participant is connected."""

    n_channels: int = 32
    """Electrodes of the cap."""
    reference: str = "FCz"
    """Electrode, or "average"."""
    gain: float = 1.0
    """Of the amplifier."""
    n_flat: int = 0
    """Electrodes that lost contact."""


CONDITIONS: dict[str, Condition] = {
    "usual": Condition(),
    "other montage": Condition(20, "Cz"),
    "EPOC montage": Condition(14, "M1"),
    "other gain": Condition(gain=4.0),
    "electrode loss": Condition(n_flat=8),
}
"""Ways to be connected; the demo bundle knows caps of 8, 14, 32 and 64 electrodes against FCz."""


@dataclass(frozen=True, eq=False)
class Session:
    """The windows of one connection."""

    windows: NDArray[np.float32]
    """As the live path prepares them. Shape (n, 60, 625)."""
    end_s: NDArray[np.float64]
    """End of each window, seconds since connecting. Shape (n,)."""
    label: NDArray[np.intp]
    """True class, -1 where the window holds a transition or rest. Shape (n,)."""
    segment: NDArray[np.intp]
    """Number of the state in the schedule that the window ends in. Shape (n,)."""
    hop_s: float
    """Seconds from window to window."""
    own: tuple[OwnElectrodes, ...] = ()
    """The electrodes of each window, where they were kept."""


def blocked(classes: tuple[str, ...], duration_s: float, first: int = 0) -> FixedSchedule:
    """Return a schedule that shows each class in one block, a clip of 30 s after another.

    All blocks together take `duration_s`; the others follow the first in their order.
    """
    n_clips = max(1, round(duration_s / len(classes) / _CLIP_S))
    clip_s = duration_s / len(classes) / n_clips
    order = [classes[(first + k) % len(classes)] for k in range(len(classes))]
    clips = [(_clip(name, 100 + k), clip_s) for name in order for k in range(n_clips)]
    return FixedSchedule(clips)


def calibration_schedule(
    classes: tuple[str, ...], *, n_rounds: int, trial_s: float, test_s: float, seed: int
) -> tuple[FixedSchedule, float]:
    """Return rounds of short trials, each class once a round in random order, then a test.

    3 s of rest precede each trial; the `test_s` seconds of longer clips show other ones. The number
    that is returned beside it is the seconds before the test.
    """
    rng = np.random.default_rng([seed, n_rounds])
    rest = Stimulus("rest", 0, strength=0.0)
    blocks: list[tuple[Stimulus, float]] = []
    for k in range(n_rounds):
        for name in rng.permutation(classes):
            blocks += [(rest, REST_S), (_clip(str(name), 200 + k), trial_s)]
    n_test = max(1, round(test_s / _CLIP_S / len(classes)))
    for k in range(n_test):
        blocks += [(_clip(str(name), 300 + k), _CLIP_S) for name in rng.permutation(classes)]
    return FixedSchedule(blocks), n_rounds * len(classes) * (trial_s + REST_S)


def make_session(
    seed: int,
    classes: tuple[str, ...],
    condition: Condition,
    duration_s: float,
    *,
    schedule: Schedule | None = None,
    hop_s: float = 2.0,
    with_own: bool = False,
) -> Session:
    """Simulate a participant and prepare the windows that can be decoded.

    `seed` is the participant's. States of the schedule that are not in `classes` (rest) get the
    label -1; by default there are balanced blocks of 20 to 40 s. `with_own` keeps the electrodes of
    each window.
    """
    names = cap(condition.n_channels)
    flat: dict[str, Literal["flat", "noisy"]] = dict.fromkeys(
        names[::4][: condition.n_flat], "flat"
    )
    person = SimulatedParticipant(
        seed,
        names,
        SFREQ,
        classes,
        schedule or BlockSchedule(seed, classes),
        reference=condition.reference,
        gain=condition.gain,
        bad_electrodes=flat,
    )
    samples = person.generate(round(duration_s * SFREQ))
    prepared = prepare_windows(Recording(samples, SFREQ, names), hop_s=hop_s, with_own=with_own)
    ends = prepared.start_s + WINDOW_S
    starts = np.array([t.sample for t in person.transitions(0, samples.shape[1])]) / SFREQ
    return Session(
        windows=prepared.windows,
        end_s=ends,
        label=np.array([_label(person, classes, end) for end in ends]),
        segment=np.searchsorted(starts, ends - 1e-6) - 1,
        hop_s=hop_s,
        own=prepared.own,
    )


def _label(person: SimulatedParticipant, classes: tuple[str, ...], end_s: float) -> int:
    """Return the state of a whole window and a second before it, -1 when it changes."""
    first = max(0, round((end_s - WINDOW_S - SETTLED_S) * SFREQ))
    last = round(end_s * SFREQ) - 1
    changes = person.transitions(first + 1, last + 1)
    state = person.state_at(last)
    same = all(change.state == state for change in changes) and person.state_at(first) == state
    return classes.index(state) if same and state in classes else -1


def _clip(state: str, number: int) -> Stimulus:
    return Stimulus(state, list(EMOTIONS).index(state) * 1000 + number)
