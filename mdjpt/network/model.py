"""The mdJPT network, from leaf to whole: patches, channel encoder, channel mixing, maps, projector.

Symbols of the shapes: B windows, C = 60 standard channels, T samples of a window, N patches,
E embedding of a patch, D dims a patch is reduced to, M mixed channels, S dilations, K filters a
dilation and dim, F = S * D * K maps.

Source: Zhang, Zhong, Li, Shen, Liu, "Multi-dataset Joint Pre-training of Emotional EEG Enables
Generalizable Affective Computing", NeurIPS 2025 (arXiv 2510.22197), and the behaviour of its
published checkpoint. Where the two differ there are two variants: in `paper` a block of the channel
encoder returns what its attention, gate and feed-forward network make of the patches; in `released`
it returns the values that enter the attention, so those parts have no weights here at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "N_CHANNELS",
    "EncoderConfig",
    "MdjptNetwork",
    "NetworkOutput",
    "Variant",
    "stratified_norm",
    "weight_shapes",
]

N_CHANNELS = 60
NORM_EPS = 1e-3  # added to the standard deviation of a normalised row
ATTENTION_EPS = 1e-5  # added to the normaliser of the linear attention
MAX_SIZE, MAX_BLOCKS = 4096, 16  # beyond any network of this kind: bounds what a file may ask for

Variant = Literal["released", "paper"]
Activation = Literal["relu", "none"]


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Everything that shapes the network; the defaults are those of the published model."""

    variant: Variant = "released"
    """What a block of the channel encoder returns, see the module's docstring."""
    activation: Activation = "relu"
    """After the channel mixing."""
    n_times: int = 625
    """Samples of a window (T); those after the last whole patch are not used."""
    # Samples of a patch and from one patch to the next.
    patch_size: int = 32
    patch_step: int = 6
    embed_dim: int = 128
    """Width of the channel encoder (E)."""
    n_blocks: int = 2
    """Blocks of the channel encoder."""
    # Heads of the attention and width of the feed-forward network, `paper` only.
    n_heads: int = 8
    ffn_dim: int = 256
    n_dims: int = 32
    """Numbers that the channel encoder gives for a patch (D)."""
    n_mixed: int = 64
    """Channels after the mixing (M)."""
    n_filters: int = 4
    """Filters a dim and dilation (K)."""
    dilations: tuple[int, ...] = (1, 3, 6, 12)
    """Dilation in patches of each of the spatio-temporal convolutions, which are 3 patches wide."""
    attention_size: int = 15
    """Patches that the attention over the maps looks back, odd or even."""
    pool_size: int = 15
    """Patches averaged to one step of the projector."""

    def __post_init__(self) -> None:
        if self.variant not in ("released", "paper"):
            raise ValueError(f'variant must be "released" or "paper", got {self.variant!r}')
        if self.activation not in ("relu", "none"):
            raise ValueError(f'activation must be "relu" or "none", got {self.activation!r}')
        sizes = {k: v for k, v in asdict(self).items() if k not in ("variant", "activation")}
        for name, value in sizes.items():
            numbers = value if name == "dilations" else (value,)
            if not isinstance(numbers, tuple) or not numbers or not all(map(_is_size, numbers)):
                raise ValueError(f"{name} must hold integers from 1 to {MAX_SIZE}, got {value!r}")
        if self.n_blocks > MAX_BLOCKS or len(self.dilations) > MAX_BLOCKS:
            raise ValueError(f"n_blocks and dilations must be at most {MAX_BLOCKS}")
        if self.embed_dim % self.n_heads:
            raise ValueError(
                f"embed_dim must be a multiple of n_heads, got {self.embed_dim} and {self.n_heads}"
            )
        if self.n_times < self.patch_size:
            raise ValueError(
                f"n_times must hold one patch of {self.patch_size} samples, got {self.n_times}"
            )
        if self.n_steps < 2:  # one step has no deviation to normalise by
            raise ValueError(
                f"n_times must hold 6 steps of {self.pool_size} patches, got {self.n_times} samples"
            )

    @property
    def n_patches(self) -> int:
        """Patches of a window (N)."""
        return (self.n_times - self.patch_size) // self.patch_step + 1

    @property
    def n_maps(self) -> int:
        """Maps, and so features, of a window (F)."""
        return len(self.dilations) * self.n_dims * self.n_filters

    @property
    def n_steps(self) -> int:
        """Steps in time that leave the projector's two unpadded convolutions of width 3."""
        return self.n_patches // self.pool_size - 4

    @property
    def projection_dim(self) -> int:
        """Length of the projection."""
        return self.n_maps * self.n_steps

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self) | {"dilations": list(self.dilations)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> EncoderConfig:
        """Read what `to_dict` wrote.

        Raises ValueError when a field is unknown, missing or has an impossible value.
        """
        known = set(cls.__dataclass_fields__)
        if fields.keys() != known:
            odd = ", ".join(sorted(fields.keys() ^ known))
            raise ValueError(f"missing or unknown fields: {odd}")
        if not isinstance(fields["dilations"], list):
            raise ValueError(f"dilations must be a list, got {fields['dilations']!r}")
        return cls(**(fields | {"dilations": tuple(fields["dilations"])}))


def _is_size(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_SIZE


class NetworkOutput(NamedTuple):
    """What the network makes of B windows, all of it differentiable."""

    tokens: Tensor
    """After the first stratified normalisation. Shape (B, C, N, D)."""
    mixed: Tensor
    """Whose covariance over the patches is aligned between datasets. Shape (B, D, M, N)."""
    maps: Tensor
    """Weighted by the attention. Shape (B, F, N)."""
    feature: Tensor
    """Mean of the maps over the patches. Shape (B, F)."""
    projection: Tensor
    """Of unit length, for the contrastive loss. Shape (B, projection_dim)."""


def stratified_norm(x: Tensor, group_size: int, along: int) -> Tensor:
    """Standardise every row over the windows of its group and over one axis of the window.

    Parameters
    ----------
    x : Tensor, shape (B, ...)
        B a multiple of `group_size`.
    group_size : int
        Consecutive windows that share their statistics (those of one subject).
    along : int
        Axis of `x` over which, besides the windows, mean and unbiased standard deviation run.

    Returns
    -------
    Tensor
        (x - mean) / (std + 1e-3), of x's shape.
    """
    grouped = x.reshape(-1, group_size, *x.shape[1:])
    std, mean = torch.std_mean(grouped, dim=(1, along + 1), correction=1, keepdim=True)
    return ((grouped - mean) / (std + NORM_EPS)).reshape(x.shape)


class DepthwiseConv(nn.Conv1d):
    """Convolution of width 3 over the patches, each embedding dimension on its own, zero-padded."""

    def __init__(self, embed_dim: int) -> None:
        super().__init__(embed_dim, embed_dim, 3, padding=1, groups=embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, N, E) -> (rows, N, E)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class LinearAttention(nn.Module):
    """Attention whose kernel is phi(q) . phi(k) with phi = ELU + 1, linear in the patches."""

    def __init__(self, embed_dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(embed_dim, embed_dim)
        self.key = nn.Linear(embed_dim, embed_dim)
        self.value = nn.Linear(embed_dim, embed_dim)
        self.out = nn.Linear(embed_dim, embed_dim)

    def forward(self, u: Tensor) -> Tensor:
        """(rows, N, E) -> (rows, N, E)."""
        q = functional.elu(self._heads(self.query(u))) + 1  # (rows, heads, N, E / heads)
        k = functional.elu(self._heads(self.key(u))) + 1
        v = self._heads(self.value(u))
        weight = 1 / (q @ k.sum(-2).unsqueeze(-1) + ATTENTION_EPS)  # (rows, heads, N, 1)
        attended = q @ (k.transpose(-2, -1) @ v) * weight
        return cast("Tensor", self.out(attended.transpose(1, 2).flatten(2)))

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.n_heads, -1).transpose(1, 2)


class ReleasedBlock(nn.Module):
    """The part of a Mamba-like linear attention block that reaches the published model's output."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.cpe1 = DepthwiseConv(config.embed_dim)
        self.norm = nn.LayerNorm(config.embed_dim)
        self.in_proj = nn.Linear(config.embed_dim, config.embed_dim)
        self.dwc = DepthwiseConv(config.embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, N, E) -> (rows, N, E)."""
        return self._values(self.norm(x + self.cpe1(x)))

    def _values(self, h: Tensor) -> Tensor:
        return functional.silu(self.dwc(self.in_proj(h)))


class PaperBlock(ReleasedBlock):
    """The whole Mamba-like linear attention block: gated attention, then feed-forward network."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        width = config.embed_dim
        self.gate = nn.Linear(width, width)
        self.attention = LinearAttention(width, config.n_heads)
        self.out_proj = nn.Linear(width, width)
        self.cpe2 = DepthwiseConv(width)
        self.ffn_in = nn.Linear(width, config.ffn_dim)
        self.ffn_out = nn.Linear(config.ffn_dim, width)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, N, E) -> (rows, N, E)."""
        s = x + self.cpe1(x)
        h = self.norm(s)
        gated = self.attention(self._values(h)) * functional.silu(self.gate(h))
        y = s + self.out_proj(gated)
        y = y + self.cpe2(y)
        return cast("Tensor", y + self.ffn_out(functional.gelu(self.ffn_in(y))))


class ChannelEncoder(nn.Module):
    """Each channel's patches, with weights shared by all channels."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.patch_size, self.patch_step = config.patch_size, config.patch_step
        self.read_in = nn.Linear(config.patch_size, config.embed_dim)
        block = PaperBlock if config.variant == "paper" else ReleasedBlock
        self.blocks = nn.ModuleList(block(config) for _ in range(config.n_blocks))
        self.read_out = nn.Linear(config.embed_dim, config.n_dims)

    def forward(self, rows: Tensor) -> Tensor:
        """(rows, T) -> (rows, N, D), not yet normalised."""
        x = self.read_in(rows.unfold(-1, self.patch_size, self.patch_step))
        for block in self.blocks:
            x = block(x)
        return cast("Tensor", self.read_out(x))


class SpatioTemporalEncoder(nn.Module):
    """Convolutions over mixed channels and patches at several dilations, weighted by attention."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dilations = config.dilations
        per_scale, n_maps = config.n_dims * config.n_filters, config.n_maps
        self.convs = nn.ModuleList(
            nn.Conv2d(
                config.n_dims,
                per_scale,
                (config.n_mixed, 3),
                dilation=(1, dilation),
                padding=(0, dilation),
                groups=config.n_dims,
            )
            for dilation in config.dilations
        )
        self.attention_size = config.attention_size
        self.attention_conv = nn.Conv1d(n_maps, n_maps, config.attention_size, groups=n_maps)
        self.attention_point = nn.Conv1d(n_maps, n_maps, 1)

    def forward(self, mixed: Tensor) -> Tensor:
        """(B, D, M, N) -> (B, F, N)."""
        maps = torch.cat([conv(mixed).squeeze(2) for conv in self.convs], dim=1)
        back = self.attention_size - 1
        scores = functional.relu(self.attention_conv(functional.pad(maps, (back, 0))))
        scores = functional.avg_pool1d(
            functional.pad(scores, (back, 0)), self.attention_size, stride=1
        )
        return functional.softmax(self.attention_point(scores), dim=1) * functional.relu(maps)


class Projector(nn.Module):
    """Maps to a vector of unit length, for pre-training only."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.pool_size, n_maps = config.pool_size, config.n_maps
        self.conv1 = nn.Conv1d(n_maps, n_maps, 3, groups=n_maps)
        self.conv2 = nn.Conv1d(n_maps, n_maps, 3, groups=n_maps)

    def forward(self, maps: Tensor, group_size: int) -> Tensor:
        """(B, F, N) -> (B, projection_dim)."""
        x = stratified_norm(functional.avg_pool1d(maps, self.pool_size), group_size, along=2)
        x = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        x = stratified_norm(x, group_size, along=2)
        return functional.normalize(x.flatten(1), dim=1)


class MdjptNetwork(nn.Module):
    """The whole network, as it is trained."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.channel_encoder = ChannelEncoder(config)
        self.mixing = nn.Linear(N_CHANNELS, config.n_mixed)
        self.spatiotemporal = SpatioTemporalEncoder(config)
        self.projector = Projector(config)

    def forward(self, windows: Tensor, group_size: int) -> NetworkOutput:
        """Encode B windows whose rows are standardised over `group_size` consecutive windows.

        Parameters
        ----------
        windows : Tensor, shape (B, 60, T)
            The standard channels, robustly z-scored; B a multiple of `group_size`.
        group_size : int
            Windows of one subject in a row.
        """
        rows = self.channel_encoder(windows.flatten(0, 1))
        tokens = stratified_norm(
            rows.reshape(*windows.shape[:2], *rows.shape[1:]), group_size, along=2
        )
        mixed = self.mix(tokens)
        maps = self.spatiotemporal(stratified_norm(mixed, group_size, along=3))
        return NetworkOutput(tokens, mixed, maps, maps.mean(-1), self.projector(maps, group_size))

    def mix(self, tokens: Tensor) -> Tensor:
        """Combine the channels: (B, C, N, D) -> (B, D, M, N)."""
        mixed = self.mixing(tokens.permute(0, 3, 2, 1)).transpose(2, 3)
        return functional.relu(mixed) if self.config.activation == "relu" else mixed


@cache
def weight_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array in the state dict of a network."""
    with torch.device("meta"):
        state = MdjptNetwork(config).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}
