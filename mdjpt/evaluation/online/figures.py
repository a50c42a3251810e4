"""Figures of an online evaluation, as PNG. Matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.confidence import coverage_accuracy, reliability
from mdjpt.evaluation.figures import as_png, new_figure
from mdjpt.evaluation.online.courses import accuracy_between

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mdjpt.evaluation.online.courses import Course

__all__ = ["confidence_figure", "course_figure"]

_MINUTE_S = 60.0


def confidence_figure(shown: NDArray[np.float64], labels: NDArray[np.intp], title: str) -> bytes:
    """Draw the reliability diagram, and how accuracy rises when less is answered.

    Parameters
    ----------
    shown : ndarray of float64, shape (n, n_classes)
        Smoothed probabilities.
    labels : ndarray of int, shape (n,)
        True classes.
    title : str
        What was decoded, and how.

    Raises
    ------
    MdjptError
        matplotlib is not installed.
    """
    figure = new_figure(8.0, 3.9)
    left, right = figure.subplots(1, 2)
    bins = reliability(shown, labels)
    share = np.array([b.n for b in bins]) / len(labels)
    left.bar(
        [b.confidence for b in bins], share, width=0.05, color="0.85", label="share of windows"
    )
    left.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    left.plot([b.confidence for b in bins], [b.accuracy for b in bins], "o-", label="accuracy")
    left.set(xlabel="confidence shown", ylabel="accuracy", xlim=(0.3, 1), ylim=(0, 1))
    left.legend(fontsize=8, loc="upper left")
    curve = coverage_accuracy(shown, labels)
    right.plot([c for _, c, _ in curve], [a for _, _, a in curve], "o-")
    right.set(xlabel="share of windows answered", ylabel="accuracy of those", ylim=(0, 1.02))
    figure.suptitle(title, fontsize=9)
    return as_png(figure)


def course_figure(
    courses: Mapping[str, Sequence[Course]], minutes: float, temperature: float, title: str
) -> bytes:
    """Draw the balanced accuracy in each minute since connecting, a line an aligner.

    Parameters
    ----------
    courses : mapping of str to sequence of Course
        All sessions, by aligner.
    minutes : float
        Length of the sessions.
    temperature : float
        Of the bundle.
    title : str
        Of the figure.

    Raises
    ------
    MdjptError
        matplotlib is not installed.
    """
    figure = new_figure(6.4, 3.9)
    axes = figure.subplots()
    starts = np.arange(0.0, 60.0 * minutes, _MINUTE_S)
    for name, own in courses.items():
        values = [accuracy_between(own, a, a + _MINUTE_S, temperature) for a in starts]
        width = 2.2 if name == "none" else 1.2
        axes.plot(starts / 60.0 + 0.5, values, "o-", label=name, linewidth=width, markersize=3)
    axes.set(xlabel="minutes since connecting", ylabel="balanced accuracy")
    axes.legend(fontsize=7)
    axes.set_title(title, fontsize=9)
    return as_png(figure)
