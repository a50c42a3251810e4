"""What the person says they felt, and the decoder that learns from it while the session goes on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from app.calibration.in_session import InSession
from app.calibration.markers import FeltMark
from app.widgets.words import titled
from app.wizard.tools import CalibrationTools, TrainingWish
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.calibration.profiles import ProfileStore
    from app.calibration.training import CalibrationSummary, TrainingJob
    from app.dashboard.session_feed import SessionFeed
    from app.session import LiveSession
    from app.source_choice import SourceChoice
    from app.widgets.background import Background
    from app.widgets.message_bar import MessageBar
    from streaming.prediction import Prediction
    from streaming.snapshot import Snapshot

__all__ = ["LEAST_S", "MOST_S", "SessionLearning", "stretch_s", "was_right"]

LEAST_S, UNLABELLED_S, MOST_S = 8.0, 10.0, 30.0
"""Shortest stretch that is labelled at once, usual one while no label is shown, longest (seconds).
A window of 5 s counts from a second after the stretch's begin: less than 8 s hold too few."""
ON_DISK_S = 1.5
"""Seconds of signal after which a marker and what it speaks of are on the disk."""


def stretch_s(predictions: Sequence[Prediction], now_s: float, since_s: float) -> float:
    """Return for how long the answer has been what it is: that is what somebody speaks of.

    8 to 30 s, 10 s while no label is shown; what there is since `since_s` where that is less: what
    lies before has been labelled, or is not recorded.
    """
    if not predictions or predictions[-1].label is None:
        return min(UNLABELLED_S, now_s - since_s)
    changed_s = 0.0
    for earlier, later in zip(predictions, [*predictions][1:], strict=False):
        if earlier.label != later.label:
            changed_s = later.end_s
    return min(max(now_s - changed_s, LEAST_S), MOST_S, now_s - since_s)


def was_right(predictions: Sequence[Prediction], begin_s: float, felt: str) -> bool | None:
    """Tell whether the windows since a moment say what was felt; None where they say nothing."""
    shares = [
        p.probabilities for p in predictions if p.start_s >= begin_s and felt in p.probabilities
    ]
    if not shares:
        return None
    names = list(shares[0])
    mean = np.mean([[share.get(name, 0.0) for name in names] for share in shares], axis=0)
    return names[int(mean.argmax())] == felt


@dataclass(frozen=True, slots=True)
class _Said:
    """What the person has said of a stretch, and whether the decoder in use had it right."""

    end_s: float
    right: bool | None


@dataclass
class _Course:
    """Of one session."""

    said: list[_Said] = field(default_factory=list)
    recording: str = ""
    due_s: float | None = None
    job: TrainingJob | None = None
    in_use: tuple[str, int] | None = None
    pseudonym: str = ""
    before: tuple[Path, int, int] | None = None
    """The profile in use when the training began, its version in use, and how many it had."""
    way_back: tuple[Path, int | None] | None = None
    """The profile, and its version that was in use before anything was learned; None for none."""

    def is_due(self, now_s: float) -> bool:
        """Tell whether a training is to begin."""
        return self.due_s is not None and now_s >= self.due_s


