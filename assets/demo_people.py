"""Simulated participants, seen through the live preprocessor, for the demo bundle's head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from mdjpt.signal.window import Preprocessor
from mdjpt.signal.windower import Windower
from mdjpt.simulation import SimulatedParticipant, cap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["CAPS", "CLASSES", "DURATION_S", "Person", "simulate", "simulate_all"]

CLASSES = ("negative", "neutral", "positive")
CAPS = (32, 64, 14, 32, 8, 4)
"""Electrodes of the participants in turn: the live default, and others a user may wear."""
SFREQ = 250.0
DURATION_S = 300.0
SETTLED_S = 1.0
"""A window counts as one state when it starts this long after the state began."""


@dataclass(frozen=True, slots=True)
class Person:
    """Prepared windows of one simulated participant.

    Attributes
    ----------
    n_channels : int
        Electrodes of the cap.
    windows : ndarray of float32, shape (n_windows, 60, 625)
        Inputs of the encoder, in the order of time.
    labels : ndarray of int64, shape (n_windows,)
        Index of the true state, -1 where the window holds a transition.
    """

    n_channels: int
    windows: NDArray[np.float32]
    labels: NDArray[np.int64]


def simulate(seed: int, n_channels: int, hop_s: float) -> Person:
    """Simulate a participant and cut the windows that the live path would decode.

    Parameters
    ----------
    seed : int
        The person.
    n_channels : int
        Electrodes of the cap.
    hop_s : float
        Seconds from window to window.
    """
    participant = SimulatedParticipant(seed, cap(n_channels), SFREQ, CLASSES)
    raw = participant.generate(round(DURATION_S * SFREQ))
    preprocess, windower = Preprocessor(participant.ch_names, SFREQ), Windower(SFREQ, hop_s)
    windows, labels = [], []
    for window in windower.within(0, raw.shape[1]):
        n_margin = min(windower.n_margin, window.first)
        segment = raw[:, window.first - n_margin : window.stop]
        prepared = preprocess(segment, n_margin, window.stop)
        if prepared.window is not None:
            windows.append(prepared.window)
            labels.append(_label(participant, window.first, window.stop))
    return Person(n_channels, np.stack(windows), np.array(labels))


def simulate_all(seeds: Sequence[int], hop_s: float) -> list[Person]:
    """Simulate participants in parallel, with the caps in turn."""
    jobs = (delayed(simulate)(seed, CAPS[i % len(CAPS)], hop_s) for i, seed in enumerate(seeds))
    return list(Parallel(n_jobs=-1)(jobs))


def _label(participant: SimulatedParticipant, first: int, stop: int) -> int:
    """Return the state of a whole window, -1 when it changes or has just changed."""
    before = participant.state_at(max(0, first - round(SETTLED_S * SFREQ)))
    return CLASSES.index(before) if before == participant.state_at(stop - 1) else -1
