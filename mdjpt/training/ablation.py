"""Transformers in the place of either half of the encoder, to see what the halves are worth.

The paper's ablation names no sizes: these are standard pre-norm layers (Vaswani et al. 2017; Xiong
et al. 2020) of the widths, heads and numbers of the half that they stand for, with learned
positions. Everything else of the network stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdjpt.network.model import EncoderConfig, MdjptNetwork

__all__ = ["Ablation", "ablated_network"]

Half = Literal["mdjpt", "transformer"]
_HEAD_DIM = 64  # of the spatio-temporal transformer, where it divides the maps


@dataclass(frozen=True, slots=True)
class Ablation:
    """Which halves of the encoder are replaced."""

    # What each half is.
    channel_encoder: Half = "mdjpt"
    spatiotemporal: Half = "mdjpt"

    @property
    def any(self) -> bool:
        """True when something is replaced: the network makes no bundle then."""
        return "transformer" in (self.channel_encoder, self.spatiotemporal)


class TransformerChannelEncoder(nn.Module):
    """Patches of each channel through attention among themselves."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.patch_size, self.patch_step = config.patch_size, config.patch_step
        self.read_in = nn.Linear(config.patch_size, config.embed_dim)
        self.positions = _positions(config.n_patches, config.embed_dim)
        self.blocks = _layers(config.n_blocks, config.embed_dim, config.n_heads, config.ffn_dim)
        self.read_out = nn.Linear(config.embed_dim, config.n_dims)

    def forward(self, rows: Tensor) -> Tensor:
        """(rows, T) -> (rows, N, D), not yet normalised."""
        x = self.read_in(rows.unfold(-1, self.patch_size, self.patch_step)) + self.positions
        return cast("Tensor", self.read_out(self.blocks(x)))


class TransformerSpatioTemporal(nn.Module):
    """All dims and mixed channels of a patch as one token, through attention among the patches."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        n_maps = config.n_maps
        n_heads = n_maps // _HEAD_DIM if n_maps % _HEAD_DIM == 0 else 1
        self.read_in = nn.Linear(config.n_dims * config.n_mixed, n_maps)
        self.positions = _positions(config.n_patches, n_maps)
        self.blocks = _layers(config.n_blocks, n_maps, n_heads, 2 * n_maps)

    def forward(self, mixed: Tensor) -> Tensor:
        """(B, D, M, N) -> (B, F, N), not negative, as the maps that it replaces."""
        tokens = self.read_in(mixed.flatten(1, 2).transpose(1, 2)) + self.positions
        return functional.relu(self.blocks(tokens).transpose(1, 2))


def ablated_network(config: EncoderConfig, ablation: Ablation) -> MdjptNetwork:
    """Return an untrained network with the halves that are asked for."""
    network = MdjptNetwork(config)
    # The halves are called and saved as any module: the types are those of the whole network.
    if ablation.channel_encoder == "transformer":
        network.channel_encoder = TransformerChannelEncoder(config)  # type: ignore[assignment]
    if ablation.spatiotemporal == "transformer":
        network.spatiotemporal = TransformerSpatioTemporal(config)  # type: ignore[assignment]
    return network


def _positions(n_patches: int, width: int) -> nn.Parameter:
    return nn.Parameter(0.02 * torch.randn(n_patches, width))


def _layers(n_layers: int, width: int, n_heads: int, ffn_dim: int) -> nn.Sequential:
    layers = [
        nn.TransformerEncoderLayer(
            width, n_heads, ffn_dim, 0.0, "gelu", batch_first=True, norm_first=True
        )
        for _ in range(n_layers)
    ]
    return nn.Sequential(*layers, nn.LayerNorm(width))