class SessionLearning:
    """Notes what the person felt, has a decoder trained from it, and puts it to use if better.

    One thread calls everything; nothing blocks. Messages say what was noted, learned, or refused
    and why; without tools learning is not offered.
    """

    def __init__(
        self, messages: MessageBar, tools: CalibrationTools | None, background: Background
    ) -> None:
        self._messages, self._tools, self._background = messages, tools, background
        self._store: ProfileStore | None = None
        self._course = _Course()

    @property
    def offered(self) -> bool:
        """Whether anything can be learned here."""
        return self._tools is not None

    @property
    def can_go_back(self) -> bool:
        """Whether a decoder is in use that was learned in this session."""
        return self._course.way_back is not None

    def stretch_s(self, feed: SessionFeed) -> float:
        """Return the seconds that would be labelled now, 0 where nothing is recorded or decoded."""
        snapshot = feed.snapshot
        if snapshot is None or not snapshot.recording or not feed.class_names:
            return 0.0
        now_s = snapshot.elapsed_s
        since_s = now_s - snapshot.recorded_s
        if self._course.recording == snapshot.recording and self._course.said:
            since_s = max(since_s, self._course.said[-1].end_s)
        return stretch_s(feed.timeline.predictions, now_s, since_s)

    def felt(self, session: LiveSession, feed: SessionFeed, label: str) -> None:
        """Take the person's word for the last seconds, mark it, and learn from it soon."""
        length_s, snapshot = round(self.stretch_s(feed), 1), feed.snapshot
        if snapshot is None or length_s < LEAST_S:
            return
        if snapshot.recording != self._course.recording:
            self._course.recording, self._course.said = snapshot.recording, []
        now_s = snapshot.elapsed_s
        session.mark(str(FeltMark(label, length_s)))
        right = was_right(feed.timeline.predictions, now_s - length_s, label)
        self._course.said.append(_Said(now_s, right))
        self._course.due_s = now_s + ON_DISK_S
        self._say(f"Noted: for the last {length_s:.0f} s you felt {titled(label)}. Learning…")
        if self._store is None and self._tools is not None:
            make = self._tools.make_store
            self._background.run(make, self._take_store, self._say, "opening the profiles")

    def follow(self, session: LiveSession, snapshot: Snapshot, choice: SourceChoice | None) -> None:
        """Begin a training that is due, and take over what it brings; called 30 times a second."""
        model, course = snapshot.model, self._course
        in_use = None if model is None else (model.participant, model.profile_version)
        if in_use != course.in_use:
            # Another decoder answers for none of what was said of the one before.
            course.in_use = in_use
            course.said = [replace(said, right=None) for said in course.said]
        if course.job is not None:
            self._poll(session, course.job)
        elif model is not None and self._store is not None and course.is_due(snapshot.elapsed_s):
            course.due_s = None
            try:
                self._start(session, model.class_names, choice)
            except MdjptError as error:
                self._say(str(error))

    def go_back(self, session: LiveSession) -> None:
        """Decode again as before this session; what was learned stays in the profile."""
        if self._course.way_back is None:
            return
        path, number = self._course.way_back
        try:
            if number is not None and self._store is not None:
                self._store.activate(path, number)
        except MdjptError as error:
            self._say(str(error))
            return
        session.use_profile(None if number is None else path)
        self._course.way_back = None
        self._say("Back to the decoder from before this session.")

    def end(self) -> None:
        """Let go of the session."""
        if self._course.job is not None:
            self._course.job.cancel()
        if self._course.pseudonym and self._store is not None and not self._profile_exists():
            self._store.delete(self._course.pseudonym)
        self._course = _Course()

    def _start(
        self, session: LiveSession, class_names: tuple[str, ...], choice: SourceChoice | None
    ) -> None:
        """Begin a training from the recording so far."""
        from pathlib import Path

        from mdjpt.calibration.profile import load_profile_about

        assert self._store is not None
        assert self._tools is not None
        path, participant = session.wanted_profile, ""
        if path is None:
            self._course.pseudonym = participant = self._course.pseudonym or self._store.create()
            path = self._store.path_of(participant)
        self._course.before = None
        if session.wanted_profile is not None:
            about = load_profile_about(path)
            participant = about.participant
            self._course.before = (path, about.active, len(about.versions))
        answers = [said.right for said in self._course.said if said.right is not None]
        in_session = InSession(class_names, sum(answers), len(answers), self.can_go_back)
        wish = TrainingWish(Path(self._course.recording), path, participant, choice, in_session)
        job = self._tools.train(wish)
        job.start()
        self._course.job = job

    def _poll(self, session: LiveSession, job: TrainingJob) -> None:
        state = job.poll()
        if state.status == "running":
            return
        self._course.job = None
        if state.status == "done" and state.summary is not None:
            try:
                self._adopt(session, job, state.summary)
            except MdjptError as error:
                self._say(str(error))
        elif state.text:
            self._say(state.text[:1].upper() + state.text[1:])

    def _adopt(self, session: LiveSession, job: TrainingJob, summary: CalibrationSummary) -> None:
        path = job.accept()
        session.use_profile(path)
        if self._course.way_back is None:
            self._course.way_back = self._back_from(path, summary)
        found = summary.decoder.evidence
        self._say(
            f"Learned from what you felt: {found.n_correct} of {found.n_trials} stretches right "
            f"that it had not seen, better than before. In use as version {summary.version} of "
            f"{summary.participant}; “I felt…” leads back."
        )

    def _back_from(self, path: Path, summary: CalibrationSummary) -> tuple[Path, int | None] | None:
        if self._course.before is None:
            return path, None
        _, active, n_versions = self._course.before
        # A full profile loses its oldest version; where that one was in use nothing leads back.
        number = active - (n_versions + 1 - summary.n_versions)
        return (path, number) if number >= 0 else None

    def _profile_exists(self) -> bool:
        return self._store is not None and self._store.path_of(self._course.pseudonym).exists()

    def _take_store(self, store: ProfileStore) -> None:
        self._store = store

    def _say(self, text: str) -> None:
        self._messages.show_message(text, "calm")
