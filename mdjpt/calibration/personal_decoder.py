"""What one calibration has learned of one person."""

from __future__ import annotations

from dataclasses import field, fields
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.moments import VARIANCE_EPS
from mdjpt.calibration.affect import AffectAbout, AffectHead
from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.coverage import Coverage
from mdjpt.calibration.evidence import Evidence
from mdjpt.calibration.families.windows import OwnWindows
from mdjpt.calibration.pooled_decoder import PooledDecoder
from mdjpt.errors import ProfileError
from mdjpt.guard.schema import STRICT, Unchecked
from mdjpt.signal.filters import N_TIMES
from mdjpt.signal.window import MIN_GOOD_SHARE, OwnElectrodes

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["PersonalDecoder", "VersionAbout", "standardised"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class VersionAbout:
    """One calibration, all but the arrays: as it stands in the JSON of a profile.

    Attributes
    ----------
    class_names : tuple of str
        The person's classes, in the order of the logits.
    ch_names : tuple of str
        The electrodes of the calibration, in their order, as people write them; empty where only
        the encoder's features were known.
    families : tuple of str
        Feature families that were pooled.
    coverage : Coverage
        From which confidence on an answer is shown, and how often held-out ones were right.
    smoothing_s : float
        Time constant of the smoothing of log-odds, seconds.
    evidence : Evidence
        How good it was on held-out trials.
    affect : AffectAbout or None
        Valence and arousal, where they could be predicted.
    alignment : AlignmentConfig
        Aligners that were at work in the stages before the head.
    compared : tuple of (str, float)
        Each family by itself: share of the held-out trials that it has right.
    notes : tuple of str
        One-line remarks for the user.
    created : str
        Date, ISO 8601.
    unproven : bool
        True when it is used although its calibration could not tell whether it is any good.
    simulated : bool
        True when the person was simulated: every prediction says so.
    """

    class_names: tuple[str, ...]
    ch_names: Annotated[tuple[str, ...], Field(max_length=1024)] = ()
    families: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)]
    coverage: Coverage
    smoothing_s: Annotated[float, Field(ge=0, le=60)]
    evidence: Evidence
    affect: AffectAbout | None = None
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    compared: tuple[tuple[str, Annotated[float, Field(ge=-1e9, le=1e9)]], ...] = ()
    notes: tuple[str, ...] = ()
    created: str = ""
    unproven: bool = False
    simulated: bool = False

    @property
    def abstain_below(self) -> float:
        """Confidence below which the answer is "unsure"."""
        return self.coverage.threshold


