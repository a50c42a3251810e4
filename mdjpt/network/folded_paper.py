"""The channel encoder of the paper variant with its constants folded, for one core.

The folds are those of `mdjpt.network.folded`; the attention's three projections are one product,
and so are the two that follow the LayerNorm. Tokens are [rows * (N + 1), E], with one token between
two rows that pads both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.nn import functional

from mdjpt.network.folded import CHUNK_BYTES, Taps, Values
from mdjpt.network.model import ATTENTION_EPS, PaperBlock

if TYPE_CHECKING:
    from torch import nn

    from mdjpt.network.model import ChannelEncoder, EncoderConfig

__all__ = ["FoldedPaperEncoder"]


class FoldedPaperEncoder:
    """The channel encoder of the paper variant. One thread at a time: it owns its scratch.

    Parameters
    ----------
    encoder : ChannelEncoder
        Its weights are copied: what is trained afterwards is not seen here.
    config : EncoderConfig
        Of the network that the encoder belongs to.
    """

    def __init__(self, encoder: ChannelEncoder, config: EncoderConfig) -> None:
        self._size, self._step = config.patch_size, config.patch_step
        self._stride = config.n_patches + 1
        self._read_in = _Affine(encoder.read_in)
        self._blocks = [_FoldedBlock(cast("PaperBlock", b), self._stride) for b in encoder.blocks]
        self._read_out = encoder.read_out.weight.detach().clone()
        self._read_out_bias = encoder.read_out.bias.detach()[:, None].clone()
        self._chunk = max(1, CHUNK_BYTES // (4 * self._stride * config.embed_dim))
        n = self._chunk * self._stride
        self._tokens = torch.zeros(n + 2, config.embed_dim)
        self._patches = torch.zeros(self._chunk, self._stride, config.patch_size)

    def __call__(self, rows: Tensor) -> Tensor:
        """[R, T] -> [D, R, N + 1], not yet normalised; the last slot is undefined."""
        starts = range(0, len(rows), self._chunk)
        parts = [self._encoded(rows[k : k + self._chunk]) for k in starts]
        return torch.cat(parts, dim=1).view(len(self._read_out), len(rows), self._stride)

    def _encoded(self, rows: Tensor) -> Tensor:
        """[R, T] -> [D, R * (N + 1)] of one chunk of rows."""
        n = len(rows) * self._stride
        tokens, patches = self._tokens[: n + 2], self._patches[: len(rows)]
        patches[:, :-1] = rows.unfold(-1, self._size, self._step)
        self._read_in(patches.view(n, -1), tokens[1:-1])
        for block in self._blocks:
            block(tokens)
        return torch.addmm(self._read_out_bias, self._read_out, tokens[1:-1].T)


class _Affine:
    """A linear layer on tokens."""

    def __init__(self, *layers: nn.Linear) -> None:
        self.matrix = torch.cat([layer.weight.detach() for layer in layers]).T.contiguous()
        self.bias = torch.cat([layer.bias.detach() for layer in layers])

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """[n, in] -> [n, out]."""
        return torch.addmm(self.bias, x, self.matrix, out=out)


class _FoldedBlock:
    """One block of the paper variant."""

    def __init__(self, block: PaperBlock, stride: int) -> None:
        self._stride, self._n_heads = stride, block.attention.n_heads
        self._values = Values.of(block)
        self._cpe1, self._cpe2 = Taps.residual(block.cpe1), Taps.residual(block.cpe2)
        gate = block.gate.weight.double()
        self._gate_shift = (gate @ block.norm.bias.double() + block.gate.bias.double()).float()
        after_norm = torch.cat([self._values.matrix, gate * block.norm.weight.double()])
        self._after_norm = after_norm.T.float().contiguous()
        attention = block.attention
        self._qkv = _Affine(attention.query, attention.key, attention.value)
        self._attended, self._out_proj = _Affine(attention.out), _Affine(block.out_proj)
        self._ffn_in, self._ffn_out = _Affine(block.ffn_in), _Affine(block.ffn_out)

    def __call__(self, tokens: Tensor) -> None:
        """Transform tokens [n + 2, E] in place; what is in their padding does not matter."""
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
        """[n, E] -> the values that enter the attention, and their gate."""
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
        """[n, E] -> [n, E], linear attention within each row."""
        width = u.shape[1]
        qkv = self._qkv(u)
        functional.elu(qkv[:, : 2 * width], inplace=True)
        qkv[:, : 2 * width] += 1
        qkv[self._stride - 1 :: self._stride] = 0  # what pads two rows takes no part
        shape = (-1, self._stride, 3, self._n_heads, width // self._n_heads)
        q, k, v = qkv.view(shape).permute(2, 0, 3, 1, 4)  # each [rows, heads, N + 1, width]
        weight = 1 / (q @ k.sum(-2).unsqueeze(-1) + ATTENTION_EPS)
        attended = (q @ (k.transpose(-2, -1) @ v)) * weight
        return cast("Tensor", attended.transpose(1, 2).reshape(u.shape))
