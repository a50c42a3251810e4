"""Finding the sample counter that a device sends among its channels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Counter", "as_counter", "find_counter"]

NEVER_WRAPS = 1 << 31
MIN_REGULAR = 0.5  # of the steps; a lossy link breaks some, a signal has hardly two equal
MAX_COUNT = 1 << 53
MAX_STEP = 8
MIN_TIMES = 32

_LABEL = re.compile(r"^$|COUNT|SAMPLE|PACKET|INDEX", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """A device's sample counter."""

    column: int
    """Where it was found."""
    values: NDArray[np.int64]
    """One step a sample, modulo `modulus`. Shape (n_times,)."""
    modulus: int
    """Number of different values."""


def find_counter(samples: NDArray[np.floating], labels: Sequence[str]) -> Counter | None:
    """Find the first column that counts samples, None when there is none.

    The samples have shape (n_channels, n_times), in any unit. Only unlabelled columns and those
    called counter, index, sample or packet are looked at.
    """
    for column, label in enumerate(labels):
        if not _LABEL.search(label):
            continue
        found = as_counter(samples[column])
        if found is not None:
            return Counter(column, *found)
    return None


def as_counter(values: NDArray[np.floating]) -> tuple[NDArray[np.int64], int] | None:
    """Interpret one column as a sample counter with its modulus; None when it does not count.

    The step between samples is divided out (OpenBCI counts by two with a Daisy board); the modulus
    follows from the jump at the wrap.
    """
    if len(values) < MIN_TIMES or not np.isfinite(values).all():
        return None
    if (values < 0).any() or (values > MAX_COUNT).any() or (values != np.round(values)).any():
        return None
    counts = values.astype(np.int64)
    steps = np.diff(counts)
    step = _most_common(steps)
    if not 0 < step <= MAX_STEP or np.mean(steps == step) < MIN_REGULAR:
        return None
    # Losses and repeats also step back now and then; the wrap does it most often.
    modulus = step - _most_common(steps[steps < 0]) if (steps < 0).any() else NEVER_WRAPS * step
    if modulus <= counts.max() - counts.min() or modulus % step:
        return None
    return (counts // step), modulus // step


def _most_common(values: NDArray[np.int64]) -> int:
    """Return the most frequent value."""
    found, times = np.unique(values, return_counts=True)
    return int(found[np.argmax(times)])
