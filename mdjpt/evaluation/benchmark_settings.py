"""What the simulated benchmark simulates, trains and measures.

These numbers were fixed before the first comparison of arms, and are no results: the simulator's
difficulty is its default, and what is reduced is reduced for time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mdjpt.evaluation.few_shot import FewShotSettings
from mdjpt.evaluation.transfer import TransferSettings
from mdjpt.network.model import EncoderConfig
from mdjpt.simulation.corpus import PRESETS
from mdjpt.training.config import LossSettings
from mdjpt.training.pairs import PairSettings

if TYPE_CHECKING:
    from mdjpt.simulation.corpus import DatasetConfig

__all__ = ["ARMS", "EXTRA_ARMS", "QUICK", "REDUCED", "Arm", "BenchmarkSettings"]

SOURCES = ("SEED-like", "SEED-VII-like", "FACED-like", "DEAP-like")
HELD_OUT = "SEED-V-like"  # the paper's, too, is the one that it left out of pre-training


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to come by features."""

    name: str
    """In reports, and of its folder."""
    kind: Literal["pretrained", "untrained", "entropy"] = "pretrained"
    """A pre-trained encoder, one with random weights, or differential entropy."""
    datasets: tuple[str, ...] = SOURCES
    """What it is pre-trained on; a single dataset is trained on for as many windows as all."""
    loss: LossSettings = LossSettings()  # noqa: RUF009 it is frozen
    """Of its pre-training."""
    time_locked: bool = True
    """Whether both subjects of a pair are taken at the same time of a clip."""


ARMS = (
    Arm("joint"),
    *(Arm(f"only {name}", datasets=(name,)) for name in SOURCES),
    Arm("no ISA", loss=LossSettings(contrast="none")),
    Arm("no CDA", loss=LossSettings(cda_factor=0.0)),
    Arm("released CDA", loss=LossSettings(covariance="released")),
    Arm("differential entropy", kind="entropy", datasets=()),
    Arm("random encoder", kind="untrained"),
)
"""The first is compared with each other one; its CDA takes the true covariance."""

EXTRA_ARMS = (
    Arm("not time-locked", time_locked=False),
    Arm("supervised contrast", loss=LossSettings(contrast="labels")),
    Arm("two datasets", datasets=SOURCES[:2]),
    Arm("three datasets", datasets=SOURCES[:3]),
)
"""Further ablations, and the way from one dataset to all; run when they are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSettings:
    """Sizes of a benchmark."""

    # Subjects of each dataset.
    source_subjects: int
    held_out_subjects: int
    trials: dict[str, int]
    """Trials of each dataset, one session a subject."""
    trial_s: tuple[float, float]
    """Shortest and longest trial, seconds."""
    rest_s: float
    """Before each trial."""
    network: EncoderConfig
    """Of every encoder."""
    windows: PairSettings
    """Of the pre-training."""
    steps: int
    """Of the joint pre-training: one pair of every dataset in each."""
    learning_rate: float
    """Of the pre-training."""
    statistics_windows: int
    """Over which the rows' statistics are measured."""
    # Samples from one window to the next in the held-out dataset, and in the sources from which the
    # transfer's head learns.
    step: int
    source_step: int
    few_shot: FewShotSettings
    """Its epochs are fixed: the head sees few windows, and a choice among many epochs is noise."""
    transfer: TransferSettings
    """Likewise."""

    def dataset(self, name: str, seed: int) -> DatasetConfig:
        """Return a simulated experiment: a preset at the benchmark's size."""
        held_out = name == HELD_OUT
        return replace(
            PRESETS[name],
            n_subjects=self.held_out_subjects if held_out else self.source_subjects,
            n_sessions=1,
            n_trials=self.trials[name],
            trial_s=self.trial_s,
            rest_s=self.rest_s,
            seed=seed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all sizes as JSON can hold them."""
        return asdict(self) | {"network": self.network.to_dict(), "trial_s": list(self.trial_s)}

    def in_words(self) -> tuple[str, ...]:
        """Return how this is smaller than the published model and data, a line each."""
        net, n_sources = self.network, len(SOURCES)
        return (
            f"Network: {net.variant} variant, {net.n_blocks} blocks {net.embed_dim} wide, "
            f"{net.n_dims} dims, {net.n_mixed} mixed channels, {net.n_maps} features; windows of "
            f"{net.n_times / 125:g} s.",
            f"Data: {n_sources} sources of {self.source_subjects} subjects, held out {HELD_OUT} "
            f"with {self.held_out_subjects}; trials of {self.trial_s[0]:g} to "
            f"{self.trial_s[1]:g} s; filtered, bad channels interpolated, no ICA.",
            f"Pre-training: {self.steps} steps of {2 * self.windows.max_trials} windows a dataset; "
            f"a single dataset gets {n_sources * self.steps} steps, as many windows in all.",
        )


REDUCED = BenchmarkSettings(
    source_subjects=8,
    held_out_subjects=12,
    trials={
        "SEED-like": 15,
        "SEED-VII-like": 21,
        "FACED-like": 28,
        "DEAP-like": 20,
        "SEED-V-like": 15,
    },
    trial_s=(24.0, 30.0),
    rest_s=4.0,
    network=EncoderConfig(
        variant="released",
        n_times=375,
        patch_step=12,
        embed_dim=16,
        n_heads=4,
        ffn_dim=32,
        n_dims=8,
        n_mixed=16,
        dilations=(1, 2, 4),
        attention_size=9,
        pool_size=4,
    ),
    windows=PairSettings(n_times=375, step=125, max_trials=8),
    steps=300,
    learning_rate=1e-3,
    statistics_windows=256,
    step=250,
    source_step=750,
    few_shot=FewShotSettings(selection="none", n_epochs=60),
    transfer=TransferSettings(classes="valence", selection="none", n_epochs=20),
)

QUICK = replace(
    REDUCED,
    source_subjects=2,
    held_out_subjects=3,
    trials=dict.fromkeys((*SOURCES, HELD_OUT), 9),
    trial_s=(6.0, 8.0),
    rest_s=2.0,
    network=replace(REDUCED.network, embed_dim=8, n_blocks=1, n_dims=2, n_mixed=4, n_filters=2),
    windows=replace(REDUCED.windows, max_trials=2),
    steps=2,
    statistics_windows=8,
    few_shot=FewShotSettings(selection="none", n_epochs=2, n_folds=2),
    transfer=TransferSettings(classes="valence", selection="none", n_epochs=2),
)
"""Seconds: shows that everything runs, and nothing else."""
