"""Training a decoder for one person from labelled windows, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.moments import VARIANCE_EPS
from mdjpt.calibration.affect import fit_affect
from mdjpt.calibration.confidence import (
    SMOOTHING_S,
    abstention_threshold,
    expected_calibration_error,
    smoothed,
    softmax,
)
from mdjpt.calibration.evidence import Evidence, balanced_accuracy, exact_interval, permutation_p
from mdjpt.calibration.novelty import novelty
from mdjpt.calibration.selection import ANCHORED, CANDIDATES, fit_candidate, select_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.calibration.affect import AffectHead
    from mdjpt.calibration.anchored import GeneralHead
    from mdjpt.calibration.heads import HeadKind, PersonalHead
    from mdjpt.calibration.labelled import LabelledFeatures
    from mdjpt.calibration.selection import Candidate, HeldOut

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = [
    "PersonalDecoder",
    "balanced_moments",
    "standardised",
    "train_personal_decoder",
]

_NOVELTY_QUANTILE, _NOVELTY_MARGIN = 0.99, 1.5
_SURER = 0.8
"""Share of the held-out heads' temperature that the final one gets: it learned from more trials
than they did. Measured on simulated people, 6 to 24 trials of 15 s."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PersonalDecoder:
    """What was learned of one person in one calibration.

    Attributes
    ----------
    class_names : tuple of str
        The person's classes, in the order of the logits.
    kind : {"anchored", "lda", "ridge", "prototypes", "mlp"}
        Which head was chosen.
    head : PersonalHead
        From standardised features to logits.
    feature_mean, feature_var : ndarray of float64, shape (n_features,)
        Over the calibration, each class with the same weight: what features are standardised by.
    temperature : float
        Divides the logits before the softmax.
    abstain_below : float
        Confidence below which the answer is "unsure".
    novelty_limit : float
        :func:`novelty` above which a window is like nothing that was seen in the calibration.
    evidence : Evidence
        How good it was on held-out trials.
    affect : AffectHead or None
        Valence and arousal, where they could be predicted.
    alignment : AlignmentConfig
        Aligners that were at work in the stages before the head.
    alignment_state : dict of str to ndarray
        What they had learned; of stages before the features only.
    compared : tuple of (str, float)
        Every head that was compared with its held-out log loss.
    notes : tuple of str
        One-line remarks for the user.
    created : str
        Date, ISO 8601.
    """

    class_names: tuple[str, ...]
    kind: HeadKind
    head: PersonalHead
    feature_mean: Float64
    feature_var: Float64
    temperature: float
    abstain_below: float
    novelty_limit: float
    evidence: Evidence
    affect: AffectHead | None = None
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    alignment_state: dict[str, NDArray[Any]] = field(default_factory=dict)
    compared: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()
    created: str = ""

    def standardise(self, features: NDArray[Any]) -> Float32:
        """Return features as the head takes them, float32 of the same shape."""
        return standardised(features, self.feature_mean, self.feature_var).astype(np.float32)

    def probabilities(self, features: NDArray[Any]) -> Float64:
        """Return the probabilities [n, n_classes] of features [n, n_features] from the encoder."""
        return softmax(self.head.logits(self.standardise(features)), self.temperature)


def train_personal_decoder(
    data: LabelledFeatures,
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    general: GeneralHead | None = None,
    before: float | None = None,
    seed: int = 0,
) -> PersonalDecoder:
    """Choose and train a head, calibrate its confidence and test it against chance.

    Whether it is better than chance stands in its evidence; refusing it is up to the caller.

    Parameters
    ----------
    data : LabelledFeatures
        The trials of one person, at least two of each class.
    candidates : sequence of Candidate
        Heads to compare, the one to prefer first.
    general : GeneralHead, optional
        The model's own head in the person's classes; heads that begin from it are compared too.
    before : float, optional
        Accuracy of the general model on the same trials.
    seed : int
        Same seed, same decoder.

    Raises
    ------
    ProfileError
        When a class has too few trials.
    """
    mean, var = balanced_moments(data)
    x = standardised(data.features, mean, var)
    keep = float(np.exp(-data.hop_s / SMOOTHING_S))
    compared = (*(ANCHORED if general is not None else ()), *candidates)
    results, best = select_head(data, x, keep=keep, candidates=compared, general=general, seed=seed)
    chosen = results[best]
    temperature = _SURER * chosen.temperature
    shown = smoothed(softmax(chosen.logits, temperature), data.trial, keep)
    return PersonalDecoder(
        class_names=data.class_names,
        kind=chosen.candidate.kind,
        head=fit_candidate(chosen.candidate, x, data.trial, data.label, general, seed),
        feature_mean=mean,
        feature_var=var,
        temperature=temperature,
        abstain_below=abstention_threshold(shown, data.window_label),
        novelty_limit=_NOVELTY_MARGIN * float(np.quantile(novelty(x), _NOVELTY_QUANTILE)),
        evidence=_evidence(data, results, best, shown, before, seed),
        affect=fit_affect(data, x, seed),
        compared=tuple((r.name, r.loss) for r in results),
        notes=_notes(data),
        created=datetime.now(UTC).date().isoformat(),
    )


def balanced_moments(data: LabelledFeatures) -> tuple[Float64, Float64]:
    """Return mean and variance [n_features] of the features, each class with the same weight."""
    weights, x = data.weights, data.features.astype(np.float64)
    mean = weights @ x
    return mean, weights @ (x - mean) ** 2


def standardised(features: NDArray[Any], mean: Float64, var: Float64) -> Float64:
    """Return features [n, n_features] as a head that was trained with these moments takes them."""
    scaled: Float64 = (features - mean) / np.sqrt(var + VARIANCE_EPS)
    return scaled


def _evidence(
    data: LabelledFeatures,
    results: Sequence[HeldOut],
    best: int,
    shown: Float64,
    before: float | None,
    seed: int,
) -> Evidence:
    n_correct = int((results[best].answers == data.label).sum())
    low, high = exact_interval(n_correct, data.n_trials)
    labels = data.window_label
    return Evidence(
        n_trials=data.n_trials,
        n_correct=n_correct,
        low=low,
        high=high,
        chance=float(np.bincount(data.label).max() / data.n_trials),
        p_value=permutation_p(np.stack([r.shares for r in results]), data.label, best, seed),
        window_accuracy=balanced_accuracy(shown.argmax(axis=1), labels),
        calibration_error=expected_calibration_error(shown, labels),
        before=before,
    )


def _notes(data: LabelledFeatures) -> tuple[str, ...]:
    """Warn of a schedule in which time alone tells the classes apart."""
    n_runs = 1 + int((np.diff(data.label) != 0).sum())
    if data.n_trials > data.n_classes and n_runs == data.n_classes:
        return (
            "each class was shown in one block: slow drifts of the signal tell the blocks apart "
            "too, so the accuracy may not last; mix the classes",
        )
    return ()
