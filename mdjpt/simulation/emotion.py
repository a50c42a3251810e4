"""The latent space in which simulated emotions live, and what they do to the rhythms of the brain.

Every state is a point (valence, arousal, approach), each in [-1, 1], after the circumplex of
Russell (J Pers Soc Psychol 39:1161-1178, 1980) with the action tendency as a third axis, which
parts anger from fear. All datasets share the space, so that their label sets are comparable.

A state multiplies the amplitude of rhythm g by ``exp(2 (1 - difficulty) W[g] @ z)``. The table
:data:`COUPLING` holds the population's W:

- frontal alpha asymmetry follows approach motivation, less alpha on the active side (Davidson,
  Brain Cogn 20:125-151, 1992; Harmon-Jones and Gable, Psychophysiology 55:e12879, 2018);
- posterior alpha falls with arousal (Barry et al., Clin Neurophysiol 118:2765-2773, 2007);
- temporal beta and gamma rise with valence, prefrontal gamma falls with it (Zheng and Lu, IEEE
  Transactions on Autonomous Mental Development 7:162-175, 2015);
- frontal midline theta rises with pleasantness (Sammler et al., Psychophysiology 44:293-304, 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "COUPLING",
    "DEFAULT_CLASSES",
    "EMOTIONS",
    "N_LATENTS",
    "SlowProcess",
    "Stimulus",
    "check_classes",
    "class_set",
    "smoothstep",
]

DEFAULT_CLASSES = ("negative", "neutral", "positive")
N_LATENTS = 3

EMOTIONS: dict[str, tuple[float, float, float]] = {
    "negative": (-0.8, 0.3, -0.5),
    "neutral": (0.0, -0.5, 0.0),
    "positive": (0.8, 0.3, 0.5),
    "low valence": (-0.6, 0.1, -0.3),
    "high valence": (0.6, 0.1, 0.3),
    "low arousal": (0.0, -0.6, 0.0),
    "high arousal": (0.0, 0.6, 0.0),
    "happy": (0.8, 0.4, 0.6),
    "sad": (-0.7, -0.5, -0.5),
    "fear": (-0.7, 0.8, -0.9),
    "disgust": (-0.8, 0.3, -0.6),
    "anger": (-0.7, 0.7, 0.8),
    "surprise": (0.2, 0.9, 0.1),
    "calm": (0.5, -0.8, 0.0),
    "amusement": (0.8, 0.6, 0.3),
    "inspiration": (0.6, 0.2, 0.9),
    "joy": (0.9, 0.5, 0.6),
    "tenderness": (0.7, -0.4, 0.2),
    "rest": (0.0, -0.6, 0.0),
}

_CLASS_SETS: dict[int, tuple[str, ...]] = {
    2: ("negative", "positive"),
    3: DEFAULT_CLASSES,
    4: ("neutral", "sad", "fear", "happy"),
    5: ("disgust", "fear", "sad", "neutral", "happy"),
    6: ("happy", "disgust", "sad", "anger", "surprise", "fear"),
    7: ("happy", "neutral", "disgust", "sad", "anger", "surprise", "fear"),
    8: ("anger", "disgust", "fear", "sad", "neutral", "amusement", "joy", "tenderness"),
    9: (
        *("anger", "disgust", "fear", "sad", "neutral"),
        *("amusement", "inspiration", "joy", "tenderness"),
    ),
}

# Log amplitude per unit of (valence, arousal, approach). The directions are the literature's, the
# sizes such that band powers of 5 s tell three classes apart about as well as in SEED.
COUPLING: dict[str, tuple[float, float, float]] = {
    "frontal midline theta": (0.35, 0.15, 0.0),
    "posterior alpha": (0.0, -0.55, 0.0),
    "left frontal alpha": (0.0, -0.15, -0.40),
    "right frontal alpha": (0.0, -0.15, 0.40),
    "central mu": (0.0, 0.0, 0.0),
    "central beta": (0.0, 0.0, 0.0),
    "temporal beta": (0.40, 0.15, 0.0),
    "temporal gamma": (0.55, 0.15, 0.0),
    "prefrontal gamma": (-0.40, 0.20, 0.0),
}

_STIMULUS_STREAM = 0x571
_OFFSET_STD = 0.20
_FLUCTUATION_STD = 0.25


def class_set(n_classes: int) -> tuple[str, ...]:
    """Return a usual set of `n_classes` emotions: 3, 4, 5, 7 and 9 as in the SEEDs and FACED.

    Raises ValueError if there is none with that many.
    """
    if n_classes not in _CLASS_SETS:
        raise ValueError(f"classes must be 2 to 9, got {n_classes}")
    return _CLASS_SETS[n_classes]


def check_classes(classes: tuple[str, ...]) -> None:
    """Refuse a set of classes that the simulator does not know.

    Raises ValueError if there are not 2 to 9 different known names.
    """
    if not 2 <= len(classes) <= 9 or len(set(classes)) != len(classes):
        raise ValueError(f"classes must be 2 to 9 different names, got {', '.join(classes)}")
    unknown = [name for name in classes if name not in EMOTIONS]
    if unknown:
        raise ValueError(f"unknown class {unknown[0]!r}; known: {', '.join(EMOTIONS)}")


def smoothstep(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 3x² - 2x³ with `x` clipped to [0, 1]: a transition without a corner."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3 - 2 * x))


class SlowProcess:
    """`n` smooth random functions of time that can be evaluated anywhere: sums of sinusoids.

    Frequencies are spread evenly in log frequency over `band_hz`, so the power spectrum falls as
    1/f in the band.
    """

    def __init__(
        self, rng: np.random.Generator, n: int, band_hz: tuple[float, float], n_waves: int = 12
    ) -> None:
        low, high = np.log(band_hz)
        grid = (np.arange(n_waves) + rng.random(n_waves)) / n_waves
        self._omega = 2 * np.pi * np.exp(low + grid * (high - low))
        self._weights = rng.standard_normal((n, 2 * n_waves)) / np.sqrt(n_waves)

    def __call__(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the functions at `times_s`, shape (n, n_times), unit variance."""
        phase = self._omega[:, None] * times_s
        return np.asarray(self._weights @ np.concatenate([np.cos(phase), np.sin(phase)]))


@dataclass(frozen=True)
class Stimulus:
    """A clip: what it does to everybody who watches it."""

    state: str
    """The emotion it is meant to evoke."""
    identity: int
    """Number of the clip; the same number is the same clip for every participant."""
    strength: float = 1.0
    """Factor of everything that is the clip's own: its distance from the class's point, its course
    over time and its evoked potentials."""

    def course(self) -> tuple[NDArray[np.float64], SlowProcess]:
        """Return the clip's point in latent space (3, 1) and its fluctuation around it (3,)."""
        rng = np.random.default_rng([_STIMULUS_STREAM, self.identity, 0])
        offset = _OFFSET_STD * self.strength * rng.standard_normal(N_LATENTS)
        point = np.asarray(EMOTIONS[self.state]) + offset
        return point[:, None], SlowProcess(rng, N_LATENTS, (0.01, 0.2), n_waves=8)

    @property
    def fluctuation_std(self) -> float:
        """Standard deviation of the latents within the clip."""
        return _FLUCTUATION_STD * self.strength