@dataclass(frozen=True, eq=False, kw_only=True, config=STRICT)
class PersonalDecoder(VersionAbout):
    """What was learned of one person in one calibration.

    Attributes
    ----------
    affect : AffectHead or None
        Valence and arousal, where they could be predicted.
    pool : PooledDecoder
        From windows to logits.
    feature_mean, feature_var : ndarray of float64, shape (n_features,)
        Of the encoder over the calibration, each class with the same weight: what valence and
        arousal standardise features by.
    alignment_state : dict of str to ndarray
        What the aligners had learned; of stages before the features only.

    Raises
    ------
    ValueError
        When a field is out of its range or the arrays do not fit each other.

    See Also
    --------
    mdjpt.train_personal_decoder : Makes one.
    mdjpt.EmotionDecoder : Runs one on a stream, centred on the session and smoothed.

    Examples
    --------
    >>> import mdjpt
    >>> label, trial = np.array([0, 1] * 6), np.repeat(np.arange(12), 4)
    >>> features = np.random.default_rng(0).normal(size=(48, 512)).astype(np.float32)
    >>> features[:, :9] += 2 * label[trial][:, None]
    >>> data = mdjpt.LabelledFeatures(features, trial, label, ("calm", "happy"), hop_s=0.5)
    >>> decoder = mdjpt.train_personal_decoder(data)
    >>> decoder.class_names, decoder.families
    (('calm', 'happy'), ('encoder',))
    >>> decoder.predict_proba(data.windows).shape
    (48, 2)
    """

    affect: AffectHead | None = None
    pool: Unchecked[PooledDecoder]
    feature_mean: Unchecked[Float64]
    feature_var: Unchecked[Float64]
    alignment_state: Unchecked[Arrays] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_classes, names = len(self.pool.centre), self.class_names
        if len(names) != n_classes or len(set(names)) != n_classes:
            raise ValueError(f"the decoder has {n_classes} classes, names are {len(names)}")
        if self.feature_mean.ndim != 1 or self.feature_var.shape != self.feature_mean.shape:
            shapes = f"{self.feature_mean.shape} and {self.feature_var.shape}"
            raise ValueError(f"feature_mean and feature_var do not match: {shapes}")
        if self.feature_var.min() < 0:
            raise ValueError(f"a variance of the features is {self.feature_var.min():g}")
        if self.affect is not None and self.affect.weight.shape[1] != self.n_features:
            raise ValueError("its valence and arousal do not fit its features")
        self._judge_noise()

    @property
    def n_features(self) -> int:
        """Features of the encoder that it was made for."""
        return len(self.feature_mean)

    @property
    def about(self) -> VersionAbout:
        """All but the arrays."""
        values = {f.name: getattr(self, f.name) for f in fields(VersionAbout)}
        if self.affect is not None:
            values["affect"] = AffectAbout(names=self.affect.names, agreement=self.affect.agreement)
        return VersionAbout(**values)

    def standardise(self, features: NDArray[Any]) -> Float32:
        """Return the encoder's features as valence and arousal take them, float32."""
        return standardised(features, self.feature_mean, self.feature_var).astype(np.float32)

    def windows_of(self, own: OwnElectrodes | None, feature: Float32) -> OwnWindows:
        """Return a live window as the families take it: electrodes in the calibration's order.

        Parameters
        ----------
        own : OwnElectrodes or None
            As connected now; an electrode that is not there counts as bad.
        feature : ndarray of float32, shape (n_features,)
            What the encoder made of the window.

        Raises
        ------
        ValueError
            When electrodes are needed and none are handed in.
        ProfileError
            When fewer than half of the calibration's electrodes are connected.
        """
        if not self.ch_names:
            return OwnWindows.of((), feature[None])
        if own is None:
            raise ValueError("this decoder needs the person's own electrodes beside the feature")
        if own.ch_names == self.ch_names:
            return OwnWindows.of((own,), feature[None])
        self.require_electrodes(own.ch_names)
        place = {name: k for k, name in enumerate(own.ch_names)}
        there = np.array([name in place for name in self.ch_names])
        rows = [place[name] for name in self.ch_names if name in place]
        samples = np.zeros((len(there), own.samples.shape[1]), np.float32)
        good = np.zeros(len(there), bool)
        samples[there], good[there] = own.samples[rows], own.good[rows]
        return OwnWindows.of((OwnElectrodes(samples, good, self.ch_names),), feature[None])

    def require_electrodes(self, ch_names: Collection[str]) -> None:
        """Make sure that at least half of the calibration's electrodes are connected.

        Parameters
        ----------
        ch_names : collection of str
            Those that are, as :attr:`mdjpt.signal.window.Preprocessor.own_names` has them.

        Raises
        ------
        ProfileError
            When they are fewer.
        """
        missing = [name for name in self.ch_names if name not in ch_names]
        n = len(self.ch_names)
        if n - len(missing) < MIN_GOOD_SHARE * n:
            raise ProfileError(
                f"{n - len(missing)} of the {n} electrodes of the calibration are connected "
                f"(not {', '.join(missing[:6])}{', ...' if len(missing) > 6 else ''}): connect "
                "that cap, name its electrodes with --montage, or calibrate again"
            )

    def predict_proba(self, windows: OwnWindows) -> Float64:
        """Return the probabilities (n_windows, n_classes) of windows, each by itself."""
        return softmax(self.pool.judge(windows).logits)

    def _judge_noise(self) -> None:
        """Run one window through all parts; ValueError where they do not fit each other."""
        shape = (1, len(self.ch_names), N_TIMES)
        noise = np.random.default_rng(0).normal(0.0, 10.0, shape).astype(np.float32)
        feature = np.zeros((1, self.n_features), np.float32)
        self.pool.judge(OwnWindows(noise, np.ones(shape[:2], bool), feature))


def standardised(features: NDArray[Any], mean: Float64, var: Float64) -> Float64:
    """Return features (n, n_features) as a head that was trained with these moments takes them."""
    scaled: Float64 = (features - mean) / np.sqrt(var + VARIANCE_EPS)
    return scaled
