"""Evoked potentials of a clip: the same moments for everybody who watches it.

A clip has onsets (cuts, sounds) at random times, 50 a minute, that are its own. Each evokes a
visual response over the occiput and a late positive potential over the parietal cortex, which
grows with arousal (Cuthbert et al., Biol Psychol 52:95-111, 2000). Participants differ in size
and delay of their response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.simulation.events import EventTrain, evoked_kernel
from mdjpt.simulation.volume_conductor import electrode_vectors, three_shell_lead_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.simulation.schedule import EmotionalCourse
    from mdjpt.simulation.traits import Traits

__all__ = ["EvokedPotentials"]

_ONSETS_STREAM = 0x0E5
_ONSETS_PER_MIN = 50.0
_REACH_S = 0.9
_AMPLITUDE_UV = 7.5
_SITES = ("O1", "O2", "PZ", "CPZ")


class EvokedPotentials:
    """The stimulus-locked part of one participant's EEG.

    Electrodes are unit vectors, shape (n_channels, 3).
    """

    def __init__(self, traits: Traits, electrodes: NDArray[np.float64], sfreq: float) -> None:
        sites = electrode_vectors(_SITES) @ traits.rotation.T
        field = three_shell_lead_field(electrodes, 0.75 * sites, sites, traits.skull_ratio)
        both = np.stack([field[:, :2].sum(axis=1), field[:, 2:].sum(axis=1)], axis=1)
        size = _AMPLITUDE_UV * traits.evoked_gain * traits.gain
        self.field = (size * both).astype(np.float32)
        self._delay_s = traits.evoked_delay_s
        self._sfreq = sfreq
        self._trains: dict[int, EventTrain] = {}

    def block(
        self, course: EmotionalCourse, start: int, stop: int, arousal: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return samples [start, stop), shape (n_channels, stop - start), microvolts."""
        times_s = np.arange(start, stop) / self._sfreq
        potentials = np.zeros((2, stop - start))
        first = course.index_at(start - round(_REACH_S * self._sfreq))
        for index in range(first, course.index_at(stop - 1) + 1):
            shown = course.segment(index)
            if shown.stimulus.strength == 0:
                continue
            since_s = times_s - shown.start_s - self._delay_s
            until_s = course.stop_s(index) - shown.start_s
            for event in self._train(shown.stimulus.identity).near(
                since_s[0], min(since_s[-1], until_s), _REACH_S
            ):
                a, b = np.searchsorted(since_s, (event.time_s, event.time_s + _REACH_S))
                kernel = evoked_kernel(since_s[a:b] - event.time_s)
                potentials[:, a:b] += shown.stimulus.strength * np.exp(0.3 * event.size) * kernel
        potentials[1] *= np.exp(0.5 * arousal)
        return self.field @ potentials.astype(np.float32)

    def _train(self, identity: int) -> EventTrain:
        if identity not in self._trains:
            self._trains[identity] = EventTrain((_ONSETS_STREAM, identity), _ONSETS_PER_MIN)
        return self._trains[identity]
