"""What makes one simulated participant different from the next, and one day from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.simulation.emotion import COUPLING
from mdjpt.simulation.volume_conductor import random_rotation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Traits"]

_TRAITS_STREAM = 0x7A1
_DAY_STREAM = 0xDA1
_N_GROUPS = len(COUPLING)


@dataclass(frozen=True)
class Traits:
    """An individual on a given day; draw one with :meth:`draw`."""

    rotation: NDArray[np.float64]
    """Of the brain under the cap: 4 degrees rms for the person, 1.5 for the day. Shape (3, 3)."""
    skull_ratio: float
    """Conductivity of the skull over that of the brain: 1/40, log-normal 0.3. The lower, the more
    the potentials are smeared."""
    depth: float
    """Factor of every source's distance from the centre: 1, normal 0.02."""
    gain: float
    """Factor of all brain activity: log-normal 0.2, for the day 0.08."""
    alpha_hz: float
    """Individual alpha peak: normal 10 Hz, 0.8 Hz, within 8 to 12 Hz."""
    # Peaks of the other rhythms: normal 6 (0.4), 20 (1.5) and 38 (2.5) Hz.
    theta_hz: float
    beta_hz: float
    gamma_hz: float
    exponent: float
    """Of the aperiodic background's power spectrum 1/f^exponent: normal 1.2, 0.12."""
    rhythm_gain: NDArray[np.float64]
    """Factor of each group of rhythms: log-normal 0.3, for the day 0.1. Shape (9,)."""
    coupling: NDArray[np.float64]
    """The person's version of :data:`mdjpt.simulation.emotion.COUPLING`: each entry times one
    log-normal reactivity (0.25) and an own factor (0.3), plus a normal idiosyncrasy (0.1). Shape
    (9, 3)."""
    blinks_per_min: float
    """Log-normal around 14."""
    muscle_uv: float
    """Standing tension of the temporal muscles, microvolts rms: log-normal around 1.0."""
    # Size (log-normal 0.25) and delay (normal 8 ms) of the response to stimuli.
    evoked_gain: float
    evoked_delay_s: float

    @classmethod
    def draw(cls, seed: int, session: int = 0) -> Traits:
        """Return the individual `seed` on day `session`, always the same for the same arguments.

        Another day is another seat of the cap, gain and tension, the same person otherwise.
        """
        rng = np.random.default_rng([seed, _TRAITS_STREAM])
        day = np.random.default_rng([seed, _DAY_STREAM, session])

        def factor(std: float, day_std: float = 0.0) -> float:
            return float(np.exp(std * rng.standard_normal() + day_std * day.standard_normal()))

        population = np.array(list(COUPLING.values()))
        own = population * factor(0.25) * np.exp(0.3 * rng.standard_normal(population.shape))
        own += 0.1 * rng.standard_normal(population.shape)
        scatter = 0.3 * rng.standard_normal(_N_GROUPS) + 0.1 * day.standard_normal(_N_GROUPS)
        return cls(
            rotation=random_rotation(day, 1.5) @ random_rotation(rng, 4.0),
            skull_ratio=min(factor(0.3) / 40, 1.0),
            depth=1 + 0.02 * float(np.clip(rng.standard_normal(), -2, 2)),
            gain=factor(0.2, 0.08),
            alpha_hz=float(np.clip(rng.normal(10.0, 0.8), 8.0, 12.0)),
            theta_hz=float(np.clip(rng.normal(6.0, 0.4), 5.0, 7.0)),
            beta_hz=float(np.clip(rng.normal(20.0, 1.5), 16.0, 25.0)),
            gamma_hz=float(np.clip(rng.normal(38.0, 2.5), 32.0, 44.0)),
            exponent=float(np.clip(rng.normal(1.2, 0.12), 0.8, 1.6)),
            rhythm_gain=np.exp(scatter),
            coupling=own,
            blinks_per_min=14 * factor(0.3),
            muscle_uv=1.0 * factor(0.4, 0.2),
            evoked_gain=factor(0.25),
            evoked_delay_s=0.008 * float(rng.standard_normal()),
        )
