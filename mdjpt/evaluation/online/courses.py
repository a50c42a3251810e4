"""What was answered while somebody was connected: decoding of a session, accuracy over time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.confidence import shown_probabilities
from mdjpt.calibration.decoder import EmotionDecoder, answered_logits
from mdjpt.calibration.evidence import balanced_accuracy
from mdjpt.errors import MdjptError, ModelError
from mdjpt.evaluation.online.settings import ALIGNERS
from mdjpt.guard.atomic_file import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.evaluation.online.sessions import Session

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = [
    "Course",
    "accuracy_between",
    "decode_session",
    "read_courses",
    "read_cpu_s",
    "shown_and_true",
    "write_courses",
]

_LOGITS = "logits."


@dataclass(frozen=True, eq=False)
class Course:
    """One session, decoded in one way."""

    end_s: Float64
    """Seconds since connecting at the end of each window. Shape (n,)."""
    label: Labels
    """True class, -1 where there is none. Shape (n,), int."""
    logits: Float64
    """What the head said, before temperature and smoothing. Shape (n, n_classes)."""
    hop_s: float
    """Seconds from window to window."""

    def shown(self, temperature: float) -> Float64:
        """Return the smoothed probabilities (n, n_classes), as live."""
        return shown_probabilities([self.logits], temperature, hop_s=self.hop_s)


def decode_session(bundle: Bundle, session: Session, aligners: Iterable[str]) -> dict[str, Course]:
    """Decode a session with each of several :data:`ALIGNERS`, window by window as live.

    The windows are encoded once for all aligners of the features, and once for each other one.
    Those that the bundle has no statistics for are left out.
    """
    courses: dict[str, Course] = {}
    features: NDArray[np.float32] | None = None
    for name in aligners:
        try:
            decoder = EmotionDecoder(bundle, session.hop_s, ALIGNERS[name])
        except ModelError:
            continue
        if decoder.alignment.plain:
            features = bundle.features(session.windows) if features is None else features
            answers = map(decoder.decode_feature, features)
        else:
            answers = map(decoder.decode, session.windows)
        logits = answered_logits(answers)
        courses[name] = Course(session.end_s, session.label, logits, session.hop_s)
    return courses


def accuracy_between(
    courses: Sequence[Course], first_s: float, last_s: float, temperature: float
) -> float:
    """Return the balanced accuracy, as shown, of all sessions' windows that end in a span of time.

    NaN without a window.
    """
    labels, answers = [], []
    for course in courses:
        inside = (course.label >= 0) & (course.end_s >= first_s) & (course.end_s < last_s)
        labels.append(course.label[inside])
        answers.append(course.shown(temperature).argmax(axis=1)[inside])
    label = np.concatenate(labels)
    return balanced_accuracy(np.concatenate(answers), label) if label.size else float("nan")


def shown_and_true(courses: Sequence[Course], temperature: float) -> tuple[Float64, Labels]:
    """Return smoothed probabilities and labels of all windows with a label."""
    known = [course.label >= 0 for course in courses]
    shown = [course.shown(temperature)[k] for course, k in zip(courses, known, strict=True)]
    labels = [course.label[k] for course, k in zip(courses, known, strict=True)]
    return np.concatenate(shown), np.concatenate(labels)


def write_courses(path: Path, courses: dict[str, Course], cpu_s: float) -> None:
    """Write the courses of one session, one or more by aligner, whole or not at all."""
    first = next(iter(courses.values()))
    arrays = {"end_s": first.end_s, "label": first.label, "hop_s": np.array(first.hop_s)}
    arrays["cpu_s"] = np.array(cpu_s)
    for name, course in courses.items():
        arrays[f"{_LOGITS}{name}"] = course.logits.astype(np.float32)
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # none is called allow_pickle
    write_file(path, content.getvalue())


def read_cpu_s(path: Path) -> float:
    """Return the seconds of a core that a part took."""
    with np.load(path) as arrays:
        return float(arrays["cpu_s"])


def read_courses(path: Path) -> dict[str, Course]:
    """Read what :func:`write_courses` wrote.

    Raises MdjptError when the file is not one.
    """
    try:
        with np.load(path) as arrays:
            end_s, label, hop_s = arrays["end_s"], arrays["label"], float(arrays["hop_s"])
            return {
                name.removeprefix(_LOGITS): Course(end_s, label, arrays[name].astype(float), hop_s)
                for name in arrays.files
                if name.startswith(_LOGITS)
            }
    except (OSError, ValueError, KeyError) as error:
        raise MdjptError(f"{path}: no part of an evaluation ({error}): delete it") from None
