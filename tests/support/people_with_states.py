"""People whose rhythms tell their states, for tests of personal decoders: arrays, no files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.families import OwnWindows
from mdjpt.signal.filters import N_TIMES, SFREQ

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOP_S = 0.5
N_ENCODED = 16


def own_windows(
    labels: NDArray[np.intp],
    *,
    n_electrodes: int = 6,
    strength: float = 1.0,
    seed: int = 0,
    person: int = 0,
) -> OwnWindows:
    """Make one window for each label.

    Pink noise from as many sources as electrodes, mixed; in state k the amplitude of a 10 Hz rhythm
    of source k is raised by `strength`, and so is number k of the encoder's features.
    """
    mixing = np.random.default_rng([7, person]).normal(size=(n_electrodes, n_electrodes))
    mixing += 3.0 * np.eye(n_electrodes)
    rng = np.random.default_rng([seed, person])
    n = len(labels)
    hz = np.maximum(np.fft.rfftfreq(N_TIMES, 1.0 / SFREQ), 0.5)
    white = rng.normal(size=(n, n_electrodes, N_TIMES))
    sources = np.fft.irfft(np.fft.rfft(white) / np.sqrt(hz), N_TIMES)
    sources *= 10.0 / sources.std()
    phase = rng.uniform(0.0, 2.0 * np.pi, (n, 1))
    rhythm = 10.0 * np.sin(2.0 * np.pi * 10.0 * np.arange(N_TIMES) / SFREQ + phase)
    sources[np.arange(n), labels % n_electrodes] += strength * rhythm
    encoded = rng.normal(size=(n, N_ENCODED))
    encoded[np.arange(n), labels] += 2.0 * strength
    samples = np.einsum("ij,njt->nit", mixing, sources).astype(np.float32)
    return OwnWindows(samples, np.ones((n, n_electrodes), bool), encoded.astype(np.float32))


def trials_of(label: NDArray[np.intp], n_windows: int = 5) -> NDArray[np.intp]:
    """Return the trial of each window, as many windows in each."""
    return np.repeat(np.arange(len(label)), n_windows)
