"""The markers of a calibration session: one grammar, written and read here and nowhere else.

A marker is a text that stands in the recording at the sample it belongs to::

    consent/given/purpose=pilot of a study
    calibration/plan/{...JSON...}
    calibration/pause | resume | end | abort
    baseline/open/begin | end | void          baseline/closed/begin | end | void
    trial/3/joy/begin | end | void
    rating/3/valence=6/arousal=4[/felt=joy]
    felt/joy/12.5

"felt" stands at the end of what it speaks of: for 12.5 s until now the person felt joy. Trials are
counted from 1. In the name of a class and in a purpose everything but letters, digits, "_.-~" and
blanks is written as in a URL (``%2F``). "void" takes back the trial or baseline of that number:
what was marked so far does not count. Labels that begin with none of the six words belong to
somebody else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import quote, unquote

from streaming.stream import Prompt

__all__ = [
    "BaselineMark",
    "CalibrationMark",
    "ConsentMark",
    "Eyes",
    "FeltMark",
    "PlanMark",
    "RatingMark",
    "SessionMark",
    "Step",
    "TrialMark",
    "marker_words",
    "parse_mark",
    "prompt_of",
]

Eyes = Literal["open", "closed"]
Step = Literal["begin", "end", "void"]
Turn = Literal["pause", "resume", "end", "abort"]

_TRIAL = re.compile(r"trial/([1-9]\d{0,5})/([^/]+)/(begin|end|void)")
_BASELINE = re.compile(r"baseline/(open|closed)/(begin|end|void)")
_RATING = re.compile(r"rating/([1-9]\d{0,5})/valence=([1-9])/arousal=([1-9])(?:/felt=([^/]+))?")
_FELT = re.compile(r"felt/([^/]+)/([1-9]\d?(?:\.\d)?)")
_PLAN = "calibration/plan/"
_CONSENT = "consent/given/purpose="
_TURN_WORDS = {"pause": "pause", "end": "session over", "abort": "stopped"}


@dataclass(frozen=True, slots=True)
class ConsentMark:
    """The person has agreed to be recorded."""

    purpose: str
    """What for."""

    def __str__(self) -> str:
        """Return the marker's text."""
        return _CONSENT + _quoted(self.purpose)


@dataclass(frozen=True, slots=True)
class PlanMark:
    """A session begins."""

    settings: dict[str, Any]
    """What was planned, as :meth:`app.calibration.plan.CalibrationPlan.to_dict` gives it."""

    def __str__(self) -> str:
        """Return the marker's text."""
        return _PLAN + json.dumps(self.settings, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class SessionMark:
    """The session pauses, goes on or ends."""

    turn: Turn

    def __str__(self) -> str:
        """Return the marker's text."""
        return f"calibration/{self.turn}"


@dataclass(frozen=True, slots=True)
class BaselineMark:
    """A stretch of rest with eyes open or closed."""

    eyes: Eyes
    step: Step

    def __str__(self) -> str:
        """Return the marker's text."""
        return f"baseline/{self.eyes}/{self.step}"


@dataclass(frozen=True, slots=True)
class TrialMark:
    """A trial begins, ends or is taken back."""

    number: int
    """From 1."""
    label: str
    """The class that is to be felt."""
    step: Step
    """What happens."""

    def __str__(self) -> str:
        """Return the marker's text."""
        return f"trial/{self.number}/{_quoted(self.label)}/{self.step}"


@dataclass(frozen=True, slots=True)
class RatingMark:
    """What the person said of a trial."""

    number: int
    """Of the trial, from 1."""
    # 1 to 9.
    valence: int
    arousal: int
    felt: str | None = None
    """The class that was felt, None where it was not said."""

    def __str__(self) -> str:
        """Return the marker's text."""
        felt = "" if self.felt is None else f"/felt={_quoted(self.felt)}"
        return f"rating/{self.number}/valence={self.valence}/arousal={self.arousal}{felt}"


@dataclass(frozen=True, slots=True)
class FeltMark:
    """The person says what they have felt until now, in a session of any kind."""

    label: str
    """The class."""
    duration_s: float
    """For how long until the marker, 1 to 99.9 s in tenths."""

    def __str__(self) -> str:
        """Return the marker's text."""
        return f"felt/{_quoted(self.label)}/{self.duration_s:.1f}"


CalibrationMark = (
    ConsentMark | PlanMark | SessionMark | BaselineMark | TrialMark | RatingMark | FeltMark
)


def parse_mark(label: str) -> CalibrationMark | None:
    """Read a marker of a recording; None when it is none of ours."""
    if label.startswith(_PLAN):
        return _plan(label.removeprefix(_PLAN))
    if label.startswith(_CONSENT):
        return ConsentMark(unquote(label.removeprefix(_CONSENT)))
    if match := _TRIAL.fullmatch(label):
        return TrialMark(int(match[1]), unquote(match[2]), _step(match[3]))
    if match := _RATING.fullmatch(label):
        felt = None if match[4] is None else unquote(match[4])
        return RatingMark(int(match[1]), int(match[2]), int(match[3]), felt)
    if match := _FELT.fullmatch(label):
        return FeltMark(unquote(match[1]), float(match[2]))
    if match := _BASELINE.fullmatch(label):
        eyes: Eyes = "open" if match[1] == "open" else "closed"
        return BaselineMark(eyes, _step(match[2]))
    for turn in get_args(Turn):
        if label == f"calibration/{turn}":
            return SessionMark(turn)
    return None


def prompt_of(label: str) -> Prompt | None:
    """Return what a participant who obeys does at a marker: feel a state, rest, be free again."""
    match parse_mark(label):
        case TrialMark(label=state, step="begin"):
            return Prompt(state)
        case TrialMark() | PlanMark():
            return Prompt("rest")
        case SessionMark(turn="end" | "abort"):
            return Prompt(None)
        case _:
            return None


def _plan(text: str) -> PlanMark | None:
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return PlanMark(settings) if isinstance(settings, dict) else None


def _step(text: str) -> Step:
    return next(step for step in get_args(Step) if step == text)


def _quoted(name: str) -> str:
    return quote(name, safe=" ")


def marker_words(label: str) -> str:
    """Return what to show for a marker, "" for one that only a program reads.

    Those of other programs are shown as they are.
    """
    match parse_mark(label):
        case TrialMark(number=number, label=emotion, step="begin"):
            return f"{number} {emotion}"
        case BaselineMark(eyes=eyes, step="begin"):
            return f"eyes {eyes}"
        case FeltMark(label=emotion):
            return f"felt {emotion}"
        case SessionMark(turn=turn):
            return _TURN_WORDS.get(turn, "")
        case None:
            return label
        case _:
            return ""
