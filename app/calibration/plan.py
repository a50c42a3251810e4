"""What a calibration session shows: which emotions, how often, in which order, for how long."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from app.calibration.media import Kind, media_files
from app.calibration.prompts import MEDIA_TEXT, recall_prompts
from mdjpt.calibration.trials import MAX_LABEL
from mdjpt.calibration.verdict import Design
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from pathlib import Path

    from app.calibration.labels import LabelBy

__all__ = ["CalibrationPlan", "Prompt", "Trial", "make_trials", "planned_design"]

_RANGES_S: dict[str, tuple[float, float]] = {
    # A window of 5 s begins at the earliest 1 s after the onset of its trial, and only every half
    # second there is one.
    "trial_s": (7.0, 600.0),
    "rest_s": (0.0, 120.0),
    "countdown_s": (0.0, 30.0),
    "baseline_s": (0.0, 300.0),
}
_COUNTS = {"trials_per_class": (2, 50), "break_every": (0, 450), "seed": (0, 2**31 - 1)}
_MIN_CLASSES, _MAX_CLASSES = 2, 9


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """The settings of a session.

    Raises MdjptError: a setting is out of range, or a class has no media.
    """

    class_names: tuple[str, ...]
    """The 2 to 9 emotions."""
    trials_per_class: int = 4
    """2 to 50."""
    # Seconds of a trial, of the rest after it and of the countdown before it.
    trial_s: float = 15.0
    rest_s: float = 4.0
    countdown_s: float = 3.0
    break_every: int = 6
    """Trials after which a break comes that the person ends; 0 for none."""
    baseline_s: float = 30.0
    """Seconds of rest with eyes open, then with eyes closed, at the beginning; 0 for none."""
    seed: int = 0
    """Same seed, same order and same prompts."""
    label_by: LabelBy = "intended"
    """Whether a trial's label is the class that was asked for or the one that the person felt."""
    media: Path | None = None
    """Folder with one folder a class, which holds pictures, videos or sounds; None asks the person
    to remember."""
    ratings: bool = True
    """Ask after each trial how it was."""

    def __post_init__(self) -> None:
        _check_classes(self.class_names)
        for name, (least, most) in _RANGES_S.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                raise MdjptError(
                    f"calibration: {name} must be {least:g} to {most:g} s, got {value:g} s"
                )
        for name, (lowest, highest) in _COUNTS.items():
            number = getattr(self, name)
            if not lowest <= number <= highest:
                raise MdjptError(f"calibration: {name} must be {lowest} to {highest}, got {number}")
        if self.label_by not in ("intended", "rated"):
            raise MdjptError(
                f"calibration: label_by must be intended or rated, got {self.label_by!r}"
            )
        if self.label_by == "rated" and not self.ratings:
            raise MdjptError("calibration: labels by rating need ratings; switch them on")
        if self.media is not None:
            media_files(self.media, self.class_names)

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.class_names) * self.trials_per_class

    @property
    def trial_cycle_s(self) -> float:
        """Seconds from one countdown to the next, the rating not counted."""
        return self.countdown_s + self.trial_s + self.rest_s

    @property
    def duration_s(self) -> float:
        """Seconds of the session, ratings and breaks not counted."""
        return 2 * self.baseline_s + self.n_trials * self.trial_cycle_s

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON types; of the media folder its name only."""
        plain = replace(self, media=None)
        name = None if self.media is None else self.media.name
        return asdict(plain) | {"class_names": list(self.class_names), "media": name}


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is shown during a trial."""

    text: str
    """A sentence or two."""
    media: Path | None = None
    """File to show or play."""
    kind: Literal["recall", "picture", "video", "sound"] = "recall"
    """What the file is; "recall" has none."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial."""

    number: int
    """From 1."""
    label: str
    """The class that is to be felt."""
    prompt: Prompt
    """What is shown."""


def make_trials(plan: CalibrationPlan) -> tuple[Trial, ...]:
    """Return the trials: each class once a round, in an order of its own, none twice in a row.

    The plan's seed decides order and prompts. Every prompt of a class comes before one comes again.

    Raises MdjptError when the media are gone.
    """
    rng = np.random.default_rng(plan.seed)
    labels = _rounds(plan, rng)
    prompts = {name: _prompts(plan, name) for name in plan.class_names}
    orders = {name: rng.permutation(len(prompts[name])) for name in plan.class_names}
    seen = dict.fromkeys(plan.class_names, 0)
    trials = []
    for number, label in enumerate(labels, 1):
        order = orders[label]
        prompt = prompts[label][order[seen[label] % len(order)]]
        seen[label] += 1
        trials.append(Trial(number, label, prompt))
    return tuple(trials)


def planned_design(plan: CalibrationPlan) -> Design:
    """Return what a session can show at best, before it begins.

    Labels are taken as intended: by rating, the person decides.
    """
    labels = _rounds(plan, np.random.default_rng(plan.seed))
    return Design.of(np.array([plan.class_names.index(label) for label in labels]))


def _rounds(plan: CalibrationPlan, rng: np.random.Generator) -> list[str]:
    labels: list[str] = []
    for _ in range(plan.trials_per_class):
        order = [plan.class_names[k] for k in rng.permutation(len(plan.class_names))]
        if labels and order[0] == labels[-1]:
            # Of two classes only: the next round is the same as this one.
            other = int(rng.integers(1, len(order)))
            order[0], order[other] = order[other], order[0]
        labels += order
    return labels


def _prompts(plan: CalibrationPlan, name: str) -> list[Prompt]:
    if plan.media is None:
        return [Prompt(text) for text in recall_prompts(name)]
    found: list[tuple[Path, Kind]] = media_files(plan.media, plan.class_names)[name]
    return [Prompt(MEDIA_TEXT[kind], path, kind) for path, kind in found]


def _check_classes(names: tuple[str, ...]) -> None:
    different = {name.strip().lower() for name in names}
    if not _MIN_CLASSES <= len(names) <= _MAX_CLASSES or len(different) != len(names):
        raise MdjptError(
            f"calibration: classes must be {_MIN_CLASSES} to {_MAX_CLASSES} different names, got "
            f"{', '.join(names)[:80] or 'none'}"
        )
    for name in names:
        if name != name.strip() or not (0 < len(name) <= MAX_LABEL and name.isprintable()):
            raise MdjptError(f"calibration: a class is a short text, got {name[:MAX_LABEL]!r}")
