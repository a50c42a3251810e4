"""Tiny stores and networks that the tests of training share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.network.model import EncoderConfig
from mdjpt.store.card import StoreCard
from mdjpt.store.trials import StoredTrial
from mdjpt.store.writer import PreparedRecording, finish_store, write_recording
from mdjpt.training.config import (
    DatasetChoice,
    MachineSettings,
    OptimiserSettings,
    PretrainConfig,
)
from mdjpt.training.pairs import PairSettings

if TYPE_CHECKING:
    from pathlib import Path

MONTAGES = (("FP1", "FZ", "C3", "CZ", "C4", "PZ", "O1", "O2"), ("AF3", "F7", "T7", "P7", "O2"))
N_TRIALS, TRIAL_TIMES = 4, 900

TINY = EncoderConfig(
    variant="paper",
    embed_dim=8,
    n_blocks=1,
    n_heads=2,
    ffn_dim=8,
    n_dims=2,
    n_mixed=4,
    n_filters=1,
    dilations=(1, 3),
)


def write_tiny_store(folder: Path, number: int, *, simulated: bool = True) -> Path:
    """Write 3 subjects whose trials hold a signal shared by all, and noise of their own."""
    rng = np.random.default_rng(number)
    ch_names = MONTAGES[number]
    shared = np.cumsum(rng.standard_normal((len(ch_names), N_TRIALS * TRIAL_TIMES)), axis=1) / 8
    subjects = ["1", "2", "3"]
    for subject in subjects:
        samples = shared + rng.standard_normal(shared.shape)
        trials = tuple(
            StoredTrial("", subject, "1", k, k % 2, f"clip {k}", k * TRIAL_TIMES, TRIAL_TIMES, k)
            for k in range(N_TRIALS)
        )
        recording = PreparedRecording(
            samples=samples.astype(np.float32),
            ch_names=ch_names,
            trials=trials,
            scale_mean=0.0,
            scale_std=1.0,
        )
        write_recording(folder, recording, {})
    card = StoreCard(
        name=f"tiny-{number}",
        title="Tiny",
        ch_names=(),
        class_names=("calm", "happy"),
        label_scheme="",
        licence="CC0",
        url="",
        simulated=simulated,
        preparation={},
        code_version="1",
    )
    finish_store(folder, card, [(subject, "1") for subject in subjects])
    return folder


def tiny_config(folder: Path, n_steps: int = 6, **changes: object) -> PretrainConfig:
    """Return the settings of a training of seconds on both tiny stores, which it writes."""
    paths = [folder / f"tiny-{number}" for number in (0, 1)]
    for number, path in enumerate(paths):
        if not path.exists():
            write_tiny_store(path, number)
    fields = {
        "datasets": tuple(DatasetChoice(path) for path in paths),
        "seed": 1,
        "network": TINY,
        "windows": PairSettings(n_times=TINY.n_times, step=125),
        "optimiser": OptimiserSettings(steps_per_epoch=n_steps // 2, epochs=2),
        "machine": MachineSettings(
            accelerator="cpu", threads=1, checkpoint_every=2, statistics_windows=8
        ),
    }
    return PretrainConfig(**fields | changes)
