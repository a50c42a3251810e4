"""A simulated participant: endless EEG with a known emotional state.

The EEG is the sum of background and rhythms (:mod:`mdjpt.simulation.brain`), evoked potentials
(:mod:`~mdjpt.simulation.evoked`) and artefacts (:mod:`~mdjpt.simulation.artefacts`), seen through
the person's head (:mod:`~mdjpt.simulation.volume_conductor`, :mod:`~mdjpt.simulation.traits`),
while the emotion follows a schedule (:mod:`~mdjpt.simulation.schedule`,
:mod:`~mdjpt.simulation.emotion`).

Samples are made in blocks of one second, each with its own random numbers and with the filters'
state carried over, so they depend on the position in the stream only, never on how it is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.simulation.artefacts import ArtefactLevels, Contaminants, Electronics
from mdjpt.simulation.brain import Background, Rhythms
from mdjpt.simulation.caps import DEFAULT_CH_NAMES
from mdjpt.simulation.emotion import DEFAULT_CLASSES, EMOTIONS, Stimulus, check_classes
from mdjpt.simulation.evoked import EvokedPotentials
from mdjpt.simulation.schedule import BlockSchedule, EmotionalCourse, Schedule, Transition
from mdjpt.simulation.traits import Traits
from mdjpt.simulation.volume_conductor import electrode_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["SimulatedParticipant"]

_MIN_SFREQ = 100.0
# Long enough for the slowest pole of the background, 0.2 Hz, to forget its start.
_WARM_UP_BLOCKS = 4
# Clips have numbers of the form 1000 * state + clip; what is remembered comes behind what is shown.
_CLIPS_A_STATE, _FIRST_OCCASION = 1000, 500
_PLACES_STREAM, _DAY_STREAM, _BLOCK_STREAM, _ELECTRODE_STREAM = 1, 2, 3, 4


class SimulatedParticipant:
    """EEG of one person on one day, sample after sample.

    Parameters
    ----------
    seed : int
        The person. The same seed under another cap is the same brain.
    ch_names : sequence of str
        Electrodes: 10-05 names, A1, A2, M1, M2, CB1, CB2.
    sfreq : float
        Sampling rate in Hz, at least 100.
    classes : tuple of str
        The 2 to 9 states of the default schedule.
    schedule : Schedule or None
        Which state when; None: balanced blocks of 20 to 40 s, seeded with `seed` and `session`.
    session : int
        The day: other noise, another seat of the cap, the same person otherwise.
    difficulty : float
        0 (easiest) to 1 (the emotion leaves no trace in the EEG): the emotion's effect on the log
        amplitudes is multiplied by 2 (1 - difficulty).
    reference : str or tuple of str
        Electrode or electrodes (their mean) that potentials are measured against, "average" (of
        `ch_names`) or "infinity".
    gain : float
        Factor of everything, as of an amplifier that is off.
    noise_uv : float
        Standard deviation of the sensor noise, microvolts.
    artefacts : ArtefactLevels or None
        How much of what; None: typical.
    bad_electrodes : mapping of str to {"flat", "noisy"}
        Electrodes without contact.

    Raises
    ------
    ValueError
        If an argument is out of range or an electrode is unknown.
    """

    def __init__(
        self,
        seed: int,
        ch_names: Sequence[str] = DEFAULT_CH_NAMES,
        sfreq: float = 250.0,
        classes: tuple[str, ...] = DEFAULT_CLASSES,
        schedule: Schedule | None = None,
        *,
        session: int = 0,
        difficulty: float = 0.5,
        reference: str | tuple[str, ...] = "FCz",
        gain: float = 1.0,
        noise_uv: float = 0.5,
        artefacts: ArtefactLevels | None = None,
        bad_electrodes: Mapping[str, Literal["flat", "noisy"]] | None = None,
    ) -> None:
        _check(seed, session, sfreq, difficulty, gain)
        check_classes(classes)
        self.ch_names = tuple(ch_names)
        self.sfreq = float(sfreq)
        self.classes = classes
        self.traits = Traits.draw(seed, session)
        self._seed = (seed, session)
        self._gain = np.float32(gain)
        self._course = EmotionalCourse(
            schedule or BlockSchedule(seed * 1000 + session, classes), self.sfreq
        )
        levels = ArtefactLevels() if artefacts is None else artefacts
        bad = _bad_rows(self.ch_names, bad_electrodes or {})
        self._make_parts(reference, 2 * (1 - difficulty), levels, noise_uv, bad)
        self._n_prompts = 0
        self._block_size = round(self.sfreq)
        self._next_block = -_WARM_UP_BLOCKS
        self._block = np.empty((len(self.ch_names), 0), np.float32)
        self._used = 0
        for _ in range(_WARM_UP_BLOCKS):
            self._make_block()

    def _make_parts(
        self,
        reference: str | tuple[str, ...],
        effect: float,
        levels: ArtefactLevels,
        noise_uv: float,
        bad: Mapping[int, str],
    ) -> None:
        places = np.random.default_rng([self._seed[0], _PLACES_STREAM])
        day = np.random.default_rng([*self._seed, _DAY_STREAM])
        electrodes = electrode_vectors(self.ch_names)
        sites = np.concatenate([electrodes, _reference_vectors(reference)])
        self._background = Background(places, self.traits, sites, self.sfreq)
        self._rhythms = Rhythms(places, day, self.traits, sites, self.sfreq, effect)
        self._evoked = EvokedPotentials(self.traits, sites, self.sfreq)
        self._contaminants = Contaminants(
            self._seed, places, day, self.traits, sites, self.sfreq, levels
        )
        for part in (self._background, self._rhythms, self._evoked, self._contaminants):
            part.field = _referenced(part.field, len(electrodes), reference)
        self._electronics = Electronics(self._seed, day, len(electrodes), noise_uv, levels, bad)

    def generate(self, n_times: int) -> NDArray[np.float32]:
        """Return the next `n_times` samples, float32, shape (n_channels, n_times), microvolts.

        Whichever way the stream is cut, the samples are the same, bit for bit.
        """
        out = np.empty((len(self.ch_names), n_times), np.float32)
        filled = 0
        while filled < n_times:
            if self._used == self._block.shape[1]:
                self._make_block()
            n = min(n_times - filled, self._block.shape[1] - self._used)
            out[:, filled : filled + n] = self._block[:, self._used : self._used + n]
            filled += n
            self._used += n
        return out

    def prompt(self, state: str | None) -> None:
        """Leave the schedule: feel `state` from the next block of a second on; None goes back.

        The same prompts between the same samples give the same EEG, however the stream is cut.

        Raises ValueError if the state is unknown.
        """
        stimulus = None
        if state is not None:
            stimulus = Stimulus(state, self._occasion(state))
        self._course.prompt(self._next_block * self._block_size, stimulus)

    def _occasion(self, state: str) -> int:
        """Return a clip's number: another occasion at every prompt, but rest is always the same."""
        if state not in EMOTIONS:
            raise ValueError(f"unknown state {state!r}; known: {', '.join(EMOTIONS)}")
        first = list(EMOTIONS).index(state) * _CLIPS_A_STATE
        if state == "rest":
            return first
        self._n_prompts += 1
        return first + _FIRST_OCCASION + self._n_prompts % (_CLIPS_A_STATE - _FIRST_OCCASION)

    def state_at(self, sample: int) -> str:
        """Return the state that `sample` belongs to."""
        return self._course.segment(self._course.index_at(sample)).state

    def transitions(self, start: int, stop: int) -> list[Transition]:
        """Return the beginnings of states at samples in [start, stop); the first is at 0."""
        return self._course.between(start, stop)

    def latents(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return valence, arousal, approach of samples [start, stop), shape (3, stop - start)."""
        return self._course.latents(start, stop)

    def _make_block(self) -> None:
        start = self._next_block * self._block_size
        stop = start + self._block_size
        key = (*self._seed, _BLOCK_STREAM, self._next_block + _WARM_UP_BLOCKS)
        rng = np.random.default_rng(key)
        times_s = np.arange(start, stop) / self.sfreq
        latents = self._course.latents(start, stop)
        samples = self._background.next_block(rng, self._block_size)
        samples += self._rhythms.next_block(rng, times_s, latents)
        samples += self._evoked.block(self._course, start, stop, latents[1])
        samples += self._contaminants.next_block(rng, times_s)
        # The number of electrodes must not change what the brain does next.
        own = np.random.default_rng([*key, _ELECTRODE_STREAM])
        samples += self._electronics.next_block(own, times_s)
        self._electronics.spoil(samples, own)
        self._block = self._gain * samples
        self._used = 0
        self._next_block += 1
        if self._next_block <= 0:
            self._used = self._block_size


def _check(seed: int, session: int, sfreq: float, difficulty: float, gain: float) -> None:
    if seed < 0 or session < 0:
        raise ValueError(f"seed and session must be 0 or more, got {seed} and {session}")
    if not (np.isfinite(sfreq) and sfreq >= _MIN_SFREQ):
        raise ValueError(f"sfreq must be at least {_MIN_SFREQ:g} Hz, got {sfreq} Hz")
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty must lie between 0 and 1, got {difficulty}")
    if not gain > 0:
        raise ValueError(f"gain must be positive, got {gain}")


def _bad_rows(ch_names: tuple[str, ...], bad: Mapping[str, str]) -> dict[int, str]:
    """Return row and kind of each bad electrode."""
    for name, kind in bad.items():
        if name not in ch_names or kind not in ("flat", "noisy"):
            raise ValueError(f"bad electrode {name!r} ({kind}) must be in ch_names, flat or noisy")
    return {ch_names.index(name): kind for name, kind in bad.items()}


def _reference_vectors(reference: str | tuple[str, ...]) -> NDArray[np.float64]:
    if reference in ("average", "infinity"):
        return np.empty((0, 3))
    return electrode_vectors((reference,) if isinstance(reference, str) else reference)


def _referenced(
    field: NDArray[np.float32], n_channels: int, reference: str | tuple[str, ...]
) -> NDArray[np.float32]:
    """Return the first rows of a field against the mean of the rest, or of themselves."""
    if reference == "infinity":
        return field
    others = field[:n_channels] if reference == "average" else field[n_channels:]
    return np.asarray(field[:n_channels] - others.mean(axis=0))
