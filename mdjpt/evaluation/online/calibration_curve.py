"""What does a short calibration bring? Accuracy by number of trials and head, simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.confidence import (
    N_BINS,
    ReliabilityBin,
    coverage_accuracy,
    reliability,
    softmax,
)
from mdjpt.calibration.decoder import EmotionDecoder, answered_logits
from mdjpt.calibration.evidence import balanced_accuracy
from mdjpt.calibration.families.windows import OwnWindows
from mdjpt.calibration.heads import GeneralHead
from mdjpt.calibration.session_centre import PooledStream
from mdjpt.calibration.smoothing import smoothed
from mdjpt.calibration.training import as_it_is, train_personal_decoder
from mdjpt.calibration.trials import LabelledFeatures
from mdjpt.errors import ProfileError
from mdjpt.evaluation.online.sessions import CONDITIONS, calibration_schedule, make_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.personal_decoder import PersonalDecoder
    from mdjpt.signal.window import OwnElectrodes

    Float64 = NDArray[np.float64]

__all__ = [
    "ABOUT_CURVE",
    "TRIALS_A_CLASS",
    "TRIALS_IN_ALL",
    "calibration_curve",
    "gain_rows",
    "mean_rows",
]

TRIALS_A_CLASS = (2, 4, 8)
TRIALS_IN_ALL = (8,)
TRIAL_S, HOP_S = 15.0, 1.0
ABOUT_CURVE = (
    "Trials of 15 s, then a test with other clips; balanced accuracy of its windows. `zero-shot` "
    "is the bundle's own head, `aligned` the same head after the default alignment has seen "
    "calibration and test without labels. Every feature family by itself, and `chosen`, all of "
    "them pooled; `ece` its expected calibration error over all participants' windows, `kept` the "
    "share of windows above its threshold, `right` their accuracy, `right at half` that of the "
    "more confident half, `accepted` how many were better than chance and not clearly worse than "
    "the aligned head on the trials, `unproven` how many were not clearly worse after too few "
    "trials to tell them from chance, and `in use` what people have who use both: `chosen`, else "
    "`aligned`. Heads by themselves are smoothed over 3 s, the pool over 1 s."
)


def calibration_curve(
    bundle: Bundle,
    person: int,
    *,
    test_s: float = 180.0,
    condition: str = "usual",
    alignment: AlignmentConfig | None = None,
    trials_a_class: Sequence[int] = TRIALS_A_CLASS,
    trials_in_all: Sequence[int] = TRIALS_IN_ALL,
) -> list[dict[str, Any]]:
    """Return one row a number of trials: balanced accuracy of each head on one person's test.

    `person` is the seed of the simulated participant; `alignment` is what an uncalibrated user has,
    by default none; the trials are sizes of the calibration, the bundle has a head.
    """
    classes = bundle.class_names
    schedule, calibration_s = calibration_schedule(
        classes, n_rounds=max(trials_a_class), trial_s=TRIAL_S, test_s=test_s, seed=person
    )
    duration_s, connected = calibration_s + test_s, CONDITIONS[condition]
    session = make_session(
        person, classes, connected, duration_s, schedule=schedule, hop_s=HOP_S, with_own=True
    )
    is_test = session.end_s > calibration_s
    features = bundle.features(session.windows)
    known = session.label >= 0
    own = tuple(session.own[k] for k in np.flatnonzero(known))
    run = _Run(
        bundle, own, features[known], session.label[known], session.segment[known], is_test[known]
    )
    before = run.general()
    row = {"trials": "none", "zero-shot": before}
    if alignment is not None:
        decoder = EmotionDecoder(bundle, HOP_S, alignment)
        logits = answered_logits(map(decoder.decode_feature, features))
        before = row["aligned"] = run.accuracy(softmax(logits[known & is_test], bundle.temperature))
    sizes = {f"{n} a class": n * len(classes) for n in trials_a_class}
    sizes |= {f"{n} in all": n for n in trials_in_all}
    return [row, *({"trials": name} | run.calibrated(n, before) for name, n in sizes.items())]


class _Run:
    """One participant's windows, to be divided into the first trials and the test."""

    def __init__(
        self,
        bundle: Bundle,
        own: tuple[OwnElectrodes, ...],
        features: NDArray[np.float32],
        label: NDArray[np.intp],
        segment: NDArray[np.intp],
        is_test: NDArray[np.bool_],
    ) -> None:
        self._bundle, self._features, self._label = bundle, features, label
        self._segment, self._is_test, self._own = segment, is_test, own
        assert bundle.head is not None
        self._general = GeneralHead(
            bundle.head, np.eye(len(bundle.class_names)), bundle.temperature
        )

    def general(self) -> float:
        """Return the accuracy of the bundle's own head."""
        own = self._bundle.standardise(self._features[self._is_test])
        return self.accuracy(self._general.predict_proba(own))

    def accuracy(self, probabilities: Float64) -> float:
        """Return the balanced accuracy of the smoothed answers to the test's windows."""
        answers = self._smoothed(probabilities).argmax(axis=1)
        return balanced_accuracy(answers, self._label[self._is_test])

    def calibrated(self, n_trials: int, before: float) -> dict[str, Any]:
        """Train on the first trials, and test the pool and each family by itself.

        `before` is the accuracy on the test of what a person has whose calibration is refused.
        """
        data = self._first_trials(n_trials)
        try:
            decoder = train_personal_decoder(data, general=self._general)
        except ProfileError:
            return {}
        pool, test = decoder.pool, self._windows(self._is_test)
        row: dict[str, Any] = {}
        for family, head in zip(pool.families, pool.heads, strict=True):
            logits, _ = head.judge(family.transform(test))
            row[family.name] = self.accuracy(softmax(logits))
        stream = PooledStream(pool.centre, HOP_S, pool.smoothing_s)
        judged = zip(*pool.judge(test), strict=True)
        shown = np.stack([stream.step(logits, float(trust)) for logits, trust in judged])
        return row | self._of_pool(data, decoder, shown, before)

    def _of_pool(
        self, data: LabelledFeatures, decoder: PersonalDecoder, shown: Float64, before: float
    ) -> dict[str, Any]:
        label = self._label[self._is_test]
        kept = shown.max(axis=1) >= decoder.abstain_below
        right = shown.argmax(axis=1) == label
        chosen = balanced_accuracy(shown.argmax(axis=1), label)
        before_it = as_it_is(self._bundle, self._general, data)
        kept_it = not before_it.clearly_better_than(decoder.evidence)
        accepted = kept_it and decoder.evidence.verdict == "better"
        unproven = kept_it and decoder.evidence.verdict == "cannot be told"
        return {
            "chosen": chosen,
            "in use": chosen if accepted or unproven else before,
            "bins": [[b.n, b.n * b.confidence, b.n * b.accuracy] for b in _every_bin(shown, label)],
            "kept": float(kept.mean()),
            "right": float(right[kept].mean()) if kept.any() else None,
            "right at half": min(coverage_accuracy(shown, label), key=lambda p: abs(p[1] - 0.5))[2],
            "accepted": float(accepted),
            "unproven": float(unproven),
        }

    def _first_trials(self, n_trials: int) -> LabelledFeatures:
        wanted = np.unique(self._segment[~self._is_test])[:n_trials]
        rows = ~self._is_test & np.isin(self._segment, wanted)
        _, first, trial = np.unique(self._segment[rows], return_index=True, return_inverse=True)
        return LabelledFeatures(
            features=self._features[rows],
            trial=trial,
            label=self._label[rows][first],
            class_names=self._bundle.class_names,
            hop_s=HOP_S,
            own=self._of(rows),
        )

    def _of(self, rows: NDArray[np.bool_]) -> tuple[OwnElectrodes, ...]:
        return tuple(self._own[k] for k in np.flatnonzero(rows))

    def _windows(self, rows: NDArray[np.bool_]) -> OwnWindows:
        return OwnWindows.of(self._of(rows), self._features[rows])

    def _smoothed(self, probabilities: Float64) -> Float64:
        return smoothed(probabilities, self._segment[self._is_test], HOP_S)


