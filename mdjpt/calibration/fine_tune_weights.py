"""The weights of the encoder that a person's profile may replace: its last convolutions.

The four grouped convolutions over the mixed channels give the maps whose weighted means are the
features. What comes before them stays as it was pre-trained, and so does the attention.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.network.model import EncoderConfig

    Float32 = NDArray[np.float32]

__all__ = ["MODULE", "check_tuned", "tuned_bundle", "tuned_shapes"]

MODULE = "spatiotemporal"
"""Part of the network that the tuned weights belong to."""
_PREFIX = f"{MODULE}.convs."
_NAME = re.compile(re.escape(_PREFIX) + r"[0-9]{1,2}\.(weight|bias)")


def tuned_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every weight that is tuned, of a network of some size."""
    from mdjpt.bundle.rules import weight_shapes

    shapes = weight_shapes(config)
    return {name: shape for name, shape in shapes.items() if name.startswith(_PREFIX)}


def check_tuned(tuned: Mapping[str, NDArray[Any]], config: EncoderConfig | None = None) -> None:
    """Refuse arrays that are no tuned weights; none at all are fine.

    Parameters
    ----------
    tuned : mapping of str to ndarray
        By the names of the bundle's weights.
    config : EncoderConfig, optional
        Of the network that they are for; without it shapes and number stay unchecked.

    Raises
    ------
    ValueError
        When a name is unknown or missing, or an array is not finite float32 of the right shape.
    """
    for name, array in tuned.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no weight that is tuned")
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"the tuned {name} must be finite float32")
    if config is None or not tuned:
        return
    shapes = tuned_shapes(config)
    if odd := shapes.keys() ^ tuned.keys():
        raise ValueError(f"tuned weights are missing or too many, as {min(odd)}")
    for name, shape in shapes.items():
        if tuned[name].shape != shape:
            found = list(tuned[name].shape)
            raise ValueError(f"the tuned {name} must be {list(shape)}, got {found}")


def tuned_bundle(bundle: Bundle, tuned: Mapping[str, Float32]) -> Bundle:
    """Return the bundle with tuned weights in the place of its own.

    Its statistics, novelty limit and head are those of its own weights: they fit no tuned feature.

    Parameters
    ----------
    bundle : Bundle
        The model.
    tuned : mapping of str to ndarray
        Every weight of :func:`tuned_shapes`, or none: then the bundle itself comes back.

    Raises
    ------
    ValueError
        As :func:`check_tuned`.
    """
    check_tuned(tuned, bundle.config)
    if not tuned:
        return bundle
    return replace(bundle, weights={**bundle.weights, **tuned}, sha256="")
