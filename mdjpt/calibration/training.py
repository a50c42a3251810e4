"""Training a decoder for one person from labelled windows, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.alignment.config import recommended_alignment
from mdjpt.calibration.affect import fit_affect
from mdjpt.calibration.blocks import block_folds
from mdjpt.calibration.calibration_windows import CalibrationWindows
from mdjpt.calibration.confidence import expected_calibration_error
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.calibration.evidence import (
    Evidence,
    Uncalibrated,
    accuracy_interval,
    balanced_accuracy,
)
from mdjpt.calibration.personal_decoder import PersonalDecoder, standardised
from mdjpt.calibration.pooled_training import train_pooled_decoder
from mdjpt.calibration.profile import Profile, new_pseudonym
from mdjpt.calibration.smoothing import smoothed
from mdjpt.calibration.verdict import Design, permutation_p
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.heads import GeneralHead
    from mdjpt.calibration.pooled_training import HeldOutPool
    from mdjpt.calibration.trials import LabelledFeatures

    Float64 = NDArray[np.float64]

__all__ = [
    "CalibrationResult",
    "NotBetterError",
    "UnprovenError",
    "as_it_is",
    "balanced_moments",
    "train_personal_decoder",
]


class NotBetterError(ProfileError):
    """What was trained is not better than what there is."""


class UnprovenError(NotBetterError):
    """What was trained may be better; the trials were shown in an order that cannot tell."""


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """What was trained.

    Attributes
    ----------
    decoder : PersonalDecoder
        Not yet in a profile.
    before : Uncalibrated or None
        What the model has right as it is; None where it has other classes.
    """

    decoder: PersonalDecoder
    before: Uncalibrated | None = None

    def profile(
        self,
        bundle: Bundle,
        earlier: Profile | None,
        participant: str | None = None,
        *,
        unproven: bool = False,
    ) -> Profile:
        """Put the decoder into a profile.

        Parameters
        ----------
        bundle : Bundle
            The model.
        earlier : Profile or None
            The person's profile so far.
        participant : str, optional
            Pseudonym for a new profile; a random one by default.
        unproven : bool
            Keep it, marked, even if the order of the trials cannot tell whether it is any good.

        Raises
        ------
        NotBetterError
            It knows no more than chance, or clearly less than the model as it is.
        UnprovenError
            It may be better, but that cannot be told.
        """
        self._refuse_no_better()
        evidence, decoder = self.decoder.evidence, self.decoder
        if evidence.verdict == "cannot be told":
            if not unproven:
                lacks = evidence.design.lacks(decoder.class_names)
                raise UnprovenError(
                    f"refused, it cannot be told whether it is better than chance: {lacks} "
                    f"({evidence.summary()})"
                )
            decoder = replace(decoder, unproven=True)
        if earlier is not None:
            return earlier.with_version(decoder)
        return Profile(
            participant=participant or new_pseudonym(),
            bundle_sha256=bundle.identity,
            versions=(decoder,),
            active=0,
        )

    def _refuse_no_better(self) -> None:
        evidence, before = self.decoder.evidence, self.before
        if evidence.verdict == "not better":
            fault = "not better than chance"
        elif before is not None and before.clearly_better_than(evidence):
            fault = f"worse than the model as it is ({before.accuracy:.2f} of the trials right)"
        else:
            return
        raise NotBetterError(
            f"refused, {fault}: {evidence.summary()}; keep the decoder you have, or "
            "record more trials"
        )


def train_personal_decoder(
    data: LabelledFeatures,
    *,
    general: GeneralHead | None = None,
    before: float | None = None,
    seed: int = 0,
) -> PersonalDecoder:
    """Train a decoder for one person, and test it against chance.

    A head is trained for each family of features (log band power and covariances of the person's
    own electrodes, and the encoder), and they are pooled by what they do on held-out trials.

    Whether it is better than chance stands in its evidence; refusing it is up to the caller.

    Parameters
    ----------
    data : LabelledFeatures
        The trials of one person, at least two of each class.
    general : GeneralHead, optional
        The model's own head in the person's classes; the encoder's family begins from it.
    before : float, optional
        Accuracy of the general model on the same trials.
    seed : int
        Of the permutations; same seed, same decoder.

    Raises
    ------
    ProfileError
        When a class has too few trials, or no family can say anything of the windows.

    See Also
    --------
    mdjpt.LabelledFeatures : What it takes.
    mdjpt.save_profile : Keeps what it returns.
    mdjpt.EmotionDecoder : Decodes with it, window by window.

    Examples
    --------
    Four windows each of twelve trials, by turns; here they are made up.

    >>> import mdjpt
    >>> label = np.array([0, 1] * 6)
    >>> trial = np.repeat(np.arange(12), 4)
    >>> features = np.random.default_rng(0).normal(size=(48, 512)).astype(np.float32)
    >>> features[:, :9] += 2 * label[trial][:, None]
    >>> data = mdjpt.LabelledFeatures(features, trial, label, ("calm", "happy"), hop_s=0.5)
    >>> decoder = mdjpt.train_personal_decoder(data)
    >>> decoder.evidence.verdict, decoder.evidence.n_correct
    ('better', 12)
    """
    mean, var = balanced_moments(data)
    folds = block_folds(data.label, data.blocks)
    try:
        windows = CalibrationWindows(data.windows, data.trial, data.hop_s, general)
    except ValueError as error:
        raise ProfileError(f"{error}: check electrodes and signal") from None
    pool, found = train_pooled_decoder(windows, data.label, folds)
    design = Design.of(data.label, data.blocks)
    x = standardised(data.features, mean, var)
    names = tuple(family.name for family in pool.families)
    return PersonalDecoder(
        class_names=data.class_names,
        ch_names=data.own[0].ch_names if data.own else (),
        families=names,
        coverage=pool.coverage,
        smoothing_s=pool.smoothing_s,
        pool=pool,
        feature_mean=mean,
        feature_var=var,
        evidence=_evidence(data, windows.trial, found, seed, before),
        affect=fit_affect(data, x, seed) if design.can_tell else None,
        compared=tuple(zip(names, found.accuracies(windows.trial, data.label), strict=True)),
        notes=() if design.can_tell else (design.lacks(data.class_names),),
        created=datetime.now(UTC).date().isoformat(),
    )


def as_it_is(bundle: Bundle, general: GeneralHead, data: LabelledFeatures) -> Uncalibrated:
    """Return what the model gets right without calibration, aligned as live by default.

    What lies between the trials is not encoded and so not learned from.

    Parameters
    ----------
    bundle : Bundle
        The model.
    general : GeneralHead
        Its head in the person's classes.
    data : LabelledFeatures
        The trials.
    """
    decoder = EmotionDecoder(bundle, data.hop_s, recommended_alignment(bundle))
    answers = [decoder.decode_feature(feature) for feature in data.features]
    logits = np.stack([answer.estimate.logits for answer in answers if answer.estimate is not None])
    probabilities = general.of_logits(logits)
    sums = np.zeros((data.n_trials, data.n_classes))
    np.add.at(sums, data.trial, probabilities)
    shown = smoothed(probabilities, data.trial, data.hop_s)
    return Uncalibrated(
        float((sums.argmax(axis=1) == data.label).mean()),
        balanced_accuracy(shown.argmax(axis=1), data.window_label),
    )


def balanced_moments(data: LabelledFeatures) -> tuple[Float64, Float64]:
    """Return mean and variance (n_features,) of the features; classes have the same weight."""
    weights, x = data.weights, data.features.astype(np.float64)
    mean = weights @ x
    return mean, weights @ (x - mean) ** 2


def _evidence(
    data: LabelledFeatures,
    trial: NDArray[np.intp],
    found: HeldOutPool,
    seed: int,
    before: float | None,
) -> Evidence:
    n_correct = int((found.answers == data.label).sum())
    low, high = accuracy_interval(n_correct, data.n_trials)
    labels, shown = data.label[trial], found.probabilities
    return Evidence(
        n_trials=data.n_trials,
        n_correct=n_correct,
        low=low,
        high=high,
        chance=float(np.bincount(data.label).max() / data.n_trials),
        p_value=permutation_p(found.shares, data.label, data.blocks, seed),
        window_accuracy=balanced_accuracy(shown.argmax(axis=1), labels),
        calibration_error=expected_calibration_error(shown, labels),
        design=Design.of(data.label, data.blocks),
        before=before,
    )
