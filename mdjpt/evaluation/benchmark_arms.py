"""One arm of the simulated benchmark: pre-train, encode, evaluate."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from mdjpt.evaluation.benchmark_settings import HELD_OUT, SOURCES
from mdjpt.evaluation.differential_entropy import entropy_features
from mdjpt.evaluation.encoding import encoder_features
from mdjpt.evaluation.few_shot import few_shot
from mdjpt.evaluation.outcome import write_outcomes
from mdjpt.evaluation.transfer import transfer
from mdjpt.network.encoder import Encoder
from mdjpt.store.store import open_store
from mdjpt.training.config import DatasetChoice, MachineSettings, OptimiserSettings, PretrainConfig
from mdjpt.training.module import build_network
from mdjpt.training.run import open_stores, train
from mdjpt.training.statistics import sample_windows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mdjpt.evaluation.benchmark_settings import Arm, BenchmarkSettings
    from mdjpt.evaluation.outcome import Outcome
    from mdjpt.evaluation.window_table import FeatureSet

    # Makes the features of a store, by step and normalisation; `shared`: such as all datasets have.
    _Features = Callable[..., FeatureSet]

__all__ = ["PARTS", "arm_file", "run_arm", "store_folder"]

PARTS = ("few-shot, rows", "few-shot, recording", "transfer")
"""What is measured of an arm, in the order of its outcomes."""


def arm_file(out: Path, arm: Arm) -> Path:
    """Return where the outcomes of an arm are kept."""
    return out / "arms" / arm.name.replace(" ", "-") / "outcomes.json"


def store_folder(out: Path, name: str) -> Path:
    """Return where a dataset is kept."""
    return out / "stores" / name


def run_arm(arm: Arm, settings: BenchmarkSettings, seed: int, out: Path) -> str:
    """Evaluate an arm on the stores in `out`, unless it has been, and say how long it took."""
    path = arm_file(out, arm)
    if path.exists():
        return f"{arm.name}: was there"
    # One thread an arm: arms run beside each other.
    torch.set_num_threads(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    features = _entropy(settings) if arm.kind == "entropy" else _encoder(arm, settings, seed, out)
    made = time.perf_counter()
    write_outcomes(path, _outcomes(arm, settings, seed, out, features))
    ended = time.perf_counter()
    return f"{arm.name}: {made - began:.0f} s to make, {ended - made:.0f} s to evaluate"


def _outcomes(
    arm: Arm, settings: BenchmarkSettings, seed: int, out: Path, features: _Features
) -> list[Outcome]:
    """Return one outcome for each of :data:`PARTS`."""
    held_out = open_store(store_folder(out, HELD_OUT))
    sources = [open_store(store_folder(out, name)) for name in SOURCES]
    heads = replace(settings.few_shot, seed=seed), replace(settings.transfer, seed=seed)
    by_rows = few_shot(features(held_out, settings.step, "rows"), heads[0], arm=arm.name)
    by_recording = by_rows
    if arm.kind != "entropy":  # which has no rows to normalise
        every = features(held_out, settings.step, "recording")
        by_recording = few_shot(every, heads[0], arm=arm.name)
    learned = [features(one, settings.source_step, "rows", shared=True) for one in sources]
    target = features(held_out, settings.step, "rows", shared=True)
    return [by_rows, by_recording, transfer(learned, target, heads[1], arm=arm.name)]


def _entropy(settings: BenchmarkSettings) -> _Features:
    n_times = settings.network.n_times
    return lambda store, step, _, shared=False: entropy_features(
        store, n_times=n_times, step=step, channels="standard" if shared else "own"
    )


def _encoder(arm: Arm, settings: BenchmarkSettings, seed: int, out: Path) -> _Features:
    """Pre-train, or not, and measure the statistics of the rows."""
    config = _training(arm, settings, seed, out)
    stores = open_stores(config)
    if arm.kind == "pretrained":
        network = train(config, stores, arm_file(out, arm).parent / "training", resume=True)
    else:
        network = build_network(config)
    encoder = Encoder(network)
    n = settings.statistics_windows // len(stores)
    row_stats = encoder.row_stats(
        np.concatenate(
            [
                sample_windows(
                    store, n, n_times=config.windows.n_times, step=config.windows.step, seed=seed
                )
                for store in stores
            ]
        )
    )
    # An encoder's features are such as all datasets have; the arms share the cores.
    return lambda store, step, normalisation, shared=False: encoder_features(  # noqa: ARG005
        store, encoder, row_stats, normalisation=normalisation, step=step, n_threads=1
    )


def _training(arm: Arm, settings: BenchmarkSettings, seed: int, out: Path) -> PretrainConfig:
    n_steps = settings.steps * len(SOURCES) // len(arm.datasets)
    return PretrainConfig(
        datasets=tuple(DatasetChoice(store_folder(out, name)) for name in arm.datasets),
        seed=seed,
        network=settings.network,
        windows=replace(settings.windows, time_locked=arm.time_locked),
        loss=arm.loss,
        optimiser=OptimiserSettings(
            learning_rate=settings.learning_rate, steps_per_epoch=n_steps, epochs=1
        ),
        machine=MachineSettings(
            accelerator="cpu", threads=1, rows_at_once=960, checkpoint_every=100
        ),
    )
