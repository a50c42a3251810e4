"""The network's training graph in less memory and time: the same numbers, the same weights.

The channel encoder sees 60 rows a window, and plain autograd keeps every array of every row until
the backward pass: 44 GB for 254 windows of the paper variant. Here each thread takes a few rows at
a time through it, and again when their gradient is due (Chen et al. 2016, "Training deep nets with
sublinear memory cost"); what is worked on stays in a core's cache. Depth-wise convolutions are
shifted multiply-adds: on a processor the library's grouped convolution is several times slower.
The grouped convolutions over all mixed channels are one product a dim, and then shifts.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdjpt.network.model import (
    DepthwiseConv,
    MdjptNetwork,
    NetworkOutput,
    SpatioTemporalEncoder,
    stratified_norm,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Encode = Callable[[Tensor], Tensor]

Result = TypeVar("Result")

__all__ = ["LeanNetwork", "MultipliedConv", "ShiftedConv"]


@dataclass(frozen=True)
class _Plan:
    """How rows are encoded in parts, each part on one thread."""

    encode: Encode
    """(R, T) -> (R, N, D)."""
    rows_at_once: int
    """Rows of a part."""
    n_threads: int
    """Parts that are worked on at the same time. Threads that share one part would wait for each
    other at every operation, and for whatever else the machine does."""

    def each(self, work: Callable[[slice], Result], n_rows: int) -> Iterator[Result]:
        """Do the work on every part and yield the results in the order of the rows."""
        starts = range(0, n_rows, self.rows_at_once)
        parts = [slice(start, start + self.rows_at_once) for start in starts]
        if self.n_threads == 1 or len(parts) == 1:
            yield from map(work, parts)
            return
        pool = ThreadPoolExecutor(self.n_threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield from pool.map(work, parts)
        finally:
            pool.shutdown(cancel_futures=True)


class _Recomputed(torch.autograd.Function):
    """Encode rows a few at a time; keep the rows alone, and encode again for the gradient.

    One array takes all tokens: the library's own checkpoints would leave one small array a call
    among the large ones that come and go, and the heap would be full of holes.
    """

    @staticmethod
    def forward(ctx: Any, plan: _Plan, rows: Tensor, *weights: Tensor) -> Tensor:
        """(R, T) -> (R, N, D)."""
        kind = rows.device.type
        dtype, enabled = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        ctx.plan = plan
        ctx.autocast = {"device_type": kind, "dtype": dtype, "enabled": enabled}
        ctx.save_for_backward(rows, *weights)
        first = plan.encode(rows[:1])
        tokens = first.new_empty(len(rows), *first.shape[1:])

        def encode(part: slice) -> None:
            # Whether gradients or autocast are on is each thread's own state.
            with torch.no_grad(), torch.autocast(**ctx.autocast):
                tokens[part] = plan.encode(rows[part])

        deque(plan.each(encode, len(rows)), maxlen=0)
        return tokens

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the weights; the rows are data and have none.

        They are added in the order of the rows, so that no timing of threads shows in them.
        """
        plan: _Plan = ctx.plan
        rows, *weights = ctx.saved_tensors

        def gradients(part: slice) -> tuple[Tensor, ...]:
            with torch.enable_grad(), torch.autocast(**ctx.autocast):
                tokens = plan.encode(rows[part])
            found: tuple[Tensor, ...] = torch.autograd.grad(tokens, weights, grads[0][part])
            return found

        totals = [torch.zeros_like(weight) for weight in weights]
        for parts in plan.each(gradients, len(rows)):
            for total, own in zip(totals, parts, strict=True):
                total += own
        return None, None, *totals


