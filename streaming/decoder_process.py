"""The decoder process: loads the model, reads the ring, answers with predictions.

It may die at any time: the engine starts another one. This module imports no torch at its head,
because a spawned process imports it before the thread variables are in force.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from streaming.decoder import Decoder
    from streaming.inference import Inference
    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

__all__ = [
    "Attach",
    "DecoderConfig",
    "Failed",
    "Finished",
    "Predicted",
    "Ready",
    "Stop",
    "run_decoder",
]

POLL_S = 0.004
"""Longest rest between two looks at the ring, in seconds."""


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """What a decoder process needs to know; picklable.

    Attributes
    ----------
    bundle : Path
        Model bundle.
    hop_s : float
        Seconds from window to window.
    with_features : bool
        Send the feature of each decoded window along; a bundle without a head is then accepted.
    profile : Path or None
        A person's calibration, whose head replaces the bundle's.
    """

    bundle: Path
    hop_s: float = 0.5
    with_features: bool = False
    profile: Path | None = None


@dataclass(frozen=True, slots=True)
class Attach:
    """To the decoder: the stream is open.

    Attributes
    ----------
    ring_name : str
        Shared memory with the raw samples.
    info : StreamInfo
        The stream.
    next_index : int
        First window to answer; above 0 for a decoder that takes over from one that died.
    """

    ring_name: str
    info: StreamInfo
    next_index: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """To the decoder: finish."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the decoder: the model is loaded."""

    card: ModelCard


@dataclass(frozen=True, slots=True)
class Predicted:
    """From the decoder: one window's answer."""

    prediction: Prediction
    n_skipped: int
    feature: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """From the decoder: the source has ended and every window is answered."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From the decoder: it cannot work, and starting it again would not help."""

    message: str
    exit_code: int


def run_decoder(config: DecoderConfig, connection: Connection) -> None:
    """Body of the decoder process.

    Parameters
    ----------
    config : DecoderConfig
        Model and hop.
    connection : Connection
        Takes `Attach` and `Stop`, gives `Ready`, `Predicted`, `Finished` and `Failed`.
    """
    # Ctrl-C reaches the whole group; the engine decides when the decoder stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _serve(config, connection)
    except MdjptError as error:
        connection.send(Failed(str(error), error.exit_code))
    except (BrokenPipeError, EOFError):
        return


def _serve(config: DecoderConfig, connection: Connection) -> None:
    decoder, card = _load(config)
    connection.send(Ready(card))
    attach = connection.recv()
    if not isinstance(attach, Attach):
        return
    from streaming.inference import Inference
    from streaming.preprocessor import Preprocessor
    from streaming.ring import RingBuffer

    ring = RingBuffer.attach(attach.ring_name)
    try:
        preprocessor = Preprocessor(attach.info.ch_names, attach.info.sfreq)
        preprocessor.warm_up()
        inference = Inference(ring, attach.info, preprocessor, decoder, hop_s=config.hop_s)
        if attach.next_index or not attach.info.lossless:
            # The stream ran on while the model was loaded.
            inference.take_over(attach.next_index)
        _loop(inference, config, connection)
    finally:
        ring.close()


def _load(config: DecoderConfig) -> tuple[Decoder, ModelCard]:
    import torch

    torch.set_num_threads(1)
    from mdjpt.bundle import load_bundle
    from mdjpt.calibration.profile import load_profile
    from mdjpt.errors import ModelError
    from mdjpt.signal import SFREQ
    from streaming.decoder import Decoder, model_card
    from streaming.preprocessor import warm_up_filters

    bundle = load_bundle(config.bundle)
    profile = None if config.profile is None else load_profile(config.profile, bundle)
    if bundle.head is None and profile is None and not config.with_features:
        raise ModelError("no emotion head: calibrate or choose another bundle")
    decoder = Decoder(bundle, config.hop_s, profile=profile)
    decoder.warm_up()
    warm_up_filters(SFREQ)
    card = model_card(bundle, config.bundle.name, decoder.class_names)
    if profile is not None:
        card = replace(card, participant=profile.participant, profile_version=profile.active + 1)
    return decoder, card


def _loop(inference: Inference, config: DecoderConfig, connection: Connection) -> None:
    told = False
    while True:
        answer = inference.step()
        if answer is not None:
            feature = answer.feature if config.with_features else None
            connection.send(Predicted(answer.prediction, inference.n_skipped, feature))
        elif inference.finished and not told:
            connection.send(Finished())
            told = True
        if connection.poll(0.0 if answer is not None else POLL_S):
            connection.recv()
            return
