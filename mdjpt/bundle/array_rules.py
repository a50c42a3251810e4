"""The arrays that a bundle may hold: names, types, shapes, and values that make sense."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.network.model import N_CHANNELS, weight_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdjpt.network.model import EncoderConfig

    Shapes = dict[str, tuple[int, ...]]

__all__ = ["check_arrays"]


def check_arrays(config: EncoderConfig, arrays: Mapping[str, object]) -> None:
    """Check the arrays of a bundle by their names in its file; the head checks its own.

    Raises ValueError when weights are missing or unknown, or an array is not float32 of the shape
    that the network gives it, not finite, or a negative deviation or variance.
    """
    needed = {f"encoder.{name}" for name in weight_shapes(config)}
    known = {f"encoder.{n}": s for n, s in weight_shapes(replace(config, variant="paper")).items()}
    if missing := needed - arrays.keys():
        raise ValueError(f"encoder weights are missing, as {min(missing).partition('.')[2]}")
    shapes = known | _statistics(config)
    for name, array in arrays.items():
        if name in shapes:
            _check_array(name, array, shapes[name])
        elif name.startswith("encoder."):
            raise ValueError(f"unknown encoder weights, as {name.partition('.')[2]}")
    if ("feature.mean" in arrays) != ("feature.var" in arrays):
        raise ValueError("feature_mean and feature_var belong together, got one of them")


def _statistics(config: EncoderConfig) -> Shapes:
    n_tokens, n_mixed = N_CHANNELS * config.n_dims, config.n_dims * config.n_mixed
    return {
        "rows.norm1_mean": (n_tokens,),
        "rows.norm1_std": (n_tokens,),
        "rows.norm2_mean": (n_mixed,),
        "rows.norm2_std": (n_mixed,),
        "feature.mean": (config.n_maps,),
        "feature.var": (config.n_maps,),
        "covariance.centroids": (-1, config.n_dims, config.n_mixed, config.n_mixed),
        "covariance.input": (N_CHANNELS, N_CHANNELS),
    }


def _check_array(name: str, array: object, shape: tuple[int, ...]) -> None:
    """Check one array; -1 in the shape stands for any length."""
    found = array.shape if isinstance(array, np.ndarray) else ()
    fits = len(found) == len(shape) and all(n in (-1, m) for m, n in zip(found, shape, strict=True))
    if not isinstance(array, np.ndarray) or array.dtype != np.float32 or not fits:
        dtype = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"{name} must be float32 {list(shape)}, got {dtype} {list(found)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity")
    if name.endswith(("_std", ".var")) and array.min(initial=0) < 0:
        raise ValueError(f"{name} must not be below 0, got {array.min()}")
