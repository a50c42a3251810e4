"""The demo bundle's encoder: joint pre-training on four simulated datasets."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from mdjpt.network.model import EncoderConfig
from mdjpt.simulation.corpus import PRESETS
from mdjpt.simulation.trials import SimulatedDataset
from mdjpt.store.dataset_preparation import prepare_dataset
from mdjpt.store.preparation import PreparationSettings
from mdjpt.training.config import (
    DatasetChoice,
    MachineSettings,
    OptimiserSettings,
    PretrainConfig,
)
from mdjpt.training.pairs import PairSettings
from mdjpt.training.run import LOG_FILE, open_stores, train

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mdjpt.network.model import MdjptNetwork
    from mdjpt.simulation.corpus import DatasetConfig
    from mdjpt.training.progress import StepReport

__all__ = ["DATASETS", "N_STEPS", "learning_curve", "pretrain_encoder", "pretraining"]

DATASETS = {"SEED-like": 15, "FACED-like": 28, "DEAP-like": 20, "EPOC-like": 18}
"""Simulated datasets and their trials a subject: full caps, a cap of 30, one of 32, one of 14."""
N_SUBJECTS = 10
TRIAL_S = (24.0, 30.0)
N_STEPS = 240
MAX_TRIALS = 8
"""Trials of a pair in a step: 64 windows in all."""


def pretrain_encoder(seed: int, work: Path, n_steps: int = N_STEPS) -> MdjptNetwork:
    """Simulate the datasets and pre-train on them, or finish what was begun.

    Parameters
    ----------
    seed : int
        Of subjects, clips, weights and pairs.
    work : Path
        For stores and the run; 200 MB.
    n_steps : int
        Length of the training.
    """
    for name in DATASETS:
        source = SimulatedDataset(_dataset(name, seed))
        settings = PreparationSettings(ica=False)
        prepare_dataset(source, work / "stores" / name, settings, reports=False)
    config = pretraining(seed, work, n_steps)
    return train(config, open_stores(config), work / "run", resume=True, on_step=_say)


def pretraining(seed: int, work: Path, n_steps: int = N_STEPS) -> PretrainConfig:
    """Return the settings of the pre-training: the released network at its full size."""
    return PretrainConfig(
        datasets=tuple(DatasetChoice(work / "stores" / name) for name in DATASETS),
        seed=seed,
        network=EncoderConfig(variant="released"),
        windows=PairSettings(step=125, max_trials=MAX_TRIALS),
        optimiser=OptimiserSettings(learning_rate=1e-3, steps_per_epoch=n_steps, epochs=1),
        machine=MachineSettings(accelerator="cpu", checkpoint_every=10),
    )


def learning_curve(work: Path, part: int = 20) -> tuple[float, float]:
    """Return the contrast's accuracy, mean over the first and over the last steps of the run."""
    with (work / "run" / LOG_FILE).open(encoding="utf-8") as file:
        found = [float(row["accuracy"]) for row in csv.DictReader(file)]
    return _mean(found[:part]), _mean(found[-part:])


def _dataset(name: str, seed: int) -> DatasetConfig:
    return replace(
        PRESETS[name],
        n_subjects=N_SUBJECTS,
        n_sessions=1,
        n_trials=DATASETS[name],
        trial_s=TRIAL_S,
        rest_s=4.0,
        seed=seed,
    )


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def _say(report: StepReport) -> None:
    if report.step % 10 == 0:
        sys.stderr.write(
            f"step {report.step}: loss {report.loss:.3f}, contrast right in "
            f"{report.accuracy:.2f}, {report.step_s:.1f} s\n"
        )