def _every_bin(shown: Float64, label: NDArray[np.intp]) -> list[ReliabilityBin]:
    """Return the tenths of the range of confidence, those without a window too."""
    found = {min(int(b.confidence * N_BINS), N_BINS - 1): b for b in reliability(shown, label)}
    return [found.get(k, ReliabilityBin(0.0, 0.0, 0)) for k in range(N_BINS)]


def gain_rows(tables: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Say how much better calibrated people are off than with the aligned head, in points.

    One row a number of trials that was tried on two participants at least, with the standard error
    over them.
    """
    by_trials = [{row["trials"]: row for row in table} for table in tables]
    rows = []
    for trials in (f"{TRIALS_IN_ALL[-1]} in all", f"{TRIALS_A_CLASS[-1]} a class"):
        pairs = [
            (table["none"]["aligned"], table[trials]["in use"])
            for table in by_trials
            if "in use" in table.get(trials, {})
        ]
        if len(pairs) < 2:
            continue
        aligned, used = 100 * np.array(pairs).T
        error = np.std(used - aligned, ddof=1) / np.sqrt(len(pairs))
        rows.append(
            {
                "trials": trials,
                "aligned": f"{aligned.mean():.1f}",
                "in use": f"{used.mean():.1f}",
                "gain": f"{(used - aligned).mean():+.1f} ± {error:.1f}",
                "people": len(pairs),
            }
        )
    return rows


def mean_rows(tables: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Average the tables of several participants, row by row, those that have a number.

    The calibration error is that of all participants' windows together.
    """
    return [_mean_row(rows) for rows in zip(*tables, strict=True)]


def _mean_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mean: dict[str, Any] = {"trials": rows[0]["trials"]}
    for key in dict.fromkeys(key for row in rows for key in row if key not in ("trials", "bins")):
        values = [row[key] for row in rows if row.get(key) is not None]
        mean[key] = float(np.mean(values)) if values else None
    if any("bins" in row for row in rows):
        n, confidence, right = np.sum([row["bins"] for row in rows if "bins" in row], axis=0).T
        mean["ece"] = float(np.abs(confidence - right).sum() / n.sum())
    return mean
