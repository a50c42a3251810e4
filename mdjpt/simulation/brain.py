"""Brain activity at the electrodes: aperiodic background and rhythms.

Background: 240 dipoles all over the cortex with independent noise of power spectrum 1/f^exponent
above 0.2 Hz (a cascade of pole-zero pairs, two a decade; Keshner, Proc IEEE 70:212-218, 1982).
Volume conduction alone makes neighbouring electrodes alike.

Rhythms: dipoles under named electrodes, driven by white noise through a two-pole resonator, so
that they wax and wane; dipoles of a group share a part of their noise. Each group's amplitude is
multiplied by ``exp(2 (1 - difficulty) W z(t) + 0.2 n(t))`` with the latent emotion z, the person's
coupling W (:mod:`mdjpt.simulation.emotion`) and a drift of vigilance n(t) of 0.003 to 0.1 Hz, unit
variance, that has nothing to do with emotion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import sosfilt, sosfreqz, zpk2sos

from mdjpt.simulation.emotion import SlowProcess
from mdjpt.simulation.volume_conductor import electrode_vectors, three_shell_lead_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.simulation.traits import Traits

__all__ = ["RHYTHMS", "Background", "Rhythm", "Rhythms", "background_sos", "resonator_sos"]

_N_BACKGROUND = 240
# Aperiodic power at 10 Hz of one dipole at the scalp above it; gives about 9 microvolts in all.
_BACKGROUND_PSD_10HZ = 0.11
_VIGILANCE_STD = 0.2


@dataclass(frozen=True)
class Rhythm:
    """A group of oscillating dipoles."""

    name: str
    """Key of :data:`mdjpt.simulation.emotion.COUPLING`."""
    anchors: tuple[str, ...]
    """Electrodes under which the dipoles lie."""
    peak: str
    """Attribute of :class:`~mdjpt.simulation.traits.Traits` with the peak frequency."""
    bandwidth_hz: float
    """Full width at half power of the resonator."""
    amplitude_uv: float
    """Standard deviation of one dipole at the scalp above it."""
    shared: float
    """Part of the variance that is common to the group, 0 to 1."""


_TEMPORAL = ("T7", "T8", "FT7", "FT8", "TP7", "TP8")
RHYTHMS = (
    Rhythm("frontal midline theta", ("FZ", "FCZ"), "theta_hz", 1.5, 4.0, 0.8),
    Rhythm("posterior alpha", ("O1", "OZ", "O2", "PO3", "PO4", "PZ"), "alpha_hz", 1.2, 8.0, 0.5),
    Rhythm("left frontal alpha", ("F3", "AF3", "F5"), "alpha_hz", 1.6, 3.0, 0.6),
    Rhythm("right frontal alpha", ("F4", "AF4", "F6"), "alpha_hz", 1.6, 3.0, 0.6),
    Rhythm("central mu", ("C3", "C4"), "alpha_hz", 1.6, 4.5, 0.3),
    Rhythm("central beta", ("C3", "CZ", "C4"), "beta_hz", 6.0, 2.2, 0.2),
    Rhythm("temporal beta", _TEMPORAL, "beta_hz", 8.0, 2.5, 0.2),
    Rhythm("temporal gamma", _TEMPORAL, "gamma_hz", 12.0, 1.8, 0.2),
    Rhythm("prefrontal gamma", ("FP1", "FPZ", "FP2", "AF3", "AF4"), "gamma_hz", 12.0, 1.6, 0.2),
)


def background_sos(exponent: float, sfreq: float) -> NDArray[np.float64]:
    """Return the filter that turns white noise of unit variance into 1/f^exponent noise.

    It has shape (n_sections, 6). The exponent of the power spectrum is 0 to 2; the one-sided power
    density is 1 per Hz at 10 Hz, whatever the rate in Hz.
    """
    poles_hz = 0.2 * 10 ** (np.arange(8) / 2)
    poles_hz = poles_hz[poles_hz < 0.45 * sfreq]
    zeros_hz = poles_hz * 10 ** (exponent / 4)
    poles, zeros = (np.exp(-2 * np.pi * f / sfreq) for f in (poles_hz, zeros_hz))
    sos = zpk2sos(zeros, poles, 1.0)
    _, response = sosfreqz(sos, [10.0], fs=sfreq)
    sos[0, :3] /= np.abs(response[0]) * np.sqrt(2 / sfreq)
    return np.asarray(sos, dtype=np.float64)


def resonator_sos(peak_hz: float, bandwidth_hz: float, sfreq: float) -> NDArray[np.float64]:
    """Return a two-pole resonator that gives white noise of unit variance unit variance again.

    It has shape (1, 6). Its centre and its full width at half power are in Hz; its zeros are at 0
    Hz and at half the sampling rate.
    """
    pole = np.exp((-np.pi * bandwidth_hz + 2j * np.pi * peak_hz) / sfreq)
    sos = np.array([[1.0, 0.0, -1.0, 1.0, -2 * pole.real, abs(pole) ** 2]])
    impulse = np.zeros(int(8 * sfreq / bandwidth_hz))
    impulse[0] = 1.0
    sos[0, :3] /= np.linalg.norm(sosfilt(sos, impulse))
    return sos


class Background:
    """The aperiodic part of the EEG, block after block.

    `rng` places the person's dipoles; electrodes are unit vectors, shape (n_channels, 3).
    """

    def __init__(
        self,
        rng: np.random.Generator,
        traits: Traits,
        electrodes: NDArray[np.float64],
        sfreq: float,
    ) -> None:
        directions = _cortex(rng, _N_BACKGROUND)
        depth = rng.uniform(0.55, 0.83, _N_BACKGROUND)[:, None]
        moments = _unit(directions + 0.7 * rng.standard_normal(directions.shape))
        # Slightly uneven strengths keep the field from being the same for everybody.
        scale = np.exp(0.3 * rng.standard_normal(_N_BACKGROUND)) * traits.gain
        field = three_shell_lead_field(electrodes, directions * depth, moments, traits.skull_ratio)
        self.field = (field * scale * np.sqrt(_BACKGROUND_PSD_10HZ)).astype(np.float32)
        self._sos = background_sos(traits.exponent, sfreq)
        self._state = np.zeros((len(self._sos), _N_BACKGROUND, 2))

    def next_block(self, rng: np.random.Generator, n_times: int) -> NDArray[np.float32]:
        """Return the next samples at the electrodes, shape (n_channels, n_times), microvolts."""
        noise = rng.standard_normal((_N_BACKGROUND, n_times), dtype=np.float32)
        course, self._state = sosfilt(self._sos, noise, zi=self._state)
        return np.asarray(self.field @ course.astype(np.float32))


class Rhythms:
    """All oscillating dipoles of one person, block after block.

    `rng` places the person's dipoles, `day` draws the drift of vigilance; electrodes are unit
    vectors, shape (n_channels, 3); `effect` is the factor of the emotion's influence.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        day: np.random.Generator,
        traits: Traits,
        electrodes: NDArray[np.float64],
        sfreq: float,
        effect: float,
    ) -> None:
        self._coupling = effect * traits.coupling
        self._vigilance = SlowProcess(day, len(RHYTHMS), (0.003, 0.1))
        self._sizes = [len(rhythm.anchors) for rhythm in RHYTHMS]
        self._sos = [
            resonator_sos(getattr(traits, rhythm.peak), rhythm.bandwidth_hz, sfreq)
            for rhythm in RHYTHMS
        ]
        self._state = [np.zeros((1, size, 2)) for size in self._sizes]
        fields = [
            _anchored_field(rng, rhythm, traits, electrodes) * gain
            for rhythm, gain in zip(RHYTHMS, traits.rhythm_gain * traits.gain, strict=True)
        ]
        self.field = np.concatenate(fields, axis=1).astype(np.float32)

    def next_block(
        self,
        rng: np.random.Generator,
        times_s: NDArray[np.float64],
        latents: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return the next samples at the electrodes, shape (n_channels, n_times), microvolts.

        `times_s` has shape (n_times,), `latents`, the emotion, (3, n_times); `rng` draws the noise.
        """
        gains = np.exp(self._coupling @ latents + _VIGILANCE_STD * self._vigilance(times_s))
        courses = []
        for index, (rhythm, gain) in enumerate(zip(RHYTHMS, gains, strict=True)):
            size = self._sizes[index]
            noise = rng.standard_normal((size + 1, times_s.size), dtype=np.float32)
            mixed = np.sqrt(rhythm.shared) * noise[0] + np.sqrt(1 - rhythm.shared) * noise[1:]
            course, self._state[index] = sosfilt(self._sos[index], mixed, zi=self._state[index])
            courses.append((course * gain).astype(np.float32))
        return np.asarray(self.field @ np.concatenate(courses))


def _anchored_field(
    rng: np.random.Generator, rhythm: Rhythm, traits: Traits, electrodes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lead field of a group of jittered dipoles, shape (n_channels, n_dipoles)."""
    anchors = electrode_vectors(rhythm.anchors)
    directions = _unit(anchors + 0.06 * rng.standard_normal(anchors.shape)) @ traits.rotation.T
    depth = traits.depth * rng.uniform(0.70, 0.80, (len(anchors), 1))
    moments = _unit(directions + 0.25 * rng.standard_normal(anchors.shape))
    field = three_shell_lead_field(electrodes, directions * depth, moments, traits.skull_ratio)
    return field * rhythm.amplitude_uv


def _cortex(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return `n` directions spread over the sphere above the level of the ears, shape (n, 3)."""
    directions = _unit(rng.standard_normal((3 * n, 3)))
    return directions[directions[:, 2] > -0.35][:n]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