class _ShiftedMultiplyAdds(torch.autograd.Function):
    """Convolution of width 3 along the second axis, each number of the last axis on its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(rows, N, E), (3, E), (E,) -> (rows, N, E)."""
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
    """The depth-wise convolution of the channel encoder as shifted multiply-adds."""

    def __init__(self, conv: DepthwiseConv) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, cast("nn.Parameter", conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, N, E) -> (rows, N, E)."""
        weight = self.weight[:, 0].T.to(x.dtype).contiguous()
        if torch.compiler.is_compiling():  # the compiler fuses plain operations, and their gradient
            earlier = functional.pad(x[:, :-1], (0, 0, 1, 0))
            later = functional.pad(x[:, 1:], (0, 0, 0, 1))
            return earlier * weight[0] + x * weight[1] + later * weight[2] + self.bias.to(x.dtype)
        y = _ShiftedMultiplyAdds.apply(x, weight, self.bias.to(x.dtype))  # type: ignore[no-untyped-call]
        return cast("Tensor", y)


def _shift_convolutions(module: nn.Module) -> None:
    """Replace the depth-wise convolutions within a module, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, DepthwiseConv):
            setattr(module, name, ShiftedConv(child))
        else:
            _shift_convolutions(child)


class MultipliedConv(nn.Module):
    """A convolution of the spatio-temporal encoder as a product for a dim, and shifts.

    Its kernel spans all mixed channels, so that each of its three taps is a matrix product.

    Parameters
    ----------
    conv : Conv2d
        Its parameters are shared, under the same names.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, cast("nn.Parameter", conv.bias)
        self._dilation = conv.dilation[1]

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, M, N) -> (B, D * K, 1, N)."""
        n_windows, n_dims, n_mixed, n = x.shape
        shift = self._dilation
        kernels = self.weight.view(n_dims, -1, n_mixed, 3).permute(0, 3, 1, 2)  # (D, tap, K, M)
        products = torch.matmul(kernels.flatten(1, 2), x).view(n_windows, n_dims, 3, -1, n)
        before, y, after = products.unbind(2)  # each (B, D, K, N)
        if shift < n:
            y = y + functional.pad(before[..., :-shift], (shift, 0))
            y = y + functional.pad(after[..., shift:], (0, shift))
        return y.flatten(1, 2).add(self.bias.to(y.dtype)[:, None]).unsqueeze(2)


def _multiply_convolutions(encoder: SpatioTemporalEncoder) -> None:
    """Replace the grouped convolutions, in place."""
    convs = [MultipliedConv(cast("nn.Conv2d", conv)) for conv in encoder.convs]
    encoder.convs = nn.ModuleList(convs)


class LeanNetwork(nn.Module):
    """A network that is trained in little memory.

    Parameters
    ----------
    network : MdjptNetwork
        Its parameters are shared: training this trains it.
    rows_at_once : int
        Channels that the channel encoder works on at a time; 0: all of them, and nothing is
        computed twice.
    n_threads : int
        Parts of the channels that are worked on at the same time, on a processor.
    shifted : bool
        Whether depth-wise convolutions are shifted multiply-adds, which is faster on a processor.
    compiled : bool
        Whether the channel encoder is compiled, which takes a minute and a compiler.
    products : bool
        Whether the grouped convolutions are products and shifts.
    """

    def __init__(
        self,
        network: MdjptNetwork,
        rows_at_once: int = 0,
        *,
        n_threads: int = 1,
        shifted: bool = False,
        compiled: bool = False,
        products: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        if shifted:
            _shift_convolutions(network.channel_encoder)
        # The method rather than the module, which would be registered a second time.
        encode: Encode = network.channel_encoder.forward
        encode = torch.compile(encode, dynamic=True) if compiled else encode
        self._plan = _Plan(encode, rows_at_once, n_threads)
        if products and isinstance(network.spatiotemporal, SpatioTemporalEncoder):
            _multiply_convolutions(network.spatiotemporal)

    def forward(self, windows: Tensor, group_size: int) -> NetworkOutput:
        """Encode B windows as :meth:`mdjpt.network.model.MdjptNetwork.forward` does.

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
        """(rows, T) -> (rows, N, D), a few rows at a time."""
        if not self._plan.rows_at_once or not torch.is_grad_enabled():
            return self._plan.encode(rows)
        weights = tuple(self.network.channel_encoder.parameters())
        return cast("Tensor", _Recomputed.apply(self._plan, rows, *weights))  # type: ignore[no-untyped-call]


def _widened(x: Tensor) -> Tensor:
    """Return half-precision numbers as float32, others as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
