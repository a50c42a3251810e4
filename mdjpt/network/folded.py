"""The network with its constants folded: what one window costs on one core of a live system.

Everything here gives the numbers of `mdjpt.network.model` up to rounding, with less work:

- Reading in the patches, the first depth-wise convolution, its residual and the first projection
  are linear in the samples but for one factor a patch, the LayerNorm's standard deviation. They are
  ONE product with `patch_size + 2 * patch_step` samples, and the variance is |R q|^2 with R from
  the QR decomposition of the centred product.
- LayerNorm's mean and affine map are folded into the next linear layer, a residual into the centre
  tap of its convolution; depth-wise convolutions are shifted multiply-adds.
- In the paper variant the attention's three projections are one product, and so are the two that
  follow the LayerNorm.
- All grouped convolutions are one product for a dim, followed by shifts by each dilation.
- Equal rows (interpolated channels) are encoded once.

Layouts, in the letters of `mdjpt.network.model`, R rows (channels), B windows: tokens are
(R * (N + 1), E) on the way and (D, R, N + 1) in the end, with the channels before the windows;
mixed channels are (D, M, B, N + 1). The slot between two rows of patches serves as the zero padding
of both; its value in the results means nothing.

What is made here holds for the processor until `to` moves it. There a few rows at a time stay in a
core's cache; an accelerator takes all rows of many windows at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdjpt.network.model import ATTENTION_EPS, NORM_EPS, PaperBlock, ReleasedBlock

if TYPE_CHECKING:
    from mdjpt.network.model import ChannelEncoder, DepthwiseConv, EncoderConfig, MdjptNetwork

__all__ = [
    "FoldedPaperEncoder",
    "FoldedReleasedEncoder",
    "FoldedSpatioTemporalEncoder",
    "standardise",
]

CHUNK_BYTES = 640 << 10  # of one scratch array: two of them stay in a core's second-level cache


class _Part:
    """A part of the folded network: constants, scratch, and parts of its own."""

    def to(self, device: torch.device) -> Self:
        """Move all of it to a device, in place."""
        for name, value in vars(self).items():
            setattr(self, name, _moved(value, device))
        return self


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, (Tensor, _Part)):
        return value.to(device)
    return [_moved(part, device) for part in value] if isinstance(value, list) else value


@dataclass(eq=False)
class _Taps(_Part):
    """A depth-wise convolution of width 3: one weight a dimension and tap, and a constant."""

    before: Tensor
    centre: Tensor
    after: Tensor
    constant: Tensor

    @classmethod
    def residual(cls, conv: DepthwiseConv) -> _Taps:
        """Fold x + conv(x)."""
        before, centre, after, constant = _taps_of(conv)
        return cls(before.float(), centre.float() + 1, after.float(), constant.float())

    def __call__(self, padded: Tensor, out: Tensor) -> None:
        """Convolve tokens (n + 2, E) into (n, E); the padding is part of `padded`."""
        n = len(out)
        torch.addcmul(self.constant, padded[1 : n + 1], self.centre, out=out)
        out.addcmul_(padded[:n], self.before)
        out.addcmul_(padded[2 : n + 2], self.after)


@dataclass(eq=False)
class _Values(_Part):
    """LayerNorm and projection without their constant, then convolution and SiLU of a block.

    The projection of a centred token s is `r * (matrix @ s) + shift` with r = 1 / its deviation.
    The shift is the convolution's constant inside, and minus it pads the tokens at both ends.
    """

    matrix: Tensor
    shift: Tensor
    eps: float
    taps: _Taps

    @classmethod
    def of(cls, block: ReleasedBlock) -> _Values:
        """Fold the second half of a block, in float64."""
        gain, bias = block.norm.weight.double(), block.norm.bias.double()
        weight = block.in_proj.weight.double()
        shift = weight @ bias + block.in_proj.bias.double()
        before, centre, after, constant = _taps_of(block.dwc)
        total = constant + shift * (before + centre + after)
        taps = _Taps(*(t.float() for t in (before, centre, after, total)))
        return cls(weight * gain, shift.float(), block.norm.eps, taps)

    def to(self, device: torch.device) -> Self:
        """Move what every window needs; the matrix has been folded and stays behind."""
        self.shift, self.taps = self.shift.to(device), self.taps.to(device)
        return self


def _taps_of(conv: DepthwiseConv) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    before, centre, after = conv.weight.double()[:, 0].unbind(-1)
    return before, centre, after, _bias_of(conv).double()


def _bias_of(layer: nn.Module) -> Tensor:
    return cast("Tensor", layer.bias).detach()


class _FoldedChannelEncoder(_Part, ABC):
    """A channel encoder that takes a few rows at a time. One thread at a time: it owns its scratch.

    Parameters
    ----------
    encoder : ChannelEncoder
        Its weights are copied: what is trained afterwards is not seen here.
    config : EncoderConfig
        Of the network that the encoder belongs to.
    at_once : int, optional
        Rows that are encoded at a time; as many as stay in a core's cache by default.
    """

    def __init__(
        self, encoder: ChannelEncoder, config: EncoderConfig, at_once: int | None = None
    ) -> None:
        self._step, self._n_patches = config.patch_step, config.n_patches
        self._stride = config.n_patches + 1
        cached = max(1, CHUNK_BYTES // (4 * self._stride * config.embed_dim))
        self._chunk = cached if at_once is None else at_once
        self._read_out = encoder.read_out.weight.detach().clone()
        self._read_out_bias = encoder.read_out.bias.detach()[:, None].clone()
        self._tokens = torch.zeros(self._chunk * self._stride + 2, config.embed_dim)

    def __call__(self, rows: Tensor) -> Tensor:
        """(R, T) -> (D, R, N + 1), not yet normalised."""
        tokens = rows.new_empty(len(self._read_out), len(rows), self._stride)
        for start in range(0, len(rows), self._chunk):
            part = rows[start : start + self._chunk]
            encoded = self._encoded(part)
            stop = start + len(part)
            flat = tokens.view(len(tokens), -1)[:, start * self._stride : stop * self._stride]
            torch.addmm(self._read_out_bias, self._read_out, encoded.T, out=flat)
        return tokens

    @abstractmethod
    def _encoded(self, rows: Tensor) -> Tensor:
        """(R, T) -> tokens (R * (N + 1), E) of one chunk of rows, a view of the scratch."""


class FoldedReleasedEncoder(_FoldedChannelEncoder):
    """The channel encoder of the released variant."""

    def __init__(
        self, encoder: ChannelEncoder, config: EncoderConfig, at_once: int | None = None
    ) -> None:
        super().__init__(encoder, config, at_once)
        self._width = config.patch_size + 2 * config.patch_step
        self._n_used = (config.n_patches - 1) * config.patch_step + config.patch_size
        blocks = [cast("ReleasedBlock", block) for block in encoder.blocks]
        self._values = [_Values.of(block) for block in blocks]
        self._matrices = [values.matrix.T.float().contiguous() for values in self._values]
        self._inputs = [_Taps.residual(block.cpe1) for block in blocks]
        folded = [self._first_product(encoder, ends) for ends in ((1, 1), (0, 1), (1, 0))]
        self._inner, self._first, self._last = folded
        self._allocate(config)

    def _first_product(self, encoder: ChannelEncoder, ends: tuple[int, int]) -> Tensor:
        """Fold samples -> (projection, R q) for patches with neighbours on the sides of `ends`."""
        read_in, bias = encoder.read_in.weight.double(), encoder.read_in.bias.double()
        before, centre, after, constant = _taps_of(cast("ReleasedBlock", encoder.blocks[0]).cpe1)
        taps = (before * ends[0], centre + 1, after * ends[1])
        size, step = read_in.shape[1], self._step
        product = read_in.new_zeros(len(read_in), _rounded_up(self._width + 1))
        for k, tap in enumerate(taps):
            product[:, k * step : k * step + size] += tap[:, None] * read_in
        product[:, self._width] = constant + sum(taps) * bias
        product -= product.mean(0)
        root = torch.linalg.qr(product[:, : self._width + 1] / len(product) ** 0.5, mode="r").R
        padding = (0, product.shape[1] - root.shape[1])
        root = functional.pad(root, padding)
        return torch.cat([self._values[0].matrix @ product, root]).T.float().contiguous()

    def _allocate(self, config: EncoderConfig) -> None:
        """Reserve the scratch of one chunk of rows: no page is faulted in while it runs."""
        n = self._chunk * self._stride
        self._samples = torch.zeros(self._chunk, self._n_used + 2 * self._step)
        self._patches = torch.zeros(self._chunk, self._stride, _rounded_up(self._width + 1))
        self._patches[:, :, self._width] = 1  # multiplies the constant
        self._product = torch.zeros(n, self._inner.shape[1])
        self._padded = torch.zeros(n + 2, config.embed_dim)
        self._projected = torch.zeros(n, config.embed_dim)

    def _encoded(self, rows: Tensor) -> Tensor:
        n = len(rows) * self._stride
        padded, tokens = self._padded[: n + 2], self._tokens[: n + 2]
        self._project_patches(rows, padded)
        self._convolve(0, padded, tokens)
        for k in range(1, len(self._values)):
            tokens[:: self._stride] = 0
            self._project_tokens(k, tokens, padded)
            self._convolve(k, padded, tokens)
        return tokens[1 : n + 1]

    def _project_patches(self, rows: Tensor, padded: Tensor) -> None:
        """Bring samples to the scaled projection of the first block."""
        n_rows, n, step, stride = len(rows), len(padded) - 2, self._step, self._stride
        samples, patches = self._samples[:n_rows], self._patches[:n_rows]
        samples[:, step : step + self._n_used] = rows[:, : self._n_used]
        patches[:, :-1, : self._width] = samples.unfold(-1, self._width, step)
        flat, product = patches.view(n, -1), self._product[:n]
        torch.mm(flat, self._inner, out=product)
        product[0::stride] = flat[0::stride] @ self._first
        last = self._n_patches - 1
        product[last::stride] = flat[last::stride] @ self._last
        width = padded.shape[1]
        self._scale(0, product[:, :width], product[:, width:], 1, padded)

    def _project_tokens(self, k: int, tokens: Tensor, padded: Tensor) -> None:
        """Bring tokens to the scaled projection of block `k`."""
        n = len(padded) - 2
        centred = padded[1 : n + 1]
        self._inputs[k](tokens, centred)
        centred -= centred.mean(1, keepdim=True)
        product = torch.mm(centred, self._matrices[k], out=self._projected[:n])
        self._scale(k, product, centred, centred.shape[1], padded)

    def _scale(self, k: int, product: Tensor, root: Tensor, count: int, padded: Tensor) -> None:
        """Divide by the deviation of each token, sqrt(|root|^2 / count + eps)."""
        deviation = torch.linalg.vector_norm(root, dim=1, keepdim=True)
        factor = deviation.square_().div_(count).add_(self._values[k].eps).rsqrt_()
        torch.mul(product, factor, out=padded[1:-1])

    def _convolve(self, k: int, padded: Tensor, tokens: Tensor) -> None:
        """Finish block `k`: pad, convolve, SiLU."""
        padded[:: self._stride] = -self._values[k].shift
        out = tokens[1:-1]
        self._values[k].taps(padded, out)
        functional.silu(out, inplace=True)


class _Affine(_Part):
    """A linear layer on tokens."""

    def __init__(self, *layers: nn.Linear) -> None:
        self.matrix = torch.cat([layer.weight.detach() for layer in layers]).T.contiguous()
        self.bias = torch.cat([layer.bias.detach() for layer in layers])

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """(n, in) -> (n, out)."""
        return torch.addmm(self.bias, x, self.matrix, out=out)


class _FoldedBlock(_Part):
    """One block of the paper variant."""

    def __init__(self, block: PaperBlock, stride: int) -> None:
        self._stride, self._n_heads = stride, block.attention.n_heads
        self._values = _Values.of(block)
        self._cpe1, self._cpe2 = _Taps.residual(block.cpe1), _Taps.residual(block.cpe2)
        gate = block.gate.weight.double()
        self._gate_shift = (gate @ block.norm.bias.double() + block.gate.bias.double()).float()
        after_norm = torch.cat([self._values.matrix, gate * block.norm.weight.double()])
        self._after_norm = after_norm.T.float().contiguous()
        attention = block.attention
        self._qkv = _Affine(attention.query, attention.key, attention.value)
        self._attended, self._out_proj = _Affine(attention.out), _Affine(block.out_proj)
        self._ffn_in, self._ffn_out = _Affine(block.ffn_in), _Affine(block.ffn_out)

    def __call__(self, tokens: Tensor) -> None:
        """Transform tokens (n + 2, E) in place; what is in their padding does not matter."""
        tokens[:: self._stride] = 0
        s = torch.empty_like(tokens[1:-1])
        self._cpe1(tokens, s)
        values, gate = self._after_layer_norm(s)
        gated = self._attended(self._attention(values)).mul_(gate)
        torch.add(s, self._out_proj(gated), out=tokens[1:-1])
        tokens[:: self._stride] = 0
        y = s
        self._cpe2(tokens, y)
        torch.add(y, self._ffn_out(functional.gelu(self._ffn_in(y))), out=tokens[1:-1])

    def _after_layer_norm(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """(n, E) -> the values that enter the attention, and their gate."""
        centred = s - s.mean(1, keepdim=True)
        deviation = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
        factor = deviation.square_().div_(s.shape[1]).add_(self._values.eps).rsqrt_()
        projected = (centred @ self._after_norm).mul_(factor)
        padded = s.new_empty(len(s) + 2, s.shape[1])
        padded[1:-1] = projected[:, : s.shape[1]]
        padded[:: self._stride] = -self._values.shift
        self._values.taps(padded, centred)
        gate = functional.silu(projected[:, s.shape[1] :] + self._gate_shift)
        return functional.silu(centred), gate

    def _attention(self, u: Tensor) -> Tensor:
        """(n, E) -> (n, E), linear attention within each row."""
        width = u.shape[1]
        qkv = self._qkv(u)
        functional.elu(qkv[:, : 2 * width], inplace=True)
        qkv[:, : 2 * width] += 1
        qkv[self._stride - 1 :: self._stride] = 0  # what pads two rows takes no part
        shape = (-1, self._stride, 3, self._n_heads, width // self._n_heads)
        q, k, v = qkv.view(shape).permute(2, 0, 3, 1, 4)  # each (rows, heads, N + 1, width)
        weight = 1 / (q @ k.sum(-2).unsqueeze(-1) + ATTENTION_EPS)
        attended = (q @ (k.transpose(-2, -1) @ v)) * weight
        return cast("Tensor", attended.transpose(1, 2).reshape(u.shape))


class FoldedPaperEncoder(_FoldedChannelEncoder):
    """The channel encoder of the paper variant."""

    def __init__(
        self, encoder: ChannelEncoder, config: EncoderConfig, at_once: int | None = None
    ) -> None:
        super().__init__(encoder, config, at_once)
        self._size = config.patch_size
        self._read_in = _Affine(encoder.read_in)
        self._blocks = [_FoldedBlock(cast("PaperBlock", b), self._stride) for b in encoder.blocks]
        self._patches = torch.zeros(self._chunk, self._stride, config.patch_size)

    def _encoded(self, rows: Tensor) -> Tensor:
        n = len(rows) * self._stride
        tokens, patches = self._tokens[: n + 2], self._patches[: len(rows)]
        patches[:, :-1] = rows.unfold(-1, self._size, self._step)
        self._read_in(patches.view(n, -1), tokens[1:-1])
        for block in self._blocks:
            block(tokens)
        return tokens[1:-1]


class FoldedSpatioTemporalEncoder(_Part):
    """Maps of a few windows and their mean, with all dilations in one product a dim.

    Parameters
    ----------
    network : MdjptNetwork
        Its weights are copied.
    at_once : int
        Windows that are encoded at a time, at most.
    """

    def __init__(self, network: MdjptNetwork, at_once: int = 1) -> None:
        config, encoder = network.config, network.spatiotemporal
        self._dilations, self._n_patches = config.dilations, config.n_patches
        self._n_dims, self._n_filters = config.n_dims, config.n_filters
        shape = (config.n_dims, config.n_filters, config.n_mixed, 3)
        convs = cast("list[nn.Conv2d]", list(encoder.convs))
        kernels = torch.stack([conv.weight.detach().view(shape) for conv in convs])
        # (S, D, K, M, tap) -> (D, tap * S * K, M)
        self._kernels = kernels.permute(1, 4, 0, 2, 3).reshape(config.n_dims, -1, config.n_mixed)
        self._bias = torch.cat([_bias_of(conv) for conv in convs])
        back = config.attention_size - 1
        self._taps = encoder.attention_conv.weight.detach()[:, 0].T.contiguous()  # (tap, F)
        self._taps_bias = _bias_of(encoder.attention_conv).clone()
        self._padded = torch.zeros(at_once, config.n_patches + back, config.n_maps)
        ones = torch.ones(config.n_patches, config.n_patches)
        self._pool = (ones.tril() - ones.tril(-config.attention_size)) / config.attention_size
        self._point = encoder.attention_point.weight.detach()[:, :, 0].T.contiguous()
        self._point_bias = _bias_of(encoder.attention_point).clone()

    def feature(self, normalised: Tensor) -> Tensor:
        """(D, M, B, N + 1), normalised -> (B, F), the mean over the patches of weighted maps."""
        padded = self._padded[: normalised.shape[2]]
        maps = self._maps(normalised, padded)
        weights = self._weights(padded)
        return weights.mul_(maps.relu_()).mean(1)

    def _maps(self, normalised: Tensor, padded: Tensor) -> Tensor:
        """(D, M, B, N + 1) -> (B, N, F), the convolutions, the end of `padded`."""
        n, n_scales = self._n_patches, len(self._dilations)
        n_windows, back = len(padded), padded.shape[1] - n
        products = torch.bmm(self._kernels, normalised.flatten(2))
        products = products.view(self._n_dims, 3, n_scales, self._n_filters, n_windows, n + 1)
        maps = padded[:, back:].view(n_windows, n, n_scales, self._n_dims, self._n_filters)
        taps = products[..., :n].permute(1, 4, 5, 2, 0, 3)  # (tap, B, N, S, D, K)
        before, centre, after = taps
        maps.copy_(centre)
        for k, dilation in enumerate(self._dilations):
            if dilation < n:
                maps[:, dilation:, k] += before[:, :-dilation, k]
                maps[:, :-dilation, k] += after[:, dilation:, k]
        return padded[:, back:].add_(self._bias)

    def _weights(self, padded: Tensor) -> Tensor:
        """(B, back + N, F) -> (B, N, F), the attention over the maps."""
        n = self._n_patches
        scores = torch.addcmul(self._taps_bias, padded[:, :n], self._taps[0])
        for k in range(1, len(self._taps)):
            scores.addcmul_(padded[:, k : k + n], self._taps[k])
        pooled = torch.bmm(self._pool.expand(len(scores), -1, -1), scores.relu_())
        mixed = torch.addmm(self._point_bias, pooled.flatten(0, 1), self._point)
        return mixed.view(pooled.shape).softmax(-1)


def standardise(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(x - mean) / (std + 1e-3) in place; the statistics broadcast against x."""
    return x.sub_(mean).div_(std + NORM_EPS)


def _rounded_up(n: int) -> int:
    """Return n rounded up to whole cache lines of 16 floats."""
    return -(-n // 16) * 16
