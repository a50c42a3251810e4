"""The depth-wise convolution of the channel encoder as shifted multiply-adds.

Same weights, same names. On a processor the library's grouped convolution is several times slower.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdjpt.network.model import DepthwiseConv

__all__ = ["ShiftedConv", "shift_convolutions"]


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
        """(rows, N, E) -> (rows, N, E)."""
        weight = self.weight[:, 0].T.to(x.dtype).contiguous()
        if torch.compiler.is_compiling():  # the compiler fuses plain operations, and their gradient
            earlier = functional.pad(x[:, :-1], (0, 0, 1, 0))
            later = functional.pad(x[:, 1:], (0, 0, 0, 1))
            return earlier * weight[0] + x * weight[1] + later * weight[2] + self.bias.to(x.dtype)
        y = _ShiftedMultiplyAdds.apply(x, weight, self.bias.to(x.dtype))  # type: ignore[no-untyped-call]
        return cast("Tensor", y)


def shift_convolutions(module: nn.Module) -> None:
    """Replace the depth-wise convolutions within a module, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, DepthwiseConv):
            setattr(module, name, ShiftedConv(child))
        else:
            shift_convolutions(child)
