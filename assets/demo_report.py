"""What the demo bundle is worth on simulated participants that nothing was fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assets.demo_encoder import DATASETS, MAX_TRIALS
from assets.demo_people import CAPS, CLASSES
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.calibration.confidence import (
    expected_calibration_error,
    shown_probabilities,
    softmax,
)
from mdjpt.calibration.decoder import EmotionDecoder, answered_logits
from mdjpt.calibration.evidence import balanced_accuracy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assets.demo_people import Person
    from mdjpt.bundle.bundle import Bundle

__all__ = ["Score", "judge", "report"]

_COLUMNS = (
    "encoder and live alignment",
    "single window",
    "smoothed, as shown",
    "right where labelled",
    "share labelled",
    "calibration error",
)


class Score(NamedTuple):
    """What a live decoder reaches with one alignment; one value a participant but the last.

    Attributes
    ----------
    window, smoothed : ndarray of float64
        Balanced accuracy of single windows, and of the smoothed probabilities that are shown.
    labelled, coverage : ndarray of float64
        Share of the labels given that are right, NaN without any; share of windows with a label.
    calibration_error : float
        Expected calibration error over all.
    """

    window: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    labelled: NDArray[np.float64]
    coverage: NDArray[np.float64]
    calibration_error: float


def judge(
    bundle: Bundle, people: Sequence[Person], hop_s: float, alignment: AlignmentConfig
) -> dict[str, Score]:
    """Score a bundle on unseen people, without alignment and with it."""
    features = [bundle.features(person.windows) for person in people]
    return {
        config.kind: _score(bundle, people, features, hop_s, config)
        for config in (AlignmentConfig(), alignment)
    }


def _score(
    bundle: Bundle,
    people: Sequence[Person],
    features: Sequence[NDArray[np.float32]],
    hop_s: float,
    config: AlignmentConfig,
) -> Score:
    rows, shown_to_all, labels_of_all = [], [], []
    for person, own in zip(people, features, strict=True):
        decoder = EmotionDecoder(bundle, hop_s, config)
        logits = answered_logits(map(decoder.decode_feature, own))
        steady, labels = person.labels >= 0, person.labels[person.labels >= 0]
        single = softmax(logits, bundle.temperature)[steady]
        shown = shown_probabilities([logits], bundle.temperature, hop_s=hop_s)[steady]
        sure = shown.max(axis=1) >= bundle.abstain_below
        right = shown.argmax(axis=1) == labels
        rows.append(
            (
                balanced_accuracy(single.argmax(axis=1), labels),
                balanced_accuracy(shown.argmax(axis=1), labels),
                right[sure].mean() if sure.any() else np.nan,
                sure.mean(),
            )
        )
        shown_to_all.append(shown)
        labels_of_all.append(labels)
    error = expected_calibration_error(np.concatenate(shown_to_all), np.concatenate(labels_of_all))
    window, smoothed, labelled, coverage = np.array(rows).T
    return Score(window, smoothed, labelled, coverage, error)


def report(
    bundle: Bundle, scores: Mapping[str, Mapping[str, Score]], learned: tuple[float, float]
) -> str:
    """Write down what was measured, in Markdown."""
    rows = [
        _row(f"{weights}, alignment {kind}", score)
        for weights, by_kind in scores.items()
        for kind, score in by_kind.items()
    ]
    made, training = bundle.provenance, bundle.provenance["pre_training"]
    n_steps = training["optimiser"]["steps_per_epoch"] * training["optimiser"]["epochs"]
    n_test = len(next(iter(next(iter(scores.values())).values())).window)
    n_others = 2 * MAX_TRIALS - 1
    return f"""# The demo bundle

Made by `{made["command"]} --work DIR` on {made["date"]}. **Everything is simulated**: it shows
that the program works and says nothing about real emotions.

Encoder: the released architecture at its full size, pre-trained jointly on {len(DATASETS)}
simulated datasets ({", ".join(DATASETS)}), {n_steps} steps of
{2 * MAX_TRIALS * len(DATASETS)} windows; the paper has 20,480 steps of 254. The contrast finds the
right partner among {n_others} windows for {learned[0]:.0%} of the windows of the first steps and
for {learned[1]:.0%} of the last (chance {1 / n_others:.0%}): it has begun to learn, no more. Head
and statistics: {made["head"]}, with caps of {", ".join(map(str, sorted(set(CAPS))))}
electrodes. Temperature {bundle.temperature:.2f}, abstains below {bundle.abstain_below:.2f},
novelty limit {bundle.novelty_limit:.2f}.

{n_test} simulated participants that nothing was fitted to, {len(CLASSES)} classes (chance
{1 / len(CLASSES):.3f}), causal live path, windows of 5 s without transitions; mean (worst to best
participant):

| {" | ".join(_COLUMNS)} |
|---|---|---|---|---|---|
{chr(10).join(rows)}

Accuracies are balanced over the classes, but for the one of the labels given. The decoder with
random weights has a head, statistics and confidence fitted in the same way.
"""


def _row(name: str, score: Score) -> str:
    cells = [
        f"{np.nanmean(v):.3f} ({np.nanmin(v):.2f} to {np.nanmax(v):.2f})"
        for v in (score.window, score.smoothed, score.labelled, score.coverage)
    ]
    return f"| {' | '.join([name, *cells, f'{score.calibration_error:.3f}'])} |"
