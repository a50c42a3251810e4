"""A model at work on one stream: each window is estimated, smoothed, and learned from.

Everything that decodes runs this object: the live path, calibrations, evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.stages import build_alignment
from mdjpt.calibration.confidence import ABOVE_CHANCE, softmax
from mdjpt.calibration.novelty import known_novelty_limit
from mdjpt.calibration.pooled_decoder import UNFAMILIAR
from mdjpt.calibration.session_centre import PooledStream
from mdjpt.calibration.smoothing import Smoother
from mdjpt.errors import ProfileError
from mdjpt.signal.filters import N_TIMES, WINDOW_S
from mdjpt.signal.montage import STANDARD_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from mdjpt.alignment.aligner import Gauge
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.personal_decoder import PersonalDecoder
    from mdjpt.calibration.profile import Profile
    from mdjpt.network.encoding_pool import EncodingPool
    from mdjpt.signal.window import OwnElectrodes

    Float32 = NDArray[np.float32]
    Encoding = Callable[[], Float32]
    Float64 = NDArray[np.float64]

_SESSION = "session."

__all__ = ["Decoded", "EmotionDecoder", "Estimate", "answered_logits"]


class Estimate(NamedTuple):
    """What the model makes of one window by itself.

    Attributes
    ----------
    logits : ndarray of float64, shape (n_classes,)
        Of the head, before the temperature, or of the person's families, pooled; empty without a
        head.
    probabilities : ndarray of float64, shape (n_classes,)
        All equal for a window that is not familiar; empty without a head.
    novelty : float
        Distance from what the head was trained on, before any alignment of the features, or from
        the calibration; about 1 for familiar windows.
    familiar : bool
        False for a window like nothing that was seen before: no answer, nothing to learn.
    affect : dict of str to float
        The person's valence and arousal, where they can be predicted.
    """

    logits: Float64
    probabilities: Float64
    novelty: float
    familiar: bool
    affect: dict[str, float]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Answer of the decoder for one window.

    Attributes
    ----------
    feature : ndarray of float32, shape (512,)
        The encoder's feature, not standardised.
    probabilities : dict of str to float
        Smoothed class probabilities, empty for a bundle without a head.
    affect : dict of str to float
        Smoothed valence and arousal, those that the person's profile can predict.
    estimate : Estimate or None
        What was smoothed; None where nothing was estimated.
    familiarity : float
        How much the session is like the person's calibration, from 0 to 1, see
        :attr:`~mdjpt.calibration.session_centre.PooledStream.familiarity`; 1 without a profile.
    """

    feature: Float32
    probabilities: dict[str, float]
    affect: dict[str, float] = field(default_factory=dict)
    estimate: Estimate | None = None
    familiarity: float = 1.0


