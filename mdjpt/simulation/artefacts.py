"""What is not brain: eyes, muscles, drift, electrode pops, mains hum, bad electrodes.

==========  =======================================================  ==========================
artefact    model                                                    typical size, microvolts
==========  =======================================================  ==========================
blinks      Poisson, about 14 a minute; two dipoles at the eyes,     130 at the forehead
            pointing up and forward
saccades    Poisson, 10 a minute; dipoles at the eyes, sideways      20 at F7/F8, opposite signs
muscle      noise above 20 Hz under T7 T8 FT7 FT8 FP1 FP2:           1 standing, 12 in a burst
            standing tension and 3 bursts a minute of 0.3 to 2 s
drift       sums of sinusoids of 0.01 to 0.3 Hz, each electrode      15
pops        Poisson, 0.5 a minute; one electrode, decays in 0.5 s    70
mains       sinusoid, another amplitude at each electrode            0 unless asked for
sensor      white noise, each electrode                              0.5
==========  =======================================================  ==========================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import butter, sosfilt

from mdjpt.simulation.emotion import SlowProcess
from mdjpt.simulation.events import (
    EventTrain,
    blink_kernel,
    burst_kernel,
    pop_kernel,
    saccade_kernel,
)
from mdjpt.simulation.volume_conductor import electrode_vectors, homogeneous_lead_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.simulation.traits import Traits

__all__ = ["ArtefactLevels", "Contaminants", "Electronics"]

_BLINKS, _SACCADES, _BURSTS, _POPS, _BAD = 11, 12, 13, 14, 15
_MUSCLE_SITES = ("T7", "T8", "FT7", "FT8", "FP1", "FP2")
# The forehead is less tense than the jaw.
_MUSCLE_WEIGHTS = (1.0, 1.0, 0.8, 0.8, 0.5, 0.5)
_BURST_UV = 12.0
_POP_UV = 60.0
_POP_REACH_S = 5.0


@dataclass(frozen=True)
class ArtefactLevels:
    """Factors of the typical size (drift, mains, sensor) or rate (events) of each artefact."""

    # Factor of the rate; 0 switches off.
    blinks: float = 1.0
    saccades: float = 1.0
    bursts: float = 1.0
    pops: float = 1.0
    muscle: float = 1.0
    """Factor of the standing tension."""
    # Factor of the amplitude.
    drift: float = 1.0
    sensor: float = 1.0
    mains_uv: float = 0.0
    """Mean amplitude of the mains hum, microvolts."""
    mains_hz: float = 50.0
    """50 or 60."""

    @classmethod
    def none(cls) -> ArtefactLevels:
        """Return levels that leave the brain alone."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Contaminants:
    """Eyes and muscles: artefacts of the body, with a topography of their own.

    The seed is the participant's and day's; `rng` draws small individual shifts of the eyes, `day`
    the slow course of the muscles' tension. Electrodes are unit vectors, shape (n_channels, 3).
    """

    def __init__(
        self,
        seed: tuple[int, ...],
        rng: np.random.Generator,
        day: np.random.Generator,
        traits: Traits,
        electrodes: NDArray[np.float64],
        sfreq: float,
        levels: ArtefactLevels,
    ) -> None:
        self._blinks = EventTrain((*seed, _BLINKS), traits.blinks_per_min * levels.blinks)
        self._saccades = EventTrain((*seed, _SACCADES), 10.0 * levels.saccades)
        self._bursts = [
            EventTrain((*seed, _BURSTS, site), 1.5 * weight * levels.bursts)
            for site, weight in enumerate(_MUSCLE_WEIGHTS)
        ]
        self._tension = traits.muscle_uv * levels.muscle * np.array(_MUSCLE_WEIGHTS)
        self._tension_drift = SlowProcess(day, len(_MUSCLE_SITES), (0.005, 0.1))
        self.field = np.concatenate(
            [_eye_fields(rng, traits, electrodes), _muscle_field(traits, electrodes)], axis=1
        ).astype(np.float32)
        high = min(150.0, 0.45 * sfreq)
        self._sos = butter(2, (20.0, high), "bandpass", fs=sfreq, output="sos")
        # White noise of unit variance keeps the share of the band.
        self._muscle_scale = 1 / np.sqrt(2 * (high - 20.0) / sfreq)
        self._state = np.zeros((len(self._sos), len(_MUSCLE_SITES), 2))

    def next_block(
        self, rng: np.random.Generator, times_s: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return the next samples at the electrodes, shape (n_channels, n_times), microvolts."""
        noise = rng.standard_normal((len(_MUSCLE_SITES), times_s.size), dtype=np.float32)
        muscle, self._state = sosfilt(self._sos, noise, zi=self._state)
        tension = self._tension[:, None] * np.exp(0.3 * self._tension_drift(times_s))
        bursts = [train.render(times_s, burst_kernel, 2.1) for train in self._bursts]
        courses = np.concatenate(
            [
                self._blinks.render(times_s, blink_kernel, 0.4)[None],
                self._saccades.render(times_s, saccade_kernel, 2.1)[None],
                muscle * self._muscle_scale * (tension + _BURST_UV * np.stack(bursts)),
            ]
        )
        return self.field @ courses.astype(np.float32)


class Electronics:
    """Electrodes and amplifier: drift, pops, hum, sensor noise, bad electrodes.

    The seed is the participant's and day's; `rng` draws drifts and hum of each electrode.
    `noise_uv` is the standard deviation of the sensor noise, microvolts; `bad` names electrodes
    (rows) that are "flat" or "noisy".
    """

    def __init__(
        self,
        seed: tuple[int, ...],
        rng: np.random.Generator,
        n_channels: int,
        noise_uv: float,
        levels: ArtefactLevels,
        bad: Mapping[int, str],
    ) -> None:
        self._n = n_channels
        self._drift = SlowProcess(rng, n_channels, (0.01, 0.3))
        self._drift_uv = 15.0 * levels.drift
        self._pops = EventTrain((*seed, _POPS), 0.5 * levels.pops)
        hum = levels.mains_uv * np.exp(0.5 * rng.standard_normal(n_channels))
        self._hum = hum[:, None] * np.exp(1j * 0.3 * rng.standard_normal((n_channels, 1)))
        self._hum_hz = levels.mains_hz
        self._noise_uv = np.float32(noise_uv * levels.sensor)
        self._bad = bad

    def next_block(
        self, rng: np.random.Generator, times_s: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return the next samples of good electrodes, shape (n_channels, n_times), microvolts."""
        out = self._noise_uv * rng.standard_normal((self._n, times_s.size), dtype=np.float32)
        out += (self._drift_uv * self._drift(times_s)).astype(np.float32)
        for event in self._pops.near(times_s[0], times_s[-1], _POP_REACH_S):
            stop_s = event.time_s + _POP_REACH_S
            first, last = np.searchsorted(times_s, (event.time_s, stop_s))
            pop = pop_kernel(times_s[first:last] - event.time_s, event)
            out[int(event.place * self._n), first:last] += (_POP_UV * pop).astype(np.float32)
        if self._hum.any():
            wave = np.exp(2j * np.pi * self._hum_hz * times_s)
            out += (self._hum * wave).real.astype(np.float32)
        return out

    def spoil(self, samples: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Overwrite the bad electrodes in place."""
        for row, kind in self._bad.items():
            noise = rng.standard_normal(samples.shape[1], dtype=np.float32)
            samples[row] = 0.0 if kind == "flat" else 0.1 * samples[row] + 150.0 * noise


def _eye_fields(
    rng: np.random.Generator, traits: Traits, electrodes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the fields of a blink (130 microvolts) and a glance (20), shape (n_channels, 2)."""
    eyes = np.array([[-0.30, 0.83, -0.22], [0.30, 0.83, -0.22]])
    eyes += 0.01 * rng.standard_normal(eyes.shape)
    size = np.exp(0.2 * rng.standard_normal(2))
    reference = electrode_vectors(("FP1", "FP2", "F7", "F8"))
    fields = []
    for direction, peak_uv, sites in (
        ((0.0, 0.5, 0.87), 130.0 * size[0], reference[:2]),
        ((1.0, 0.0, 0.0), 20.0 * size[1], reference[2:]),
    ):
        moments = np.tile(direction, (2, 1))
        unit = np.abs(homogeneous_lead_field(sites, eyes, moments).sum(axis=1)).mean()
        turned = homogeneous_lead_field(
            electrodes, eyes @ traits.rotation.T, moments @ traits.rotation.T
        )
        fields.append(turned.sum(axis=1) * peak_uv / unit)
    return np.stack(fields, axis=1)


def _muscle_field(traits: Traits, electrodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the fields of a shallow, mainly tangential dipole a muscle, shape (n_channels, 6)."""
    sites = electrode_vectors(_MUSCLE_SITES) @ traits.rotation.T
    down = np.array([0.0, 0.0, -1.0])
    return homogeneous_lead_field(electrodes, 0.88 * sites, sites + 0.5 * down)
