"""The folded network on one device: windows in, features out.

On the processor one window is encoded at a time, on an accelerator many, or a live one as a CUDA
graph: recorded once, with its copies, and replayed by a single call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from mdjpt.network.folded import (
    FoldedPaperEncoder,
    FoldedReleasedEncoder,
    FoldedSpatioTemporalEncoder,
    standardise,
)
from mdjpt.network.model import N_CHANNELS
from mdjpt.signal.window import distinct_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdjpt.network.model import MdjptNetwork

    Float32 = NDArray[np.float32]
    Stats = tuple[Float32, Float32, Float32, Float32]

__all__ = ["FoldedNetwork", "Rows", "WindowGraph"]

_WARM_UP = 3  # runs before a graph is recorded, as PyTorch asks for


class Rows(NamedTuple):
    """Statistics of one normalisation, (dims, rows, 1, 1) or one for each window."""

    mean: Tensor
    std: Tensor


class FoldedNetwork:
    """A network folded for one device. One thread at a time: it owns its scratch memory.

    Parameters
    ----------
    network : MdjptNetwork
        On the processor; its weights are copied.
    device : torch.device
        Where to compute.
    at_once : int
        Windows that are encoded at a time, at most.
    """

    def __init__(self, network: MdjptNetwork, device: torch.device, at_once: int = 1) -> None:
        config = network.config
        self.config, self.device, self.at_once = config, device, at_once
        rows = None if device.type == "cpu" else at_once * N_CHANNELS
        folded = FoldedReleasedEncoder if config.variant == "released" else FoldedPaperEncoder
        self._encode_rows = folded(network.channel_encoder, config, rows).to(device)
        self._spatiotemporal = FoldedSpatioTemporalEncoder(network, at_once).to(device)
        self._mixing = network.mixing.weight.to(device).expand(config.n_dims, -1, -1)
        self._mixing_bias = network.mixing.bias.to(device)[:, None]

    def tokens(self, windows: Float32) -> Tensor:
        """(B, 60, T) -> (D, 60, B, N + 1), not yet normalised.

        On the processor rows that repeat within a window are encoded once.
        """
        if self.device.type == "cpu" and len(windows) == 1:
            distinct, where = distinct_rows(windows[0])
            if len(distinct) < N_CHANNELS:
                tokens = self._encode_rows(torch.from_numpy(windows[0, distinct]))
                return tokens[:, torch.from_numpy(where), None]
        return self.tokens_of(torch.tensor(windows, device=self.device))

    def tokens_of(self, windows: Tensor) -> Tensor:
        """(B, 60, T) on the device -> (D, 60, B, N + 1), not yet normalised."""
        n_windows, n_channels, n_times = windows.shape
        rows = windows.transpose(0, 1).reshape(-1, n_times)
        tokens = self._encode_rows(rows)
        return tokens.view(len(tokens), n_channels, n_windows, -1)

    def mixed(self, tokens: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
        """(D, 60, B, N + 1) -> (D, M, B, N + 1); uses up the tokens."""
        normalised = standardise(tokens, *rows)
        mixed = torch.bmm(self._mixing, normalised.flatten(2)).add_(self._mixing_bias)
        mixed = mixed.relu_() if self.config.activation == "relu" else mixed
        return mixed.view(*mixed.shape[:2], *tokens.shape[2:])

    def feature(self, mixed: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
        """(D, M, B, N + 1) -> (B, F); uses up what is mixed."""
        return self._spatiotemporal.feature(standardise(mixed, *rows))

    def alone(self, tokens: Tensor, rows: tuple[Rows, Rows] | None) -> Tensor:
        """Finish windows that share nothing, (D, 60, B, N + 1) -> (B, F); uses up the tokens.

        Parameters
        ----------
        tokens : Tensor
            From `tokens`.
        rows : tuple of Rows, or None
            Of both normalisations; None takes each window's own.
        """
        mixed = self.mixed(tokens, own_rows(tokens) if rows is None else rows[0])
        return self.feature(mixed, own_rows(mixed) if rows is None else rows[1])

    def rows_of(self, stats: Stats) -> tuple[Rows, Rows]:
        """Bring stored statistics of one group to the layout and device of the network."""
        dims, n_mixed = self.config.n_dims, self.config.n_mixed
        rows = [torch.tensor(a, device=self.device) for a in stats]
        first = [a.view(N_CHANNELS, dims).T[..., None, None] for a in rows[:2]]
        second = [a.view(dims, n_mixed)[..., None, None] for a in rows[2:]]
        return Rows(*first), Rows(*second)


def own_rows(x: Tensor) -> Rows:
    """Mean and unbiased deviation of each row of each window over its patches."""
    patches = x[..., :-1]
    mean = patches.mean(-1, keepdim=True)
    # On a processor a fifth of the time of torch.std_mean.
    spread = torch.linalg.vector_norm(patches - mean, dim=-1, keepdim=True)
    return Rows(mean, spread / (patches.shape[-1] - 1) ** 0.5)


class WindowGraph:
    """One window from the host's memory to the feature in it, computed by one CUDA graph.

    Parameters
    ----------
    folded : FoldedNetwork
        On a CUDA device.
    stats : tuple of ndarray, or None
        Row statistics, which stay on the device; None takes the window's own.
    """

    def __init__(self, folded: FoldedNetwork, stats: Stats | None) -> None:
        self._stats, self._folded = stats, folded
        self._rows = None if stats is None else folded.rows_of(stats)
        shape = (1, N_CHANNELS, folded.config.n_times)
        self._window = torch.zeros(shape, device=folded.device)
        self._sent = torch.zeros(shape, pin_memory=True)
        self._received = torch.zeros(1, folded.config.n_maps, pin_memory=True)
        self._stream = torch.cuda.Stream(folded.device)  # type: ignore[no-untyped-call]
        self._graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream(folded.device))
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UP):
                self._feature = self._computed()
        self._stream.synchronize()
        with torch.cuda.graph(self._graph, stream=self._stream):
            self._feature = self._computed()

    def __call__(self, window: Float32, stats: Stats | None) -> Float32:
        """(60, T) -> (F,); other statistics than before take the place of those."""
        if stats is not self._stats and stats is not None and self._rows is not None:
            for own, new in zip(self._rows, self._folded.rows_of(stats), strict=True):
                own.mean.copy_(new.mean)
                own.std.copy_(new.std)
            self._stats = stats
        self._sent.numpy()[0] = window
        self._stream.wait_stream(torch.cuda.current_stream(self._folded.device))
        with torch.cuda.stream(self._stream):
            self._window.copy_(self._sent, non_blocking=True)
            self._graph.replay()
            self._received.copy_(self._feature, non_blocking=True)
        self._stream.synchronize()
        feature: Float32 = self._received.numpy()[0].copy()
        return feature

    def _computed(self) -> Tensor:
        return self._folded.alone(self._folded.tokens_of(self._window), self._rows)
