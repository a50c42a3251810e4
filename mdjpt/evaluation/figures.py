"""Figures of a report, as PNG. Matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.confidence import coverage_accuracy, reliability
from mdjpt.evaluation.outcome import level_name
from mdjpt.guard.extras import require_training_extra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mdjpt.evaluation.outcome import Outcome
    from mdjpt.evaluation.window_table import FeatureSet

__all__ = [
    "confusion_figure",
    "course_figure",
    "embedding_figure",
    "reliability_figure",
    "scaling_figure",
]

_DPI = 110
_MOST_POINTS = 1500  # of an embedding, which takes seconds with these and minutes with ten times
_PERPLEXITY = 30.0  # the default of scikit-learn


def confusion_figure(outcome: Outcome, levels: Sequence[str]) -> bytes:
    """Draw confusion matrices side by side, each row as shares of its label.

    Raises MdjptError: matplotlib is not installed.
    """
    from sklearn.metrics import ConfusionMatrixDisplay

    figure = _figure(4.2 * len(levels), 3.9)
    axes = figure.subplots(1, len(levels), squeeze=False)[0]
    for ax, level in zip(axes, levels, strict=True):
        matrix = outcome.confusion(level)
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        ConfusionMatrixDisplay(shares, display_labels=outcome.class_names).plot(
            ax=ax,
            cmap="Blues",
            values_format=".2f",
            xticks_rotation="vertical",
            colorbar=False,
            im_kw={"vmin": 0, "vmax": 1},
            text_kw={"size": 7},
        )
        ax.set(xlabel="predicted", ylabel="label")
        ax.tick_params(labelsize=8)
        ax.set_title(level_name(level).partition(" (")[0], size=9)
    return _png(figure)


def embedding_figure(sets: Sequence[FeatureSet], seed: int = 0) -> bytes:
    """Draw features in two dimensions (t-SNE), by emotion, by subject, and by dataset if several.

    The sets are of one kind of features; as many windows are drawn of each, 1500 in all at most.

    Raises MdjptError: matplotlib is not installed.
    """
    from sklearn.manifold import TSNE

    rng = np.random.default_rng(seed)
    drawn = [_some(features, _MOST_POINTS // len(sets), rng) for features in sets]
    values = np.concatenate([features.features for features in drawn])
    perplexity = min(_PERPLEXITY, (len(values) - 1) / 3)
    points = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(
        (values - values.mean(0)) / (values.std(0) + 1e-10)
    )
    colourings = {
        "emotion": [one.class_names[label] for one in drawn for label in one.label],
        "subject": [f"{one.dataset}/{name}" for one in drawn for name in one.subject],
    }
    if len(drawn) > 1:
        colourings["dataset"] = [one.dataset for one in drawn for _ in range(len(one))]
    figure = _figure(4.6 * len(colourings), 4.2)
    axes = figure.subplots(1, len(colourings), squeeze=False)[0]
    for ax, (title, names) in zip(axes, colourings.items(), strict=True):
        _scatter(ax, points, np.array(names), title)
    return _png(figure)


def scaling_figure(counts: Sequence[int], outcomes: Sequence[Outcome], level: str) -> bytes:
    """Draw accuracy against the number of datasets in pre-training, with one std over the folds.

    Raises MdjptError: matplotlib is not installed.
    """
    figure = _figure(4.6, 3.6)
    ax = figure.subplots()
    means, stds = zip(*(outcome.mean_std(level, "accuracy") for outcome in outcomes), strict=True)
    ax.errorbar(counts, 100 * np.array(means), 100 * np.array(stds), fmt="o", capsize=3)
    ax.set_xticks(sorted(set(counts)))
    ax.set_xlabel("datasets in pre-training")
    ax.set_ylabel("accuracy, percent")
    ax.set_title(level_name(level).partition(" (")[0], size=9)
    return _png(figure)


def reliability_figure(shown: NDArray[np.float64], labels: NDArray[np.intp], title: str) -> bytes:
    """Draw the reliability diagram, and how accuracy rises when less is answered.

    `shown` holds smoothed probabilities, shape (n, n_classes), `labels` the true classes.

    Raises MdjptError: matplotlib is not installed.
    """
    figure = _figure(8.0, 3.9)
    left, right = figure.subplots(1, 2)
    bins = reliability(shown, labels)
    confidence, accuracy = [b.confidence for b in bins], [b.accuracy for b in bins]
    share = np.array([b.n for b in bins]) / len(labels)
    left.bar(confidence, share, width=0.05, color="0.85", label="share of windows")
    left.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    left.plot(confidence, accuracy, "o-", label="accuracy")
    left.set(xlabel="confidence shown", ylabel="accuracy", xlim=(0.3, 1), ylim=(0, 1))
    left.legend(fontsize=8, loc="upper left")
    _, coverage, right_of_kept = zip(*coverage_accuracy(shown, labels), strict=True)
    right.plot(coverage, right_of_kept, "o-")
    right.set(xlabel="share of windows answered", ylabel="accuracy of those", ylim=(0, 1.02))
    figure.suptitle(title, fontsize=9)
    return _png(figure)


def course_figure(minutes: Sequence[float], lines: Mapping[str, Sequence[float]]) -> bytes:
    """Draw balanced accuracies over the minutes since connecting, a line each.

    Raises MdjptError: matplotlib is not installed.
    """
    figure = _figure(6.4, 3.9)
    axes = figure.subplots()
    for name, values in lines.items():
        width = 2.2 if name == "none" else 1.2
        axes.plot(minutes, values, "o-", label=name, linewidth=width, markersize=3)
    axes.set(xlabel="minutes since connecting", ylabel="balanced accuracy")
    axes.legend(fontsize=7)
    return _png(figure)


def _figure(width: float, height: float) -> Any:
    # Not pyplot: it keeps figures in a global state and may ask for a display.
    figure_module = require_training_extra("matplotlib.figure")
    return figure_module.Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _some(features: FeatureSet, n: int, rng: np.random.Generator) -> FeatureSet:
    labelled = np.flatnonzero(features.label >= 0)
    return features.select(np.sort(rng.permutation(labelled)[:n]))


def _scatter(ax: Any, points: NDArray[np.floating], names: NDArray[np.str_], title: str) -> None:
    different = np.unique(names)
    for name in different:
        ax.scatter(*points[names == name].T, s=5, label=name, linewidths=0)
    ax.set_title(f"by {title}", size=9)
    ax.set_xticks([])
    ax.set_yticks([])
    if len(different) <= 12:
        ax.legend(fontsize=6, markerscale=2)