class EmotionDecoder:
    """Decodes the windows of one stream in order, and learns the stream. One thread feeds it.

    With a profile, the families, confidence and threshold of the person take the place of the
    bundle's head. The aligners in the network stay as they were in the calibration, whose
    statistics cover all classes; what a session is off by is followed in the logits, see
    :class:`~mdjpt.calibration.session_centre.PooledStream`.

    Parameters
    ----------
    bundle : Bundle
        The model.
    hop_s : float
        Seconds from window to window.
    alignment : AlignmentConfig, optional
        How the stream is aligned; by default as in the profile's calibration, else not at all.
    profile : Profile, optional
        Of the person, made for this bundle.
    novelty_limit : float, optional
        Novelty above which a window is neither labelled nor learned from, without a profile; the
        bundle's by default (:func:`mdjpt.calibration.novelty.known_novelty_limit`).

    Raises
    ------
    ProfileError
        When the profile was made for another bundle or does not fit it.
    ModelError
        When the bundle lacks what the alignment needs.

    See Also
    --------
    mdjpt.extract_features : The features alone.

    Examples
    --------
    >>> import mdjpt
    >>> bundle = mdjpt.load_bundle("assets/demo.safetensors")
    >>> prepared = mdjpt.prepare_windows(
    ...     mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf"), hop_s=0.5
    ... )
    >>> decoder = mdjpt.EmotionDecoder(bundle, hop_s=0.5)
    >>> answers = [decoder.decode(window).probabilities for window in prepared.windows]
    >>> sorted(answers[0]), round(sum(answers[0].values()), 6)
    (['negative', 'neutral', 'positive'], 1.0)
    """

    def __init__(
        self,
        bundle: Bundle,
        hop_s: float,
        alignment: AlignmentConfig | None = None,
        profile: Profile | None = None,
        *,
        novelty_limit: float | None = None,
    ) -> None:
        if profile is not None:
            profile.require_model(bundle)
        personal = None if profile is None else profile.current
        source = bundle if personal is None else personal
        self._bundle, self._personal, self._hop_s = bundle, personal, hop_s
        self._head = bundle.head
        self.class_names = source.class_names
        # What is equally likely is never a label, whatever the threshold.
        chance = 1.0 / len(self.class_names) if self.class_names else 0.0
        self.abstain_below = max(float(source.abstain_below), chance + ABOVE_CHANCE)
        self.calibrated = profile is not None
        person = ("person",) if profile is not None and profile.simulated else ()
        self.simulated = ("model",) * bundle.simulated + person
        self.unproven = personal is not None and personal.unproven
        config = alignment or (AlignmentConfig() if personal is None else personal.alignment)
        self.alignment_kind = config.kind
        self.alignment = build_alignment(config, bundle, n_classes=max(1, len(self.class_names)))
        self._stream: PooledStream | None = None
        if personal is not None:
            self._take_over(personal, config)
        self.novelty_limit = known_novelty_limit(bundle) if novelty_limit is None else novelty_limit
        self._smoother, self._affect_smoother = Smoother(hop_s), Smoother(hop_s)
        self._last_index: int | None = None

    @cached_property
    def _encoder(self) -> AlignedEncoder:
        return AlignedEncoder(self._bundle, self.alignment)

    @property
    def gauge(self) -> Gauge:
        """How far the alignment has come."""
        return self.alignment.gauge

    @cached_property
    def _pool(self) -> EncodingPool:
        return self._bundle.encoding_pool()

    def begin(self, window: Float32, index: int) -> Encoding | None:  # noqa: ARG002 - see WindowDecoder
        """Start to encode a window of the stream, shape (60, 625), before its turn.

        Returns
        -------
        callable, or None
            Waits for what :meth:`decode` takes; None where the features depend on what the stream
            has taught by then.
        """
        return self._pool.submit(window).result if self.alignment.plain else None

    def decode(
        self,
        window: Float32,
        index: int | None = None,
        own: OwnElectrodes | None = None,
        encoding: Encoding | None = None,
    ) -> Decoded:
        """Decode the stream's next window, then let the alignment learn from it.

        Parameters
        ----------
        window : ndarray of float32, shape (60, 625)
            Output of the preprocessor.
        index : int, optional
            Its number, so that the smoother knows how many hops have passed; one by default.
        own : OwnElectrodes, optional
            The electrodes that it was made of, which a profile decodes too.
        encoding : callable, optional
            What :meth:`begin` has returned for this window.

        Raises
        ------
        ValueError
            When a profile decodes electrodes, and none or others are handed in.
        """
        feature = self._encoder.encode_next(window) if encoding is None else encoding()
        if self._personal is not None:
            return self._personal_answer(self._personal, feature, index, own)
        if encoding is None:
            return self._answer(feature, index, self._encoder.learn)
        return self.decode_feature(feature, index)

    def decode_feature(self, feature: Float32, index: int | None = None) -> Decoded:
        """Decode the stream's next window from its feature: encode once, replay many decoders.

        Parameters
        ----------
        feature : ndarray of float32, shape (512,)
            From the encoder, as :meth:`mdjpt.bundle.bundle.Bundle.features` gives it.
        index : int, optional
            As for :meth:`decode`.

        Raises
        ------
        ValueError
            When the alignment changes what comes before the features, or with a profile.
        """
        if self._personal is not None:
            raise ValueError("a profile decodes windows, not the encoder's features alone")
        if not self.alignment.plain:
            raise ValueError(f"{self.alignment_kind} alignment needs windows, not their features")

        def learn(weight_s: float, probabilities: Float64 | None) -> None:
            self.alignment.features.partial_fit(feature, weight_s, probabilities)

        return self._answer(feature, index, learn)

    def estimate(self, feature: Float32) -> Estimate:
        """Return what the model makes of a feature (512,) now; nothing is smoothed or learned."""
        aligner = self.alignment.features
        novelty = aligner.novelty(feature)
        familiar = novelty <= self.novelty_limit
        if self._head is None:
            return Estimate(np.empty(0), np.empty(0), novelty, familiar, {})
        standardised = aligner.transform(feature)[None]
        logits = self._head.logits(standardised)[0].astype(np.float64)
        shown = logits if familiar else np.zeros_like(logits)
        return Estimate(logits, softmax(shown, self._bundle.temperature), novelty, familiar, {})

    def warm_up(self) -> None:
        """Estimate an empty window, so that the first real one finds everything in place."""
        window = np.zeros((len(STANDARD_CHANNELS), N_TIMES), dtype=np.float32)
        feature = self._encoder.encode_next(window)
        if self._personal is None:
            self.estimate(feature)

    def require_electrodes(self, ch_names: Collection[str]) -> None:
        """Make sure that a profile can decode these electrodes; without one, any will do.

        Parameters
        ----------
        ch_names : collection of str
            As :attr:`mdjpt.signal.window.Preprocessor.own_names` has them.

        Raises
        ------
        ProfileError
            When fewer than half of the calibration's electrodes are there.
        """
        if self._personal is not None:
            self._personal.require_electrodes(ch_names)

    def reset(self) -> None:
        """Forget the windows seen so far; what the alignment has learned is kept."""
        self._smoother.reset()
        self._affect_smoother.reset()
        if self._stream is not None:
            self._stream.forget()
        self._last_index = None

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what was learned of the stream, as plain arrays."""
        state = self.alignment.state_dict()
        if self._stream is not None:
            own = self._stream.state_dict()
            state |= {f"{_SESSION}{name}": array for name, array in own.items()}
        return state

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another decoder stopped; ValueError if the state is not of such a one."""
        own = {name for name in state if name.startswith(_SESSION)}
        if self._stream is not None:
            session = {name.removeprefix(_SESSION): state[name] for name in own}
            self._stream.load_state_dict(session)
        self.alignment.load_state_dict({name: state[name] for name in state if name not in own})

    def _answer(
        self,
        feature: Float32,
        index: int | None,
        learn: Callable[[float, Float64 | None], None],
    ) -> Decoded:
        """Estimate, smooth, then learn: no answer depends on what its own window taught."""
        estimate, passed = self.estimate(feature), self._hops_to(index)
        shown = self._smoother(estimate.probabilities, passed) if self._head is not None else None
        if estimate.familiar:
            # A window holds no more that is new than its own length.
            learn(min(passed * self._hop_s, WINDOW_S), shown)
        return self._decoded(feature, shown, {}, estimate)

    def _personal_answer(
        self,
        personal: PersonalDecoder,
        feature: Float32,
        index: int | None,
        own: OwnElectrodes | None,
    ) -> Decoded:
        """Judge by what was learned of the person; the session's centre learns from the answer."""
        assert self._stream is not None
        judged = personal.pool.judge(personal.windows_of(own, feature))
        logits, trust = judged.logits[0], float(judged.trust[0])
        familiar, passed = trust >= UNFAMILIAR, self._hops_to(index)
        standardised = personal.standardise(feature[None])
        affect = self._affect(standardised) if familiar else {}
        if familiar:
            shown = self._stream.step(logits, trust, passed, WINDOW_S)
        else:
            shown = np.full(len(logits), 1.0 / len(logits))
        novelty = 1.0 / np.sqrt(max(trust, 1e-12))
        estimate = Estimate(logits, softmax(logits * familiar), novelty, familiar, affect)
        return self._decoded(feature, shown, self._smoothed_affect(affect, passed), estimate)

    def _decoded(
        self,
        feature: Float32,
        shown: Float64 | None,
        affect: dict[str, float],
        estimate: Estimate,
    ) -> Decoded:
        answers = [] if shown is None else shown.tolist()
        probabilities = dict(zip(self.class_names, answers, strict=shown is not None))
        like = 1.0 if self._stream is None else self._stream.familiarity
        return Decoded(feature, probabilities, affect, estimate, like)

    def _hops_to(self, index: int | None) -> int:
        """Return how many hops have passed since the window before."""
        if index is None:
            return 1
        passed = 1 if self._last_index is None else max(1, index - self._last_index)
        self._last_index = index
        return passed

    def _affect(self, standardised: Float32) -> dict[str, float]:
        head = None if self._personal is None else self._personal.affect
        if head is None:
            return {}
        return dict(zip(head.names, head.predict(standardised)[0].tolist(), strict=True))

    def _smoothed_affect(self, ratings: dict[str, float], passed: int) -> dict[str, float]:
        if not ratings:
            return {}
        values = self._affect_smoother(np.array(list(ratings.values())), passed)
        return dict(zip(ratings, values.tolist(), strict=True))

    def _take_over(self, personal: PersonalDecoder, config: AlignmentConfig) -> None:
        if personal.n_features != self._bundle.config.n_maps:
            raise ProfileError("the profile has another number of features: calibrate again")
        if config == personal.alignment and personal.alignment_state:
            state = self.alignment.features.state_dict()
            own = {f"features.{name}": array for name, array in state.items()}
            try:
                self.alignment.load_state_dict(personal.alignment_state | own)
            except ValueError as error:
                raise ProfileError(f"unusable profile: {error}; calibrate again") from None
        self.alignment.freeze()
        self._stream = PooledStream(personal.pool.centre, self._hop_s, personal.smoothing_s)


def answered_logits(answers: Iterable[Decoded]) -> Float64:
    """Return the logits of a stream's windows as they are answered, shape (n, n_classes).

    Equal logits for a window that is not familiar.
    """
    estimates = [answer.estimate for answer in answers if answer.estimate is not None]
    return np.stack([estimate.logits * estimate.familiar for estimate in estimates])
