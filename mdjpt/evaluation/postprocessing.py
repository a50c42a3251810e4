"""What happens to features before a head sees them: normalised by session, smoothed by trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mdjpt.evaluation.lds import lds_filter, lds_smooth
from mdjpt.evaluation.running_norm import running_norm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import FeatureSet

__all__ = ["TRACKS", "Priors", "feature_priors", "normalised", "smoothed"]

TRACKS: dict[str, Literal["filter", "smoother"]] = {"": "filter", "smoothed": "smoother"}
"""The ways in which an evaluation smooths features, by the beginning of the names of its levels."""


class Priors(NamedTuple):
    """Where the running normalisation of a session begins."""

    # Means over subjects of each subject's mean and variance. Shape (n_features,).
    mean: NDArray[np.float64]
    var: NDArray[np.float64]


def feature_priors(features: FeatureSet) -> Priors:
    """Measure priors on the windows given: those of the training subjects, to be honest.

    Every subject counts the same, as in the released script; variances divide by n.
    """
    values = features.features.astype(np.float64)
    subjects = [values[rows] for rows in features.groups("subject")]
    return Priors(
        np.mean([x.mean(0) for x in subjects], axis=0),
        np.mean([x.var(0) for x in subjects], axis=0),
    )


def normalised(features: FeatureSet, priors: Priors, *, presented: bool = True) -> FeatureSet:
    """Normalise each session of each subject by its own past, from other people's priors on.

    It follows the order of presentation, or that of the file, as released. In a file that is sorted
    by label the running statistics would betray it.
    """
    out = np.empty_like(features.features)
    for rows in features.sessions(presented=presented):
        out[rows] = running_norm(features.features[rows], priors.mean, priors.var)
    return features.with_features(out)


def smoothed(features: FeatureSet, how: Literal["filter", "smoother"]) -> FeatureSet:
    """Smooth each trial of features that were :func:`normalised`.

    ``smoother`` sees the whole trial. ``filter`` is causal: every window is what the Kalman filter
    alone makes of the trial so far, whose mean stands in for the trial's.
    """
    out = np.empty_like(features.features)
    for rows in features.groups("trial"):
        trial = features.features[rows]
        out[rows] = _filtered_so_far(trial) if how == "filter" else lds_smooth(trial)
    return features.with_features(out)


def _filtered_so_far(trial: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the last row of ``lds_filter(trial[:n])`` for every n from 1 on."""
    # The filter is linear: what its weights leave of 1 is the weight of the prior mean.
    counts = np.arange(1, len(trial) + 1)[:, None]
    means = np.cumsum(trial, axis=0, dtype=np.float64) / counts
    left = 1.0 - lds_filter(np.ones((len(trial), 1)), np.zeros(1))
    filtered: NDArray[np.float64] = lds_filter(trial, np.zeros(trial.shape[1])) + left * means
    return filtered
