"""What decodes one person: every feature family beside the pooled decoder, on trials kept apart.

Held-out trials of the calibration by default; with a second recording, all of its trials, decoded
by what the first one taught, in the order of time as live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.blocks import block_folds
from mdjpt.calibration.calibration_windows import CalibrationWindows
from mdjpt.calibration.confidence import coverage_accuracy, softmax
from mdjpt.calibration.evidence import accuracy_interval, balanced_accuracy
from mdjpt.calibration.pooled_training import train_pooled_decoder
from mdjpt.calibration.session_centre import PooledStream
from mdjpt.calibration.verdict import SIGNIFICANT, Design, permutation_p
from mdjpt.errors import LabelsError
from mdjpt.evaluation.figures import reliability_figure
from mdjpt.evaluation.report import SIMULATED, Report, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.calibration.heads import GeneralHead
    from mdjpt.calibration.pooled_decoder import PooledDecoder
    from mdjpt.calibration.trials import LabelledFeatures

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = ["DecoderScore", "PersonOutcome", "evaluate_person", "person_report"]

POOLED = "pooled decoder"


@dataclass(frozen=True, slots=True)
class DecoderScore:
    """How good one way of decoding is on trials that it was not trained on."""

    name: str
    """The family's, or "pooled decoder"."""
    # Trials, and those decoded right by the mean probability of their windows.
    n_trials: int
    n_correct: int
    # 95 % interval of the share (Clopper and Pearson 1934), trials taken as independent.
    low: float
    high: float
    p_value: float
    """Of the test with the classes of whole blocks permuted,
    :func:`~mdjpt.calibration.verdict.permutation_p`."""
    window_accuracy: float
    """Balanced accuracy of the windows."""

    @property
    def accuracy(self) -> float:
        """Share of the trials decoded right."""
        return self.n_correct / self.n_trials


@dataclass(frozen=True, eq=False)
class PersonOutcome:
    """What was found of one person."""

    class_names: tuple[str, ...]
    """The person's classes."""
    scores: tuple[DecoderScore, ...]
    """Every family, the pooled decoder last."""
    chance: float
    """Share of the most frequent class."""
    shown: Float64
    """Probabilities of the pooled decoder. Shape (n_windows, n_classes)."""
    labels: Labels
    """True classes of its windows. Shape (n_windows,), int."""
    threshold: float
    """Confidence from which the decoder labels a window."""
    design: Design
    """What the order of the tested trials can tell."""
    held_out: bool
    """True for held-out trials of the calibration, False for another recording."""

    @property
    def verdict(self) -> str:
        """Whether the pooled decoder is better than chance, or why that cannot be told."""
        pooled, lacks = self.scores[-1], self.design.lacks(self.class_names)
        if lacks:
            return f"not to be told from chance: {lacks}"
        better = pooled.p_value < SIGNIFICANT and pooled.accuracy > self.chance
        return "better than chance" if better else "not better than chance"


def evaluate_person(
    data: LabelledFeatures,
    general: GeneralHead | None = None,
    test: LabelledFeatures | None = None,
    seed: int = 0,
) -> PersonOutcome:
    """Score every family and the pooled decoder on trials that they were not trained on.

    `general` is the model's own head in the person's classes. The test has the same classes;
    without one, held-out folds of neighbouring trials are tested. The seed is of the permutations.

    Raises LabelsError when the test has classes that the calibration lacks. Raises ProfileError
    when a class has too few trials.
    """
    windows = CalibrationWindows(data.windows, data.trial, data.hop_s, general)
    pool, found = train_pooled_decoder(windows, data.label, block_folds(data.label, data.blocks))
    if test is None:
        answers = [softmax(logits) for logits in found.families]
        shown, trial, tested, label = found.probabilities, windows.trial, data, data.label
    else:
        label = _in_classes_of(data, test)
        answers, shown = _decoded(pool, test)
        trial, tested = test.trial, test
    names = [*(family.name for family in pool.families), POOLED]
    scores = [
        _score(name, probabilities, trial, label, tested.blocks, seed)
        for name, probabilities in zip(names, [*answers, shown], strict=True)
    ]
    return PersonOutcome(
        class_names=data.class_names,
        scores=tuple(scores),
        chance=float(np.bincount(label).max() / len(label)),
        shown=shown,
        labels=label[trial],
        threshold=pool.coverage.threshold,
        design=Design.of(label, tested.blocks),
        held_out=test is None,
    )


