"""The settings of a pre-training, and the TOML file that holds them.

::

    seed = 0

    [[dataset]]
    path = "stores/seed"          # relative to the file
    subjects = ["1", "2"]         # optional: all; sessions likewise

    [network]                     # fields of mdjpt.network.model.EncoderConfig
    variant = "paper"

    [windows]                     # fields of mdjpt.training.pairs.PairSettings, but for n_times
    [loss]                        # fields of LossSettings
    [optimiser]                   # fields of OptimiserSettings
    [machine]                     # fields of MachineSettings
    [ablation]                    # fields of mdjpt.training.ablation.Ablation
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from mdjpt.errors import MdjptError, one_line
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.guard.schema import STRICT, checked
from mdjpt.network.losses import Covariance
from mdjpt.network.model import EncoderConfig
from mdjpt.training.ablation import Ablation
from mdjpt.training.pairs import PairSettings

__all__ = [
    "DatasetChoice",
    "LossSettings",
    "MachineSettings",
    "OptimiserSettings",
    "PretrainConfig",
    "config_of",
    "read_config",
]

MAX_BYTES = 1 << 20

# What no training has is a slip of the pen: the upper limits are far above any of use.
Count = Annotated[int, Field(ge=0, le=4096)]
Number = Annotated[int, Field(ge=1, le=10_000_000)]
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]
Positive = Annotated[float, Field(gt=0, le=100)]
NotNegative = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True, slots=True, config=STRICT)
class DatasetChoice:
    """A store to train on."""

    path: Path
    """Its folder."""
    # Which ones; empty: all.
    subjects: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=STRICT)
class LossSettings:
    """What is minimised: contrast + cda_factor * CDA."""

    contrast: Literal["subjects", "labels", "none"] = "subjects"
    """Inter-subject alignment, supervised contrast by the trials' labels, or none (ablations)."""
    temperature: Positive = 0.07
    """Of the contrast."""
    cda_factor: NotNegative = 0.01
    """Weight of the cross-dataset alignment: 0.01 in the released configuration, 0.02 in the paper,
    0 without."""
    covariance: Covariance = "true"
    """See :func:`mdjpt.network.losses.cda_loss`."""

    @model_validator(mode="after")
    def _has_a_loss(self) -> Self:
        if self.contrast == "none" and self.cda_factor == 0:
            raise ValueError("cda_factor must be positive where there is no contrast, got 0")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class OptimiserSettings:
    """How long and how fast."""

    # Of Adam; the decay is its L2 penalty.
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-4
    weight_decay: NotNegative = 1e-4
    # Their product is the length of the training.
    steps_per_epoch: Number = 1024
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 20

    @property
    def n_steps(self) -> int:
        """Steps of the whole training."""
        return self.steps_per_epoch * self.epochs


@dataclass(frozen=True, slots=True, config=STRICT)
class MachineSettings:
    """What it runs on; none of this changes what is learned but for rounding."""

    accelerator: str = "auto"
    """One of "auto", "cpu" and "gpu", as Lightning takes it."""
    devices: Annotated[int, Field(ge=1, le=4096)] = 1
    """Processes of a computer, each with a device of its own: all share the steps' pairs."""
    nodes: Annotated[int, Field(ge=1, le=4096)] = 1
    """Computers; started by torchrun or SLURM's srun, whose variables tell each its place."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Of the network; losses are always in float32."""
    compile: bool = False
    """Compile the channel encoder."""
    rows_at_once: Annotated[int, Field(ge=-1)] = -1
    """Channels that are encoded at a time, and again in the backward pass; 0: all of them, once.
    -1: on a processor as many as stay in its cache, 20 at the published sizes; on a GPU 4096 for
    the paper variant and all for the released one."""
    threads: Count = 0
    """Of the processor; 0: all of its cores."""
    workers: Count = 0
    """Processes that read windows ahead; 0: none, on a processor a thousandth of a step."""
    checkpoint_every: Number = 20
    """Steps from one checkpoint to the next."""
    log: Literal["csv", "tensorboard"] = "csv"
    """``csv`` alone, or TensorBoard's files beside it."""
    statistics_windows: Annotated[int, Field(ge=2)] = 1024
    """Windows over which the statistics of the bundle are measured."""


@dataclass(frozen=True, slots=True, config=STRICT | ConfigDict(populate_by_name=True))
class PretrainConfig:
    """All settings of a pre-training."""

    datasets: Annotated[tuple[DatasetChoice, ...], Field(min_length=1, validation_alias="dataset")]
    """At least one."""
    seed: Seed = 0
    """Of the weights and of every draw."""
    network: EncoderConfig = field(default_factory=lambda: EncoderConfig(variant="paper"))
    """Sizes and variant."""
    windows: PairSettings = field(default_factory=PairSettings)
    """Its ``n_times`` is the network's."""
    # See their classes.
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    machine: MachineSettings = field(default_factory=MachineSettings)
    ablation: Ablation = field(default_factory=Ablation)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.windows.n_times != self.network.n_times:
            raise ValueError(
                "n_times of windows and network must be equal, got "
                f"{self.windows.n_times} and {self.network.n_times} samples"
            )
        return self

    def science(self) -> dict[str, Any]:
        """Return all that decides what is learned, as JSON can hold it."""
        datasets = [
            {
                "name": choice.path.name,
                "subjects": list(choice.subjects),
                "sessions": list(choice.sessions),
            }
            for choice in self.datasets
        ]
        replaced = {"ablation": asdict(self.ablation)} if self.ablation.any else {}
        return replaced | {
            "datasets": datasets,
            "seed": self.seed,
            "network": self.network.to_dict(),
            "windows": asdict(self.windows),
            "loss": asdict(self.loss),
            "optimiser": asdict(self.optimiser),
        }


def read_config(path: str | Path) -> PretrainConfig:
    """Read the settings of a pre-training from a TOML file.

    Raises MdjptError: the file cannot be read, or a setting is unknown, of the wrong type or out of
    range; the message names file and setting.
    """
    path = Path(path)
    text = regular_bytes(path, MAX_BYTES, MdjptError, "configuration")
    try:
        content = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise MdjptError(f"{path}: no TOML: {one_line(error)}") from None
    return config_of(content, path)


def config_of(content: dict[str, Any], path: Path) -> PretrainConfig:
    """Check the settings of a pre-training that stand in the file `path`, as :func:`read_config`.

    Raises MdjptError: a setting is unknown, of the wrong type or out of range.
    """
    config = checked(PretrainConfig, _completed(content, path), path, MdjptError)
    stores = [replace(c, path=path.parent / c.path.expanduser()) for c in config.datasets]
    return replace(config, datasets=tuple(stores))


def _completed(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Add what is set in one place of the file and counts in two."""
    network, windows = content.setdefault("network", {}), content.setdefault("windows", {})
    if isinstance(network, dict) and isinstance(windows, dict):
        network.setdefault("variant", "paper")
        if "n_times" in windows:
            raise MdjptError(f"{path}: [windows] n_times is set as [network] n_times")
        windows["n_times"] = network.get("n_times", EncoderConfig().n_times)
    return content
