"""Entry module of the process that opens one checkpoint: see `mdjpt.guard.process`.

A checkpoint is a pickle, and a pickle is a program. This is the only place where one is opened,
with torch's restricted unpickler and never anything else. What leaves the process are the arrays
asked for, or one line of text.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mdjpt.errors import ModelError
from mdjpt.guard.process import serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["read_standard_input", "read_state_dict"]


def read_state_dict(
    content: bytes, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, int | str]]:
    """Take the named arrays out of a Lightning checkpoint, in this process.

    Each must have the shape that its name stands for. They are float32; the facts beside them are
    "epoch", "global_step" and "lightning" where the checkpoint says them.

    Raises ModelError: without a path: no checkpoint, damaged, holds more than tensors, or another
    network.
    """
    _check_container(content)
    checkpoint = _unpickled(content)
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise ModelError("no Lightning checkpoint: it has no state_dict")
    arrays = {name: _array(name, state.get(name), shape) for name, shape in shapes.items()}
    versions = (checkpoint.get("epoch"), checkpoint.get("global_step"))
    facts: dict[str, int | str] = {
        name: value
        for name, value in zip(("epoch", "global_step"), versions, strict=True)
        if type(value) is int and 0 <= value < 1 << 53
    }
    lightning = checkpoint.get("pytorch-lightning_version")
    if isinstance(lightning, str) and re.fullmatch(r"[\w.+-]{1,40}", lightning):
        facts["lightning"] = lightning
    return arrays, facts


def _check_container(content: bytes) -> None:
    """Accept only what torch writes: an uncompressed zip archive no larger than its file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise ModelError("no checkpoint, or damaged: not an archive as torch writes it") from None
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > len(content):
        raise ModelError("no checkpoint: its archive unpacks to more than it is")


def _unpickled(content: bytes) -> Any:
    """Open the archive with torch's restricted unpickler."""
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise ModelError("damaged: it asks for more memory than a checkpoint needs") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if found:
            raise ModelError(
                f"refused: it holds program objects ({found[1][:60]}), not tensors alone; "
                "never open it with other tools"
            ) from None
        raise ModelError("damaged, or no checkpoint: its tensors cannot be read") from None


def _array(name: str, tensor: object, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Take one array, which must be an ordinary floating-point tensor of the right shape."""
    if tensor is None:
        raise ModelError(f"checkpoint of another network: it has no {name}")
    if type(tensor) not in (Tensor, torch.nn.Parameter) or not isinstance(tensor, Tensor):
        raise ModelError(f"checkpoint of another network: {name} is no tensor")
    if tensor.layout != torch.strided or not tensor.is_floating_point():
        raise ModelError(f"checkpoint of another network: {name} is {tensor.dtype}")
    if tuple(tensor.shape) != shape:
        found = list(tensor.shape)[:6]
        raise ModelError(f"checkpoint of another network: {name} is {found}, not {list(shape)}")
    if not torch.isfinite(tensor).all():
        raise ModelError(f"damaged: {name} holds NaN or infinity")
    array: NDArray[np.float32] = tensor.detach().float().contiguous().numpy()
    return array


def read_standard_input(_path: Path, shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return the named arrays, and the facts, of the checkpoint in the standard input.

    The application found it at `_path`, which is unread here.
    """
    wanted = {name: tuple(shape) for name, shape in shapes.items()}
    arrays, facts = read_state_dict(sys.stdin.buffer.read(), wanted)
    return {"arrays": arrays, "facts": facts}


if __name__ == "__main__":
    serve(read_standard_input)
