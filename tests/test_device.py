"""Where the network computes: names, the same numbers everywhere, and what a lost card costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mdjpt.network.device
import mdjpt.network.encoder
from app.session import default_bundle, demo_recording
from mdjpt.alignment.config import recommended_alignment
from mdjpt.bundle.bundle import load_bundle
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.errors import MdjptError
from mdjpt.network.device import (
    MOST_AT_ONCE,
    chosen_device,
    device_label,
    resolve_device,
    use_device,
    windows_at_once,
)
from mdjpt.network.encoder import Encoder, RowStats
from mdjpt.network.folded_network import FoldedNetwork
from mdjpt.network.model import EncoderConfig
from streaming.pipeline import Pipeline
from streaming.processes.decoder_process import _Device
from streaming.snapshot import ModelCard
from streaming.sources.recording import RecordingSource
from tests.support.golden import golden_arrays, relative_error
from tests.test_encoder import golden_encoder
from tests.test_model import small_network

CPU, CARD = torch.device("cpu"), torch.device("meta")
"""`meta` stands for a card here: torch has it everywhere, and nothing can be copied from it."""


@pytest.fixture
def windows():
    return np.random.default_rng(7).standard_normal((9, 60, 625), np.float32)


@pytest.fixture(autouse=True)
def _processor_afterwards():
    yield
    use_device("cpu")


class FailingCard(FoldedNetwork):
    """A card that computes like the processor until it raises what it was told to."""

    def __init__(self, network, device, at_once=1):
        super().__init__(network, CPU, at_once)
        self.is_card = device == CARD

    def alone(self, tokens, rows):
        if self.is_card:
            FailingCard.calls += 1
            FailingCard.fail(self)
        return super().alone(tokens, rows)


@pytest.fixture
def card(monkeypatch):
    """Put the failing card into encoders; `fail` is set by the test."""
    monkeypatch.setattr(mdjpt.network.encoder, "FoldedNetwork", FailingCard)
    FailingCard.calls, FailingCard.fail = 0, staticmethod(lambda folded: None)
    return FailingCard


def test_auto_takes_the_processor_where_there_is_no_accelerator(monkeypatch):
    for kind in (torch.cuda, torch.xpu, torch.backends.mps):
        monkeypatch.setattr(kind, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == CPU
    assert device_label(CPU) == "cpu"


def test_auto_takes_an_accelerator_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto").type == "cuda"
    assert resolve_device("cuda:1").index == 1
    with pytest.raises(MdjptError, match=r"--device cuda:2: .* finds no such device \(it sees 2\)"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("name", ["mps", "xpu", "cuda", "cuda:7"])
def test_a_device_that_is_absent_is_refused_in_one_line(name, monkeypatch):
    for kind in (torch.cuda, torch.xpu, torch.backends.mps):
        monkeypatch.setattr(kind, "is_available", lambda: False)
    with pytest.raises(MdjptError, match=r"sees none\); take --device cpu, or auto") as caught:
        resolve_device(name)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "mps:0", ""])
def test_what_is_no_name_of_a_device_is_refused(name):
    with pytest.raises(MdjptError, match=r"--device takes auto\|cpu"):
        resolve_device(name)


def test_encoders_compute_where_the_process_has_chosen(windows, card, monkeypatch):
    assert chosen_device() == CPU
    monkeypatch.setattr(mdjpt.network.encoder, "chosen_device", lambda: CARD)
    Encoder(small_network()).feature(windows, group_size=1)
    assert card.calls > 0


def test_the_processor_takes_one_window_at_a_time_and_a_card_as_many_as_fit():
    assert windows_at_once(CPU, EncoderConfig()) == 1
    assert 1 < windows_at_once(torch.device("mps"), EncoderConfig(variant="paper")) < MOST_AT_ONCE


def test_many_windows_at_once_give_the_numbers_of_one_by_one(windows, card):
    for variant in ("released", "paper"):
        network = small_network(variant=variant)
        alone, card_encoder = Encoder(network, CPU), Encoder(network, CARD)
        stats = alone.row_stats(windows)
        for how in ({"group_size": 1}, {"stats": stats}, {"group_size": 3}):
            expected = alone.feature(windows, **how)
            assert relative_error(card_encoder.feature(windows, **how), expected) < 1e-5
        assert card_encoder.device_note == ""


def test_a_card_that_is_lost_costs_no_window(windows, card):
    encoder = Encoder(small_network(), CARD)
    stats = encoder.row_stats(windows)
    expected = encoder.feature(windows, stats=stats)

    def lost(folded):
        if card.calls > calls + 2:
            raise RuntimeError("CUDA error: unspecified launch failure\nsecond line")

    calls, card.fail = card.calls, staticmethod(lost)
    found = np.concatenate([encoder.feature(w[None], stats=stats) for w in windows])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    assert encoder.device_name == "cpu"
    assert "the accelerator is left for the processor: CUDA error" in encoder.device_note
    assert "\n" not in encoder.device_note


def test_a_card_without_memory_takes_fewer_windows_at_once(windows, card):
    encoder = Encoder(small_network(), CARD)
    stats = encoder.row_stats(windows)
    expected = encoder.feature(windows, stats=stats)

    def full(folded):
        if folded.at_once > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")

    card.fail = staticmethod(full)
    found = encoder.feature(windows, stats=stats)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    assert encoder.device_note == ""


def test_a_card_without_any_memory_is_left_for_the_processor(windows, card):
    encoder = Encoder(small_network(), CARD)
    stats = encoder.row_stats(windows)

    def full(folded):
        raise torch.OutOfMemoryError("CUDA out of memory")

    card.fail = staticmethod(full)
    assert encoder.feature(windows, stats=stats).shape == (9, encoder.config.n_maps)
    assert "out of memory" in encoder.device_note


def test_a_card_that_computes_something_else_is_not_used(windows, card, monkeypatch):
    expected = Encoder(small_network(), CPU).feature(windows, group_size=1)
    right = FailingCard.alone

    def wrong(self, tokens, rows):
        return right(self, tokens, rows) * (1.01 if self.is_card else 1.0)

    monkeypatch.setattr(FailingCard, "alone", wrong)
    encoder = Encoder(small_network(), CARD)
    assert encoder.device_note.endswith("its features are off by 0.01")
    np.testing.assert_array_equal(encoder.feature(windows, group_size=1), expected)


def test_a_real_device_without_memory_of_its_own_is_left_at_once(windows):
    encoder = Encoder(small_network(), CARD)  # nothing can be copied from `meta`
    expected = Encoder(small_network(), CPU).feature(windows, group_size=1)
    np.testing.assert_array_equal(encoder.feature(windows, group_size=1), expected)
    assert encoder.device_note


def decoded_by(device: torch.device, fail) -> list:
    """Decode the recording that comes with the program, in the two bodies of the live loop."""
    FailingCard.calls, FailingCard.fail = 0, staticmethod(fail)
    bundle = load_bundle(default_bundle())
    mdjpt.network.encoder.chosen_device = lambda: device
    decoder = EmotionDecoder(bundle, 0.5, recommended_alignment(bundle))
    source = RecordingSource(str(demo_recording()), speed="max")
    return list(Pipeline(source, decoder, hop_s=0.5).run())


def test_a_card_that_is_lost_in_the_middle_changes_no_answer_of_a_stream(card, monkeypatch):
    monkeypatch.setattr(
        mdjpt.network.encoder, "chosen_device", chosen_device
    )  # put back afterwards
    expected = decoded_by(CPU, lambda folded: None)

    def lost(folded):
        if FailingCard.calls > 2:
            raise RuntimeError("CUDA error: device lost")

    monkeypatch.setattr(mdjpt.network.encoder, "windows_at_once", lambda *_: 4)
    found = decoded_by(CARD, lost)
    assert FailingCard.calls > 2
    assert [a.prediction.index for a in found] == [a.prediction.index for a in expected]
    assert [a.prediction.status for a in found] == [a.prediction.status for a in expected]
    for one, other in zip(found, expected, strict=True):
        for name, p in one.prediction.probabilities.items():
            assert other.prediction.probabilities[name] == pytest.approx(p, abs=1e-6)


def test_the_decoder_process_tells_that_its_card_is_lost_and_once(card, monkeypatch):
    monkeypatch.setattr(mdjpt.network.device, "resolve_device", lambda name: CARD)
    notes: list[str] = []

    def lost(folded):
        raise RuntimeError("CUDA error: device lost")

    use_device("cuda", notes.append)
    card.fail = staticmethod(lost)
    Encoder(small_network())
    Encoder(small_network())  # it does not try again
    assert len(notes) == 1
    device = _Device(ModelCard("m", "released", (), False, device="NVIDIA"), notes)
    moved = device.moved()
    assert moved is not None
    assert moved.card.device == "cpu"
    assert "device lost" in moved.card.device_note
    assert device.moved() is None


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_device_gives_the_references_numbers(device, variant):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA card here")
    golden = golden_arrays("golden_encoder.npz")
    prefix = f"{variant}_"
    arrays = {k.removeprefix(prefix): v for k, v in golden.items() if k.startswith(prefix)}
    encoder = Encoder(golden_encoder(variant)._network, torch.device(device))
    stats = RowStats(*(arrays[name] for name in RowStats._fields))
    limit = 1e-5 if device == "cpu" else 1e-4
    x = golden["x_single"]
    one_by_one = np.concatenate([encoder.feature(w[None], group_size=1) for w in x])
    for feature in (encoder.feature(x, group_size=1), encoder.feature(x, stats=stats), one_by_one):
        assert relative_error(feature, arrays["feature"]) < limit
    grouped = encoder.feature(golden["x_group"], group_size=4)
    assert relative_error(grouped, arrays["group_feature"]) < limit
    assert not encoder.device_note
