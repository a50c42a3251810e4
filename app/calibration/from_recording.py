"""From a recording and what was felt when to a person's profile, through the live path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.calibration.training_process import TrainingRequest
    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.labelled import LabelledFeatures
    from mdjpt.calibration.profile import Profile
    from mdjpt.calibration.training import PersonalDecoder
    from mdjpt.calibration.trials import LabelledInterval
    from mdjpt.calibration.uncalibrated import Uncalibrated
    from mdjpt.recordings import Recording

    Float32 = NDArray[np.float32]

__all__ = [
    "CalibrationResult",
    "NotBetterError",
    "calibrate_recording",
    "train_profile",
]


class NotBetterError(ProfileError):
    """What was trained is not better than what there is."""


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

    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.profile import load_profile
    from mdjpt.calibration.pseudonym import check_pseudonym
    from mdjpt.recordings import read_recording

    # The networks are so small that threads wait for each other longer than they work.
    torch.set_num_threads(1)
    try:
        config = AlignmentConfig(request.alignment)  # type: ignore[arg-type]
    except ValueError as error:
        raise ProfileError(f"calibrate: {error}") from None
    if request.participant is not None:
        check_pseudonym(request.participant)
    report("reading the recording")
    bundle = load_bundle(request.bundle)
    earlier = load_profile(request.profile, bundle) if request.profile.exists() else None
    eeg = read_recording(request.recording, montage=request.montage or None)
    trials = _trials(request, eeg)
    result = calibrate_recording(eeg, trials, bundle, config, report)
    notes = (*eeg.notes, *result.decoder.notes)
    noted = replace(result, decoder=replace(result.decoder, notes=notes))
    return noted.profile(bundle, earlier, request.participant)


def _trials(request: TrainingRequest, eeg: Recording) -> tuple[LabelledInterval, ...]:
    """Read the table of trials, or the markers of a calibration session."""
    from app.calibration.labels import labels_from_markers
    from mdjpt.calibration.trials import read_labels

    if request.labels is not None:
        return read_labels(request.labels, eeg.duration_s)
    trials = labels_from_markers(eeg.markers)
    if not trials:
        raise ProfileError(
            f"{request.recording}: holds no calibration session; name a table of its trials with "
            "--labels"
        )
    return trials


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """What was trained.

    Attributes
    ----------
    decoder : PersonalDecoder
        Not yet in a profile.
    simulated : bool
        True when person or model were simulated.
    before : Uncalibrated or None
        What the model has right as it is; None where it has other classes.
    """

    decoder: PersonalDecoder
    simulated: bool
    before: Uncalibrated | None = None

    def profile(
        self, bundle: Bundle, earlier: Profile | None, participant: str | None = None
    ) -> Profile:
        """Put the decoder into a profile.

        Parameters
        ----------
        bundle : Bundle
            The model.
        earlier : Profile or None
            The person's profile so far.
        participant : str, optional
            Pseudonym for a new profile; a random one by default.

        Raises
        ------
        NotBetterError
            It knows no more than chance, or no more than the model as it is: not more trials,
            nor more windows where as many trials are right.
        """
        from mdjpt.calibration.profile import Profile
        from mdjpt.calibration.pseudonym import new_pseudonym

        evidence, before = self.decoder.evidence, self.before
        if not evidence.better_than_chance:
            than = "chance"
        elif before is not None and not before.beaten_by(evidence):
            than = (
                f"the model as it is ({before.window_accuracy:.2f} of its windows right, now "
                f"{evidence.window_accuracy:.2f})"
            )
        else:
            than = ""
        if than:
            raise NotBetterError(
                f"refused, not better than {than}: {evidence.summary()}; keep the decoder you "
                "have, or record more trials"
            )
        if earlier is not None:
            both = replace(earlier, simulated=earlier.simulated or self.simulated)
            return both.with_version(self.decoder)
        return Profile(
            participant=participant or new_pseudonym(),
            bundle_sha256=bundle.sha256,
            simulated=self.simulated,
            versions=(self.decoder,),
            active=0,
        )


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
    from app.calibration.trial_encoding import encode_trials, recording_is_simulated
    from mdjpt.alignment.aligned_encoder import AlignedEncoder
    from mdjpt.alignment.stages import build_alignment
    from mdjpt.calibration.training import train_personal_decoder
    from mdjpt.calibration.uncalibrated import as_it_is, general_head

    aligners = build_alignment(alignment, bundle)
    encoder = AlignedEncoder(bundle, aligners)
    if not aligners.plain:
        # A first pass learns the stages before the features; no head can be trained meanwhile.
        for _ in encode_trials(recording, trials, encoder, learn=True):
            pass
        aligners.freeze()
    report("encoding the trials")
    collected = list(encode_trials(recording, trials, encoder, learn=False))
    simulated = bundle.simulated or recording_is_simulated(recording)
    data = _labelled(collected, trials, bundle)
    report("comparing heads")
    general = general_head(bundle, data.class_names)
    before = None if general is None else as_it_is(general, data, bundle)
    decoder = train_personal_decoder(
        data, general=general, before=None if before is None else before.accuracy
    )
    inside = {k: v for k, v in aligners.state_dict().items() if not k.startswith("features.")}
    aligned = replace(decoder, alignment=alignment, alignment_state=inside)
    return CalibrationResult(aligned, simulated, before)


def _labelled(
    collected: list[tuple[int, Float32]], trials: Sequence[LabelledInterval], bundle: Bundle
) -> LabelledFeatures:
    """Bring windows and labels together; trials without a usable window are left out."""
    from app.calibration.trial_encoding import HOP_S
    from mdjpt.calibration.labelled import LabelledFeatures, class_order

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
