"""The losses against the published code's numbers, and their mathematical properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mdjpt.network.losses import (
    cda_loss,
    covariance_centroid,
    isa_accuracy,
    isa_loss,
    supervised_contrastive_loss,
)

GOLDEN = np.load(Path(__file__).parent / "data" / "train_losses.npz")


def relative_error(ours: torch.Tensor, golden: np.ndarray) -> float:
    return float(np.abs(ours.detach().numpy() - golden).max() / np.abs(golden).max())


def golden_mixed(requires_grad: bool = False) -> list[torch.Tensor]:
    arrays = [torch.from_numpy(GOLDEN[f"mixed_{k}"]) for k in range(3)]
    return [array.clone().requires_grad_(requires_grad) for array in arrays]


def unit_rows(n: int, d: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(n, d, generator=generator), dim=1)


@pytest.mark.parametrize(("case", "stride"), [("a", 6), ("b", 1), ("c", 1)])
def test_isa_loss_and_its_gradient_are_those_of_the_published_code(case: str, stride: int) -> None:
    projections = torch.from_numpy(GOLDEN[f"simclr_{case}_features"]).requires_grad_()
    loss = isa_loss(projections, temperature=0.07)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(GOLDEN[f"simclr_{case}_loss"]), rel=1e-5)
    assert relative_error(projections.grad[::stride], GOLDEN[f"simclr_{case}_grad"]) < 1e-5
    accuracy = 100 * float(isa_accuracy(projections))
    assert accuracy == pytest.approx(float(GOLDEN[f"simclr_{case}_acc1"]), abs=1e-4)


@pytest.mark.parametrize("covariance", ["true", "released"])
def test_cda_loss_and_its_gradients_are_those_of_the_golden_run(covariance: str) -> None:
    mixed = golden_mixed(requires_grad=True)
    loss = cda_loss(mixed, covariance)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(GOLDEN[f"{covariance}_loss"]), rel=1e-6)
    for k, tensor in enumerate(mixed):
        assert relative_error(tensor.grad[:, ::8], GOLDEN[f"{covariance}_grad_{k}"]) < 1e-5


@pytest.mark.parametrize("covariance", ["true", "released"])
def test_the_matrix_of_one_window_is_the_golden_one(covariance: str) -> None:
    matrix = covariance_centroid(golden_mixed()[0][:1], covariance)[::16]
    assert relative_error(matrix, GOLDEN[f"{covariance}_matrix"]) < 1e-6


def test_a_centroid_is_the_mean_of_numpys_covariances_without_their_diagonal() -> None:
    mixed = golden_mixed()[1].double()
    expected = np.mean([[np.cov(dim) for dim in window] for window in mixed.numpy()], axis=0)
    expected[:, np.arange(64), np.arange(64)] = 0.0
    assert np.allclose(covariance_centroid(mixed).numpy(), expected, atol=1e-12)


def test_datasets_with_the_same_covariances_have_no_cda_loss_and_a_finite_gradient() -> None:
    window = golden_mixed()[0][:1]
    same = [window.repeat(4, 1, 1, 1).requires_grad_(), window.repeat(6, 1, 1, 1).requires_grad_()]
    loss = cda_loss(same)
    loss.backward()
    # Sums over 2 and 3 equal windows round differently.
    assert float(loss.detach()) < 1e-2
    assert all(torch.isfinite(tensor.grad).all() for tensor in same)


def test_cda_loss_knows_no_order_of_datasets_and_no_offset_of_channels() -> None:
    mixed = [tensor.double() for tensor in golden_mixed()]
    loss = cda_loss(mixed)
    shifted = [tensor + torch.randn(1, 32, 64, 1, dtype=torch.float64) for tensor in mixed]
    assert torch.allclose(cda_loss(mixed[::-1]), loss)
    assert torch.allclose(cda_loss(shifted), loss)


def test_the_scramble_of_the_published_code_is_no_covariance() -> None:
    mixed = golden_mixed()
    assert float((cda_loss(mixed, "true") - cda_loss(mixed, "released")).abs()) > 0.1


def test_isa_loss_is_that_of_chance_when_all_rows_are_equal() -> None:
    assert float(isa_loss(unit_rows(1, 8).repeat(10, 1))) == pytest.approx(np.log(9))


def test_isa_loss_ignores_a_rotation_of_the_projections() -> None:
    rotation = torch.linalg.qr(torch.randn(16, 16, dtype=torch.float64)).Q
    rows = unit_rows(12, 16).double()
    assert torch.allclose(isa_loss(rows @ rotation), isa_loss(rows))


def test_losses_stay_in_float32_under_autocast() -> None:
    rows, mixed = unit_rows(12, 16), golden_mixed()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = isa_loss(rows), cda_loss(mixed)
    assert torch.equal(losses[0], isa_loss(rows))
    assert torch.equal(losses[1], cda_loss(mixed))


def test_supervised_contrast_with_one_pair_a_class_is_isa() -> None:
    rows = unit_rows(14, 16)
    loss = supervised_contrastive_loss(rows, torch.arange(7).repeat(2))
    assert torch.allclose(loss, isa_loss(rows))


def test_supervised_contrast_leaves_out_rows_without_a_positive() -> None:
    rows = unit_rows(6, 16).requires_grad_()
    loss = supervised_contrastive_loss(rows, torch.tensor([0, 0, 1, 1, 2, 3]))
    alone = supervised_contrastive_loss(rows, torch.arange(6))
    loss.backward()
    assert torch.isfinite(rows.grad).all()
    assert float(loss.detach()) > 0
    assert float(alone.detach()) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: isa_loss(unit_rows(5, 4)), "projections must have"),
        (lambda: isa_loss(unit_rows(4, 4), 0.0), "temperature must be positive"),
        (lambda: supervised_contrastive_loss(unit_rows(4, 4), torch.arange(3)), "labels must hold"),
        (lambda: cda_loss([]), "at least one dataset"),
        (lambda: cda_loss([torch.zeros(1, 2, 3, 4)]), "two windows"),
        (lambda: cda_loss([torch.zeros(2, 2, 3, 4), torch.zeros(2, 2, 3, 5)]), "N > 1, got"),
        (lambda: cda_loss([torch.zeros(2, 2, 3, 4)], "other"), "covariance must be"),
    ],
)
def test_unusable_arguments_are_refused_with_what_is_wrong(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
