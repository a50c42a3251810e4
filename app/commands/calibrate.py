"""``mdjpt calibrate``: a decoder for one person from a recording and what was felt when."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.files import read_montage
from app.session import default_bundle
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.alignment.aligned_encoder import AlignedEncoder
    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle import Bundle
    from mdjpt.calibration.anchored import GeneralHead
    from mdjpt.calibration.label_file import LabelledInterval
    from mdjpt.calibration.labelled import LabelledFeatures
    from mdjpt.calibration.profile import Profile
    from mdjpt.calibration.training import PersonalDecoder
    from mdjpt.recordings import Recording
    from streaming.decoder import Decoded

    Float32 = NDArray[np.float32]

__all__ = ["HOP_S", "calibrate", "calibrate_recording"]

HOP_S = 0.5
"""Seconds from window to window, as live."""


def calibrate(
    recording: Path,
    labels: Path,
    out: Path,
    model: Path | None = None,
    montage: str | None = None,
    alignment: str = "moments",
) -> int:
    """Train a personal decoder and add it to the profile `out`, which is made if need be.

    Parameters
    ----------
    recording : Path
        EEG of the calibration.
    labels : Path
        CSV or TSV with onset_s, duration_s, label and, if rated, valence and arousal; or the
        ``.truth.json`` of a simulated recording.
    out : Path
        Profile to write.
    model : Path, optional
        Model bundle; the demo bundle by default.
    montage : str, optional
        Electrode names for a recording whose labels say nothing.
    alignment : str
        Kind of alignment before the head, see :class:`mdjpt.alignment.AlignmentConfig`.

    Returns
    -------
    int
        0; errors are raised.

    Raises
    ------
    MdjptError
        A file cannot be used, trials are too few, or the decoder is not better than chance.
    """
    import torch

    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle import load_bundle
    from mdjpt.calibration.label_file import read_labels
    from mdjpt.calibration.profile import load_profile, save_profile
    from mdjpt.recordings import read_recording

    # The networks are so small that threads wait for each other longer than they work.
    torch.set_num_threads(1)
    bundle = load_bundle(model or default_bundle())
    earlier = load_profile(out, bundle) if out.exists() else None
    eeg = read_recording(recording, montage=read_montage(montage) or None)
    trials = read_labels(labels, eeg.duration_s)
    try:
        config = AlignmentConfig(alignment)  # type: ignore[arg-type]
    except ValueError as error:
        raise ProfileError(f"calibrate: {error}") from None
    for note in eeg.notes:
        sys.stderr.write(f"note: {note}\n")
    result = calibrate_recording(eeg, trials, bundle, config)
    for note in result.decoder.notes:
        sys.stderr.write(f"note: {note}\n")
    profile = result.profile(bundle, earlier)
    save_profile(out, profile)
    sys.stdout.write(_report(out, profile))
    return 0


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """A trained decoder and whether its person or model was simulated."""

    decoder: PersonalDecoder
    simulated: bool

    def profile(self, bundle: Bundle, earlier: Profile | None) -> Profile:
        """Put the decoder into a profile; raises ProfileError when it knows no more than chance.

        Parameters
        ----------
        bundle : Bundle
            The model.
        earlier : Profile or None
            The person's profile so far.
        """
        from mdjpt.calibration.profile import Profile, new_pseudonym

        evidence = self.decoder.evidence
        if not evidence.better_than_chance:
            raise ProfileError(
                f"refused, not better than chance: {evidence.summary()}; keep the decoder you "
                "have, or record more trials"
            )
        if earlier is not None:
            both = replace(earlier, simulated=earlier.simulated or self.simulated)
            return both.with_version(self.decoder)
        return Profile(
            participant=new_pseudonym(),
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

    Raises
    ------
    ProfileError
        When no trial holds a window, or a class has too few.
    """
    from mdjpt.alignment.aligned_encoder import AlignedEncoder
    from mdjpt.alignment.config import build_alignment
    from mdjpt.calibration.training import train_personal_decoder

    aligners = build_alignment(alignment, bundle)
    encoder = AlignedEncoder(bundle, aligners)
    if not aligners.plain:
        # A first pass learns the stages before the features; no head can be trained meanwhile.
        for _ in _features(recording, trials, encoder, learn=True):
            pass
        aligners.freeze()
    collected = list(_features(recording, trials, encoder, learn=False))
    simulated = bundle.simulated or recording_is_simulated(recording)
    data = _labelled(collected, trials, bundle)
    general = _general_head(data, bundle)
    before = None if general is None else _accuracy(general, data, bundle)
    decoder = train_personal_decoder(data, general=general, before=before)
    inside = {k: v for k, v in aligners.state_dict().items() if not k.startswith("features.")}
    return CalibrationResult(
        replace(decoder, alignment=alignment, alignment_state=inside), simulated
    )


