"""Pre-training from store to bundle, and taken up again after a kill."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from mdjpt.bundle.bundle import load_bundle
from mdjpt.errors import DatasetError, MdjptError, ModelError
from mdjpt.network.losses import cda_loss, isa_loss
from mdjpt.training.ablation import Ablation
from mdjpt.training.batches import PairBatches, pair_samplers
from mdjpt.training.checkpoint import load_trained_network, read_checkpoint
from mdjpt.training.config import LossSettings, MachineSettings, OptimiserSettings
from mdjpt.training.module import build_network
from mdjpt.training.pairs import PairSettings
from mdjpt.training.run import open_stores, pretrain, train
from tests.support.training_corpus import TINY, tiny_config

if TYPE_CHECKING:
    from collections.abc import Iterator

N_STEPS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    """An undisturbed training."""
    out = folder / "whole"
    pretrain(tiny_config(folder), out)
    return out


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def largest_difference(one: Path, other: Path) -> float:
    states = [read_checkpoint(out / "checkpoint.safetensors").network for out in (one, other)]
    assert states[0].keys() == states[1].keys()
    return max(float((states[0][k] - states[1][k]).abs().max()) for k in states[0])


def test_a_training_ends_in_a_bundle_with_its_statistics_and_origin(whole: Path) -> None:
    bundle = load_bundle(whole / "model.safetensors")
    config = bundle.config
    assert config == TINY
    assert bundle.simulated
    assert bundle.provenance["datasets"] == ["tiny-0", "tiny-1"]
    assert bundle.provenance["pre_training"]["seed"] == 1
    assert "tiny-0: CC0" in bundle.licence
    assert bundle.input_covariance.shape == (60, 60)
    assert np.trace(bundle.input_covariance) > 0
    assert bundle.centroids.shape == (2, config.n_dims, config.n_mixed, config.n_mixed)
    assert bundle.feature_mean.shape == bundle.feature_var.shape == (config.n_maps,)
    assert bundle.row_stats.norm1_mean.shape == (60 * config.n_dims,)
    trained = load_trained_network(whole / "checkpoint.safetensors").state_dict()
    assert all(np.array_equal(trained[k].numpy(), array) for k, array in bundle.weights.items())


def test_the_log_holds_a_row_for_each_step(whole: Path) -> None:
    rows = rows_of(whole)
    assert [int(row["step"]) for row in rows] == list(range(N_STEPS))
    assert [int(row["epoch"]) for row in rows] == [0, 0, 0, 1, 1, 1]
    for row in rows:
        total = float(row["contrast"]) + 0.01 * float(row["cda"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-5)


def test_the_logged_loss_is_that_of_the_network_on_the_drawn_windows(
    folder: Path, whole: Path
) -> None:
    config = tiny_config(folder)
    stores = open_stores(config)
    batch = PairBatches(stores, pair_samplers(config, stores), 625, 0, 1)[0]
    network = build_network(config)
    outputs = [network(part.windows, len(part.windows) // 2) for part in batch]
    contrast = sum(isa_loss(output.projection) for output in outputs)
    row = rows_of(whole)[0]
    assert float(row["contrast"]) == pytest.approx(float(contrast.detach()), rel=1e-5)
    cda = cda_loss([output.mixed for output in outputs])
    assert float(row["cda"]) == pytest.approx(float(cda.detach()), rel=1e-4)


def test_training_aligns_the_subjects(folder: Path, tmp_path: Path) -> None:
    optimiser = OptimiserSettings(learning_rate=1e-2, steps_per_epoch=30, epochs=1)
    config = tiny_config(folder, optimiser=optimiser)
    train(config, open_stores(config), tmp_path)
    contrast = [float(row["contrast"]) for row in rows_of(tmp_path)]
    assert np.mean(contrast[-10:]) < 0.2 * np.mean(contrast[:5])


def test_a_run_of_the_same_seed_is_the_same_and_of_another_is_not(
    folder: Path, whole: Path, tmp_path: Path
) -> None:
    for name, seed in (("same", 1), ("other", 2)):
        config = tiny_config(folder, seed=seed)
        train(config, open_stores(config), tmp_path / name)
    assert largest_difference(whole, tmp_path / "same") == 0
    assert largest_difference(whole, tmp_path / "other") > 1e-3


KILLED = """
import sys
from pathlib import Path
from tests.support.training_corpus import tiny_config
from mdjpt.training.run import pretrain
config = tiny_config(Path(sys.argv[1]))
def wait_to_be_killed(report):
    if report.step == 4:
        print("now", flush=True)
        sys.stdin.read()
