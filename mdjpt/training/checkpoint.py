"""The state of a training, from which it goes on as if it had never stopped.

A safetensors file, written whole or not at all: weights, Adam's moments, the state of torch's
random numbers, and as JSON the step and the settings that it belongs to. No code is ever read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mdjpt.errors import ModelError, one_line
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.regular_file import regular_size
from mdjpt.network.model import EncoderConfig
from mdjpt.training.ablation import Ablation, ablated_network

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from mdjpt.network.model import MdjptNetwork

__all__ = ["Checkpoint", "load_trained_network", "read_checkpoint", "write_checkpoint"]

MAX_BYTES = 1 << 30
FORMAT = "mdjpt-training-1"
_NETWORK, _OPTIMISER, _RANDOM = "network.", "optimiser.", "random.torch"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a training is, between two steps."""

    step: int
    """Steps done."""
    science: dict[str, Any]
    """:meth:`mdjpt.training.config.PretrainConfig.science` of the training."""
    network: dict[str, Tensor]
    """State dict of the network."""
    optimiser: dict[str, dict[str, Tensor]]
    """By name of the parameter, then by name of what Adam keeps of it."""
    random_state: Tensor
    """Of torch, uint8."""

    @classmethod
    def of(
        cls,
        network: MdjptNetwork,
        optimiser: torch.optim.Optimizer,
        step: int,
        science: dict[str, Any],
    ) -> Checkpoint:
        """Take down the present state; the tensors are not copied."""
        states = {
            name: dict(optimiser.state[parameter])
            for name, parameter in network.named_parameters()
            if parameter in optimiser.state
        }
        return cls(step, science, network.state_dict(), states, torch.get_rng_state())

    def restore_optimiser(self, network: MdjptNetwork, optimiser: torch.optim.Optimizer) -> None:
        """Give an optimiser of the network's parameters its state, and torch its random numbers."""
        for name, parameter in network.named_parameters():
            if name in self.optimiser:
                optimiser.state[parameter] = {
                    key: value.clone() if key == "step" else value.to(parameter.device, copy=True)
                    for key, value in self.optimiser[name].items()
                }
        torch.set_rng_state(self.random_state)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one.

    Raises MdjptError when it cannot be written.
    """
    arrays = {_NETWORK + name: tensor for name, tensor in checkpoint.network.items()}
    for name, state in checkpoint.optimiser.items():
        arrays |= {f"{_OPTIMISER}{name}.{key}": value for key, value in state.items()}
    arrays[_RANDOM] = checkpoint.random_state
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in arrays.items()}
    about = {"format": FORMAT, "step": checkpoint.step, "science": checkpoint.science}
    write_file(path, save(plain, {"about": json.dumps(about)}))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises ModelError: the file is missing, damaged or no checkpoint of a pre-training.
    """
    regular_size(path, MAX_BYTES, ModelError, "checkpoint")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 no dict
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{path}: damaged, or no checkpoint ({one_line(error)})") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT or _RANDOM not in arrays:
        raise ModelError(f"{path}: no checkpoint of a pre-training of this version")
    optimiser: dict[str, dict[str, Tensor]] = {}
    for name, tensor in arrays.items():
        if name.startswith(_OPTIMISER):
            parameter, _, key = name.removeprefix(_OPTIMISER).rpartition(".")
            optimiser.setdefault(parameter, {})[key] = tensor
    network = {
        name.removeprefix(_NETWORK): tensor
        for name, tensor in arrays.items()
        if name.startswith(_NETWORK)
    }
    return Checkpoint(about["step"], about["science"], network, optimiser, arrays[_RANDOM])


def load_trained_network(path: Path) -> MdjptNetwork:
    """Build the network of a checkpoint.

    Raises ModelError as for :func:`read_checkpoint`; its weights do not fit its settings.
    """
    checkpoint = read_checkpoint(path)
    try:
        config = EncoderConfig.from_dict(checkpoint.science["network"])
        network = ablated_network(config, Ablation(**checkpoint.science.get("ablation", {})))
        network.load_state_dict(checkpoint.network)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"{path}: its weights do not fit its settings: {one_line(error)}"
        ) from None
    return network
