"""The network's training graph in less memory and time: the same numbers, the same weights.

The channel encoder sees 60 rows a window, and plain autograd keeps every array of every row until
the backward pass: 44 GB for 254 windows of the paper variant. Here rows go through it a few at a
time, and are computed again when their gradient is due (Chen et al. 2016, "Training deep nets with
sublinear memory cost"); what is worked on stays in a processor's cache. Its depth-wise convolutions
become shifted multiply-adds, which the library's grouped convolution is several times slower than
on a processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdjpt.model import DepthwiseConv, MdjptNetwork, NetworkOutput, stratified_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Encode = Callable[[Tensor], Tensor]

__all__ = ["LeanNetwork", "ShiftedConv"]


class _ShiftedMultiplyAdds(torch.autograd.Function):
    """Convolution of width 3 along the second axis, each number of the last axis on its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """[rows, N, E], [3, E], [E] -> [rows, N, E]."""
        ctx.save_for_backward(x, weight)
        before, centre, after = weight
        y = torch.addcmul(bias, x, centre)
        y[:, 1:].addcmul_(x[:, :-1], before)
        y[:, :-1].addcmul_(x[:, 1:], after)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of x, weight and bias."""
        x, (before, centre, after) = ctx.saved_tensors
        grad = grads[0].contiguous()
        grad_x = grad * centre
        grad_x[:, :-1].addcmul_(grad[:, 1:], before)
        grad_x[:, 1:].addcmul_(grad[:, :-1], after)
        grad_weight = torch.stack(
            [
                (grad[:, 1:] * x[:, :-1]).sum((0, 1)),
                (grad * x).sum((0, 1)),
                (grad[:, :-1] * x[:, 1:]).sum((0, 1)),
            ]
        )
        return grad_x, grad_weight, grad.sum((0, 1))


class ShiftedConv(nn.Module):
    """A depth-wise convolution of the channel encoder as shifted multiply-adds.

    Parameters
    ----------
    conv : DepthwiseConv
        Its parameters are shared, under the same names.
    """

    def __init__(self, conv: DepthwiseConv) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, cast("nn.Parameter", conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[rows, N, E] -> [rows, N, E]."""
        weight = self.weight[:, 0].T.to(x.dtype).contiguous()
        if torch.compiler.is_compiling():  # the compiler fuses plain operations, and their gradient
            earlier = functional.pad(x[:, :-1], (0, 0, 1, 0))
            later = functional.pad(x[:, 1:], (0, 0, 0, 1))
            return earlier * weight[0] + x * weight[1] + later * weight[2] + self.bias.to(x.dtype)
        y = _ShiftedMultiplyAdds.apply(x, weight, self.bias.to(x.dtype))  # type: ignore[no-untyped-call]
        return cast("Tensor", y)


class _Recomputed(torch.autograd.Function):
    """Encode rows a few at a time; keep the rows alone, and encode again for the gradient.

    One array takes all tokens: the library's own checkpoints would leave one small array a call
    among the large ones that come and go, and the heap would be full of holes.
    """

    @staticmethod
    def forward(
        ctx: Any, encode: Encode, rows_at_once: int, rows: Tensor, *weights: Tensor
    ) -> Tensor:
        """[R, T] -> [R, N, D]."""
        ctx.encode, ctx.rows_at_once = encode, rows_at_once
        kind = rows.device.type
        dtype, enabled = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        ctx.autocast = {"device_type": kind, "dtype": dtype, "enabled": enabled}
        ctx.save_for_backward(rows, *weights)
        out: Tensor | None = None
        for start, part in _parts(rows, rows_at_once):
            tokens = encode(part)
            if out is None:
                out = tokens.new_empty(len(rows), *tokens.shape[1:])
            out[start : start + len(part)] = tokens
        return rows if out is None else out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the weights; the rows are data and have none."""
        rows, *weights = ctx.saved_tensors
        totals = [torch.zeros_like(weight) for weight in weights]
        for start, part in _parts(rows, ctx.rows_at_once):
            with torch.enable_grad(), torch.autocast(**ctx.autocast):
                tokens = ctx.encode(part)
            grad = grads[0][start : start + len(part)]
            for total, own in zip(totals, torch.autograd.grad(tokens, weights, grad), strict=True):
                total += own
        return None, None, None, *totals


def _parts(rows: Tensor, rows_at_once: int) -> Iterator[tuple[int, Tensor]]:
    for start in range(0, len(rows), rows_at_once):
        yield start, rows[start : start + rows_at_once]


class LeanNetwork(nn.Module):
    """A network that is trained in little memory.

    Parameters
    ----------
    network : MdjptNetwork
        Its parameters are shared: training this trains it.
    rows_at_once : int
        Channels that the channel encoder works on at a time; 0: all of them, and nothing is
        computed twice.
    shifted : bool
        Whether depth-wise convolutions are shifted multiply-adds.
    compiled : bool
        Whether the channel encoder is compiled, which takes a minute and a compiler.
    """

    def __init__(
        self,
        network: MdjptNetwork,
        rows_at_once: int = 0,
        *,
        shifted: bool = False,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self._rows_at_once = rows_at_once
        if shifted:
            _shift_convolutions(network.channel_encoder)
        # The method rather than the module, which would be registered a second time.
        encode: Encode = network.channel_encoder.forward
        self._encode_rows = torch.compile(encode, dynamic=True) if compiled else encode

    def forward(self, windows: Tensor, group_size: int) -> NetworkOutput:
        """Encode B windows as :meth:`mdjpt.model.MdjptNetwork.forward` does.

        Under autocast the normalisations and the projector stay in float32.
        """
        network = self.network
        rows = _widened(self._tokens(windows.flatten(0, 1)))
        raw = rows.reshape(*windows.shape[:2], *rows.shape[1:])
        tokens = stratified_norm(raw, group_size, along=2)
        mixed = _widened(network.mix(tokens))
        maps = _widened(network.spatiotemporal(stratified_norm(mixed, group_size, along=3)))
        with torch.autocast(windows.device.type, enabled=False):
            projection = network.projector(maps, group_size)
        return NetworkOutput(tokens, mixed, maps, maps.mean(-1), projection)

    def _tokens(self, rows: Tensor) -> Tensor:
        """[rows, T] -> [rows, N, D], a few rows at a time."""
        if not self._rows_at_once or not torch.is_grad_enabled():
            return self._encode_rows(rows)
        weights = tuple(self.network.channel_encoder.parameters())
        tokens = _Recomputed.apply(self._encode_rows, self._rows_at_once, rows, *weights)  # type: ignore[no-untyped-call]
        return cast("Tensor", tokens)


def _shift_convolutions(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, DepthwiseConv):
            setattr(module, name, ShiftedConv(child))
        else:
            _shift_convolutions(child)


def _widened(x: Tensor) -> Tensor:
    """Return half-precision numbers as float32, others as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