pretrain(config, Path(sys.argv[2]), on_step=wait_to_be_killed)
"""


def test_a_killed_training_is_taken_up_with_the_result_of_an_undisturbed_one(
    folder: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    root = Path(__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    guard = threading.Timer(120, process.kill)
    guard.start()
    assert process.stdout.readline() == b"now\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    guard.cancel()
    assert len(rows_of(out)) == 5
    assert read_checkpoint(out / "checkpoint.safetensors").step == 4
    seen = []
    pretrain(tiny_config(folder), out, resume=True, on_step=lambda report: seen.append(report.step))
    assert seen == [4, 5]
    assert largest_difference(whole, out) <= 1e-5
    losses = [[row["loss"] for row in rows_of(run)] for run in (whole, out)]
    assert np.allclose(*np.array(losses, float), atol=1e-5)
    bundles = [load_bundle(run / "model.safetensors") for run in (whole, out)]
    assert np.allclose(bundles[0].feature_mean, bundles[1].feature_mean, atol=1e-5)


@pytest.fixture
def obeys_ctrl_c() -> Iterator[None]:
    """Let SIGINT interrupt, which a background job of a shell is started to ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("obeys_ctrl_c")
def test_the_user_can_interrupt_a_training(folder: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    config = tiny_config(folder)
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, tmp_path, on_step=lambda _: signal.raise_signal(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is before
    assert len(rows_of(tmp_path)) == 1


def test_a_finished_training_is_not_trained_further(folder: Path, whole: Path) -> None:
    before = (whole / "checkpoint.safetensors").read_bytes()
    seen = []
    pretrain(tiny_config(folder), whole, resume=True, on_step=seen.append)
    assert seen == []
    assert (whole / "checkpoint.safetensors").read_bytes() == before
    assert len(rows_of(whole)) == N_STEPS


def test_a_training_is_neither_overwritten_nor_resumed_with_other_settings(
    folder: Path, whole: Path
) -> None:
    with pytest.raises(MdjptError, match="holds a training already: add --resume"):
        pretrain(tiny_config(folder), whole)
    other = tiny_config(folder, loss=LossSettings(cda_factor=0.02))
    with pytest.raises(MdjptError, match="begun with other settings of 'loss'"):
        pretrain(other, whole, resume=True)


@pytest.mark.parametrize(
    "loss",
    [
        LossSettings(cda_factor=0.0),
        LossSettings(contrast="none"),
        LossSettings(contrast="labels", covariance="released"),
    ],
    ids=["without CDA", "without ISA", "supervised contrast"],
)
def test_each_part_of_the_loss_can_be_left_out(
    folder: Path, tmp_path: Path, loss: LossSettings
) -> None:
    config = tiny_config(folder, n_steps=2, loss=loss)
    before = build_network(config).state_dict()
    trained = train(config, open_stores(config), tmp_path).state_dict()
    projector = "projector.conv1.weight"
    # Weight decay alone moves nothing that has no gradient: Adam leaves it out.
    assert torch.equal(before[projector], trained[projector]) == (loss.contrast == "none")
    assert not torch.equal(before["mixing.weight"], trained["mixing.weight"])


def test_windows_of_another_length_give_a_checkpoint_that_can_be_loaded(
    folder: Path, tmp_path: Path
) -> None:
    network = replace(TINY, n_times=500, pool_size=10)
    config = tiny_config(
        folder, n_steps=2, network=network, windows=PairSettings(n_times=500, step=125)
    )
    path = pretrain(config, tmp_path)
    assert path.name == "checkpoint.safetensors"
    assert load_trained_network(path).config == network


@pytest.mark.parametrize("half", ["channel_encoder", "spatiotemporal"])
def test_either_half_of_the_encoder_can_be_a_transformer(
    folder: Path, tmp_path: Path, half: str
) -> None:
    config = tiny_config(folder, n_steps=2, ablation=Ablation(**{half: "transformer"}))
    path = pretrain(config, tmp_path)
    assert path.name == "checkpoint.safetensors"
    trained, fresh = load_trained_network(path), build_network(config)
    assert type(getattr(trained, half)).__name__.startswith("Transformer")
    for name, weight in fresh.named_parameters():
        assert not torch.equal(trained.get_parameter(name), weight), name
    windows = torch.randn(6, 60, 625)
    with torch.inference_mode():
        features = trained(windows, group_size=3).feature
        assert features.shape == (6, TINY.n_maps)
        assert torch.allclose(features[3:], trained(windows[3:], group_size=3).feature, atol=1e-6)


def test_windows_can_be_read_ahead_and_watched_in_tensorboard(
    folder: Path, whole: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    machine = MachineSettings(accelerator="cpu", threads=1, workers=1, log="tensorboard")
    config = tiny_config(folder, machine=machine)
    train(config, open_stores(config), tmp_path)
    assert largest_difference(whole, tmp_path) == 0
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_training_in_bfloat16_stays_near_one_in_float32(
    folder: Path, whole: Path, tmp_path: Path
) -> None:
    machine = MachineSettings(accelerator="cpu", threads=1, precision="bf16-mixed")
    config = tiny_config(folder, n_steps=2, machine=machine)
    train(config, open_stores(config), tmp_path)
    losses = [float(rows_of(run)[0]["loss"]) for run in (whole, tmp_path)]
    # A net of 8 dimensions rounds coarsely; the full size is in test_training_network.py.
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    weights = load_trained_network(tmp_path / "checkpoint.safetensors").parameters()
    assert all(torch.isfinite(weight).all() for weight in weights)


def test_processes_share_the_pairs_of_a_step(folder: Path) -> None:
    config = tiny_config(folder)
    stores = open_stores(config)
    samplers = pair_samplers(config, stores)
    alone = PairBatches(stores, samplers, 625, 0, 4)
    shared = [PairBatches(stores, samplers, 625, 0, 2, rank, 2) for rank in (0, 1)]
    for index in range(4):
        step, rank = divmod(index, 2)
        for one, other in zip(alone[index], shared[rank][step], strict=True):
            assert torch.equal(one.windows, other.windows)


def test_a_training_that_is_taken_up_sees_the_same_windows(folder: Path) -> None:
    config = tiny_config(folder)
    stores = open_stores(config)
    samplers = pair_samplers(config, stores)
    whole, rest = (PairBatches(stores, samplers, 625, first, 6) for first in (0, 4))
    assert (len(whole), len(rest)) == (6, 2)
    assert torch.equal(whole[5][1].windows, rest[1][1].windows)
    assert len(list(rest)) == 2


def test_a_loss_that_is_no_number_stops_the_training(folder: Path, tmp_path: Path) -> None:
    settings = OptimiserSettings(learning_rate=1.0, steps_per_epoch=8)
    object.__setattr__(settings, "learning_rate", 1e30)  # more than a user can say
    config = tiny_config(folder, n_steps=8, optimiser=settings)
    with pytest.raises(MdjptError, match=r"the loss is nan: lower \[optimiser\] learning_rate"):
        train(config, open_stores(config), tmp_path)


def test_a_store_without_a_chosen_subject_is_refused(folder: Path) -> None:
    config = tiny_config(folder)
    chosen = replace(config.datasets[0], subjects=("9",))
    with pytest.raises(DatasetError, match="no subject is called '9'"):
        open_stores(replace(config, datasets=(chosen,)))


@pytest.mark.parametrize("content", [b"", b"x" * 100, None])
def test_a_damaged_checkpoint_is_refused(whole: Path, tmp_path: Path, content: object) -> None:
    path = tmp_path / "checkpoint.safetensors"
    good = (whole / "checkpoint.safetensors").read_bytes()
    path.write_bytes(good[: len(good) // 2] if content is None else content)
    with pytest.raises(ModelError, match="damaged, or no checkpoint"):
        read_checkpoint(path)
    with pytest.raises(ModelError, match="no checkpoint of a pre-training"):
        read_checkpoint(whole / "model.safetensors")
