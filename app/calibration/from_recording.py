"""From a recording and what was felt when to a person's profile, through the live path.

What needs torch is imported where it is used: whoever asks for a training goes on drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.trials import (
    LabelledFeatures,
    LabelledInterval,
    class_order,
    read_labels,
    trial_of_window,
)
from mdjpt.errors import ProfileError
from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.decoder import Decoded, EmotionDecoder
    from mdjpt.calibration.profile import Profile
    from mdjpt.calibration.training import CalibrationResult
    from mdjpt.recordings import Recording
    from mdjpt.signal.window import OwnElectrodes

    Float32 = NDArray[np.float32]

__all__ = ["HOP_S", "TrainingRequest", "calibrate_recording", "train_profile"]

HOP_S = 0.5
"""Seconds from window to window, as live."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What is to be trained; picklable.

    Attributes
    ----------
    recording : Path
        EEG of the calibration.
    labels : Path or None
        Table of the trials; None takes them from the markers of the recording.
    profile : Path
        Profile that gets a new version, or that is to be made; its folder exists.
    bundle : Path
        Model bundle.
    participant : str or None
        Pseudonym for a new profile; a random one by default.
    montage : tuple of str
        Electrode names for a recording whose labels say nothing.
    alignment : str
        Kind of alignment before the head.
    """

    recording: Path
    labels: Path | None
    profile: Path
    bundle: Path
    participant: str | None = None
    montage: tuple[str, ...] = ()
    alignment: str = "moments"


def train_profile(request: TrainingRequest, report: Callable[[str], object]) -> Profile:
    """Train from files and return the profile with its new version; writes nothing.

    Parameters
    ----------
    request : TrainingRequest
        Files and settings.
    report : callable
        Takes one line at the beginning of each stage.

    Raises
    ------
    NotBetterError
        The decoder knows no more than chance or than the model without calibration.
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
    eeg = read_recording(request.recording, montage=request.montage or None)
    result = calibrate_recording(eeg, _trials(request, eeg), bundle, alignment, report)
    notes = (*eeg.notes, *result.decoder.notes)
    noted = replace(result, decoder=replace(result.decoder, notes=notes))
    return noted.profile(bundle, earlier, request.participant)


def _trials(request: TrainingRequest, eeg: Recording) -> tuple[LabelledInterval, ...]:
    """Read the table of trials, or the markers of a calibration session."""
    from app.calibration.labels import labels_from_markers

    if request.labels is not None:
        return read_labels(request.labels, eeg.duration_s)
    trials = labels_from_markers(eeg.markers)
    if not trials:
        raise ProfileError(
            f"{request.recording}: holds no calibration session; name a table of its trials with "
            "--labels"
        )
    return trials


def calibrate_recording(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    bundle: Bundle,
    alignment: AlignmentConfig,
    report: Callable[[str], object] = lambda _: None,
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

    Raises
    ------
    ProfileError
        When no trial holds a window, or a class has too few.
    """
    from mdjpt.calibration.decoder import EmotionDecoder
    from mdjpt.calibration.heads import general_head
    from mdjpt.calibration.training import CalibrationResult, as_it_is, train_personal_decoder
    from streaming.sources.recording import RecordingSource

    # Whoever is calibrated is learned from, however unlike the people of the training.
    decoder = EmotionDecoder(bundle, HOP_S, alignment, novelty_limit=np.inf)
    if not decoder.alignment.plain:
        # A first pass learns the stages before the features; no head can be trained meanwhile.
        for _ in _features(recording, trials, decoder):
            pass
    decoder.alignment.freeze()
    report("encoding the trials")
    data = _labelled(list(_features(recording, trials, decoder)), trials, bundle)
    report("comparing heads")
    general = general_head(bundle, data.class_names)
    before = None if general is None else as_it_is(bundle, general, data)
    personal = train_personal_decoder(
        data, general=general, before=None if before is None else before.accuracy
    )
    state = decoder.state_dict()
    inside = {k: v for k, v in state.items() if not k.startswith("features.")}
    aligned = replace(personal, alignment=alignment, alignment_state=inside)
    simulated = bundle.simulated or RecordingSource(recording, speed="max").open().simulated
    return CalibrationResult(aligned, simulated, before)


class _WithinTrials:
    """Hands a decoder of the live path only what lies within a trial."""

    def __init__(self, decoder: EmotionDecoder, trials: Sequence[LabelledInterval]) -> None:
        self._decoder, self._trials = decoder, trials
        self.abstain_below, self.simulated = decoder.abstain_below, decoder.simulated

    def decode(self, window: Float32, index: int, own: OwnElectrodes | None = None) -> Decoded:
        """Decode window number `index`; an empty feature outside of the trials."""
        from mdjpt.calibration.decoder import Decoded

        del own
        if _trial_of(index, self._trials) is None:
            return Decoded(np.empty(0, np.float32), {})
        return self._decoder.decode(window)

    def reset(self) -> None:
        """Nothing depends on what came before."""


def _features(
    recording: Recording, trials: Sequence[LabelledInterval], decoder: EmotionDecoder
) -> Iterator[tuple[int, Float32]]:
    """Yield trial and feature of every window within a trial, through the live path."""
    from streaming.pipeline import Pipeline
    from streaming.sources.recording import RecordingSource

    source = RecordingSource(recording, speed="max")
    for answer in Pipeline(source, _WithinTrials(decoder, trials), hop_s=HOP_S).run():
        trial = _trial_of(answer.prediction.index, trials)
        if trial is not None and answer.feature is not None:
            yield trial, answer.feature


def _trial_of(index: int, trials: Sequence[LabelledInterval]) -> int | None:
    return trial_of_window(index * HOP_S, index * HOP_S + WINDOW_S, trials)


def _labelled(
    collected: list[tuple[int, Float32]], trials: Sequence[LabelledInterval], bundle: Bundle
) -> LabelledFeatures:
    """Bring windows and labels together; trials without a usable window are left out."""
    if not collected:
        raise ProfileError(
            "no trial holds a window of 5 s that can be decoded: check onset_s and duration_s "
            "(seconds from the first sample; 6 s at least) and the signal"
        )
    numbers = np.array([trial for trial, _ in collected])
    used, which = np.unique(numbers, return_inverse=True)
    kept = [trials[k] for k in used]
    names = class_order([trial.label for trial in kept], bundle.class_names)
    ratings = [(trial.valence, trial.arousal) for trial in kept]
    return LabelledFeatures(
        features=np.stack([feature for _, feature in collected]),
        trial=which,
        label=np.array([names.index(trial.label) for trial in kept]),
        class_names=names,
        hop_s=HOP_S,
        ratings=np.array(ratings, dtype=np.float64),
    )
