"""What a model gets right of a person before any calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdjpt.alignment.config import recommended_alignment
from mdjpt.alignment.stages import build_alignment
from mdjpt.calibration.anchored import GeneralHead
from mdjpt.calibration.confidence import SMOOTHING_S, smoothed
from mdjpt.calibration.evidence import balanced_accuracy
from mdjpt.calibration.label_sets import mapping_matrix
from mdjpt.calibration.novelty import known_novelty_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.evidence import Evidence
    from mdjpt.calibration.labelled import LabelledFeatures

__all__ = ["Uncalibrated", "as_it_is", "general_head"]


class Uncalibrated(NamedTuple):
    """What the model gets right without calibration, on the trials of the calibration.

    Attributes
    ----------
    accuracy : float
        Share of the trials.
    window_accuracy : float
        Balanced accuracy of their windows, smoothed as shown.
    """

    accuracy: float
    window_accuracy: float

    def beaten_by(self, evidence: Evidence) -> bool:
        """Tell whether a decoder has more trials right, or as many and more of their windows."""
        return (evidence.accuracy, evidence.window_accuracy) > tuple(self)


def general_head(bundle: Bundle, class_names: Sequence[str]) -> GeneralHead | None:
    """Return the bundle's head read in a person's classes.

    Parameters
    ----------
    bundle : Bundle
        The model.
    class_names : sequence of str
        The person's classes.

    Returns
    -------
    GeneralHead or None
        None where there is no head or a class that none of its own is read as.
    """
    if bundle.head is None:
        return None
    matrix = mapping_matrix(bundle.class_names, class_names)
    if not matrix.any(axis=1).all():
        return None
    return GeneralHead(bundle.head, matrix, bundle.temperature)


def as_it_is(general: GeneralHead, data: LabelledFeatures, bundle: Bundle) -> Uncalibrated:
    """Return what the model gets right without calibration.

    It is aligned as live by default, learning from window to window but for those that are like
    nothing it knows. What lies between the trials is not encoded and so not learned from.

    Parameters
    ----------
    general : GeneralHead
        The bundle's head in the person's classes.
    data : LabelledFeatures
        The trials.
    bundle : Bundle
        The model.
    """
    aligner = build_alignment(recommended_alignment(bundle), bundle).features
    aligned, limit = np.empty_like(data.features), known_novelty_limit(bundle)
    for k, feature in enumerate(data.features):
        aligned[k] = aligner.transform(feature)
        if aligner.novelty(feature) <= limit:
            aligner.partial_fit(feature, data.hop_s)
    probabilities = general.probabilities(aligned)
    sums = np.zeros((data.n_trials, data.n_classes))
    np.add.at(sums, data.trial, probabilities)
    shown = smoothed(probabilities, data.trial, float(np.exp(-data.hop_s / SMOOTHING_S)))
    return Uncalibrated(
        float((sums.argmax(axis=1) == data.label).mean()),
        balanced_accuracy(shown.argmax(axis=1), data.window_label),
    )
