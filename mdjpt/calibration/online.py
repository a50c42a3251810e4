"""Does alignment help while somebody is connected? Accuracy over time on simulated participants.

``python -m mdjpt.calibration.online`` writes the tables; see its ``--help``.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.covariance import input_covariance
from mdjpt.bundle import load_bundle
from mdjpt.calibration.chance import balanced_accuracy
from mdjpt.calibration.confidence import SMOOTHING_S
from mdjpt.calibration.emotion_model import EmotionModel
from mdjpt.calibration.few_shot_curve import FEW_SHOT_ROWS, few_shot_rows
from mdjpt.calibration.sessions import CONDITIONS, Condition, blocked, make_session
from mdjpt.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mdjpt.bundle import Bundle
    from mdjpt.calibration.sessions import Session

__all__ = ["ALIGNERS", "Course", "aligner_rows", "decode_session", "main", "reference_covariance"]

ALIGNERS: dict[str, AlignmentConfig] = {
    "none": AlignmentConfig(),
    "moments": AlignmentConfig("moments"),
    "moments, 60 s memory": AlignmentConfig("moments", memory_s=60.0, prior_s=10.0),
    "moments, class-covering": AlignmentConfig("moments", class_covering=True),
    "rows": AlignmentConfig("rows"),
    "covariance-input, euclid": AlignmentConfig("covariance-input"),
    "covariance-input, riemann": AlignmentConfig("covariance-input", mean="riemann"),
    "covariance-mixed": AlignmentConfig("covariance-mixed"),
}
BINS_S = ((0.0, 60.0), (60.0, 180.0), (180.0, np.inf))
REFERENCE_SEEDS = range(5000, 5008)
TEST_SEED = 6000


@dataclass(frozen=True, eq=False)
class Course:
    """What was answered during one session.

    Attributes
    ----------
    end_s : ndarray of float64, shape (n,)
        Seconds since connecting, labelled windows only.
    label, answer : ndarray of int, shape (n,)
        True class, and that of the largest smoothed probability.
    """

    end_s: NDArray[np.float64]
    label: NDArray[np.intp]
    answer: NDArray[np.intp]


def decode_session(model: EmotionModel, session: Session) -> Course:
    """Decode a session window by window as live: answer first, then learn."""
    keep = float(np.exp(-session.hop_s / SMOOTHING_S))
    mean: NDArray[np.float64] | None = None
    answers = []
    for window in session.windows:
        probabilities = model.estimate(window).probabilities
        assert probabilities is not None
        mean = probabilities if mean is None else keep * mean + (1 - keep) * probabilities
        answers.append(int(mean.argmax()))
        model.learn(session.hop_s, mean)
    known = session.label >= 0
    return Course(session.end_s[known], session.label[known], np.array(answers)[known])


def reference_covariance(classes: tuple[str, ...], duration_s: float = 60.0) -> NDArray[np.float64]:
    """Return the mean covariance of prepared windows over participants that nothing tests."""
    sessions = [
        make_session(seed, classes, Condition(), duration_s, hop_s=5.0) for seed in REFERENCE_SEEDS
    ]
    return input_covariance(np.concatenate([session.windows for session in sessions]))


def aligner_rows(
    bundle: Bundle,
    *,
    n_participants: int,
    duration_s: float,
    hop_s: float,
    conditions: Mapping[str, Condition],
    aligners: Mapping[str, AlignmentConfig],
) -> list[dict[str, Any]]:
    """Decode every session with every aligner; one row a condition, schedule and aligner.

    In a blocked session each class has one block; the order rotates from one participant to the
    next, so that every span of time holds all classes over the participants.
    """
    classes = bundle.class_names
    reference = reference_covariance(classes)
    rows = []
    for name, condition in conditions.items():
        for labels in ("balanced", "blocked"):
            courses: dict[str, list[Course]] = {aligner: [] for aligner in aligners}
            for k in range(n_participants):
                schedule = blocked(classes, duration_s, k) if labels == "blocked" else None
                session = make_session(
                    TEST_SEED + k, classes, condition, duration_s, schedule=schedule, hop_s=hop_s
                )
                _note(f"{name}, {labels}, participant {k + 1}: {len(session.windows)} windows")
                for aligner, config in aligners.items():
                    try:
                        model = EmotionModel(bundle, config, input_reference=reference)
                    except ModelError as error:
                        _note(f"{aligner}: {error}")
                        continue
                    courses[aligner].append(decode_session(model, session))
            for aligner, decoded in courses.items():
                if decoded:
                    rows.append(_row(name, labels, aligner, decoded, courses.get("none", [])))
    return rows


def _row(
    condition: str, labels: str, aligner: str, decoded: Sequence[Course], plain: Sequence[Course]
) -> dict[str, Any]:
    row: dict[str, Any] = {"condition": condition, "labels": labels, "aligner": aligner}
    for first, last in BINS_S:
        end = "end" if np.isinf(last) else f"{last:g} s"
        row[f"{first:g} s to {end}"] = _pooled(decoded, first, last)
    row["all"] = _pooled(decoded, 0.0, np.inf)
    if len(plain) == len(decoded):
        gains = [
            balanced_accuracy(a.answer, a.label) - balanced_accuracy(b.answer, b.label)
            for a, b in zip(decoded, plain, strict=True)
        ]
        row["gain"] = float(np.mean(gains))
        row["worst gain"] = float(np.min(gains))
    return row


def _pooled(courses: Sequence[Course], first_s: float, last_s: float) -> float:
    """Return the balanced accuracy of all participants' windows that end in a span of time."""
    inside = [(c.end_s >= first_s) & (c.end_s < last_s) for c in courses]
    label = np.concatenate([c.label[i] for c, i in zip(courses, inside, strict=True)])
    answer = np.concatenate([c.answer[i] for c, i in zip(courses, inside, strict=True)])
    return balanced_accuracy(answer, label) if label.size else float("nan")


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows with equal keys as a Markdown table."""
    if not rows:
        return "(nothing)\n"
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(_cell(row.get(key)) for key in keys) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="bundle with a head")
    parser.add_argument("--out", type=Path, required=True, help="folder for online.md, online.json")
    parser.add_argument("--participants", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=6.0, help="since connecting")
    parser.add_argument("--hop", type=float, default=2.0, help="seconds from window to window")
    parser.add_argument("--conditions", nargs="*", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--aligners", nargs="*", choices=ALIGNERS, default=list(ALIGNERS))
    parser.add_argument("--no-few-shot", action="store_true", help="aligners only")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the evaluation and write its tables."""
    options = _options(arguments)
    bundle = load_bundle(options.model)
    if bundle.head is None:
        raise ModelError(f"{options.model}: no emotion head: nothing to evaluate")
    rows = aligner_rows(
        bundle,
        n_participants=options.participants,
        duration_s=60 * options.minutes,
        hop_s=options.hop,
        conditions={name: CONDITIONS[name] for name in options.conditions},
        aligners={name: ALIGNERS[name] for name in options.aligners},
    )
    few: list[dict[str, Any]] = []
    if not options.no_few_shot:
        few = few_shot_rows(bundle, n_participants=options.participants, note=_note)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "online.json").write_text(json.dumps({"aligners": rows, "few_shot": few}))
    text = (
        "Simulated participants that nothing was fitted to; balanced accuracy, smoothed.\n\n"
        f"{markdown(rows)}\n{FEW_SHOT_ROWS}\n\n{markdown(few)}"
    )
    (options.out / "online.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