def recording_is_simulated(recording: Recording) -> bool:
    """Tell whether the live path calls a recording simulated."""
    from streaming.sources.recording import RecordingSource

    return RecordingSource(recording, speed="max").open().simulated


class _TrialEncoder:
    """A decoder of the live path that only encodes, and only what lies within a trial."""

    abstain_below = 1.0
    simulated = False

    def __init__(
        self, encoder: AlignedEncoder, trials: Sequence[LabelledInterval], *, learn: bool
    ) -> None:
        self._encoder, self._trials, self._learn = encoder, trials, learn

    def decode(self, window: Float32, index: int) -> Decoded:
        """Encode window number `index`; an empty feature outside of the trials."""
        from mdjpt.calibration.labelled import trial_of_window
        from mdjpt.signal import WINDOW_S
        from streaming.decoder import Decoded

        start_s = index * HOP_S
        if trial_of_window(start_s, start_s + WINDOW_S, self._trials) is None:
            return Decoded(np.empty(0, np.float32), {})
        feature = self._encoder.encode_next(window)
        if self._learn:
            self._encoder.learn(HOP_S)
        return Decoded(feature, {})

    def reset(self) -> None:
        """Nothing depends on what came before."""


def _features(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    encoder: AlignedEncoder,
    *,
    learn: bool,
) -> Iterator[tuple[int, Float32]]:
    """Yield trial and feature of every window within a trial, through the live path."""
    from mdjpt.calibration.labelled import trial_of_window
    from mdjpt.signal import WINDOW_S
    from streaming.pipeline import Pipeline
    from streaming.sources.recording import RecordingSource

    source = RecordingSource(recording, speed="max")
    decoder = _TrialEncoder(encoder, trials, learn=learn)
    for answer in Pipeline(source, decoder, hop_s=HOP_S).run():
        if answer.feature is None or not answer.feature.size:
            continue
        start_s = answer.prediction.index * HOP_S
        trial = trial_of_window(start_s, start_s + WINDOW_S, trials)
        if trial is not None:
            yield trial, answer.feature


def _labelled(
    collected: list[tuple[int, Float32]], trials: Sequence[LabelledInterval], bundle: Bundle
) -> LabelledFeatures:
    """Bring windows and labels together; trials without a usable window are left out."""
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


def _general_head(data: LabelledFeatures, bundle: Bundle) -> GeneralHead | None:
    """Return the bundle's head read in the person's classes; None where it cannot be."""
    from mdjpt.calibration.anchored import GeneralHead
    from mdjpt.calibration.label_sets import mapping_matrix

    if bundle.head is None:
        return None
    matrix = mapping_matrix(bundle.class_names, data.class_names)
    if not matrix.any(axis=1).all():
        return None
    return GeneralHead(bundle.head, matrix, bundle.temperature)


def _accuracy(general: GeneralHead, data: LabelledFeatures, bundle: Bundle) -> float:
    """Return the share of trials that the model gets right without calibration."""
    probabilities = general.probabilities(bundle.standardise(data.features))
    sums = np.zeros((data.n_trials, data.n_classes))
    np.add.at(sums, data.trial, probabilities)
    return float((sums.argmax(axis=1) == data.label).mean())


def _report(out: Path, profile: Profile) -> str:
    decoder = profile.current
    simulated = " (SIMULATED)" if profile.simulated else ""
    lines = [
        f"{out}: version {profile.active + 1} for {profile.participant}{simulated}, "
        f"{decoder.kind} head, classes {', '.join(decoder.class_names)}",
        decoder.evidence.summary(),
        f"windows right {decoder.evidence.window_accuracy:.2f}, calibration error "
        f"{decoder.evidence.calibration_error:.2f}, unsure below {decoder.abstain_below:.2f}",
    ]
    if decoder.affect is not None:
        pairs = zip(decoder.affect.names, decoder.affect.agreement, strict=True)
        told = ", ".join(f"{name} (concordance {value:.2f})" for name, value in pairs)
        lines.append(f"also tells {told}")
    return "\n".join(lines) + "\n"
