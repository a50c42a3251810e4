"""The decoder process: loads the model, reads the ring, answers with predictions.

It may die at any time: the engine starts another one. This module imports no torch at its head,
because a spawned process imports it before the thread variables are in force.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError
from streaming.label_hold import LABEL_MARGIN

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mdjpt.calibration.decoder import EmotionDecoder
    from streaming.inference import Inference
    from streaming.prediction import Prediction
    from streaming.snapshot import AlignmentStatus, ModelCard
    from streaming.stream import StreamInfo

__all__ = [
    "Attach",
    "DecoderConfig",
    "Failed",
    "Finished",
    "Learned",
    "Moved",
    "Predicted",
    "Ready",
    "Stop",
    "run_decoder",
]

POLL_S = 0.004
"""Longest rest between two looks at the ring, in seconds."""
LEARNED_EVERY_S = 10.0
"""Seconds of answered signal after which the engine is told what the alignment has learned."""


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
    alignment : str
        A kind of alignment, or "auto"; a profile brings its own.
    label_margin : float
        Lead in probability that another class needs before the label changes.
    ch_names : tuple of str
        Channels of the stream, where it is open already: a profile of another cap is refused
        before it takes over.
    device : str
        Where it computes, as :func:`mdjpt.network.device.resolve_device` takes it.
    """

    bundle: Path
    hop_s: float = 0.5
    with_features: bool = False
    profile: Path | None = None
    alignment: str = "auto"
    label_margin: float = LABEL_MARGIN
    ch_names: tuple[str, ...] = ()
    device: str = "cpu"


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
    learned : dict of str to ndarray
        What the alignment of the one that died had learned; empty to begin anew.
    """

    ring_name: str
    info: StreamInfo
    next_index: int = 0
    learned: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """To the decoder: finish."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the decoder: the model is loaded."""

    card: ModelCard


@dataclass(frozen=True, slots=True)
class Moved:
    """From the decoder: the device is lost, the processor goes on."""

    card: ModelCard


@dataclass(frozen=True, slots=True)
class Predicted:
    """From the decoder: one window's answer."""

    prediction: Prediction
    n_skipped: int
    feature: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """From the decoder, every 10 s of signal: what the alignment has learned so far."""

    state: dict[str, NDArray[Any]]
    status: AlignmentStatus


@dataclass(frozen=True, slots=True)
class Finished:
    """From the decoder: the source has ended and every window is answered."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From the decoder: it cannot work, and starting it again would not help.

    Attributes
    ----------
    message : str
        One line for the user.
    exit_code : int
        What a command ends with; 0 when the session can go on without a decoder.
    """

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
    notes: list[str] = []
    decoder, card = _load(config, notes)
    connection.send(Ready(card))
    attach = connection.recv()
    if not isinstance(attach, Attach):
        return
    from mdjpt.signal.window import Preprocessor
    from streaming.inference import Inference
    from streaming.ring import RingBuffer

    ring = RingBuffer.attach(attach.ring_name)
    try:
        preprocessor = Preprocessor(attach.info.ch_names, attach.info.sfreq)
        decoder.require_electrodes(preprocessor.own_names)
        preprocessor.warm_up()
        if attach.learned:
            # A model that changed on the disk meanwhile begins anew.
            with suppress(ValueError):
                decoder.load_state_dict(attach.learned)
        inference = Inference(
            ring,
            attach.info,
            preprocessor,
            decoder,
            hop_s=config.hop_s,
            label_margin=config.label_margin,
        )
        if attach.next_index or not attach.info.lossless:
            # The stream ran on while the model was loaded.
            inference.take_over(attach.next_index)
        _loop(inference, decoder, config, connection, _Device(card, notes))
    finally:
        ring.close()


@dataclass(slots=True)
class _Device:
    """What computes, and the notes of a device that was left."""

    card: ModelCard
    notes: list[str]

    def moved(self) -> Moved | None:
        """Return what to tell since the last call."""
        if not self.notes or self.card.device_note == self.notes[-1]:
            return None
        self.card = replace(self.card, device="cpu", device_note=self.notes[-1])
        return Moved(self.card)


def _load(config: DecoderConfig, notes: list[str]) -> tuple[EmotionDecoder, ModelCard]:
    import torch

    torch.set_num_threads(1)
    from mdjpt.alignment.config import alignment_named
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.decoder import EmotionDecoder
    from mdjpt.calibration.profile import load_profile
    from mdjpt.errors import ModelError
    from mdjpt.network.device import device_label, use_device
    from mdjpt.signal.filters import SFREQ
    from mdjpt.signal.window import Preprocessor, warm_up_filters
    from streaming.decoder import model_card

    device = use_device(config.device, notes.append)
    bundle = load_bundle(config.bundle)
    profile = None if config.profile is None else load_profile(config.profile, bundle)
    if bundle.head is None and profile is None and not config.with_features:
        raise ModelError(
            "no emotion head: calibrate (mdjpt calibrate-live, or Calibrate in the window), or "
            "choose another model (mdjpt model list)"
        )
    alignment = None if profile is not None else alignment_named(config.alignment, bundle)
    decoder = EmotionDecoder(bundle, config.hop_s, alignment, profile)
    if config.ch_names:
        decoder.require_electrodes(Preprocessor(config.ch_names, SFREQ).own_names)
    decoder.warm_up()
    warm_up_filters(SFREQ)
    card = replace(
        model_card(bundle, config.bundle.name, decoder),
        device="cpu" if notes else device_label(device),
        device_note=notes[-1] if notes else "",
    )
    if profile is not None:
        card = replace(
            card,
            participant=profile.participant,
            profile_version=profile.active + 1,
            unproven=profile.current.unproven,
            person_simulated=profile.simulated,
        )
    return decoder, card


def _loop(
    inference: Inference,
    decoder: EmotionDecoder,
    config: DecoderConfig,
    connection: Connection,
    device: _Device,
) -> None:
    from streaming.decoder import alignment_status

    said_finished, unsaved_s = False, LEARNED_EVERY_S
    while True:
        answer = inference.step()
        if answer is not None:
            feature = answer.feature if config.with_features else None
            connection.send(Predicted(answer.prediction, inference.n_skipped, feature))
            if (moved := device.moved()) is not None:
                connection.send(moved)
            unsaved_s += config.hop_s
            if unsaved_s >= LEARNED_EVERY_S:
                connection.send(Learned(decoder.state_dict(), alignment_status(decoder)))
                unsaved_s = 0.0
        elif inference.finished and not said_finished:
            connection.send(Finished())
            said_finished = True
        if connection.poll(0.0 if answer is not None else POLL_S):
            connection.recv()
            return
