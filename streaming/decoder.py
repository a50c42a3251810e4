"""From a prepared window to class probabilities: encoder, standardisation, head, smoother."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.montage import STANDARD_CHANNELS
from mdjpt.signal import N_TIMES
from streaming.snapshot import ModelCard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.bundle import Bundle

__all__ = ["SMOOTHING_S", "Decoded", "Decoder", "Smoother", "model_card"]

SMOOTHING_S = 3.0
"""Time constant of the probabilities' exponential smoothing, in seconds."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Answer of the decoder for one window.

    Attributes
    ----------
    feature : ndarray of float32, shape (512,)
        The encoder's feature.
    probabilities : dict of str to float
        Smoothed class probabilities, empty for a bundle without a head.
    """

    feature: NDArray[np.float32]
    probabilities: dict[str, float]


class Smoother:
    """Causal exponential smoothing of probabilities.

    Parameters
    ----------
    hop_s : float
        Seconds from one call to the next.
    time_constant_s : float
        Seconds after which an old value has faded to 1/e; 0 switches the smoothing off.
    """

    def __init__(self, hop_s: float, time_constant_s: float = SMOOTHING_S) -> None:
        self._keep = float(np.exp(-hop_s / time_constant_s)) if time_constant_s > 0 else 0.0
        self._mean: NDArray[np.float64] | None = None

    def __call__(self, probabilities: NDArray[np.float64], n_steps: int = 1) -> NDArray[np.float64]:
        """Return the smoothed probabilities after `n_steps` hops."""
        if self._mean is None:
            self._mean = probabilities
        keep = self._keep**n_steps
        self._mean = keep * self._mean + (1.0 - keep) * probabilities
        return self._mean

    def reset(self) -> None:
        """Forget the past, as after a gap."""
        self._mean = None


class Decoder:
    """Holds a bundle's encoder and head and decodes window after window.

    Parameters
    ----------
    bundle : Bundle
        The model.
    hop_s : float
        Seconds between windows, for the smoother.
    """

    def __init__(self, bundle: Bundle, hop_s: float) -> None:
        self._bundle = bundle
        self._encoder = bundle.encoder()
        self._smoother = Smoother(hop_s)
        self._last_index: int | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes of the head; empty for a bundle without one."""
        return tuple(self._bundle.class_names) if self._bundle.head is not None else ()

    @property
    def abstain_below(self) -> float:
        """Confidence below which the answer is "unsure"."""
        return float(self._bundle.abstain_below)

    @property
    def simulated(self) -> bool:
        """True when the model was trained on simulated data."""
        return bool(self._bundle.simulated)

    def decode(self, window: NDArray[np.float32], index: int) -> Decoded:
        """Decode one window.

        Parameters
        ----------
        window : ndarray of float32, shape (60, 625)
            Output of the preprocessor.
        index : int
            Its number, so that the smoother knows how many hops have passed.
        """
        feature = self._feature(window)
        if self._bundle.head is None:
            return Decoded(feature, {})
        passed = 1 if self._last_index is None else max(1, index - self._last_index)
        self._last_index = index
        smoothed = self._smoother(self._probabilities(feature), passed)
        named = zip(self.class_names, smoothed.tolist(), strict=True)
        return Decoded(feature, dict(named))

    def warm_up(self) -> None:
        """Decode an empty window, so that the first real one finds everything in place."""
        self._feature(np.zeros((len(STANDARD_CHANNELS), N_TIMES), dtype=np.float32))

    def reset(self) -> None:
        """Forget the windows seen so far."""
        self._smoother.reset()
        self._last_index = None

    def _feature(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        stats = self._bundle.row_stats
        group_size = 1 if stats is None else None
        features = self._encoder.feature(window[None], group_size, stats)
        feature: NDArray[np.float32] = features[0]
        return feature

    def _probabilities(self, feature: NDArray[np.float32]) -> NDArray[np.float64]:
        assert self._bundle.head is not None
        logits = self._bundle.head.logits(self._bundle.standardise(feature[None]))[0]
        scaled = np.asarray(logits, dtype=np.float64) / self._bundle.temperature
        weights = np.exp(scaled - scaled.max())
        probabilities: NDArray[np.float64] = weights / weights.sum()
        return probabilities


def model_card(bundle: Bundle, name: str) -> ModelCard:
    """Return what the user must know of `bundle`."""
    return ModelCard(
        name=name,
        variant=bundle.variant,
        class_names=tuple(bundle.class_names) if bundle.head is not None else (),
        simulated=bundle.simulated,
        normalisation="window" if bundle.row_stats is None else "row statistics",
        licence=str(bundle.metadata.get("licence", "")),
    )
