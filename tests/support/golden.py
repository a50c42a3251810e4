"""Numbers of the published code on random weights, and how far ours are from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

DATA = Path(__file__).parents[1] / "data"


def golden_arrays(name):
    """Return the arrays of a file in tests/data."""
    with np.load(DATA / name) as arrays:
        return dict(arrays)


def golden_state_dict():
    """Return the state dict of a checkpoint with the published layout and random weights."""
    arrays = load_file(DATA / "golden_checkpoint.safetensors")
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def write_checkpoint(path, **changes):
    """Write a Lightning checkpoint of the published layout; `changes` replace top-level entries."""
    content = {
        "epoch": 19,
        "global_step": 20480,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": golden_state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
    }
    torch.save({k: v for k, v in (content | changes).items() if v is not None}, path)
    return path


def relative_error(ours, reference):
    """Return the largest difference over the largest reference value."""
    return float(np.abs(ours - reference).max() / np.abs(reference).max())
