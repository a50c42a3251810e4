"""Probabilities that mean what they say: temperature, calibration error, when to abstain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdjpt.calibration.smoothing import SMOOTHING_S, smoothed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = [
    "Confidence",
    "ReliabilityBin",
    "abstention_threshold",
    "best_temperature",
    "coverage_accuracy",
    "expected_calibration_error",
    "fit_confidence",
    "log_loss",
    "reliability",
    "shown_probabilities",
    "softmax",
]

N_BINS = 10  # of a reliability diagram, as Guo et al. (ICML 2017) draw it
WANTED_ACCURACY = 0.7  # of the labels that are given, where it can be reached
LEAST_COVERAGE = 0.25  # share of the windows that get a label even where it cannot
ABOVE_CHANCE = 0.05  # what is equally likely is never labelled
_TEMPERATURES = np.geomspace(0.02, 50.0, 70)  # neighbours differ by 12 %


class ReliabilityBin(NamedTuple):
    """Windows whose confidence lies in one tenth of the range."""

    # Mean confidence, and share that was right.
    confidence: float
    accuracy: float
    n: int
    """Windows."""


class Confidence(NamedTuple):
    """How a model's logits become what is shown."""

    temperature: float
    """Divides the logits before the softmax."""
    abstain_below: float
    """Smoothed probability below which the answer is "unsure"."""
    calibration_error: float
    """Expected calibration error of what is shown, on the people it was fitted to."""


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> Float64:
    """Return the probabilities of logits, shape (..., n_classes)."""
    scaled = np.asarray(logits, np.float64) / temperature
    weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Float64 = weights / weights.sum(axis=-1, keepdims=True)
    return probabilities


def log_loss(probabilities: Float64, labels: Labels, weights: Float64 | None = None) -> float:
    """Return the mean negative log likelihood of the labels, in nats."""
    picked = np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)
    return float(np.average(-np.log(picked), weights=weights))


def best_temperature(
    logits: Float64,
    labels: Labels,
    segment: Labels,
    weights: Float64,
    hop_s: float,
    time_constant_s: float = SMOOTHING_S,
) -> float:
    """Return the temperature at which the smoothed probabilities fit held-out labels best.

    Temperature scaling (Guo et al., ICML 2017, section 4.2), through the smoothing: what is shown
    is what has to be right. The logits, shape (n, n_classes), are of windows that the head was not
    trained on; labels and weights have shape (n,), the rest is as for :func:`smoothed`.
    """
    probabilities = softmax(logits[:, None] / _TEMPERATURES[:, None])
    shown = smoothed(probabilities, segment, hop_s, time_constant_s)
    losses = [log_loss(shown[:, k], labels, weights) for k in range(len(_TEMPERATURES))]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def reliability(probabilities: Float64, labels: Labels) -> list[ReliabilityBin]:
    """Return the reliability diagram: bins of equal width that hold any window."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return [
        ReliabilityBin(
            float(confidence[which == k].mean()), float(right[which == k].mean()), int(n)
        )
        for k, n in enumerate(np.bincount(which, minlength=N_BINS))
        if n
    ]


def expected_calibration_error(probabilities: Float64, labels: Labels) -> float:
    """Return the mean distance of confidence and accuracy over the bins (Guo et al., eq. 3)."""
    bins = reliability(probabilities, labels)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / len(labels)


def coverage_accuracy(
    probabilities: Float64, labels: Labels, n_points: int = 20
) -> list[tuple[float, float, float]]:
    """Return (threshold, coverage, accuracy of what is kept) from keeping all to keeping few."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    thresholds = np.quantile(confidence, np.linspace(0.0, 0.95, n_points))
    kept = [(float(t), confidence >= t) for t in thresholds]
    return [(t, float(k.mean()), float(right[k].mean())) for t, k in kept]


def abstention_threshold(
    probabilities: Float64, labels: Labels, wanted_accuracy: float = WANTED_ACCURACY
) -> float:
    """Return the lowest confidence from which held-out answers are right often enough.

    Where no threshold reaches the accuracy wanted of what is kept, the most confident quarter is
    kept. Never as low as chance: a decoder that knows nothing abstains. The probabilities, shape
    (n, n_classes), are as they are shown, the labels have shape (n,).
    """
    lowest: float = 1.0 / probabilities.shape[1] + ABOVE_CHANCE
    for threshold, coverage, accuracy in coverage_accuracy(probabilities, labels, 40):
        if coverage < LEAST_COVERAGE:
            break
        if accuracy >= wanted_accuracy:
            return max(lowest, threshold)
    quarter = float(np.quantile(probabilities.max(axis=1), 1 - LEAST_COVERAGE))
    return max(lowest, quarter)


def shown_probabilities(
    logits: Sequence[Float64],
    temperature: float,
    *,
    hop_s: float,
    smoothing_s: float = SMOOTHING_S,
) -> Float64:
    """Return what the live decoder shows of some people, shape (sum of n_windows, n_classes).

    There is an array of logits a person, shape (n_windows, n_classes), in the order of time; the
    smoothing has a time constant of `smoothing_s`.
    """
    together = softmax(np.concatenate(list(logits)), temperature)
    return smoothed(together, _persons(logits), hop_s, smoothing_s)


def _persons(logits: Sequence[Float64]) -> Labels:
    """Return whose each window is, the persons numbered from 0."""
    return np.repeat(np.arange(len(logits)), [len(own) for own in logits])


def fit_confidence(
    logits: Sequence[Float64],
    labels: Sequence[Labels],
    *,
    hop_s: float,
    smoothing_s: float = SMOOTHING_S,
    wanted_accuracy: float = WANTED_ACCURACY,
) -> Confidence:
    """Fit temperature and abstention to what is shown to people who were used for nothing else.

    Every window takes part in the smoothing, those with a known label in the fit: the smoothed
    probabilities are compared with the labels, not the window's own. Give as many people as there
    are: the error on others comes from how far people differ.

    Parameters
    ----------
    logits : sequence of ndarray, shape (n_windows, n_classes)
        One array a person, every window in the order of time, aligned as live
        (:func:`mdjpt.calibration.decoder.answered_logits`).
    labels : sequence of ndarray of int, shape (n_windows,)
        True classes, -1 where there is none (a transition).
    hop_s : float
        Seconds from window to window.
    smoothing_s : float
        Time constant of the live smoothing.
    wanted_accuracy : float
        Of the answers that are given.

    Raises
    ------
    ValueError
        When arrays do not fit each other or no window has a label.
    """
    if [len(own) for own in logits] != [len(own) for own in labels]:
        raise ValueError("every person needs as many labels as windows")
    truth = np.concatenate(list(labels)) if labels else np.empty(0, np.intp)
    known = truth >= 0
    if not known.any():
        raise ValueError("no window has a label")
    temperature = best_temperature(
        np.concatenate(list(logits)),
        truth,
        _persons(logits),
        known.astype(np.float64),
        hop_s,
        smoothing_s,
    )
    shown = shown_probabilities(logits, temperature, hop_s=hop_s, smoothing_s=smoothing_s)[known]
    return Confidence(
        temperature,
        abstention_threshold(shown, truth[known], wanted_accuracy),
        expected_calibration_error(shown, truth[known]),
    )
