"""What a session has told so far: its state, its newest answer, what happened when. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.calibration.markers import marker_words
from app.dashboard.timeline import Agreement, Timeline
from app.widgets.words import for_the_window

if TYPE_CHECKING:
    from app.session import LiveSession
    from streaming.prediction import Prediction
    from streaming.snapshot import Snapshot

__all__ = ["RECONNECT", "Event", "SessionFeed", "trouble"]

RECONNECT = "Reconnect"

Tone = Literal["bad", "warn", "calm"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something to draw at a sample: a marker in words, or a state of a simulated participant."""

    sample: int
    label: str
    truth: bool


class SessionFeed:
    """Follows one session after the other.

    Attributes
    ----------
    snapshot : Snapshot or None
        Newest state; None when nothing is connected.
    newest : Prediction or None
        The last one since connecting.
    timeline : Timeline
        What happened; stays when the session ends, as `class_names` and `now_s` do.
    class_names : tuple of str
        The emotions of the model in use.
    now_s : float
        Seconds of signal until now.
    """

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.newest: Prediction | None = None
        self.timeline = Timeline()
        self.class_names: tuple[str, ...] = ()
        self.now_s = 0.0
        self._answers: tuple[str, str, int] | None = None

    def end(self) -> None:
        """Show that the session is over."""
        self.snapshot = self.newest = None

    def forget(self) -> None:
        """Begin anew, for another session."""
        self.end()
        self.timeline, self.class_names, self.now_s = Timeline(), (), 0.0

    def poll(self, session: LiveSession) -> list[Event]:
        """Take what is new, and return the events in it."""
        self.snapshot = session.snapshot()
        self.now_s = max(self.now_s, self.snapshot.elapsed_s)
        model = self.snapshot.model
        if model is not None:
            self.class_names = model.class_names
            answers = (model.sha256, model.participant, model.profile_version)
            if answers != self._answers:
                # What one decoder had right says nothing of another.
                self._answers, self.timeline.agreement = answers, Agreement()
        events = self._take_markers(session, self.snapshot)
        for prediction in session.new_predictions():
            self.timeline.add(prediction)
            self.newest = prediction
        return events

    def _take_markers(self, session: LiveSession, snapshot: Snapshot) -> list[Event]:
        events, timeline = [], self.timeline
        for sample, marker in session.new_markers():
            truth = marker.kind == "truth"
            label = marker.label if truth else marker_words(marker.label)
            if not label:
                continue
            events.append(Event(sample, label, truth))
            if snapshot.info is not None:
                note = timeline.truth.observe if truth else timeline.mark
                note(sample / snapshot.info.sfreq, label)
        # Markers say when the truth changed; the snapshot only says what it is now.
        if snapshot.truth is not None and not timeline.truth:
            timeline.truth.observe(0.0, snapshot.truth)
        return events


def trouble(snapshot: Snapshot) -> tuple[str, Tone, str]:
    """Return what has gone wrong in words, how bad it is and what would help; "" for nothing."""
    if snapshot.state == "failed":
        return for_the_window(snapshot.error) or "The source failed.", "bad", RECONNECT
    if snapshot.recording_error:
        return snapshot.recording_error, "bad", ""
    if snapshot.profile_error:
        return for_the_window(snapshot.profile_error), "warn", ""
    if snapshot.decoder_state == "failed":
        error = for_the_window(snapshot.decoder_error) or "no reason given"
        return f"The decoder failed: {error}. Signals go on.", "warn", ""
    return "", "calm", ""
