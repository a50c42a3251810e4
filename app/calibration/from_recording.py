"""From a recording and what was felt when to a person's profile, through the live path.

What needs torch is imported where it is used: whoever asks for a training goes on drawing.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from app.calibration.in_session import known_calibration, only_around
from app.calibration.lost_windows import LostWindows
from mdjpt.calibration.blocks import blocks_of
from mdjpt.calibration.label_choice import ChosenTrials, choose_trials
from mdjpt.calibration.label_files import LabelRow, read_label_rows, rows_of_events
from mdjpt.calibration.trials import (
    SETTLED_S,
    LabelledFeatures,
    class_order,
    trial_of_window,
)
from mdjpt.errors import LabelsError, RecordingError
from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from app.calibration.in_session import InSession, Known
    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.decoder import Decoded, EmotionDecoder, Encoding
    from mdjpt.calibration.profile import Profile
    from mdjpt.calibration.training import CalibrationResult
    from mdjpt.calibration.trials import LabelledInterval
    from mdjpt.recordings import Recording
    from mdjpt.signal.window import OwnElectrodes

    Float32 = NDArray[np.float32]

__all__ = [
    "HOP_S",
    "TrainingRequest",
    "calibrate_recording",
    "encoded_trials",
    "train_profile",
    "trials_of",
]

HOP_S = 0.5
"""Seconds from window to window, as live, unless that makes more than are learned from."""
IN_SESSION_WINDOWS, IN_SESSION_TRIALS = 120, 40
"""What is learned from at most beside a session that goes on, where the processor is the
decoder's: windows, and stretches that were labelled in it, the newest."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What is to be trained; picklable."""

    recording: Path
    """EEG of the calibration."""
    labels: Path | None
    """Table of the trials; None takes them from the markers of the recording."""
    profile: Path
    """Profile that gets a new version, or that is to be made; its folder exists."""
    bundle: Path
    """Model bundle."""
    participant: str | None = None
    """Pseudonym for a new profile; a random one by default."""
    montage: tuple[str, ...] = ()
    """Electrode names for a recording whose labels say nothing."""
    alignment: str = "moments"
    """Kind of alignment before the head."""
    classes: Mapping[str, str] | None = None
    """Class of each label to take; every label as it stands by default."""
    trial_s: float | None = None
    """Length in seconds of trials whose label tells none."""
    unproven: bool = False
    """Keep a decoder of which cannot be told whether it is better than chance."""
    in_session: InSession | None = None
    """Of a training in the session that is being recorded; None after a calibration."""
    choice: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of `mdjpt.read_recording`: stream, sfreq, board."""


def train_profile(request: TrainingRequest, report: Callable[[str], object]) -> Profile:
    """Train from files and return the profile with its new version; writes nothing.

    `report` takes one line at the beginning of each stage.

    Raises
    ------
    NotBetterError
        The decoder knows no more than chance or than the model without calibration.
    UnprovenError
        That cannot be told, and is not asked for.
    MdjptError
        A file cannot be used, or trials are too few.
    """
    import torch

    from mdjpt.alignment.config import alignment_named
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.calibration_windows import MAX_WINDOWS
    from mdjpt.calibration.profile import check_pseudonym, load_profile
    from mdjpt.recordings import read_recording

    # The networks are so small that threads wait for each other longer than they work.
    torch.set_num_threads(1)
    if request.participant is not None:
        check_pseudonym(request.participant)
    report("reading the recording")
    bundle = load_bundle(request.bundle)
    alignment = alignment_named(request.alignment, bundle)
    earlier = load_profile(request.profile, bundle) if request.profile.exists() else None
    eeg = read_recording(request.recording, montage=request.montage or None, **request.choice)
    chosen = trials_of(request, eeg)
    trials, known, most = chosen.trials, None, MAX_WINDOWS
    if request.in_session is not None:
        trials, most = trials[-IN_SESSION_TRIALS:], IN_SESSION_WINDOWS
        known = known_calibration(request.profile, earlier, eeg, request.montage)
        request.in_session.refuse_too_few(trials, known)
        eeg = only_around(eeg, trials)
    result = calibrate_recording(eeg, trials, bundle, alignment, report, known, most)
    if request.in_session is not None:
        request.in_session.refuse_no_better(result.decoder.evidence, earlier, known)
        earlier = request.in_session.kept(earlier)
    notes = (*eeg.notes, *chosen.notes, *result.decoder.notes)
    if len(trials) < len(chosen.trials):
        notes += (f"learned from the newest {len(trials)} of {len(chosen.trials)} stretches",)
    noted = replace(result, decoder=replace(result.decoder, notes=notes))
    return noted.profile(bundle, earlier, request.participant, unproven=request.unproven)


def trials_of(request: TrainingRequest, eeg: Recording) -> ChosenTrials:
    """Take the trials of a table, of a calibration session, or of the recording's own events.

    Raises LabelsError: there are none, or they cannot belong to the recording.
    """
    from app.calibration.labels import labels_from_markers

    session = labels_from_markers(eeg.markers)
    if request.labels is not None:
        rows = read_label_rows(request.labels, eeg.duration_s, eeg.began_at_s)
    elif session:
        rows = tuple(LabelRow(f"trial {n}", **asdict(trial)) for n, trial in enumerate(session, 1))
    else:
        rows = rows_of_events(eeg)
    if not rows:
        raise LabelsError(
            f"{request.recording}: holds no calibration session and no events; name a table of its "
            "trials with --labels"
        )
    return choose_trials(
        rows,
        str(request.labels or request.recording),
        recording_s=eeg.duration_s,
        sfreq=eeg.sfreq,
        classes=request.classes,
        trial_s=request.trial_s,
    )


def calibrate_recording(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    bundle: Bundle,
    alignment: AlignmentConfig,
    report: Callable[[str], object] = lambda _: None,
    known: Known | None = None,
    most: int | None = None,
) -> CalibrationResult:
    """Train a personal decoder on the windows that the live path would decode.

    Parameters
    ----------
    recording : Recording
        EEG of the calibration.
    trials : sequence of LabelledInterval
        In the order of time.
    bundle : Bundle
        The model.
    alignment : AlignmentConfig
        What is done in the stages before the head; their statistics are learned from all trials
        first, then frozen.
    report : callable
        Takes one line at the beginning of each stage.
    known : Known, optional
        An earlier recording of the person with the same electrodes, and its trials: learned from
        too, as if it had come right before.
    most : int, optional
        Windows to learn from, unless there are more trials; what a calibration uses by default.

    Raises
    ------
    LabelsError
        When the trials are too short.
    RecordingError
        When the signal of all trials, or of all of one class, is unusable.
    ProfileError
        When a class has too few trials.
    """
    from mdjpt.calibration.heads import general_head
    from mdjpt.calibration.training import CalibrationResult, as_it_is, train_personal_decoder
    from streaming.sources.recording import RecordingSource

    report("encoding the trials")
    data, state, notes = encoded_trials(recording, trials, bundle, alignment, known, most)
    report("training on held-out trials")
    general = general_head(bundle, data.class_names)
    before = None if general is None else as_it_is(bundle, general, data)
    personal = train_personal_decoder(
        data, general=general, before=None if before is None else before.accuracy
    )
    aligned = replace(
        personal,
        alignment=alignment,
        alignment_state=state,
        notes=(*notes, *personal.notes),
        simulated=RecordingSource(recording, speed="max").open().simulated,
    )
    return CalibrationResult(aligned, before)


def encoded_trials(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    bundle: Bundle,
    alignment: AlignmentConfig,
    known: Known | None = None,
    most: int | None = None,
) -> tuple[LabelledFeatures, dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return the windows of trials as the live path gives them, and what aligners have learned.

    The arguments are those of :func:`calibrate_recording`. The data are the windows that can be
    decoded, the state is that of the aligners in the stages before the features, the notes tell
    which trials were left out, and why.

    Raises LabelsError and RecordingError as for :func:`calibrate_recording`.
    """
    from mdjpt.calibration.calibration_windows import MAX_WINDOWS
    from mdjpt.calibration.decoder import EmotionDecoder

    parts = [*([] if known is None else [known]), (recording, tuple(trials))]
    every = [trial for _, own in parts for trial in own]
    grid = _Grid.of(every, MAX_WINDOWS if most is None else most)
    # Whoever is calibrated is learned from, however unlike the people of the training.
    decoder = EmotionDecoder(bundle, grid.hop_s, alignment, novelty_limit=np.inf)
    if not decoder.alignment.plain:
        # A first pass learns the stages before the features; no head can be trained meanwhile.
        for part in parts:
            for _ in _features(*part, decoder, LostWindows(), grid):
                pass
    decoder.alignment.freeze()
    lost, collected, first = LostWindows(), [], 0
    for part in parts:
        collected += list(_features(*part, decoder, lost, grid, first))
        first += len(part[1])
    data, notes = _labelled(collected, every, bundle, lost, grid.hop_s * grid.step)
    state = decoder.state_dict().items()
    return data, {k: v for k, v in state if not k.startswith("features.")}, notes


