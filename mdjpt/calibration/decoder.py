"""A bundle, an alignment and a person's head at work together: window in, probabilities out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.stages import build_alignment
from mdjpt.calibration.confidence import ABOVE_CHANCE, softmax
from mdjpt.calibration.novelty import known_novelty_limit
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.alignment.aligner import Gauge
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.heads import PersonalHead
    from mdjpt.calibration.profile import Profile

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = ["EmotionModel", "Estimate"]


class Estimate(NamedTuple):
    """What the model makes of one window.

    Attributes
    ----------
    feature : ndarray of float32, shape (512,)
        The encoder's, not standardised.
    probabilities : ndarray of float64, shape (n_classes,), or None
        None without a head. All equal for a window like nothing that was seen before.
    novelty : float
        Distance from what the head was trained on, before any alignment of the features; about 1
        for familiar windows.
    """

    feature: Float32
    probabilities: Float64 | None
    novelty: float


class EmotionModel:
    """Decodes the windows of one stream in order, and learns the stream. One thread feeds it.

    With a profile, the person's head, confidence and threshold take the place of the bundle's. The
    aligners go on from the calibration, frozen: its statistics cover all classes, which no running
    session promises.

    Parameters
    ----------
    bundle : Bundle
        The model.
    alignment : AlignmentConfig, optional
        How the stream is aligned; by default as in the profile's calibration, else not at all.
    profile : Profile, optional
        Of the person, made for this bundle.
    keep_learning : bool
        Let the aligners of a profile go on learning.
    input_reference : ndarray of float, shape (60, 60), optional
        For the alignment of the input's covariance.
    novelty_limit : float, optional
        Novelty above which a window is neither labelled nor learned from; the profile's, or
        the bundle's (:func:`mdjpt.calibration.novelty.known_novelty_limit`).

    Raises
    ------
    ProfileError
        When the profile was made for another bundle or does not fit it.
    ModelError
        When the bundle lacks what the alignment needs.
    """

    def __init__(
        self,
        bundle: Bundle,
        alignment: AlignmentConfig | None = None,
        profile: Profile | None = None,
        *,
        keep_learning: bool = False,
        input_reference: NDArray[Any] | None = None,
        novelty_limit: float | None = None,
    ) -> None:
        if profile is not None:
            profile.require_model(bundle)
        personal = None if profile is None else profile.current
        self._bundle, self._profile = bundle, profile
        self._personal = personal
        self._head: PersonalHead | None = bundle.head if personal is None else personal.head
        self.class_names = self._class_names()
        config = alignment or (AlignmentConfig() if personal is None else personal.alignment)
        stats = None if personal is None else (personal.feature_mean, personal.feature_var)
        state = {} if personal is None else personal.alignment_state
        if input_reference is None:
            input_reference = state.get("input.reference")
        self._alignment_kind = config.kind
        self.alignment = build_alignment(
            config,
            bundle,
            n_classes=max(1, len(self.class_names)),
            feature_stats=stats,
            input_reference=input_reference,
        )
        if personal is not None:
            self._take_over(config, keep_learning=keep_learning)
        self._encoder = AlignedEncoder(bundle, self.alignment)
        self.novelty_limit = self._known_limit() if novelty_limit is None else novelty_limit
        self._familiar = False

    @property
    def temperature(self) -> float:
        """Divides the logits before the softmax."""
        source = self._bundle if self._personal is None else self._personal
        return float(source.temperature)

    @property
    def abstain_below(self) -> float:
        """Confidence below which the answer is "unsure"."""
        source = self._bundle if self._personal is None else self._personal
        # What is equally likely is never a label, whatever the threshold.
        chance = 1.0 / len(self.class_names) if self.class_names else 0.0
        return max(float(source.abstain_below), chance + ABOVE_CHANCE)

    @property
    def simulated(self) -> bool:
        """True when model or person is simulated."""
        return self._bundle.simulated or (self._profile is not None and self._profile.simulated)

    @property
    def alignment_kind(self) -> str:
        """Which alignment is at work."""
        return self._alignment_kind

    @property
    def gauge(self) -> Gauge:
        """How far the alignment has come."""
        return self.alignment.gauge

    def estimate(self, window: Float32) -> Estimate:
        """Decode the stream's next window.

        Parameters
        ----------
        window : ndarray of float32, shape (60, 625)
            Output of the preprocessor.
        """
        feature = self._encoder.encode_next(window)
        far = self.alignment.features.novelty(feature)
        self._familiar = far <= self.novelty_limit
        if self._head is None:
            return Estimate(feature, None, far)
        if far > self.novelty_limit:
            n = self._head.n_classes
            return Estimate(feature, np.full(n, 1.0 / n), far)
        logits = self._head.logits(self.alignment.features.transform(feature)[None])
        return Estimate(feature, softmax(logits, self.temperature)[0], far)

    def learn(self, weight_s: float, probabilities: Float64 | None = None) -> None:
        """Fit the aligners to the newest window; call it once the window is answered.

        Without effect for a window that is like nothing the model knows.

        Parameters
        ----------
        weight_s : float
            Seconds of signal that no earlier window held.
        probabilities : ndarray of float64, shape (n_classes,), optional
            The answer as it was shown.
        """
        if self._familiar:
            self._encoder.learn(weight_s, probabilities)

    def affect(self, feature: Float32) -> dict[str, float]:
        """Return the person's valence and arousal of the newest feature [512], if they can be told.

        Empty for a window that is like nothing the model knows.
        """
        if self._personal is None or self._personal.affect is None or not self._familiar:
            return {}
        head = self._personal.affect
        values = head.predict(self.alignment.features.transform(feature)[None])[0]
        return dict(zip(head.names, values.tolist(), strict=True))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what the aligners have learned, as plain arrays."""
        return self.alignment.state_dict()

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another instance stopped; ValueError when the state does not fit."""
        self.alignment.load_state_dict(state)

    def _class_names(self) -> tuple[str, ...]:
        if self._personal is not None:
            return self._personal.class_names
        return self._bundle.class_names if self._head is not None else ()

    def _known_limit(self) -> float:
        if self._personal is not None:
            return self._personal.novelty_limit
        return known_novelty_limit(self._bundle)

    def _take_over(self, config: AlignmentConfig, *, keep_learning: bool) -> None:
        assert self._personal is not None
        personal = self._personal
        if personal.head.n_features != self._bundle.config.n_maps:
            raise ProfileError("the profile has another number of features: calibrate again")
        if config == personal.alignment and personal.alignment_state:
            state = self.alignment.features.state_dict()
            own = {f"features.{name}": array for name, array in state.items()}
            try:
                self.alignment.load_state_dict(personal.alignment_state | own)
            except ValueError as error:
                raise ProfileError(f"unusable profile: {error}; calibrate again") from None
        if not keep_learning:
            self.alignment.freeze()
