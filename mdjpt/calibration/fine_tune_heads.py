"""Personal heads as functions that a gradient passes through, with their arrays held fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mdjpt.calibration.anchored import AnchoredHead
from mdjpt.calibration.heads import COSINE_SCALE, LinearHead, PrototypeHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from mdjpt.calibration.heads import PersonalHead

    Arrays = dict[str, Tensor]

__all__ = ["differentiable"]


def differentiable(head: PersonalHead) -> Callable[[Tensor], Tensor]:
    """Return the head as a function of standardised features [n, n_features] to logits.

    Parameters
    ----------
    head : PersonalHead
        Of any kind.
    """
    arrays = {name: torch.from_numpy(array) for name, array in head.arrays.items()}
    if isinstance(head, LinearHead):
        return lambda x: _linear(x, arrays)
    if isinstance(head, PrototypeHead):
        return lambda x: _cosines(x, arrays)
    if isinstance(head, AnchoredHead):
        return lambda x: _anchored(x, arrays)
    return lambda x: _perceptron(x, arrays)


def _linear(x: Tensor, arrays: Arrays) -> Tensor:
    return functional.linear(x, arrays["weight"], arrays["bias"])


def _cosines(x: Tensor, arrays: Arrays) -> Tensor:
    directions = functional.normalize(x - arrays["centre"], dim=1)
    cosines: Tensor = directions @ functional.normalize(arrays["prototypes"], dim=1).T
    return COSINE_SCALE * cosines


def _anchored(x: Tensor, arrays: Arrays) -> Tensor:
    logits = _perceptron(x, arrays, "general.")
    general = functional.softmax(logits / arrays["temperature"], dim=1) @ arrays["matrix"].T
    normalised: Tensor = general / general.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return normalised + _linear(x, arrays)


def _perceptron(x: Tensor, arrays: Arrays, prefix: str = "") -> Tensor:
    for k in (1, 2, 3):
        weight, bias = arrays[f"{prefix}fc{k}.weight"], arrays[f"{prefix}fc{k}.bias"]
        x = functional.linear(x if k == 1 else x.relu(), weight, bias)
    return x
