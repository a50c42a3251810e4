from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.cli.evaluate import evaluate_few_shot
from mdjpt.errors import MdjptError, ModelError
from mdjpt.evaluation.comparison_encoders import (
    COMPARISON_ENCODERS,
    comparison_encoder,
    comparison_features,
    load_comparison,
    resampled,
)
from mdjpt.store.store import Store, open_store
from tests.support.training_corpus import write_tiny_store

if TYPE_CHECKING:
    from pathlib import Path

CBRAMOD = COMPARISON_ENCODERS["cbramod"]


class FakeEncoder(nn.Module):
    """Stands in for a network of braindecode: two tokens, and a classifier that does not count."""

    def __init__(
        self, chs_info: list[dict[str, Any]], n_outputs: int, n_times: int, sfreq: float
    ) -> None:
        super().__init__()
        assert all(np.isfinite(ch["loc"]).all() for ch in chs_info)
        self.tokens = nn.Linear(n_times, 3, bias=False)
        self.final_layer = nn.Linear(3, n_outputs)

    def forward(self, x: Tensor, return_features: bool = False) -> Any:
        made = self.tokens(x)
        return {"features": made, "cls_token": None} if return_features else self.final_layer(made)


@pytest.fixture
def braindecode(monkeypatch: pytest.MonkeyPatch) -> None:
    models = ModuleType("braindecode.models")
    models.CBraMod = FakeEncoder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "braindecode", ModuleType("braindecode"))
    monkeypatch.setitem(sys.modules, "braindecode.models", models)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(write_tiny_store(tmp_path / "store", 0))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    # Of another classifier: it must not matter.
    save_file({"tokens.weight": torch.randn(3, 1000), "final_layer.bias": torch.ones(9)}, path)
    return path


def ignore(_done: int, _total: int) -> None:
    return None


@pytest.mark.usefixtures("braindecode")
def test_features_are_the_mean_token_of_windows_in_the_encoders_unit_and_rate(
    store: Store, weights: Path
) -> None:
    found = comparison_features(store, CBRAMOD, weights, 125, ignore)
    row = 5
    index, start = int(found.recording[row]), int(found.start[row])
    facts = store.recordings[index].facts
    scaled = store.raw_windows(index, [start]) * facts.scale_std + facts.scale_mean
    x = torch.from_numpy(resampled(scaled / 100.0, 200.0, 1000))
    network = load_comparison(CBRAMOD, weights, store.card.ch_names, 1000)
    expected = network(x, return_features=True)["features"].mean(1)[0]
    np.testing.assert_allclose(found.features[row], expected.detach().numpy(), atol=1e-6)
    assert CBRAMOD.licence in found.made_by


def test_resampling_keeps_a_slow_wave() -> None:
    at = np.arange(625) / 125
    wave = np.sin(2 * np.pi * 6 * at)[None, None]
    out = resampled(wave, 200.0, 1000)
    expected = np.sin(2 * np.pi * 6 * np.arange(1000) / 200)
    np.testing.assert_allclose(out[0, 0, 50:-50], expected[50:-50], atol=0.01)


@pytest.mark.usefixtures("braindecode")
def test_the_command_puts_another_encoder_beside_the_baseline(
    store: Store, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = evaluate_few_shot(
        store.path,
        out=tmp_path / "report",
        entropy=True,
        compared=[f"cbramod={weights}"],
        n_folds=2,
        n_epochs=1,
    )
    assert code == 0
    assert "cbramod" in capsys.readouterr().out


@pytest.mark.usefixtures("braindecode")
@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"other": torch.zeros(2)}, "lacks 'tokens.weight'"),
        ({"tokens.weight": torch.zeros(3, 7)}, r"\(3, 7\)"),
    ],
)
def test_weights_of_another_network_are_refused(
    tensors: dict[str, Tensor], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    save_file(tensors, path)
    with pytest.raises(ModelError, match=told):
        load_comparison(CBRAMOD, path, ("Fz",), 1000)


@pytest.mark.usefixtures("braindecode")
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("w.pt", b"", "safetensors only"), ("w.safetensors", b"rot", "no safetensors file")],
)
def test_files_that_hold_no_weights_are_refused(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=told):
        load_comparison(CBRAMOD, path, ("Fz",), 1000)


@pytest.mark.parametrize("text", ["labram", "labram=", "=x"])
def test_an_incomplete_comparison_is_refused(text: str, store: Store, tmp_path: Path) -> None:
    with pytest.raises(MdjptError, match=r"--compare|comparison encoder"):
        evaluate_few_shot(store.path, out=tmp_path, compared=[text])


def test_encoders_are_named_with_their_licences() -> None:
    assert all(item.licence and item.source for item in COMPARISON_ENCODERS.values())
    with pytest.raises(ModelError, match="labram"):
        comparison_encoder("brain")


def test_without_braindecode_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    monkeypatch.setitem(sys.modules, "braindecode", None)
    with pytest.raises(MdjptError, match="pip install braindecode"):
        load_comparison(COMPARISON_ENCODERS["labram"], weights, ("Fz",), 1000)
