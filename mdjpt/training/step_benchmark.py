"""How long one step of pre-training takes, what memory it needs, and whether it waits for data.

``python -m mdjpt.training.step_benchmark`` trains the network of full size for a few steps on noise
in the shapes of the paper's five datasets: a pair of each is 254 windows, as in the released
configuration. Every figure is the median over the steps of one run.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdjpt.network.model import EncoderConfig
from mdjpt.signal.montage import STANDARD_CHANNELS
from mdjpt.store.card import StoreCard
from mdjpt.store.trials import StoredTrial
from mdjpt.store.writer import PreparedRecording, finish_store, write_recording
from mdjpt.training.config import (
    DatasetChoice,
    MachineSettings,
    OptimiserSettings,
    PretrainConfig,
)
from mdjpt.training.run import open_stores, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.training.progress import StepReport

__all__ = ["SHAPES", "Shape", "StepCost", "main", "measure_step"]


class Shape(NamedTuple):
    """A dataset: name, electrodes among the 60, trials of a session."""

    name: str
    n_channels: int
    n_trials: int


SHAPES = (
    Shape("seed", 60, 15),
    Shape("seed-iv", 60, 24),
    Shape("seed-vii", 60, 20),
    Shape("faced", 30, 28),
    Shape("deap", 32, 40),
)
"""Those of the released pre-training: 2 x 127 windows in a step."""
TRIAL_S = 30
SFREQ = 125


class StepCost(NamedTuple):
    """What a step costs."""

    variant: str
    """Of the network: "released" or "paper"."""
    n_windows: int
    """In a step."""
    # Whole step, and of it waiting for its windows.
    step_s: float
    loading_s: float
    peak_gib: float
    """Largest resident memory of the process."""


def measure_step(
    network: EncoderConfig,
    folder: Path,
    n_steps: int = 4,
    threads: int = 0,
    shapes: Sequence[Shape] = SHAPES,
) -> StepCost:
    """Train for a few steps after one that is not counted.

    `folder` is for stores and checkpoints and should be empty; 0 `threads` are all cores; `shapes`
    are the datasets'.
    """
    for shape in shapes:
        _write_store(folder / shape.name, shape)
    config = PretrainConfig(
        datasets=tuple(DatasetChoice(folder / shape.name) for shape in shapes),
        network=network,
        optimiser=OptimiserSettings(steps_per_epoch=n_steps + 1, epochs=1),
        machine=MachineSettings(accelerator="cpu", threads=threads, checkpoint_every=10**6),
    )
    reports: list[StepReport] = []
    train(config, open_stores(config), folder / "run", on_step=reports.append)
    counted = reports[1:]
    return StepCost(
        variant=network.variant,
        n_windows=2 * sum(shape.n_trials for shape in shapes),
        step_s=median(r.step_s for r in counted),
        loading_s=median(r.loading_s for r in counted),
        # KiB on Linux.
        peak_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )


def _write_store(folder: Path, shape: Shape) -> None:
    rng = np.random.default_rng(len(shape.name))
    ch_names, n_times = STANDARD_CHANNELS[: shape.n_channels], TRIAL_S * SFREQ
    subjects = ("1", "2")
    for subject in subjects:
        trials = tuple(
            StoredTrial("", subject, "1", k, k % 2, f"clip {k}", k * n_times, n_times, k)
            for k in range(shape.n_trials)
        )
        samples = rng.standard_normal((shape.n_channels, shape.n_trials * n_times), np.float32)
        recording = PreparedRecording(
            samples=samples, ch_names=ch_names, trials=trials, scale_mean=0.0, scale_std=1.0
        )
        write_recording(folder, recording, {})
    card = StoreCard(
        name=shape.name,
        title="Noise in the shape of a dataset",
        ch_names=(),
        class_names=("a", "b"),
        label_scheme="",
        licence="CC0",
        url="",
        simulated=True,
        preparation={},
        code_version="1",
    )
    finish_store(folder, card, [(subject, "1") for subject in subjects])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="mdjpt.training.step_benchmark", description=__doc__)
    parser.add_argument("--variant", choices=("released", "paper"), default="released")
    parser.add_argument("--steps", type=int, default=4, help="steps that count")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        network = EncoderConfig(variant=chosen.variant)
        cost = measure_step(network, Path(folder), chosen.steps, chosen.threads)
    sys.stdout.write(
        f"{cost.variant}: {cost.n_windows} windows a step, {cost.step_s:.1f} s, of it "
        f"{1000 * cost.loading_s:.0f} ms waiting for data, peak {cost.peak_gib:.1f} GiB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
