"""The windows of a calibration's trials, encoded as they would be live. Imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.labelled import trial_of_window
from mdjpt.signal.filters import WINDOW_S
from streaming.decoder import Decoded
from streaming.pipeline import Pipeline
from streaming.sources.recording import RecordingSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mdjpt.alignment.aligned_encoder import AlignedEncoder
    from mdjpt.calibration.trials import LabelledInterval
    from mdjpt.recordings import Recording

    Float32 = NDArray[np.float32]

__all__ = ["HOP_S", "encode_trials", "recording_is_simulated"]

HOP_S = 0.5
"""Seconds from window to window, as live."""


def recording_is_simulated(recording: Recording) -> bool:
    """Tell whether the live path calls a recording simulated."""
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
        start_s = index * HOP_S
        if trial_of_window(start_s, start_s + WINDOW_S, self._trials) is None:
            return Decoded(np.empty(0, np.float32), {})
        feature = self._encoder.encode_next(window)
        if self._learn:
            self._encoder.learn(HOP_S)
        return Decoded(feature, {})

    def reset(self) -> None:
        """Nothing depends on what came before."""


def encode_trials(
    recording: Recording,
    trials: Sequence[LabelledInterval],
    encoder: AlignedEncoder,
    *,
    learn: bool,
) -> Iterator[tuple[int, Float32]]:
    """Encode every window within a trial, through the live path.

    Parameters
    ----------
    recording : Recording
        EEG.
    trials : sequence of LabelledInterval
        In the order of time.
    encoder : AlignedEncoder
        The model and its aligners.
    learn : bool
        Have the aligners learn from each window.

    Yields
    ------
    trial : int
        Number of the trial.
    feature : ndarray of float32, shape (n_features,)
    """
    source = RecordingSource(recording, speed="max")
    decoder = _TrialEncoder(encoder, trials, learn=learn)
    for answer in Pipeline(source, decoder, hop_s=HOP_S).run():
        if answer.feature is None or not answer.feature.size:
            continue
        start_s = answer.prediction.index * HOP_S
        trial = trial_of_window(start_s, start_s + WINDOW_S, trials)
        if trial is not None:
            yield trial, answer.feature
