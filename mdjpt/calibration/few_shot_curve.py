"""What does a short calibration bring? Accuracy by number of trials and head, simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.anchored import GeneralHead
from mdjpt.calibration.chance import balanced_accuracy
from mdjpt.calibration.confidence import (
    SMOOTHING_S,
    coverage_accuracy,
    expected_calibration_error,
    smoothed,
    softmax,
)
from mdjpt.calibration.labelled import LabelledFeatures
from mdjpt.calibration.selection import ANCHORED, CANDIDATES, fit_candidate
from mdjpt.calibration.sessions import CONDITIONS, REST_S, calibration_schedule, make_session
from mdjpt.calibration.training import train_personal_decoder
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mdjpt.bundle import Bundle

    Float64 = NDArray[np.float64]

__all__ = ["FEW_SHOT_ROWS", "few_shot_rows"]

TRIALS_A_CLASS = (1, 2, 4, 8)
TRIALS_IN_ALL = 8
TRIAL_S, TEST_S, HOP_S = 15.0, 180.0, 1.0
FEW_SHOT_ROWS = (
    "Trials of 15 s, then a test of 3 min with other clips. `chosen` is the head that "
    "cross-validation takes; `ece` its expected calibration error, `kept` the share of windows "
    "above its threshold and `right` their accuracy, `accepted` how many were better than chance."
)


def few_shot_rows(
    bundle: Bundle,
    *,
    n_participants: int,
    condition: str = "usual",
    first_seed: int = 7000,
    note: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Return one row a number of trials: mean balanced accuracy of each head on the test.

    Parameters
    ----------
    bundle : Bundle
        The model, with a head for the row without calibration.
    n_participants : int
        Simulated participants, each with a calibration and a test.
    condition : str
        How they are connected.
    first_seed : int
        Of the participants.
    note : callable
        Takes a line of progress.
    """
    tables = []
    for k in range(n_participants):
        note(f"few-shot, participant {k + 1}")
        tables.append(_participant(bundle, first_seed + k, condition))
    return [_mean_row([table[row] for table in tables]) for row in range(len(tables[0]))]


def _participant(bundle: Bundle, seed: int, condition: str) -> list[dict[str, Any]]:
    """Return the rows of one participant."""
    classes, n_rounds = bundle.class_names, max(TRIALS_A_CLASS)
    schedule = calibration_schedule(
        classes, n_rounds=n_rounds, trial_s=TRIAL_S, test_s=TEST_S, seed=seed
    )
    calibration_s = n_rounds * len(classes) * (TRIAL_S + REST_S)
    session = make_session(
        seed, classes, CONDITIONS[condition], calibration_s + TEST_S, schedule=schedule, hop_s=HOP_S
    )
    encoder, stats = bundle.encoder(), bundle.row_stats
    known = session.label >= 0
    windows = session.windows[known]
    features = (
        encoder.feature(windows, group_size=1)
        if stats is None
        else encoder.feature(windows, stats=stats)
    )
    is_test = session.end_s[known] > calibration_s
    label, segment = session.label[known], session.segment[known]
    run = _Run(bundle, features, label, segment, is_test)
    sizes = {f"{n} a class": n * len(classes) for n in TRIALS_A_CLASS}
    sizes[f"{TRIALS_IN_ALL} in all"] = TRIALS_IN_ALL
    calibrated = [{"trials": name} | run.calibrated(n) for name, n in sizes.items()]
    return [{"trials": "none", "general": run.general()}, *calibrated]


class _Run:
    """One participant's windows, to be divided into the first trials and the test."""

    def __init__(
        self,
        bundle: Bundle,
        features: NDArray[np.float32],
        label: NDArray[np.intp],
        segment: NDArray[np.intp],
        is_test: NDArray[np.bool_],
    ) -> None:
        self._bundle, self._features, self._label = bundle, features, label
        self._segment, self._is_test = segment, is_test
        self._keep = float(np.exp(-HOP_S / SMOOTHING_S))
        assert bundle.head is not None
        self._general = GeneralHead(
            bundle.head, np.eye(len(bundle.class_names)), bundle.temperature
        )

    def general(self) -> float:
        """Return the accuracy of the bundle's own head."""
        assert self._bundle.head is not None
        standardised = self._bundle.standardise(self._features[self._is_test])
        return self._accuracy(
            softmax(self._bundle.head.logits(standardised), self._bundle.temperature)
        )

    def calibrated(self, n_trials: int) -> dict[str, Any]:
        """Train every head on the first trials and test it."""
        data = self._first_trials(n_trials)
        weights, raw = data.weights, data.features.astype(np.float64)
        mean = weights @ raw
        deviation = np.sqrt(weights @ (raw - mean) ** 2 + 1e-10)
        train = (raw - mean) / deviation
        test = (self._features[self._is_test] - mean) / deviation
        row: dict[str, Any] = {}
        for candidate in (*ANCHORED, *CANDIDATES):
            head = fit_candidate(candidate, train, data.trial, data.label, self._general)
            row[candidate.name] = self._accuracy(softmax(head.logits(test)))
        return row | self._chosen(data)

    def _chosen(self, data: LabelledFeatures) -> dict[str, Any]:
        try:
            decoder = train_personal_decoder(data, general=self._general)
        except ProfileError:
            return {}
        shown = self._smoothed(decoder.probabilities(self._features[self._is_test]))
        label = self._label[self._is_test]
        kept = shown.max(axis=1) >= decoder.abstain_below
        right = shown.argmax(axis=1) == label
        return {
            "chosen": balanced_accuracy(shown.argmax(axis=1), label),
            "ece": expected_calibration_error(shown, label),
            "kept": float(kept.mean()),
            "right": float(right[kept].mean()) if kept.any() else None,
            "right at half": min(coverage_accuracy(shown, label), key=lambda p: abs(p[1] - 0.5))[2],
            "accepted": float(decoder.evidence.better_than_chance),
        }

    def _first_trials(self, n_trials: int) -> LabelledFeatures:
        chosen = np.unique(self._segment[~self._is_test])[:n_trials]
        rows = np.isin(self._segment, chosen) & ~self._is_test
        _, first, trial = np.unique(self._segment[rows], return_index=True, return_inverse=True)
        return LabelledFeatures(
            features=self._features[rows],
            trial=trial,
            label=self._label[rows][first],
            class_names=self._bundle.class_names,
            hop_s=HOP_S,
        )

    def _smoothed(self, probabilities: Float64) -> Float64:
        return smoothed(probabilities, self._segment[self._is_test], self._keep)

    def _accuracy(self, probabilities: Float64) -> float:
        answers = self._smoothed(probabilities).argmax(axis=1)
        return balanced_accuracy(answers, self._label[self._is_test])


def _mean_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Average the numbers of the participants, those that have one."""
    mean: dict[str, Any] = {"trials": rows[0]["trials"]}
    for key in dict.fromkeys(key for row in rows for key in row if key != "trials"):
        values = [row[key] for row in rows if row.get(key) is not None]
        mean[key] = float(np.mean(values)) if values else None
    return mean
