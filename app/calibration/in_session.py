"""Learning in a running session: from what is known of the person, and adopted only if better.

The session's own recording holds what the person said they felt (:class:`FeltMark`). A profile
keeps no trials, but its folder keeps the recordings of its calibrations: the newest that fits is
learned from too. Without one, the session's own labels have to suffice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.calibration.profiles import RECORDINGS
from mdjpt.calibration.trials import LabelledInterval
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.calibration.evidence import Evidence
    from mdjpt.calibration.profile import Profile
    from mdjpt.recordings import Recording

__all__ = ["InSession", "Known", "known_calibration", "only_around"]

FIRST_LEAD_S, LEAD_S = 12.0, 3.0
"""Signal before a trial that is read with it, seconds: the filters have to settle, and before the
first one the robust scale begins with 10 s."""
TAIL_S = 0.5

Known = tuple["Recording", tuple[LabelledInterval, ...]]
"""A recording and its trials."""


@dataclass(frozen=True, slots=True)
class InSession:
    """What is known of the decoder in use, which a newly trained one has to beat. Picklable."""

    class_names: tuple[str, ...]
    """Its classes; the new one has to know all of them."""
    # What the person has labelled since it is in use, and how often it had that right.
    n_right: int = 0
    n_answered: int = 0
    replaces: bool = False
    """It was itself learned in this session: the new one takes its place in the profile, so that a
    long session does not push out what was calibrated."""

    def refuse_too_few(self, trials: Sequence[LabelledInterval], known: Known | None) -> None:
        """Refuse before anything slow happens where no decoder can be told from luck yet.

        The trials are the session's, in the order of time; `known` are learned from beside them.

        Raises UnprovenError: a class was not felt in three separate blocks.
        """
        from mdjpt.calibration.training import UnprovenError
        from mdjpt.calibration.verdict import LEAST_BLOCKS

        labels = [trial.label for trial in (*(() if known is None else known[1]), *trials)]
        begun = [b for a, b in zip([None, *labels], labels, strict=False) if a != b]
        blocks = Counter(begun)
        if any(blocks[name] < LEAST_BLOCKS for name in self.class_names):
            counts = ", ".join(f"{name} {blocks[name]}" for name in self.class_names)
            raise UnprovenError(
                f"noted; a new decoder needs each of the emotions felt {LEAST_BLOCKS} times, by "
                f"turns (so far {counts})"
            )

    def refuse_no_better(
        self, found: Evidence, earlier: Profile | None, known: Known | None
    ) -> None:
        """Refuse a decoder that has no more trials right than the one in use.

        The one in use, the current version of the earlier profile or else the model as it is,
        counts with what it claims of its own trials, where they (`known`) are among those of the
        new one, and with what it answered in this session.

        Raises NotBetterError: it is not better.
        """
        from mdjpt.calibration.training import NotBetterError

        right, trials = self.n_right, self.n_answered
        if earlier is not None and (known is not None or self.replaces):
            claim = earlier.current.evidence
            right, trials = right + claim.n_correct, trials + claim.n_trials
        if trials and found.accuracy <= right / trials:
            raise NotBetterError(
                f"kept the decoder in use: it has {right} of {trials} labelled stretches right, a "
                f"newly trained one {found.n_correct} of {found.n_trials}"
            )

    def kept(self, earlier: Profile | None) -> Profile | None:
        """Return the profile without what this session has learned before."""
        if earlier is None or not self.replaces:
            return earlier
        others = tuple(v for k, v in enumerate(earlier.versions) if k != earlier.active)
        return replace(earlier, versions=others, active=len(others) - 1) if others else None


def only_around(recording: Recording, trials: Sequence[LabelledInterval]) -> Recording:
    """Leave out what lies far from every trial: a long session costs no more than its labels."""
    sfreq, spans, done = recording.sfreq, [], 0
    for trial in trials:
        lead_s = LEAD_S if done else FIRST_LEAD_S
        first, stop = trial.onset_s - lead_s, trial.end_s + TAIL_S
        if round(first * sfreq) > done:
            spans.append((done, round(first * sfreq)))
        done = max(done, round(stop * sfreq))
    spans.append((done, max(done, recording.n_positions)))
    return replace(recording, excluded=(*recording.excluded, *spans))


def known_calibration(
    path: Path, profile: Profile | None, eeg: Recording, montage: tuple[str, ...] = ()
) -> Known | None:
    """Find the newest calibration of a person that fits the session, with all its trials.

    None where there is none of the same classes and electrodes that can be read; the montage names
    electrodes where the recordings say nothing.
    """
    from app.calibration.labels import labels_from_markers
    from mdjpt.recordings import read_recording

    if profile is None:
        return None
    wanted = set(profile.current.class_names)
    files = (path.parent / RECORDINGS).glob("*.xdf")
    for file in sorted(files, key=lambda f: f.stat().st_mtime, reverse=True):
        try:
            recording = read_recording(file, montage=montage or None)
        except MdjptError:
            continue
        trials = labels_from_markers(recording.markers)
        if recording.ch_names == eeg.ch_names and {trial.label for trial in trials} == wanted:
            return only_around(recording, trials), trials
    return None
