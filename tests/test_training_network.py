"""The training graph in little memory: the numbers and gradients of the plain one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mdjpt.network.losses import cda_loss, isa_loss
from mdjpt.network.model import DepthwiseConv, EncoderConfig, MdjptNetwork, NetworkOutput
from mdjpt.training.lean_network import LeanNetwork, ShiftedConv
from tests.support.training_corpus import TINY


def windows_of(n: int, n_times: int = 625) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 60, n_times, generator=generator)


def loss_of(output: NetworkOutput) -> torch.Tensor:
    return isa_loss(output.projection) + cda_loss([output.mixed, output.mixed[:4] * 1.1])


def gradients(network: MdjptNetwork, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    names, weights = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, weights), strict=True))


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize(("rows_at_once", "products"), [(0, True), (7, True), (1000, False)])
def test_values_and_gradients_are_those_of_the_plain_graph(
    variant: str, rows_at_once: int, products: bool
) -> None:
    torch.manual_seed(0)
    network = MdjptNetwork(replace(TINY, variant=variant)).double()
    windows = windows_of(6).double()
    plain = network(windows, 3)
    expected = gradients(network, loss_of(plain))
    lean = LeanNetwork(network, rows_at_once, shifted=True, products=products)
    output = lean(windows, 3)
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(output, plain, strict=True))
    for name, gradient in gradients(network, loss_of(output)).items():
        assert torch.allclose(gradient, expected[name], atol=1e-9), name


def test_the_number_of_threads_does_not_show_in_the_gradients() -> None:
    torch.manual_seed(0)
    network = MdjptNetwork(TINY)
    before = torch.get_num_threads()
    found = []
    for n_threads in (1, 3):
        lean = LeanNetwork(network, 25, n_threads=n_threads, shifted=True)
        found.append(gradients(network, loss_of(lean(windows_of(6), 3))))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("n_patches", [1, 2, 9])
def test_shifted_multiply_adds_are_the_depth_wise_convolution(n_patches: int) -> None:
    torch.manual_seed(0)
    conv = DepthwiseConv(5).double()
    shifted = ShiftedConv(conv)
    x = torch.randn(3, n_patches, 5, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(shifted(x), conv(x))
    assert torch.autograd.gradcheck(shifted, (x,))
    seen = torch.randn(3, n_patches, 5, dtype=torch.float64)
    sought = (conv.weight, conv.bias, x)
    ours = torch.autograd.grad((shifted(x) * seen).sum(), sought)
    theirs = torch.autograd.grad((conv(x) * seen).sum(), sought)
    assert all(torch.allclose(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_names_of_the_weights_stay_those_of_the_network() -> None:
    network = MdjptNetwork(TINY)
    names = list(network.state_dict())
    lean = LeanNetwork(network, 4, shifted=True)
    assert list(network.state_dict()) == names
    assert [id(p) for p in lean.parameters()] == [id(p) for p in network.parameters()]
    MdjptNetwork(TINY).load_state_dict(network.state_dict())


def test_recomputed_rows_leave_little_behind() -> None:
    network = MdjptNetwork(TINY)
    kept = []
    for rows_at_once in (0, 60):
        lean, sizes = LeanNetwork(network, rows_at_once, shifted=True), []

        def note(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            lean(windows_of(4), 2)
        kept.append(sum(sizes))
    assert kept[1] < 0.3 * kept[0]


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_bfloat16_keeps_the_loss_of_the_full_network_within_a_hundredth(variant: str) -> None:
    torch.manual_seed(0)
    lean = LeanNetwork(MdjptNetwork(EncoderConfig(variant=variant)), shifted=True)
    windows = windows_of(8)
    with torch.no_grad():
        loss = loss_of(lean(windows, 4))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = loss_of(lean(windows, 4))
    assert rough.dtype == torch.float32
    assert float(rough) == pytest.approx(float(loss), rel=0.01)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, in its own compiler
def test_the_compiled_graph_gives_the_same_numbers() -> None:
    torch.manual_seed(0)
    network = MdjptNetwork(TINY)
    losses, found = [], []
    for compiled in (False, True):
        lean = LeanNetwork(network, 60, shifted=True, compiled=compiled)
        losses.append(loss_of(lean(windows_of(6), 3)))
        found.append(gradients(network, losses[-1]))
    assert torch.allclose(losses[0], losses[1], rtol=1e-5)
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], rtol=1e-3, atol=1e-5), name
