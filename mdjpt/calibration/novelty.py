"""How far a window may be from what a model was trained on before it knows nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.features import prepare_windows
from mdjpt.recordings.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle

    Float64 = NDArray[np.float64]

__all__ = [
    "NOISES",
    "NOVELTY_LIMIT",
    "foreign_windows",
    "known_novelty_limit",
    "measure_novelty_limit",
    "noise",
    "novelty",
]

NOVELTY_LIMIT = 1.55
"""Limit for bundles that store none: it was measured on the demo bundle of version 0.1."""
NOISES = ("white", "pink", "brown", "sine", "common")
"""What :func:`noise` can make."""
_SFREQ, _NOISE_S = 250.0, 30.0
_FAMILIAR_QUANTILE = 0.99


def novelty(standardised: NDArray[Any]) -> Float64:
    """Return how far windows, shape (..., n_features), are from what was seen.

    Root mean square of standardised features: about 1 for windows like those that the
    standardisation was measured on.
    """
    far: Float64 = np.sqrt(np.mean(np.square(standardised, dtype=np.float64), axis=-1))
    return far


def known_novelty_limit(bundle: Bundle) -> float:
    """Return the limit of a bundle; infinite when it has no statistics of its features."""
    if bundle.feature_mean is None:
        return float("inf")
    return NOVELTY_LIMIT if bundle.novelty_limit is None else bundle.novelty_limit


def measure_novelty_limit(familiar: NDArray[Any], foreign: NDArray[Any] | None = None) -> float:
    """Return the limit between windows of people and windows of noise.

    The middle, in ratios, between what 99 % of the people's windows stay below and the closest
    window of noise. Where noise comes closer than that, the limit is just below the noise: a label
    on noise is worse than no label.

    Parameters
    ----------
    familiar : ndarray of float, shape (n_windows, n_features)
        Features of people that the statistics were not measured on, with every cap that the model
        is meant for, standardised by the bundle.
    foreign : ndarray of float, shape (n_windows, n_features), optional
        Features of noise, standardised likewise, see :func:`foreign_windows`. Without, the limit
        is 1.25 times what 99 % of the people's windows stay below.

    Raises
    ------
    ValueError
        When there is no familiar window.
    """
    if not len(familiar):
        raise ValueError("no familiar window to measure the novelty limit on")
    usual = float(np.quantile(novelty(familiar), _FAMILIAR_QUANTILE))
    if foreign is None or not len(foreign):
        return 1.25 * usual
    closest = float(novelty(foreign).min())
    return float(np.sqrt(usual * closest)) if closest > usual else 0.99 * closest


def foreign_windows(
    montages: Sequence[Sequence[str]], seed: int = 0, hop_s: float = 2.0
) -> NDArray[np.float32]:
    """Return prepared windows, shape (n, 60, 625), of every noise over every cap.

    Those that pass for a signal. The montages name each cap's electrodes; the seed is of the noise.
    """
    found = list(_prepared_noise(montages, seed, hop_s))
    return np.concatenate(found) if found else np.empty((0, 60, 625), np.float32)


def _prepared_noise(
    montages: Sequence[Sequence[str]], seed: int, hop_s: float
) -> Iterator[NDArray[np.float32]]:
    for k, names in enumerate(montages):
        for kind in NOISES:
            rng = np.random.default_rng([seed, k, NOISES.index(kind)])
            samples = noise(kind, len(names), round(_NOISE_S * _SFREQ), _SFREQ, rng)
            try:
                yield prepare_windows(Recording(samples, _SFREQ, tuple(names)), hop_s=hop_s).windows
            except RecordingError:  # it is told from a signal before it comes to the model
                continue


def noise(
    kind: str, n_channels: int, n_times: int, sfreq: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return input that comes from no head, float32, shape (n_channels, n_times), microvolts.

    It is about as loud as EEG. "white", "pink", "brown" and "sine" are each electrode on its own:
    equal power at every frequency, falling with the frequency, with its square, or one sine;
    "common" is the same white noise on all electrodes, with a little of each.
    """
    white = rng.standard_normal((n_channels, n_times))
    if kind == "white":
        return (20.0 * white).astype(np.float32)
    if kind == "common":
        return (20.0 * rng.standard_normal((1, n_times)) + white).astype(np.float32)
    if kind == "sine":
        hz, phase = rng.uniform(1.0, 40.0, (n_channels, 1)), rng.uniform(0, 6.28, (n_channels, 1))
        times = np.arange(n_times) / sfreq
        return (20.0 * np.sin(2 * np.pi * hz * times + phase) + white).astype(np.float32)
    if kind not in NOISES:
        raise ValueError(f"kind must be one of {', '.join(NOISES)}, got {kind!r}")
    hz = np.maximum(np.fft.rfftfreq(n_times, 1 / sfreq), sfreq / n_times)
    shaped = np.fft.irfft(np.fft.rfft(white) / hz ** (0.5 if kind == "pink" else 1.0), n_times)
    loud: NDArray[np.float32] = (15.0 * shaped / shaped.std()).astype(np.float32)
    return loud
