"""From a prepared window to class probabilities: encoder, standardisation, head, smoother."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.confidence import SMOOTHING_S
from mdjpt.calibration.decoder import EmotionModel
from mdjpt.signal.filters import N_TIMES, WINDOW_S
from mdjpt.signal.montage import STANDARD_CHANNELS
from streaming.snapshot import AlignmentStatus, ModelCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.alignment import AlignmentConfig
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.profile import Profile

__all__ = ["Decoded", "Decoder", "Smoother", "model_card"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Answer of the decoder for one window.

    Attributes
    ----------
    feature : ndarray of float32, shape (512,)
        The encoder's feature.
    probabilities : dict of str to float
        Smoothed class probabilities, empty for a bundle without a head.
    affect : dict of str to float
        Smoothed valence and arousal, those that the person's profile can tell.
    """

    feature: NDArray[np.float32]
    probabilities: dict[str, float]
    affect: dict[str, float] = field(default_factory=dict)


class Smoother:
    """Causal exponential smoothing of probabilities, or of ratings.

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
    alignment : AlignmentConfig, optional
        How the stream is aligned; by default as the profile was made, else not at all.
    profile : Profile, optional
        Of the person.
    """

    def __init__(
        self,
        bundle: Bundle,
        hop_s: float,
        alignment: AlignmentConfig | None = None,
        profile: Profile | None = None,
    ) -> None:
        self._model = EmotionModel(bundle, alignment, profile)
        self._hop_s = hop_s
        self._smoother, self._affect_smoother = Smoother(hop_s), Smoother(hop_s)
        self._last_index: int | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes of the head; empty for a bundle without one."""
        return self._model.class_names

    @property
    def abstain_below(self) -> float:
        """Confidence below which the answer is "unsure"."""
        return self._model.abstain_below

    @property
    def simulated(self) -> bool:
        """True when the model or the person was simulated."""
        return self._model.simulated

    def decode(self, window: NDArray[np.float32], index: int) -> Decoded:
        """Decode one window, then let the alignment learn from it.

        Parameters
        ----------
        window : ndarray of float32, shape (60, 625)
            Output of the preprocessor.
        index : int
            Its number, so that the smoother knows how many hops have passed.
        """
        feature, probabilities, _ = self._model.estimate(window)
        ratings = self._model.affect(feature)
        passed = 1 if self._last_index is None else max(1, index - self._last_index)
        self._last_index = index
        weight_s = min(passed * self._hop_s, WINDOW_S)
        if probabilities is None:
            self._model.learn(weight_s)
            return Decoded(feature, {})
        smoothed = self._smoother(probabilities, passed)
        affect = self._smoothed_affect(ratings, passed)
        self._model.learn(weight_s, smoothed)
        return Decoded(feature, dict(zip(self.class_names, smoothed.tolist(), strict=True)), affect)

    def _smoothed_affect(self, ratings: dict[str, float], passed: int) -> dict[str, float]:
        if not ratings:
            return {}
        values = self._affect_smoother(np.array(list(ratings.values())), passed)
        return dict(zip(ratings, values.tolist(), strict=True))

    def warm_up(self) -> None:
        """Decode an empty window, so that the first real one finds everything in place."""
        self._model.estimate(np.zeros((len(STANDARD_CHANNELS), N_TIMES), dtype=np.float32))

    def reset(self) -> None:
        """Forget the windows seen so far; what the alignment has learned is kept."""
        self._smoother.reset()
        self._affect_smoother.reset()
        self._last_index = None

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what the alignment has learned, for the session's file."""
        return self._model.state_dict()

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Let the alignment go on where another decoder's stopped; ValueError if it cannot."""
        self._model.load_state_dict(state)

    def alignment_status(self) -> AlignmentStatus:
        """Return how far the alignment has come."""
        gauge = self._model.gauge
        return AlignmentStatus(
            kind=self._model.alignment_kind,
            effective_s=gauge.effective_windows * WINDOW_S,
            prior_share=gauge.prior_share,
            converged=gauge.converged,
            frozen=gauge.frozen,
        )


def model_card(bundle: Bundle, name: str, class_names: tuple[str, ...]) -> ModelCard:
    """Return what the user must know of `bundle`.

    Parameters
    ----------
    bundle : Bundle
        The model.
    name : str
        What to call it on screen.
    class_names : tuple of str
        Classes that the decoder answers with, a profile's or the bundle's.
    """
    return ModelCard(
        name=name,
        variant=bundle.variant,
        class_names=class_names,
        simulated=bundle.simulated,
        normalisation="window" if bundle.row_stats is None else "row statistics",
        licence=str(bundle.metadata.get("licence", "")),
        sha256=bundle.sha256,
    )
