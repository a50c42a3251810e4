"""A profile is put into use while the session goes on, and a participant obeys its markers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.session import LiveSession, SessionConfig, engine_config
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.calibration.profile import Profile, save_profile
from mdjpt.calibration.training import train_personal_decoder
from streaming.processes.decoder_process import Learned
from streaming.processes.engine import Engine
from streaming.snapshot import AlignmentStatus
from streaming.sources.source_spec import parse_source
from tests.support.calibration_cases import CLASSES, labelled, small_bundle, with_electrodes
from tests.test_engine import PATIENCE_S, collect

if TYPE_CHECKING:
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

SIM = parse_source("sim:?seed=3&n_channels=8")
SIM_CAP = ("Fp1", "T7", "P3", "Oz", "F4", "Pz")  # all but the last


class CardCollector:
    """A publisher that keeps what it was opened with."""

    def __init__(self) -> None:
        self.cards: list[ModelCard] = []

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        self.cards.append(card)

    def publish(self, prediction: Prediction) -> None:
        """Take it."""

    def close(self) -> None:
        """Nothing to do."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write a model, two profiles for it (three and four classes) and one for another model."""
    folder = tmp_path_factory.mktemp("profiles")
    save_bundle(folder / "model.safetensors", replace(small_bundle(), sha256=""))
    sha256 = load_bundle(folder / "model.safetensors").sha256
    for name, n_classes, model in (
        ("three", 3, sha256),
        ("four", 4, sha256),
        ("foreign", 3, "cd" * 32),
    ):
        data = labelled(n_per_class=5, n_classes=n_classes, effect=3.0)
        trained = train_personal_decoder(data)
        decoder = replace(trained, unproven=name == "four")
        profile = Profile(f"P-{name}", model, (decoder, decoder), 1)
        save_profile(folder / f"{name}.safetensors", profile)
    for name, names in (("cap", SIM_CAP), ("other-cap", ("Fp2", "F3", "C3", "C4", "O1", "Fp1"))):
        data = with_electrodes(labelled(n_per_class=5, effect=3.0), ch_names=names)
        profile = Profile(f"P-{name}", sha256, (train_personal_decoder(data),), 0)
        save_profile(folder / f"{name}.safetensors", profile)
    return folder


def test_a_profile_takes_over_and_no_window_is_answered_twice(files: Path) -> None:
    config = engine_config(SessionConfig(SIM, files / "model.safetensors"))
    publisher = CardCollector()
    engine = Engine(replace(config, publishers=(lambda: publisher,)))
    engine.start()
    answers = []

    def card() -> ModelCard | None:
        return engine.snapshot().model

    def in_use(participant: str) -> bool:
        newest = card()
        return newest is not None and newest.participant == participant

    try:
        answers += collect(engine, lambda: engine.snapshot().n_windows > 0)
        engine.use_profile(files / "three.safetensors")
        answers += collect(engine, lambda: in_use("P-three"))
        assert card().profile_version == 2
        assert not card().unproven
        engine.use_profile(files / "foreign.safetensors")
        answers += collect(engine, lambda: engine.snapshot().profile_error != "")
        assert "was made for the model" in engine.snapshot().profile_error
        assert in_use("P-three")
        engine.use_profile(files / "other-cap.safetensors")
        answers += collect(engine, lambda: engine.snapshot().profile_error != "")
        assert "1 of the 6 electrodes" in engine.snapshot().profile_error
        engine.use_profile(files / "cap.safetensors")
        answers += collect(engine, lambda: in_use("P-cap"))
        n_before = engine.snapshot().n_windows
        answers += collect(engine, lambda: engine.snapshot().n_windows > n_before + 4)
        engine.use_profile(files / "three.safetensors")
        engine.use_profile(files / "four.safetensors")
        answers += collect(engine, lambda: in_use("P-four"))
        assert engine.snapshot().profile_error == ""
        assert card().class_names == (*CLASSES, "calm")
        assert card().unproven
        n_before = engine.snapshot().n_windows
        answers += collect(engine, lambda: engine.snapshot().n_windows > n_before)
        engine.use_profile(None)
        answers += collect(engine, lambda: in_use(""))
        shot = engine.snapshot()
    finally:
        engine.stop()
    indices = [answer.prediction.index for answer in answers]
    assert indices == sorted(set(indices))
    assert (shot.n_lost, shot.state, shot.decoder_state) == (0, "streaming", "running")
    assert [len(card.class_names) for card in publisher.cards][:2] == [3, 4]
    for answer in answers:
        # The four classes come from the calibration that could not tell whether it is any good.
        if classes := answer.prediction.probabilities:
            assert answer.prediction.unproven == ("calm" in classes)


def test_a_session_that_begins_with_the_profile_of_another_cap_says_so_at_once(files: Path) -> None:
    profile = files / "other-cap.safetensors"
    engine = Engine(engine_config(SessionConfig(SIM, files / "model.safetensors", profile=profile)))
    engine.start()
    try:
        collect(engine, lambda: engine.snapshot().decoder_error != "")
        said = engine.snapshot().decoder_error
        assert "1 of the 6 electrodes of the calibration are connected" in said
        assert engine.snapshot().n_windows == 0
    finally:
        engine.stop()


def test_what_an_earlier_version_had_learned_is_not_given_to_a_later_one(files: Path) -> None:
    path = files / "three.safetensors"
    engine = Engine(engine_config(SessionConfig(SIM, files / "model.safetensors", profile=path)))
    earlier = Learned({}, AlignmentStatus())
    engine.start()
    try:
        collect(engine, lambda: engine.snapshot().n_windows > 0)
        engine._decoders._learned[path] = earlier
        engine.use_profile(path)
        collect(engine, lambda: engine.snapshot().decoder_state != "switching")
        assert engine._decoders._learned.get(path) is not earlier
    finally:
        engine.stop()


def test_a_session_without_a_model_says_why_it_can_use_no_profile(files: Path) -> None:
    engine = Engine(engine_config(SessionConfig(SIM, None)))
    engine.use_profile(files / "three.safetensors")
    assert "no model is in use" in engine.snapshot().profile_error
    engine.stop()


def test_a_session_that_begins_with_a_profile_wants_it(files: Path) -> None:
    profile = files / "three.safetensors"
    assert LiveSession(SessionConfig(SIM, None, profile=profile)).wanted_profile == profile


def test_a_session_in_another_process_uses_a_profile_and_passes_prompts_on(files: Path) -> None:
    session = LiveSession(SessionConfig(SIM, files / "model.safetensors"))
    session.start()
    deadline = time.monotonic() + 3 * PATIENCE_S
    used, told = "", ""
    try:
        while session.snapshot().state != "streaming":
            assert time.monotonic() < deadline
        assert session.wanted_profile is None
        session.use_profile(files / "three.safetensors")
        assert session.wanted_profile == files / "three.safetensors"
        session.mark("trial/1/tenderness/begin")
        while (used, told) != ("P-three", "tenderness"):
            shot = session.snapshot()
            used = shot.model.participant if shot.model is not None else ""
            told = shot.truth or ""
            assert time.monotonic() < deadline, shot
        session.mark("calibration/abort")
        while session.snapshot().truth == "tenderness":
            assert time.monotonic() < deadline
    finally:
        session.stop()
