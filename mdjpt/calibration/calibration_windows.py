"""The labelled windows of a calibration as every feature family describes them.

No label has a part in the description, so that cross-validation has to repeat the heads only, and
so has a test with permuted labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.families import FAMILIES
from mdjpt.calibration.families.encoded import Encoded
from mdjpt.calibration.family_head import FamilyHead, Span
from mdjpt.calibration.head_fitting import fit_anchored
from mdjpt.calibration.pool_weights import smoothed_logits
from mdjpt.calibration.pooled_decoder import SMOOTHING_S
from mdjpt.calibration.trials import balanced_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.calibration.families.family import FeatureFamily
    from mdjpt.calibration.families.windows import OwnWindows
    from mdjpt.calibration.heads import GeneralHead

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["CalibrationWindows", "TrainedHead"]

MAX_WINDOWS = 300
"""Windows of a calibration that are learned from; of more, every second or third is taken, since
windows half a second apart are nearly the same."""
ANCHOR = 10.0
"""Penalty of a correction to the model's own head, see
:func:`mdjpt.calibration.head_fitting.fit_anchored`."""
ANCHORED_WEIGHT = 0.6
"""Prior weight of the encoder where its head begins as the model's own: it knew something before
the first trial, and 8 trials teach the other families more."""


class CalibrationWindows:
    """Windows of labelled trials, described by every family. No label has a part in it.

    Parameters
    ----------
    windows : OwnWindows
        Of the trials, in the order of time.
    trial : ndarray of int, shape (n_windows,)
        Trial of each, from 0, rising, none empty.
    hop_s : float
        Seconds from window to window.
    general : GeneralHead, optional
        The model's own head in the person's classes, which the encoder's head begins from.
    families : sequence of type of FeatureFamily
        Which ones; those that can say nothing of any window are left out.

    Raises
    ------
    ValueError
        When trials and windows do not fit, or no family can say anything.
    """

    def __init__(
        self,
        windows: OwnWindows,
        trial: Labels,
        hop_s: float,
        general: GeneralHead | None = None,
        families: Sequence[type[FeatureFamily]] = FAMILIES,
    ) -> None:
        if trial.shape != (len(windows),) or not len(windows):
            raise ValueError(f"{len(windows)} windows need as many trial numbers, and one at least")
        rows, step = _thinned(trial)
        windows, self.trial = windows[rows], trial[rows]
        self.hop_s = hop_s * step
        """Seconds between windows that are learned from."""
        self.rows = rows
        """Which windows are learned from, [n_used] numbers."""
        self.general = general
        counts = np.bincount(self.trial)
        weights = 1.0 / (counts[self.trial] * np.count_nonzero(counts))
        self.families: list[FeatureFamily] = []
        self.spans: list[Span] = []
        for kind in families:
            try:
                family = kind.fit(windows, weights)
                features = family.transform(windows)
                span = Span(features, weights, equal_variances=kind.equal_variances)
            except ValueError:
                continue
            self.families.append(family)
            self.spans.append(span)
        if not self.families:
            raise ValueError("no feature family can say anything of these windows")

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return int(self.trial[-1]) + 1

    @property
    def trial_weights(self) -> Float64:
        """Weight of each window, shape (n_used,): those of a trial sum to 1."""
        weights: Float64 = 1.0 / np.bincount(self.trial)[self.trial]
        return weights

    @property
    def prior(self) -> Float64:
        """Prior weight of each family, shape (n_families,)."""
        anchored = self.general is not None
        return np.array(
            [
                ANCHORED_WEIGHT if anchored and isinstance(family, Encoded) else family.prior_weight
                for family in self.families
            ]
        )

    def smoothed(self, logits: Float64) -> Float64:
        """Smooth logits [..., n_used, n_classes] within trials, as live."""
        return smoothed_logits(logits, self.trial, float(np.exp(-self.hop_s / SMOOTHING_S)))

    def trained(self, label: Labels, n_classes: int, used: NDArray[np.bool_]) -> list[TrainedHead]:
        """Train a head for each family on the windows of the trials that are `used`.

        `label` and `used` have shape (n_trials,).
        """
        rows = used[self.trial]
        weights = np.zeros(len(rows))
        weights[rows] = balanced_weights(self.trial[rows], label)
        trained = []
        for family, span in zip(self.families, self.spans, strict=True):
            if self.general is not None and isinstance(family, Encoded):
                trained.append(_anchored(span, rows, label[self.trial], weights, self.general))
            else:
                linear = span.discriminant(rows, label[self.trial], weights, n_classes)
                trained.append(TrainedHead(span.logits(*linear), span.head(*linear)))
        return trained


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """A trained head, and what it says of all windows of the calibration."""

    logits: Float64
    """As :meth:`mdjpt.calibration.family_head.FamilyHead.judge` gives them. Shape (n_used,
    n_classes)."""
    head: FamilyHead
    """The head."""


def _anchored(
    span: Span, rows: NDArray[np.bool_], labels: Labels, weights: Float64, general: GeneralHead
) -> TrainedHead:
    """Train a head that begins as the model's own."""
    used = rows & span.known
    own = weights[used] / weights[used].sum()
    targets = np.eye(general.n_classes)[labels[used]]
    head = fit_anchored(span.standardised[used], targets, own, general, ANCHOR)
    logits = np.asarray(head.logits(span.standardised), np.float64)
    return TrainedHead(span.as_given(logits), FamilyHead(span.familiar, head))


def _thinned(trial: Labels) -> tuple[NDArray[np.intp], int]:
    """Return the windows to learn from: every n-th of each trial, n as small as can be."""
    first = np.flatnonzero(np.diff(trial, prepend=-1))
    place = np.arange(len(trial)) - np.repeat(first, np.diff(np.append(first, len(trial))))
    step = 1
    while (place % step == 0).sum() > max(MAX_WINDOWS, len(first)):
        step += 1
    return np.flatnonzero(place % step == 0), step