def _in_classes_of(data: LabelledFeatures, test: LabelledFeatures) -> Labels:
    """Return the test's labels as numbers of the calibration's classes."""
    unknown = [name for name in test.class_names if name not in data.class_names]
    if unknown:
        raise LabelsError(
            f"the test has trials of {unknown[0]!r}, the calibration of "
            f"{', '.join(data.class_names)}: choose or rename labels with --classes"
        )
    number = np.array([data.class_names.index(name) for name in test.class_names])
    return number[test.label]


def _decoded(pool: PooledDecoder, test: LabelledFeatures) -> tuple[list[Float64], Float64]:
    """Return each family's probabilities of a session's windows, and the pool's as shown live."""
    windows = test.windows
    families = [
        softmax(head.judge(family.transform(windows))[0])
        for family, head in zip(pool.families, pool.heads, strict=True)
    ]
    stream = PooledStream(pool.centre, test.hop_s, pool.smoothing_s)
    shown, before = [], -1
    for trial, logits, trust in zip(test.trial, *pool.judge(windows), strict=True):
        if trial != before:
            stream.forget()
        before = trial
        shown.append(stream.step(logits, float(trust)))
    return families, np.stack(shown)


def _score(
    name: str, probabilities: Float64, trial: Labels, label: Labels, block: Labels, seed: int
) -> DecoderScore:
    shares = np.zeros((len(label), probabilities.shape[1]))
    np.add.at(shares, trial, probabilities)
    shares /= np.bincount(trial)[:, None]
    n_correct = int((shares.argmax(axis=1) == label).sum())
    low, high = accuracy_interval(n_correct, len(label))
    return DecoderScore(
        name=name,
        n_trials=len(label),
        n_correct=n_correct,
        low=low,
        high=high,
        p_value=permutation_p(shares, label, block, seed),
        window_accuracy=balanced_accuracy(probabilities.argmax(axis=1), label[trial]),
    )


def person_report(
    outcome: PersonOutcome, title: str, notes: Sequence[str] = (), *, simulated: bool = False
) -> Report:
    """Put together the practitioner's table; `notes` are remarks of the reader.

    Raises MdjptError: matplotlib or pandas are not installed.
    """
    kept = outcome.shown.max(axis=1) >= outcome.threshold
    right = outcome.shown.argmax(axis=1) == outcome.labels
    labelled = f"{right[kept].mean():.2f}" if kept.any() else "-"
    where = (
        "held-out folds of neighbouring trials"
        if outcome.held_out
        else "all trials of the other recording"
    )
    return Report(
        title=title,
        warnings=(SIMULATED,) if simulated else (),
        tables=(_score_table(outcome), _coverage_table(outcome)),
        notes=(
            f"Tested on {where}; the pooled decoder is {outcome.verdict}.",
            f"It labels {kept.mean():.0%} of the windows (confidence from {outcome.threshold:.2f} "
            f"on), {labelled} of them right.",
            *notes,
        ),
        figures={
            "Confidence, and accuracy against coverage": reliability_figure(
                outcome.shown, outcome.labels, POOLED
            )
        },
    )


def _score_table(outcome: PersonOutcome) -> Table:
    rows = [
        (
            score.name,
            f"{score.accuracy:.2f}",
            f"{score.low:.2f} to {score.high:.2f}",
            f"{score.p_value:.3f}",
            f"{score.window_accuracy:.2f}",
        )
        for score in outcome.scores
    ]
    rows.append(("chance", f"{outcome.chance:.2f}", "", "", f"{1 / len(outcome.class_names):.2f}"))
    header = ("decoder", "trials right", "95 % interval", "p (blocks permuted)", "windows right")
    return Table(f"{outcome.scores[0].n_trials} trials", header, tuple(rows))


def _coverage_table(outcome: PersonOutcome) -> Table:
    points = coverage_accuracy(outcome.shown, outcome.labels, n_points=10)
    rows = tuple((f"{t:.2f}", f"{share:.0%}", f"{right:.2f}") for t, share, right in points)
    return Table("Coverage against accuracy", ("confidence from", "labelled", "right"), rows)
