"""The settings of a pre-training; :mod:`mdjpt.training.config_file` reads them from TOML."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path  # noqa: TC003 the reader of the file resolves the types of the fields
from typing import Any, Literal

from mdjpt.network.losses import Covariance  # noqa: TC001 as above
from mdjpt.network.model import EncoderConfig
from mdjpt.training.ablation import Ablation
from mdjpt.training.pairs import PairSettings

__all__ = [
    "DatasetChoice",
    "LossSettings",
    "MachineSettings",
    "OptimiserSettings",
    "PretrainConfig",
]


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """A store to train on.

    Attributes
    ----------
    path : Path
        Its folder.
    subjects, sessions : tuple of str
        Which ones; empty: all.
    """

    path: Path
    subjects: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What is minimised: contrast + cda_factor * CDA.

    Attributes
    ----------
    contrast : {"subjects", "labels", "none"}
        Inter-subject alignment; or supervised contrast by the trials' labels, or none (ablations).
    temperature : float
        Of the contrast.
    cda_factor : float
        Weight of the cross-dataset alignment: 0.01 in the released configuration, 0.02 in the
        paper, 0 without.
    covariance : {"true", "released"}
        See :func:`mdjpt.network.losses.cda_loss`.
    """

    contrast: Literal["subjects", "labels", "none"] = "subjects"
    temperature: float = 0.07
    cda_factor: float = 0.01
    covariance: Covariance = "true"

    def __post_init__(self) -> None:
        _require(self.temperature > 0, "temperature must be positive", self.temperature)
        _require(self.cda_factor >= 0, "cda_factor must not be negative", self.cda_factor)
        _require(
            self.contrast != "none" or self.cda_factor > 0,
            "cda_factor must be positive where there is no contrast",
            self.cda_factor,
        )


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """How long and how fast.

    Attributes
    ----------
    learning_rate, weight_decay : float
        Of Adam; the decay is its L2 penalty.
    steps_per_epoch, epochs : int
        Their product is the length of the training.
    """

    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    steps_per_epoch: int = 1024
    epochs: int = 20

    def __post_init__(self) -> None:
        _require(self.learning_rate > 0, "learning_rate must be positive", self.learning_rate)
        _require(self.weight_decay >= 0, "weight_decay must not be negative", self.weight_decay)
        for name in ("steps_per_epoch", "epochs"):
            _require(getattr(self, name) >= 1, f"{name} must be 1 or more", getattr(self, name))

    @property
    def n_steps(self) -> int:
        """Steps of the whole training."""
        return self.steps_per_epoch * self.epochs


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """What it runs on; none of this changes what is learned but for rounding.

    Attributes
    ----------
    accelerator : str
        "auto", "cpu" or "gpu", as Lightning takes it.
    devices : int
        Processes, each with a device of its own: they share the steps' pairs.
    precision : {"32-true", "bf16-mixed"}
        Of the network; losses are always in float32.
    compile : bool
        Compile the channel encoder.
    rows_at_once : int
        Channels that are encoded at a time, and again in the backward pass; 0: all of them, once.
        -1: on a processor as many as stay in its cache, 20 at the published sizes; on a GPU 4096
        for the paper variant and all for the released one.
    threads : int
        Of the processor; 0: all of its cores.
    workers : int
        Processes that read windows ahead; 0: none, reading is a thousandth of a step on a
        processor.
    checkpoint_every : int
        Steps from one checkpoint to the next.
    log : {"csv", "tensorboard"}
        ``csv`` alone, or TensorBoard's files beside it.
    statistics_windows : int
        Windows over which the statistics of the bundle are measured.
    """

    accelerator: str = "auto"
    devices: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    compile: bool = False
    rows_at_once: int = -1
    threads: int = 0
    workers: int = 0
    checkpoint_every: int = 20
    log: Literal["csv", "tensorboard"] = "csv"
    statistics_windows: int = 1024

    def __post_init__(self) -> None:
        for name, least in (
            ("devices", 1),
            ("rows_at_once", -1),
            ("threads", 0),
            ("workers", 0),
            ("checkpoint_every", 1),
            ("statistics_windows", 2),
        ):
            value = getattr(self, name)
            _require(value >= least, f"{name} must be {least} or more", value)


@dataclass(frozen=True, slots=True)
class PretrainConfig:
    """All settings of a pre-training.

    Attributes
    ----------
    datasets : tuple of DatasetChoice
        At least one.
    seed : int
        Of the weights and of every draw.
    network : EncoderConfig
        Sizes and variant.
    windows : PairSettings
        Its ``n_times`` is the network's.
    loss, optimiser, machine, ablation
        See their classes.
    """

    datasets: tuple[DatasetChoice, ...]
    seed: int = 0
    network: EncoderConfig = field(default_factory=lambda: EncoderConfig(variant="paper"))
    windows: PairSettings = field(default_factory=PairSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    machine: MachineSettings = field(default_factory=MachineSettings)
    ablation: Ablation = field(default_factory=Ablation)

    def __post_init__(self) -> None:
        _require(len(self.datasets) > 0, "there must be at least one [[dataset]]", 0)
        _require(self.seed >= 0, "seed must not be negative", self.seed)
        _require(
            self.windows.n_times == self.network.n_times,
            "n_times of windows and network must be equal",
            self.windows.n_times,
        )

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


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, got {value}")
