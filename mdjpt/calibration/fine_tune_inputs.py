"""What enters the tuned layers: computed once, because nothing before them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.stages import build_alignment
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from mdjpt.bundle.bundle import Bundle

    Float16 = NDArray[np.float16]
    Float32 = NDArray[np.float32]

__all__ = ["MAX_WINDOWS", "LayerInputs", "TunableEncoder", "check_size", "tunable_inputs"]

MAX_WINDOWS = 1500
"""More are not kept in memory: 0.4 MB each at the published size, 0.6 GB together."""


class LayerInputs:
    """Inputs of the tuned layers, window after window in one array: memory holds them once.

    Parameters
    ----------
    capacity : int
        Most windows that will come.

    Raises
    ------
    ProfileError
        When that is too many.
    """

    def __init__(self, capacity: int) -> None:
        check_size(capacity)
        self._capacity, self._n = capacity, 0
        self._array = np.empty((0,), np.float16)

    @property
    def array(self) -> Float16:
        """What was appended, not copied: [n_windows, dims, mixed channels, patches]."""
        return self._array[: self._n]

    def append(self, layer_input: Float16) -> None:
        """Take the next window's; IndexError behind the capacity."""
        if not self._n:
            self._array = np.empty((self._capacity, *layer_input.shape), np.float16)
        self._array[self._n] = layer_input
        self._n += 1


class TunableEncoder(AlignedEncoder):
    """Encodes a stream and keeps what went into the tuned layers of its newest window."""

    _newest: Float16 = np.empty(0, np.float16)

    @property
    def layer_input(self) -> Float16:
        """Input of the convolutions for the newest window: [dims, mixed channels, patches]."""
        return self._newest

    def _normalised(self, x: Float32, rows: object) -> Iterator[Tensor]:
        for normalised in super()._normalised(x, rows):
            # The slot behind the last patch means nothing.
            self._newest = normalised[..., :-1].to(torch.float16).numpy()
            yield normalised


def tunable_inputs(bundle: Bundle, windows: Float32) -> Float16:
    """Return the inputs of the tuned layers for windows that are not aligned before the features.

    Parameters
    ----------
    bundle : Bundle
        The model.
    windows : ndarray of float32, shape (n, 60, 625)
        As the preprocessor gives them.

    Returns
    -------
    ndarray of float16, shape (n, dims, mixed channels, patches)

    Raises
    ------
    ProfileError
        When there are too many windows.
    """
    encoder = TunableEncoder(bundle, build_alignment(AlignmentConfig(), bundle))
    inputs = LayerInputs(len(windows))
    for window in windows:
        encoder.encode_next(window)
        inputs.append(encoder.layer_input)
    return inputs.array


def check_size(n_windows: int) -> None:
    """Refuse more windows than fine-tuning keeps in memory.

    Raises
    ------
    ProfileError
        When there are too many.
    """
    if n_windows > MAX_WINDOWS:
        raise ProfileError(
            f"fine-tuning takes {MAX_WINDOWS} windows at most and the trials have more: leave it "
            "out, or calibrate with fewer or shorter trials"
        )