class _Grid(NamedTuple):
    """Windows begin every `hop_s` seconds, and every `step`-th of a trial is learned from."""

    hop_s: float
    step: int

    @classmethod
    def of(cls, trials: Sequence[LabelledInterval], most: int) -> _Grid:
        """Make no more windows than `most`, of which each trial keeps one or more."""
        room_s = [trial.duration_s - SETTLED_S - WINDOW_S for trial in trials]
        room_s = [room for room in room_s if room >= 0]
        grid = cls(HOP_S, 1)
        while room_s and sum(room // (grid.hop_s * grid.step) + 1 for room in room_s) > most:
            if grid.hop_s + HOP_S <= min(room_s):
                grid = cls(grid.hop_s + HOP_S, 1)
            elif grid.hop_s * grid.step <= max(room_s):
                grid = cls(grid.hop_s, grid.step + 1)
            else:
                break
        return grid

    def trial_of(self, index: int, trials: Sequence[LabelledInterval]) -> int | None:
        """Return the trial that window number `index` is learned from for, None for no trial."""
        trial = trial_of_window(index * self.hop_s, index * self.hop_s + WINDOW_S, trials)
        if trial is None:
            return None
        first = math.ceil((trials[trial].onset_s + SETTLED_S - 1e-6) / self.hop_s)
        return trial if (index - first) % self.step == 0 else None


class _WithinTrials:
    """Hands a decoder of the live path only what is learned from."""

    def __init__(
        self, decoder: EmotionDecoder, trials: Sequence[LabelledInterval], grid: _Grid
    ) -> None:
        self._decoder, self._trials, self._grid = decoder, trials, grid
        self.abstain_below, self.simulated = decoder.abstain_below, decoder.simulated
        self.unproven, self.calibrated = decoder.unproven, decoder.calibrated
        self.own: dict[int, OwnElectrodes] = {}

    def begin(self, window: Float32, index: int) -> Encoding | None:
        """Start to encode window number `index`, if it is learned from."""
        if self._grid.trial_of(index, self._trials) is None:
            return None
        return self._decoder.begin(window, index)

    def decode(
        self,
        window: Float32,
        index: int,
        own: OwnElectrodes | None = None,
        encoding: Encoding | None = None,
    ) -> Decoded:
        """Decode window number `index`; an empty feature outside of the trials."""
        from mdjpt.calibration.decoder import Decoded

        if self._grid.trial_of(index, self._trials) is None:
            return Decoded(np.empty(0, np.float32), {})
        if own is not None:
            self.own[index] = own
        return self._decoder.decode(window, encoding=encoding)

    def reset(self) -> None:
        """Nothing depends on what came before."""


def _features(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    decoder: EmotionDecoder,
    lost: LostWindows,
    grid: _Grid,
    first: int = 0,
) -> Iterator[tuple[int, Float32, OwnElectrodes]]:
    """Yield trial, from `first` on, feature and electrodes of the windows, by the live path."""
    from streaming.pipeline import Pipeline
    from streaming.sources.recording import RecordingSource

    source = RecordingSource(recording, speed="max")
    within = _WithinTrials(decoder, trials, grid)
    for answer in Pipeline(source, within, hop_s=grid.hop_s).run():
        trial = grid.trial_of(answer.prediction.index, trials)
        if trial is not None:
            lost.add(first + trial, answer.prediction, decoded=answer.feature is not None)
            if answer.feature is not None:
                yield first + trial, answer.feature, within.own.pop(answer.prediction.index)


def _labelled(
    collected: list[tuple[int, Float32, OwnElectrodes]],
    trials: Sequence[LabelledInterval],
    bundle: Bundle,
    lost: LostWindows,
    hop_s: float,
) -> tuple[LabelledFeatures, tuple[str, ...]]:
    """Bring windows and labels together; say which trials have no usable window, and why."""
    if not lost.n_windows:
        longest_s = max(trial.duration_s for trial in trials)
        raise LabelsError(
            f"no trial holds a window of the recording: a window of {WINDOW_S:g} s begins "
            f"{SETTLED_S:g} s after the onset, and the longest trial lasts {longest_s:g} s"
        )
    used, which = np.unique([trial for trial, *_ in collected], return_inverse=True)
    kept = [trials[k] for k in used]
    names = class_order([trial.label for trial in trials], bundle.class_names)
    left_out = tuple(_left_out(len(trials), used.tolist(), lost))
    for name in names:
        if all(trial.label != name for trial in kept):
            raise RecordingError(f"no usable trial of {name!r}: {'; '.join(left_out)}")
    label = np.array([names.index(trial.label) for trial in trials])
    data = LabelledFeatures(
        features=np.stack([feature for _, feature, _ in collected]),
        trial=which,
        label=label[used],
        class_names=names,
        hop_s=hop_s,
        ratings=np.array([(trial.valence, trial.arousal) for trial in kept], dtype=np.float64),
        block=blocks_of(label)[used],
        own=tuple(own for _, _, own in collected),
    )
    return data, left_out


def _left_out(n_trials: int, used: Collection[int], lost: LostWindows) -> Iterator[str]:
    """Say how many trials are not used, and why."""
    if short := n_trials - len(lost.trials):
        yield (
            f"{short} of {n_trials} trials left out, which hold no whole window of the recording: "
            f"{WINDOW_S:g} s from {SETTLED_S:g} s after the onset on"
        )
    if torn := len(lost.trials) - len(used):
        yield f"{torn} of {n_trials} trials left out: {lost.words()}"
