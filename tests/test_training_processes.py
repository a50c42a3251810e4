"""Several processes share a training: the weights of one that sees all of their pairs."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mdjpt.training.batches import PairBatches, pair_samplers
from mdjpt.training.lean_network import LeanNetwork
from mdjpt.training.module import PretrainModule, build_network
from mdjpt.training.run import open_stores
from tests.support.training_corpus import tiny_config

N_STEPS, N_PROCESSES = 4, 2
SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mdjpt.training.fit import is_main_process
from mdjpt.training.run import open_stores, train
from tests.support.training_corpus import tiny_config

folder = Path(sys.argv[1])
config = tiny_config(folder, n_steps={steps})
config = replace(config, machine=replace(config.machine, devices={processes}, threads=1))
network = train(config, open_stores(config), folder / "run")
if is_main_process():
    np.savez(folder / "trained.npz", **{{n: a.numpy() for n, a in network.state_dict().items()}})
"""


def trained_alone(folder: Path) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Train in this process; each step takes the pairs of all processes, and the mean gradient.

    Returns the weights, and the loss that the first process has at each step.
    """
    config = tiny_config(folder, n_steps=N_STEPS)
    stores = open_stores(config)
    network = build_network(config)
    module = PretrainModule(LeanNetwork(network, 0, shifted=True), config)
    optimiser = module.configure_optimizers()
    samplers, n_times = pair_samplers(config, stores), config.windows.n_times
    shares = [
        PairBatches(stores, samplers, n_times, 0, N_STEPS, rank, N_PROCESSES)
        for rank in range(N_PROCESSES)
    ]
    losses = []
    for step in range(N_STEPS):
        optimiser.zero_grad()
        own = [module.training_step(share[step], step)["loss"] for share in shares]
        torch.stack(own).mean().backward()
        losses.append(float(own[0].detach()))
        optimiser.step()
    return network.state_dict(), losses


@pytest.mark.slow
def test_two_processes_over_gloo_learn_what_one_learns_from_all_of_their_pairs(tmp_path):
    expected, losses = trained_alone(tmp_path)
    script = tmp_path / "training.py"
    script.write_text(SCRIPT.format(steps=N_STEPS, processes=N_PROCESSES))
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with (tmp_path / "run" / "log.csv").open() as log:
        found = [float(row["loss"]) for row in csv.DictReader(log)]
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    with np.load(tmp_path / "trained.npz") as trained:
        assert trained.files == list(expected)
        off = np.concatenate([np.abs(trained[n] - w.numpy()).ravel() for n, w in expected.items()])
    # Adam divides by the gradient: rounding shows where that is next to nothing.
    assert np.quantile(off, 0.99) < 2e-6
    before = build_network(tiny_config(tmp_path)).state_dict()
    moved = [np.abs((before[n] - w).numpy()).max() for n, w in expected.items()]
    assert np.median(moved) > 1e-4
