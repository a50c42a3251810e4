"""What the dashboard takes from a session, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.dashboard.session_feed import SessionFeed, trouble
from streaming.snapshot import Snapshot
from streaming.stream import Marker
from tests.support.fake_session import FakeSession, ManualClock


class Marking(FakeSession):
    """A session in which somebody sets events."""

    marked = ()

    def new_markers(self):
        fresh, self.marked = self.marked, ()
        return [*super().new_markers(), *fresh]


def test_what_is_told_stands_in_the_timeline_with_its_truth():
    clock = ManualClock()
    session, feed = FakeSession(clock=clock, head_start_s=30), SessionFeed()
    session.start()
    feed.poll(session)
    assert feed.class_names == ("negative", "neutral", "positive")
    assert feed.newest is feed.timeline.predictions[-1]
    assert feed.timeline.truth.at(30) == feed.snapshot.truth
    feed.end()
    assert (feed.snapshot, feed.newest) == (None, None)
    assert feed.timeline.predictions
    feed.forget()
    assert not feed.timeline.predictions


def test_agreement_begins_anew_with_another_decoder():
    clock = ManualClock()
    session, feed = FakeSession(clock=clock, head_start_s=30), SessionFeed()
    session.start()
    feed.poll(session)
    assert feed.timeline.agreement.n_labelled > 0
    session.use_profile(Path("P-1/profile.safetensors"))
    feed.poll(session)
    assert feed.timeline.agreement.n_labelled == 0


def test_markers_that_only_a_program_reads_are_no_events():
    session, feed = Marking(clock=ManualClock(), head_start_s=30), SessionFeed()
    session.start()
    session.marked = [
        (250, Marker(1.0, "door")),
        (500, Marker(2.0, "calibration/plan/{}")),
        (750, Marker(3.0, "trial/2/joy/begin")),
    ]
    events = feed.poll(session)
    assert [(e.sample, e.label) for e in events if not e.truth] == [(250, "door"), (750, "2 joy")]
    assert list(feed.timeline.markers) == [(1.0, "door"), (3.0, "2 joy")]


def test_the_worst_trouble_is_told_first():
    shot = Snapshot(state="streaming", decoder_state="failed", decoder_error="no head")
    assert trouble(Snapshot(state="streaming"))[0] == ""
    assert trouble(shot) == ("The decoder failed: no head. Signals go on.", "warn", "")
    shot = replace(shot, recording_error="disk full")
    assert trouble(shot) == ("disk full", "bad", "")
    assert trouble(replace(shot, state="failed", error="gone")) == ("gone", "bad", "Reconnect")
