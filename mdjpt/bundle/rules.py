"""The rules that every model bundle keeps, whoever made it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mdjpt.network.model import N_CHANNELS, MdjptNetwork
from mdjpt.signal.filters import N_TIMES

if TYPE_CHECKING:
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.network.model import EncoderConfig

__all__ = ["check_bundle", "weight_shapes"]

MAX_TEXT = 2000
MAX_CLASSES = 64


def check_bundle(bundle: Bundle) -> None:
    """Check a bundle's arrays, head, numbers and texts.

    Raises
    ------
    ValueError
        With the first rule that is broken, and by what.
    """
    if bundle.config.n_times != N_TIMES:
        raise ValueError(f"n_times must be {N_TIMES}, got {bundle.config.n_times}")
    _check_weights(bundle)
    _check_statistics(bundle)
    _check_head(bundle)
    _check_numbers(bundle)
    _check_texts(bundle)


@cache
def weight_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array in the state dict of a network."""
    with torch.device("meta"):
        state = MdjptNetwork(config).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _check_weights(bundle: Bundle) -> None:
    needed = weight_shapes(bundle.config)
    known = weight_shapes(replace(bundle.config, variant="paper"))
    if missing := needed.keys() - bundle.weights.keys():
        raise ValueError(f"encoder weights are missing, as {min(missing)}")
    if unknown := bundle.weights.keys() - known.keys():
        raise ValueError(f"unknown encoder weights, as {min(unknown)}")
    for name, array in bundle.weights.items():
        _check_array(f"encoder.{name}", array, known[name])


def _check_statistics(bundle: Bundle) -> None:
    config = bundle.config
    n_tokens, n_mixed = N_CHANNELS * config.n_dims, config.n_dims * config.n_mixed
    if bundle.row_stats is not None:
        for name, array in bundle.row_stats._asdict().items():
            n = n_tokens if name.startswith("norm1") else n_mixed
            _check_array(f"rows.{name}", array, (n,), least=0 if name.endswith("std") else None)
    if (bundle.feature_mean is None) != (bundle.feature_var is None):
        raise ValueError("feature_mean and feature_var belong together, got one of them")
    if bundle.feature_mean is not None and bundle.feature_var is not None:
        _check_array("feature.mean", bundle.feature_mean, (config.n_maps,))
        _check_array("feature.var", bundle.feature_var, (config.n_maps,), least=0)
    if bundle.centroids is not None:
        one = (config.n_dims, config.n_mixed, config.n_mixed)
        _check_array("covariance.centroids", bundle.centroids, (len(bundle.centroids), *one))


def _check_array(
    name: str, array: object, shape: tuple[int, ...], least: float | None = None
) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.shape != shape:
        found = [getattr(array, "dtype", type(array).__name__), getattr(array, "shape", "")]
        raise ValueError(f"{name} must be float32 {list(shape)}, got {found[0]} {found[1]}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity")
    if least is not None and array.size and array.min() < least:
        raise ValueError(f"{name} must not be below {least}, got {array.min()}")


def _check_head(bundle: Bundle) -> None:
    n_classes = 0 if bundle.head is None else bundle.head.n_classes
    names = bundle.class_names
    if len(names) != n_classes or len(set(names)) != n_classes or n_classes > MAX_CLASSES:
        raise ValueError(
            f"class_names must name {n_classes} different classes, got {_shortened(names)}"
        )
    if bundle.head is not None and bundle.head.n_features != bundle.config.n_maps:
        n = bundle.config.n_maps
        raise ValueError(f"the head must take {n} features, takes {bundle.head.n_features}")


def _check_numbers(bundle: Bundle) -> None:
    if not _is_number(bundle.temperature) or not 0 < bundle.temperature <= 1e6:
        raise ValueError(f"temperature must be positive, got {_shortened(bundle.temperature)}")
    if not _is_number(bundle.abstain_below) or not 0 <= bundle.abstain_below <= 1:
        raise ValueError(
            f"abstain_below must be from 0 to 1, got {_shortened(bundle.abstain_below)}"
        )
    limit = bundle.novelty_limit
    if limit is not None and not (_is_number(limit) and 0 < limit <= 1e6):
        raise ValueError(f"novelty_limit must be positive, got {_shortened(limit)}")
    if not isinstance(bundle.simulated, bool):
        raise ValueError(f"simulated must be true or false, got {_shortened(bundle.simulated)}")


def _is_number(value: object) -> bool:
    return type(value) in (int, float)  # bool is an int to isinstance


def _check_texts(bundle: Bundle) -> None:
    for name, texts in (
        ("licence", (bundle.licence,)),
        ("class_names", bundle.class_names),
        ("warnings", bundle.warnings),
    ):
        if not isinstance(texts, tuple) or not all(map(_is_line, texts)):
            raise ValueError(f"{name} must be lines of text, got {_shortened(texts)}")
    provenance = bundle.provenance
    if not isinstance(provenance, dict) or not all(map(_is_line, provenance)):
        raise ValueError(f"provenance must be a dict with names, got {_shortened(provenance)}")
    try:
        json.dumps(provenance, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("provenance must hold what JSON can") from None


def _is_line(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= MAX_TEXT and text.isprintable()


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
