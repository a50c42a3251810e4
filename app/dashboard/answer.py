"""What the dashboard answers to "which emotion?", or honestly why there is no answer. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.widgets.words import clock_text, for_the_window, has_stalled, span_text, titled
from streaming.reasons import NO_HEAD, unlike_anything

if TYPE_CHECKING:
    from streaming.prediction import Prediction
    from streaming.snapshot import Snapshot

__all__ = ["WARM_UP_S", "Answer", "age_text", "answer"]

WARM_UP_S = 10.0
LATE_AFTER_S = 3.0

Tone = Literal["label", "calm", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the big line of the emotion view says.

    Attributes
    ----------
    headline, detail : str
        The line, and the smaller one under it.
    tone : {"label", "calm", "warn", "bad"}
        "label" only when `headline` is a decoded emotion.
    decoded : bool
        True when the probabilities of the newest window belong beside it.
    calibrate : bool
        True when a calibration would give labels.
    """

    headline: str
    detail: str = ""
    tone: Tone = "calm"
    decoded: bool = False
    calibrate: bool = False


_HEADLINES: dict[str, tuple[str, Tone]] = {
    "warming_up": ("Warming up", "calm"),
    "bad_signal": ("Bad signal", "warn"),
    "gap": ("Gap in the signal", "warn"),
    "unsure": ("Unsure", "calm"),
}


_UNFAMILIAR = {unlike_anything(calibrated=calibrated) for calibrated in (False, True)}


def answer(snapshot: Snapshot | None, newest: Prediction | None) -> Answer:
    """Say the decoded emotion, or honestly why there is none.

    Parameters
    ----------
    snapshot : Snapshot or None
        None when nothing is connected.
    newest : Prediction or None
        The last prediction since connecting.
    """
    if snapshot is None:
        return Answer("Not connected", "Connect a source to begin")
    return (
        _stream_answer(snapshot)
        or _decoder_answer(snapshot)
        or (_prediction_answer(snapshot, newest) if newest is not None else None)
        or _waiting(snapshot)
    )


def age_text(snapshot: Snapshot | None, newest: Prediction | None) -> str:
    """Return how old the newest window is, "" before there is one."""
    if snapshot is None or newest is None or snapshot.state not in ("streaming", "stalled"):
        return ""
    late_s = max(0.0, snapshot.elapsed_s - newest.end_s) + snapshot.sample_age_s
    if late_s < 1:
        return "under 1 s old"
    return f"{late_s:.0f} s old" if late_s < 60 else f"{clock_text(late_s)} min old"


def _stream_answer(snapshot: Snapshot) -> Answer | None:
    if snapshot.state == "failed":
        return Answer("Connection failed", for_the_window(snapshot.error), "bad")
    if snapshot.state == "starting":
        return Answer("Connecting", "Waiting for the first sample")
    if has_stalled(snapshot):
        age = f"last sample {span_text(snapshot.sample_age_s)} ago"
        return Answer("No data", age if snapshot.n_samples else "no sample has come yet", "warn")
    if snapshot.state == "ended":
        return Answer("Recording ended", f"after {clock_text(snapshot.elapsed_s)}")
    if snapshot.state == "stopped":
        return Answer("Stopped")
    return None


def _decoder_answer(snapshot: Snapshot) -> Answer | None:
    states = {
        "none": Answer("No model", "Signals only: no decoder is running"),
        "loading": Answer("Loading the model", "Signals are shown meanwhile"),
        "restarting": Answer("Restarting", "The decoder is back in a moment", "warn"),
        "failed": Answer("Decoder failed", snapshot.decoder_error, "bad"),
    }
    if snapshot.decoder_state in states:
        return states[snapshot.decoder_state]
    if snapshot.model is not None and not snapshot.model.class_names:
        return Answer("No emotion head", _sentence(NO_HEAD), calibrate=True)
    return None


def _waiting(snapshot: Snapshot) -> Answer:
    left = math.ceil(WARM_UP_S - snapshot.elapsed_s)
    return Answer("Warming up", f"{left} s" if left > 0 else "Waiting for the first window")


def _prediction_answer(snapshot: Snapshot, newest: Prediction) -> Answer:
    late_s = snapshot.elapsed_s - newest.end_s
    if late_s > LATE_AFTER_S and not (snapshot.info is not None and snapshot.info.lossless):
        return Answer("No recent answer", f"last window ended {late_s:.0f} s ago", "warn")
    if newest.status == "ok" and newest.label is not None:
        return Answer(titled(newest.label), _confident(newest), "label", decoded=True)
    headline, tone = _HEADLINES[newest.status]
    if newest.reason in _UNFAMILIAR:
        headline = "Unfamiliar signal"
    decoded = bool(newest.probabilities)
    if decoded and snapshot.unfit:
        headline, tone = "Not calibrated", "warn"
    said = _sentence(newest.reason.removeprefix("warming up, "))
    return Answer(headline, said, tone, decoded, calibrate=decoded and snapshot.unfit)


def _confident(newest: Prediction) -> str:
    """Say how sure the answer is, and why it stands where another class is ahead by a little."""
    said = f"{newest.confidence:.0%} confident"
    best = max(newest.probabilities, key=newest.probabilities.__getitem__)
    if best == newest.label:
        return said
    share = newest.probabilities[best]
    return f"{said}; {titled(best)} has {share:.0%}, too small a lead to change the answer"


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]
