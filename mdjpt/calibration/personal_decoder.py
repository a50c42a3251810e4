"""What one calibration has learned of one person."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.moments import VARIANCE_EPS
from mdjpt.calibration.affect import AffectAbout, AffectHead
from mdjpt.calibration.evidence import Evidence, Share
from mdjpt.calibration.heads import HeadKind, PersonalHead
from mdjpt.guard.schema import STRICT, Unchecked

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
    kind : {"anchored", "lda", "ridge", "prototypes", "mlp"}
        Which head was chosen.
    temperature : float
        Divides the logits before the softmax.
    abstain_below : float
        Confidence below which the answer is "unsure".
    novelty_limit : float
        :func:`~mdjpt.calibration.novelty.novelty` above which a window is like nothing that was
        seen in the calibration.
    evidence : Evidence
        How good it was on held-out trials.
    affect : AffectAbout or None
        Valence and arousal, where they could be predicted.
    alignment : AlignmentConfig
        Aligners that were at work in the stages before the head.
    compared : tuple of (str, float)
        Every head that was compared with its held-out log loss.
    notes : tuple of str
        One-line remarks for the user.
    created : str
        Date, ISO 8601.
    unproven : bool
        True when it is used although its calibration could not tell whether it is any good.
    """

    class_names: tuple[str, ...]
    kind: HeadKind
    temperature: Annotated[float, Field(ge=1e-6, le=1e6)]
    abstain_below: Share
    novelty_limit: Annotated[float, Field(ge=0, le=1e9)]
    evidence: Evidence
    affect: AffectAbout | None = None
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    compared: tuple[tuple[str, Annotated[float, Field(ge=-1e9, le=1e9)]], ...] = ()
    notes: tuple[str, ...] = ()
    created: str = ""
    unproven: bool = False


@dataclass(frozen=True, eq=False, kw_only=True, config=STRICT)
class PersonalDecoder(VersionAbout):
    """What was learned of one person in one calibration.

    Attributes
    ----------
    affect : AffectHead or None
        Valence and arousal, where they could be predicted.
    head : PersonalHead
        From standardised features to logits.
    feature_mean, feature_var : ndarray of float64, shape (n_features,)
        Over the calibration, each class with the same weight: what features are standardised by.
    alignment_state : dict of str to ndarray
        What the aligners had learned; of stages before the features only.

    Raises
    ------
    ValueError
        When a field is out of its range or the arrays do not fit each other.
    """

    affect: AffectHead | None = None
    head: Unchecked[PersonalHead]
    feature_mean: Unchecked[Float64]
    feature_var: Unchecked[Float64]
    alignment_state: Unchecked[Arrays] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_features, names = self.head.n_features, self.class_names
        if len(names) != self.head.n_classes or len(set(names)) != len(names):
            raise ValueError(f"the head has {self.head.n_classes} classes, names are {len(names)}")
        for name in ("feature_mean", "feature_var"):
            shape = getattr(self, name).shape
            if shape != (n_features,):
                raise ValueError(f"{name} has shape {list(shape)}, not [{n_features}]")
        if self.feature_var.min() < 0:
            raise ValueError(f"a variance of the features is {self.feature_var.min():g}")
        if self.affect is not None and self.affect.weight.shape[1] != n_features:
            raise ValueError("its valence and arousal do not fit its features")

    @property
    def about(self) -> VersionAbout:
        """All but the arrays."""
        values = {f.name: getattr(self, f.name) for f in fields(VersionAbout)}
        if self.affect is not None:
            values["affect"] = AffectAbout(names=self.affect.names, agreement=self.affect.agreement)
        return VersionAbout(**values)

    def standardise(self, features: NDArray[Any]) -> Float32:
        """Return features as the head takes them, float32 of the same shape."""
        return standardised(features, self.feature_mean, self.feature_var).astype(np.float32)

    def predict_proba(self, features: NDArray[Any]) -> Float64:
        """Return the probabilities (n, n_classes) of features (n, n_features) from the encoder."""
        return self.head.predict_proba(self.standardise(features), self.temperature)


def standardised(features: NDArray[Any], mean: Float64, var: Float64) -> Float64:
    """Return features (n, n_features) as a head that was trained with these moments takes them."""
    scaled: Float64 = (features - mean) / np.sqrt(var + VARIANCE_EPS)
    return scaled
