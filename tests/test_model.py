import numpy as np
import pytest
import torch

from mdjpt.network.model import EncoderConfig, LinearAttention, MdjptNetwork, stratified_norm

SIZES = {"embed_dim": 16, "n_heads": 2, "ffn_dim": 8, "n_dims": 4, "n_mixed": 6, "n_filters": 2}


def small_network(**changes):
    torch.manual_seed(0)
    return MdjptNetwork(EncoderConfig(**(SIZES | changes)))


@pytest.fixture
def windows():
    return torch.randn(4, 60, 625, generator=torch.Generator().manual_seed(3))


def test_the_default_sizes_are_those_of_the_published_model():
    config = EncoderConfig()
    assert (config.n_patches, config.n_maps, config.projection_dim) == (99, 512, 1024)
    released, paper = (MdjptNetwork(EncoderConfig(variant=v)) for v in ("released", "paper"))
    # 421,600 of the published model's 754,114 values reach its output; the paper's block leaves out
    # a normalisation, a scale and a convolution that nothing reads.
    assert sum(p.numel() for p in released.parameters()) == 421_600
    assert sum(p.numel() for p in paper.parameters()) == 752_608


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_every_weight_of_a_variant_gets_a_gradient(variant, windows):
    network = small_network(variant=variant)
    output = network(windows, 2)
    (output.projection[:, ::2].sum() + output.mixed.square().mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_outputs_have_the_documented_shapes(variant, windows):
    config = EncoderConfig(**SIZES, variant=variant)
    output = small_network(variant=variant)(windows, 4)
    assert [tuple(tensor.shape) for tensor in output] == [
        (4, 60, 99, 4),
        (4, 4, 6, 99),
        (4, config.n_maps, 99),
        (4, config.n_maps),
        (4, config.projection_dim),
    ]
    torch.testing.assert_close(output.projection.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(output.feature, output.maps.mean(-1))


def test_a_training_step_lowers_a_loss(windows):
    network = small_network()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):
        first, second = network(windows, 2).projection.split(2)
        loss = -(first * second).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1


def test_groups_of_windows_do_not_see_each_other(windows):
    network = small_network()
    both = network(windows, 2)
    alone = network(windows[2:], 2)
    for whole, part in zip(both, alone, strict=True):
        torch.testing.assert_close(whole[2:], part, rtol=1e-3, atol=1e-5)
    assert not torch.allclose(network(windows, 4).feature, both.feature)


@pytest.mark.parametrize("along", [1, 2])
def test_stratified_rows_have_mean_zero_and_deviation_one(along):
    x = torch.randn(6, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = stratified_norm(100 + 50 * x, 3, along).view(2, 3, 5, 7)
    dims = (1, along + 1)
    torch.testing.assert_close(y.mean(dims), torch.zeros_like(y.mean(dims)), atol=1e-9, rtol=0)
    torch.testing.assert_close(y.std(dims), torch.ones_like(y.std(dims)), atol=1e-4, rtol=0)


def test_a_constant_row_normalises_to_zero_with_a_finite_gradient():
    x = torch.ones(2, 3, 4, requires_grad=True)
    y = stratified_norm(x, 2, along=2)
    y.sum().backward()
    assert torch.equal(y, torch.zeros_like(y))
    assert torch.isfinite(x.grad).all()


def test_linear_attention_is_attention_with_the_kernel_written_out():
    torch.manual_seed(5)
    attention = LinearAttention(8, 2).double()
    u = torch.randn(3, 9, 8, dtype=torch.float64)

    def heads(x):
        return x.view(3, 9, 2, 4).transpose(1, 2)

    q, k = (torch.nn.functional.elu(heads(f(u))) + 1 for f in (attention.query, attention.key))
    weights = q @ k.transpose(2, 3)
    weights = weights / (weights.sum(-1, keepdim=True) + 1e-5)
    expected = attention.out((weights @ heads(attention.value(u))).transpose(1, 2).reshape(3, 9, 8))
    torch.testing.assert_close(attention(u), expected)


def test_the_channels_share_their_encoder(windows):
    network = small_network()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    tokens = network(windows, 4).tokens
    torch.testing.assert_close(network(windows[:, order], 4).tokens, tokens[:, order])


def test_samples_after_the_last_patch_change_nothing(windows):
    network = small_network()
    changed = windows.clone()
    changed[..., 620:] = 9.0
    assert torch.equal(network(windows, 4).feature, network(changed, 4).feature)


def test_a_patch_of_the_released_variant_sees_four_neighbours_to_each_side(windows):
    network = small_network()
    rows = windows[0]
    changed = rows.clone()
    changed[:, 300:306] += 1.0
    difference = (
        (network.channel_encoder(changed) - network.channel_encoder(rows)).abs().amax((0, 2))
    )
    touched = torch.nonzero(difference > 0)[:, 0]
    first, last = (300 - 31 + 5) // 6, 305 // 6
    assert (touched.min(), touched.max()) == (first - 4, last + 4)


def test_without_an_activation_mixed_channels_may_be_negative(windows):
    assert small_network()(windows, 4).mixed.min() == 0
    assert small_network(activation="none")(windows, 4).mixed.min() < 0


def test_another_size_of_window_and_dilation_is_possible():
    network = small_network(n_times=1250, dilations=(2, 5), n_blocks=1, attention_size=4)
    config = network.config
    output = network(torch.randn(2, 60, 1250), 1)
    assert (config.n_patches, config.n_maps) == (204, 16)
    assert output.projection.shape == (2, config.projection_dim)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_a_configuration_comes_back_from_its_fields(variant):
    config = EncoderConfig(variant=variant, activation="none", dilations=(1, 2))
    assert EncoderConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"variant": "new"}, 'variant must be "released" or "paper"'),
        ({"activation": "gelu"}, "activation must be"),
        ({"embed_dim": 0}, "embed_dim must hold integers"),
        ({"n_mixed": 64.0}, "n_mixed must hold integers"),
        ({"dilations": ()}, "dilations must hold integers"),
        ({"dilations": (1, True)}, "dilations must hold integers"),
        ({"n_heads": 7}, "multiple of n_heads"),
        ({"n_blocks": 17}, "at most 16"),
        ({"n_times": 31}, "one patch of 32 samples"),
        ({"n_times": 565}, "6 steps of 15 patches"),
    ],
)
def test_an_impossible_configuration_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        EncoderConfig(**fields)


def test_features_in_double_precision_are_close_to_single(windows):
    network = small_network().eval()
    with torch.no_grad():
        single = network(windows, 2).feature
        double = network.double()(windows.double(), 2).feature
    np.testing.assert_allclose(single, double, atol=1e-6)
