"""Stand-ins with the real interfaces, for tests of the live path."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.decoder import Decoded
from streaming.stream import Chunk, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mdjpt.signal.window import OwnElectrodes

NAMES = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")


class ScriptedSource:
    """Delivers prepared chunks one by one and ends.

    Parameters
    ----------
    chunks : iterable of Chunk or Exception
        What `read` gives, in order; an exception is raised instead.
    info : StreamInfo
        What `open` gives.
    """

    def __init__(self, chunks: Iterable[Chunk | Exception], info: StreamInfo) -> None:
        self._chunks = list(chunks)
        self._info = info
        self._stop = 0
        self.closed = 0

    @property
    def ended(self) -> bool:
        return not self._chunks

    def open(self) -> StreamInfo:
        return self._info

    def read(self, timeout_s: float) -> Chunk:
        if not self._chunks:
            n = self._info.n_channels
            return Chunk(np.empty((n, 0), np.float32), np.empty(0), self._stop)
        chunk = self._chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        self._stop = chunk.stop_sample
        return chunk

    def close(self) -> None:
        self.closed += 1


class PowerDecoder:
    """Answers with the mean power of the window: cheap, deterministic, sensitive to any change."""

    abstain_below = 0.0
    calibrated = False
    simulated: tuple[str, ...] = ()
    unproven = False

    def __init__(self) -> None:
        self.n_resets = 0
        self.indices: list[int] = []

    def begin(self, window: NDArray[np.float32], index: int) -> None:
        """Encode nothing before its turn."""

    def decode(
        self, window: NDArray[np.float32], index: int, own: OwnElectrodes | None = None
    ) -> Decoded:
        self.indices.append(index)
        power = np.square(window, dtype=np.float64).mean(axis=1)
        share = float(power[0] / power.sum())
        return Decoded(power.astype(np.float32), {"low": share, "high": 1.0 - share})

    def reset(self) -> None:
        self.n_resets += 1


def eeg_like(n_channels: int, n_times: int, seed: int = 0) -> NDArray[np.float32]:
    """Return smooth noise of about 15 microvolts that neighbouring channels share in part."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n_channels, n_times + 8))
    smooth = np.stack([np.convolve(row, np.ones(9) / 3.0, mode="valid") for row in white])
    return (15.0 * spread(n_channels) @ smooth).astype(np.float32)


def spread(n_channels: int) -> NDArray[np.float64]:
    """Return what a head does to sources: each channel sees its neighbours' too, [n, n]."""
    places = np.arange(n_channels)
    weights = np.exp(-0.5 * ((places[:, None] - places) / 0.8) ** 2)
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True))


def cut(
    samples: NDArray[np.float32], cuts: Iterable[int], sfreq: float, first_sample: int = 0
) -> list[Chunk]:
    """Cut a recording into chunks at the given columns (empty chunks where cuts repeat)."""
    edges = [0, *sorted(cuts), samples.shape[1]]
    stamps = (first_sample + np.arange(samples.shape[1])) / sfreq
    return [
        Chunk(samples[:, a:b], stamps[a:b], first_sample + a) for a, b in itertools.pairwise(edges)
    ]
