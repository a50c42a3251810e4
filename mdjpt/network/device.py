"""Where a network computes: the processor, or an accelerator by the name that PyTorch gives it.

A process chooses once, with :func:`use_device`; every encoder that it makes afterwards computes
there, until the device is lost. Nothing is imported here before a device is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from mdjpt.network.model import EncoderConfig

__all__ = [
    "DEVICE_NAMES",
    "check_device_name",
    "chosen_device",
    "device_label",
    "leave_device",
    "resolve_device",
    "use_device",
    "windows_at_once",
]

DEVICE_NAMES = "auto|cpu|cuda[:N]|mps|xpu"
"""What a user can ask for."""
MOST_AT_ONCE = 128  # windows: more keep no accelerator busier
_FREE_SHARE = 0.25  # of the accelerator's memory: others may compute there
_ARRAYS = {"released": 6, "paper": 16}  # of the channel encoder's width that are alive at once


def _keep_silent(_note: str) -> None:
    """Tell nobody."""


@dataclass
class _Choice:
    """What this process has chosen."""

    name: str = "cpu"
    say: Callable[[str], None] = field(default=_keep_silent)


_choice = _Choice()


def use_device(name: str, say: Callable[[str], None] = _keep_silent) -> torch.device:
    """Let the encoders that this process makes from now on compute on a device.

    Parameters
    ----------
    name : str
        As for :func:`resolve_device`.
    say : callable
        Takes one line when the device is left for the processor.

    Raises
    ------
    MdjptError
        As for :func:`resolve_device`.
    """
    device = resolve_device(name)
    _choice.name, _choice.say = str(device), say
    return device


def chosen_device() -> torch.device:
    """Return the device of this process, the processor unless another was chosen."""
    import torch

    return torch.device(_choice.name)


def leave_device(why: str) -> str:
    """Go on with the processor, say so, and return what was said."""
    note = f"the accelerator is left for the processor: {why}"
    if _choice.name != "cpu":
        _choice.name = "cpu"
        _choice.say(note)
    return note


def check_device_name(name: str) -> str:
    """Return the name of a device; MdjptError for what can be none."""
    if re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", name) is None:
        raise MdjptError(f"--device takes {DEVICE_NAMES}, got {name!r}")
    return name


def resolve_device(name: str) -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name : str
        "auto" for an accelerator where there is one, else the processor; "cpu", "cuda", "cuda:1",
        "mps" or "xpu".

    Raises
    ------
    MdjptError
        There is no such device.
    """
    import torch

    if check_device_name(name) == "auto":
        present = [kind for kind in ("cuda", "xpu", "mps") if _count(kind)]
        return torch.device(present[0] if present else "cpu")
    device = torch.device(name)
    n_present = _count(device.type)
    if (device.index or 0) >= n_present:
        there = f"it sees {n_present}" if n_present else "it sees none"
        raise MdjptError(
            f"--device {name}: PyTorch {torch.__version__} finds no such device ({there}); take "
            "--device cpu, or auto"
        )
    return device


def device_label(device: torch.device) -> str:
    """Return what to call a device on screen, "cpu" or the name of the card."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return {"mps": "Apple GPU"}.get(device.type, device.type)


def windows_at_once(device: torch.device, config: EncoderConfig) -> int:
    """Return how many windows an accelerator encodes at a time, by the memory that is free.

    1 on the processor, whose cache holds a few channels only.
    """
    if device.type == "cpu":
        return 1
    import torch

    floats = 60 * (config.n_patches + 1) * config.embed_dim * _ARRAYS[config.variant]
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2 << 30
    return int(min(MOST_AT_ONCE, max(1, free * _FREE_SHARE / (4 * floats))))


def _count(kind: str) -> int:
    """Return how many devices of a kind there are."""
    import torch

    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "xpu":
        return torch.xpu.device_count() if torch.xpu.is_available() else 0
    return int(kind == "cpu" or torch.backends.mps.is_available())
