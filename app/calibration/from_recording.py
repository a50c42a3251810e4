"""From a recording and what was felt when to a person's profile, through the live path.

What needs torch is imported where it is used: whoever asks for a training goes on drawing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

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
    "hop_for",
    "train_profile",
    "trials_of",
]

HOP_S = 0.5
"""Seconds from window to window, as live; longer where there are more than are learned from."""
IN_SESSION_HOP_S = 1.0
"""Beside a session that goes on, where the processor is the decoder's."""


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
    known = None
    if request.in_session is not None:
        known = known_calibration(request.profile, earlier, eeg, request.montage)
        request.in_session.refuse_too_few(chosen.trials, known)
        eeg = only_around(eeg, chosen.trials)
    hop_s = hop_for(chosen.trials) if request.in_session is None else IN_SESSION_HOP_S
    result = calibrate_recording(eeg, chosen.trials, bundle, alignment, report, known, hop_s)
    if request.in_session is not None:
        request.in_session.refuse_no_better(result.decoder.evidence, earlier, known)
        earlier = request.in_session.kept(earlier)
    notes = (*eeg.notes, *chosen.notes, *result.decoder.notes)
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


def hop_for(trials: Sequence[LabelledInterval]) -> float:
    """Return the seconds from window to window that a calibration needs.

    Of many windows half a second apart only some are learned from: the others need not be made.
    Every trial keeps a window.

    Parameters
    ----------
    trials : sequence of LabelledInterval
        Of the calibration.
    """
    from mdjpt.calibration.calibration_windows import MAX_WINDOWS

    room_s = [trial.duration_s - SETTLED_S - WINDOW_S for trial in trials]
    hop_s = HOP_S
    while sum(room // hop_s + 1 for room in room_s if room >= 0) > MAX_WINDOWS:
        if hop_s + HOP_S > min((room for room in room_s if room >= 0), default=0.0):
            break
        hop_s += HOP_S
    return hop_s


def calibrate_recording(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    bundle: Bundle,
    alignment: AlignmentConfig,
    report: Callable[[str], object] = lambda _: None,
    known: Known | None = None,
    hop_s: float = HOP_S,
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
    hop_s : float
        Seconds from window to window; more is faster, and learns a little less.

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
    data, state, notes = encoded_trials(recording, trials, bundle, alignment, known, hop_s)
    report("training on held-out trials")
    general = general_head(bundle, data.class_names)
    before = None if general is None else as_it_is(bundle, general, data)
    personal = train_personal_decoder(
        data, general=general, before=None if before is None else before.accuracy
    )
    aligned = replace(
        personal, alignment=alignment, alignment_state=state, notes=(*notes, *personal.notes)
    )
    simulated = RecordingSource(recording, speed="max").open().simulated
    return CalibrationResult(aligned, simulated, before)


def encoded_trials(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    bundle: Bundle,
    alignment: AlignmentConfig,
    known: Known | None = None,
    hop_s: float = HOP_S,
) -> tuple[LabelledFeatures, dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return the windows of trials as the live path gives them, and what aligners have learned.

    The arguments are those of :func:`calibrate_recording`. The data are every window that can be
    decoded, the state is that of the aligners in the stages before the features, the notes tell
    which trials were left out, and why.

    Raises LabelsError and RecordingError as for :func:`calibrate_recording`.
    """
    from mdjpt.calibration.decoder import EmotionDecoder

    # Whoever is calibrated is learned from, however unlike the people of the training.
    decoder = EmotionDecoder(bundle, hop_s, alignment, novelty_limit=np.inf)
    parts = [(recording, tuple(trials)), *([] if known is None else [known])]
    if not decoder.alignment.plain:
        # A first pass learns the stages before the features; no head can be trained meanwhile.
        for part in reversed(parts):
            for _ in _features(*part, decoder, LostWindows(), hop_s):
                pass
    decoder.alignment.freeze()
    lost = LostWindows()
    collected = list(_features(recording, trials, decoder, lost, hop_s))
    if known is not None:
        n_known = len(known[1])
        behind = [(n_known + trial, feature, own) for trial, feature, own in collected]
        collected = [*_features(*known, decoder, LostWindows(), hop_s), *behind]
        trials = [*known[1], *trials]
    data, notes = _labelled(collected, trials, bundle, lost, hop_s)
    state = decoder.state_dict().items()
    return data, {k: v for k, v in state if not k.startswith("features.")}, notes


class _WithinTrials:
    """Hands a decoder of the live path only what lies within a trial."""

    def __init__(
        self, decoder: EmotionDecoder, trials: Sequence[LabelledInterval], hop_s: float
    ) -> None:
        self._decoder, self._trials, self._hop_s = decoder, trials, hop_s
        self.abstain_below, self.simulated = decoder.abstain_below, decoder.simulated
        self.unproven, self.calibrated = decoder.unproven, decoder.calibrated
        self.own: dict[int, OwnElectrodes] = {}

    def begin(self, window: Float32, index: int) -> Encoding | None:
        """Start to encode window number `index`, if it lies in a trial."""
        if _trial_of(index, self._trials, self._hop_s) is None:
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

        if _trial_of(index, self._trials, self._hop_s) is None:
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
    hop_s: float,
) -> Iterator[tuple[int, Float32, OwnElectrodes]]:
    """Yield trial, feature and electrodes of every window within a trial, through the live path."""
    from streaming.pipeline import Pipeline
    from streaming.sources.recording import RecordingSource

    source = RecordingSource(recording, speed="max")
    within = _WithinTrials(decoder, trials, hop_s)
    for answer in Pipeline(source, within, hop_s=hop_s).run():
        trial = _trial_of(answer.prediction.index, trials, hop_s)
        if trial is not None:
            lost.add(trial, answer.prediction, decoded=answer.feature is not None)
            if answer.feature is not None:
                yield trial, answer.feature, within.own.pop(answer.prediction.index)


def _trial_of(index: int, trials: Sequence[LabelledInterval], hop_s: float) -> int | None:
    return trial_of_window(index * hop_s, index * hop_s + WINDOW_S, trials)


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
