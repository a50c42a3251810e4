import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mdjpt.network.encoder
from mdjpt.bundle.checkpoint import released_name
from mdjpt.network.encoder import Encoder, RowStats
from mdjpt.network.model import EncoderConfig, MdjptNetwork
from tests.support.golden import golden_arrays, golden_state_dict, relative_error
from tests.test_model import small_network

VARIANTS = ("released", "paper")
SLICES = {
    "tokens": np.s_[:, ::13, ::14],
    "mixed": np.s_[:, ::7, ::11, ::14],
    "maps": np.s_[:, ::11, ::14],
}


@pytest.fixture(scope="module")
def golden():
    return golden_arrays("golden_encoder.npz")


def golden_encoder(variant):
    network = MdjptNetwork(EncoderConfig(variant=variant))
    published = golden_state_dict()
    own = network.state_dict()
    network.load_state_dict({n: published[released_name(n)].view(t.shape) for n, t in own.items()})
    return Encoder(network)


@pytest.fixture(scope="module", params=VARIANTS)
def reference(request, golden):
    """Return an encoder with the reference's weights, and the reference's numbers."""
    prefix = f"{request.param}_"
    arrays = {k.removeprefix(prefix): v for k, v in golden.items() if k.startswith(prefix)}
    return golden_encoder(request.param), arrays


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(7).standard_normal((6, 60, 625), np.float32)


@pytest.fixture(scope="module", params=VARIANTS)
def encoder(request):
    return Encoder(small_network(variant=request.param))


def _compare(output, arrays):
    for name, part in SLICES.items():
        assert relative_error(getattr(output, name)[part], arrays[name]) < 1e-5, name
    assert relative_error(output.feature, arrays["feature"]) < 1e-5
    assert relative_error(output.projection, arrays["projection"]) < 1e-4


def test_windows_normalised_alone_give_the_references_numbers(reference, golden):
    encoder, arrays = reference
    _compare(encoder.encode(golden["x_single"], group_size=1), arrays)
    feature = encoder.feature(golden["x_single"], group_size=1)
    assert relative_error(feature, arrays["feature"]) < 1e-5


def test_given_row_statistics_give_the_references_numbers(reference, golden):
    encoder, arrays = reference
    stats = RowStats(*(arrays[name] for name in RowStats._fields))
    _compare(encoder.encode(golden["x_single"], stats=stats), arrays)
    feature = encoder.feature(golden["x_single"], stats=stats)
    assert relative_error(feature, arrays["feature"]) < 1e-5


def test_windows_normalised_together_give_the_references_numbers(reference, golden):
    encoder, arrays = reference
    output = encoder.encode(golden["x_group"], group_size=4)
    assert relative_error(output.feature, arrays["group_feature"]) < 1e-5
    assert relative_error(output.projection, arrays["group_projection"]) < 1e-4
    feature = encoder.feature(golden["x_group"], group_size=4)
    assert relative_error(feature, arrays["group_feature"]) < 1e-5


def test_measured_row_statistics_are_the_references(reference, golden):
    encoder, arrays = reference
    stats = encoder.row_stats(golden["x_single"], group_size=1)
    for name, array in stats._asdict().items():
        assert relative_error(array, arrays[name]) < 1e-5, name


def test_outputs_are_arrays_of_the_documented_shapes(windows):
    output = Encoder(MdjptNetwork(EncoderConfig())).encode(windows[:2], group_size=2)
    assert [(array.shape, array.dtype) for array in output] == [
        ((2, 60, 99, 32), np.float32),
        ((2, 32, 64, 99), np.float32),
        ((2, 512, 99), np.float32),
        ((2, 512), np.float32),
        ((2, 1024), np.float32),
    ]


@settings(deadline=None, max_examples=10)
@given(
    variant=st.sampled_from(VARIANTS),
    activation=st.sampled_from(["relu", "none"]),
    n_blocks=st.integers(1, 3),
    embed_dim=st.sampled_from([4, 24, 72]),
    n_dims=st.integers(1, 5),
    dilations=st.lists(st.integers(1, 150), min_size=1, max_size=3),
    attention_size=st.sampled_from([1, 2, 15, 120]),
    patch=st.sampled_from([(32, 6), (16, 6), (5, 6)]),
    group_size=st.sampled_from([1, 2]),
)
def test_the_live_path_gives_the_networks_feature_whatever_its_sizes(
    windows, patch, dilations, group_size, **sizes
):
    sizes |= {"patch_size": patch[0], "patch_step": patch[1], "dilations": tuple(dilations)}
    network = small_network(**sizes)
    with torch.no_grad():
        expected = network(torch.from_numpy(windows[:2]), group_size).feature
    feature = Encoder(network).feature(windows[:2], group_size=group_size)
    np.testing.assert_allclose(feature, expected, rtol=1e-3, atol=2e-5)


def test_live_path_and_complete_path_agree(encoder, windows):
    for how in ({"group_size": 3}, {"stats": encoder.row_stats(windows)}):
        complete, live = encoder.encode(windows, **how).feature, encoder.feature(windows, **how)
        assert relative_error(live, complete) < 1e-5


def test_a_feature_does_not_depend_on_how_many_windows_are_given(encoder, windows):
    stats = encoder.row_stats(windows)
    together = encoder.feature(windows, stats=stats)
    alone = np.concatenate([encoder.feature(window[None], stats=stats) for window in windows])
    np.testing.assert_array_equal(together, alone)
    groups = np.concatenate([encoder.feature(windows[k : k + 2], group_size=2) for k in (0, 2, 4)])
    np.testing.assert_array_equal(encoder.feature(windows, group_size=2), groups)


@pytest.fixture
def poisoned_memory():
    """Fill memory that torch leaves uninitialised with NaN."""
    torch.use_deterministic_algorithms(mode=True)
    yield
    torch.use_deterministic_algorithms(mode=False)


def test_uninitialised_memory_reaches_no_feature(encoder, windows, poisoned_memory):
    again = Encoder(small_network(variant=encoder.variant))
    feature = again.feature(windows, group_size=3)
    assert np.isfinite(feature).all()
    torch.use_deterministic_algorithms(mode=False)
    np.testing.assert_array_equal(encoder.feature(windows, group_size=3), feature)


def test_a_window_leaves_nothing_behind(encoder, windows):
    before = encoder.feature(windows[:1], group_size=1)
    encoder.feature(windows * np.float32(1e36), group_size=6)
    encoder.feature(np.repeat(windows[:, :1], 60, 1), group_size=6)
    np.testing.assert_array_equal(encoder.feature(windows[:1], group_size=1), before)


def test_the_order_of_windows_in_a_group_does_not_matter(encoder, windows):
    feature = encoder.feature(windows, group_size=6)
    np.testing.assert_allclose(
        encoder.feature(windows[::-1], group_size=6)[::-1], feature, atol=1e-6
    )


def test_a_group_normalised_by_its_own_statistics_is_the_group(encoder, windows):
    for size in (1, 3, 6):
        stats = encoder.row_stats(windows, group_size=size)
        assert stats.norm1_mean.shape == (6 // size, 240)
        given_stats = encoder.encode(windows, stats=stats)
        for ours, theirs in zip(encoder.encode(windows, group_size=size), given_stats, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5)


def test_statistics_of_many_windows_are_the_same_when_nothing_is_kept(
    encoder, windows, monkeypatch
):
    kept = encoder.row_stats(windows)
    feature = encoder.feature(windows, group_size=6)
    monkeypatch.setattr(mdjpt.network.encoder, "MAX_KEPT", 1)
    for ours, theirs in zip(encoder.row_stats(windows), kept, strict=True):
        assert ours.ndim == 1
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(encoder.feature(windows, group_size=6), feature)


def test_statistics_are_those_of_the_normalised_arrays(encoder, windows):
    stats = encoder.row_stats(windows)
    unit = RowStats(*(np.full_like(a, k % 2 * 0.999) for k, a in enumerate(stats)))
    tokens = encoder.encode(windows, stats=unit).tokens  # (v - 0) / (0.999 + 0.001)
    rows = tokens.astype(np.float64).transpose(1, 3, 0, 2).reshape(240, -1)
    np.testing.assert_allclose(stats.norm1_mean, rows.mean(1), atol=1e-5)
    np.testing.assert_allclose(stats.norm1_std, rows.std(1, ddof=1), rtol=1e-4)
    mixed = encoder.encode(windows, stats=stats).mixed.astype(np.float64)
    rows = mixed.transpose(1, 2, 0, 3).reshape(24, -1)
    np.testing.assert_allclose(stats.norm2_mean, rows.mean(1), atol=1e-5)
    np.testing.assert_allclose(stats.norm2_std, rows.std(1, ddof=1), rtol=1e-4)


def test_repeated_rows_are_encoded_once_and_change_nothing(encoder, windows):
    repeated = windows[:2].copy()
    repeated[:, 20:] = repeated[:, [3] * 40]
    repeated[1, 10] = 0.0
    repeated[1, 11] = 0.0
    expected = encoder.encode(repeated, group_size=1).feature
    assert relative_error(encoder.feature(repeated, group_size=1), expected) < 1e-5


def test_rows_with_equal_sums_of_bits_are_not_taken_for_equal(encoder, windows):
    mirrored = windows[:1].copy()
    mirrored[0, 1] = mirrored[0, 0, ::-1]
    expected = encoder.encode(mirrored, group_size=1).feature
    assert relative_error(encoder.feature(mirrored, group_size=1), expected) < 1e-5


def test_flat_windows_give_finite_features(encoder):
    flat = np.zeros((2, 60, 625), np.float32)
    flat[1] = 1e4
    assert np.isfinite(encoder.feature(flat, group_size=1)).all()
    assert np.isfinite(encoder.encode(flat, group_size=2).projection).all()


def test_no_window_gives_no_feature(encoder, windows):
    stats = encoder.row_stats(windows)
    assert encoder.feature(windows[:0], stats=stats).shape == (0, encoder.config.n_maps)
    assert encoder.feature(windows[:0], group_size=4).shape == (0, encoder.config.n_maps)
    assert encoder.encode(windows[:0], group_size=4).tokens.shape == (0, 60, 99, 4)


def test_read_only_and_double_precision_windows_are_taken(encoder, windows):
    frozen = windows.copy()
    frozen.flags.writeable = False
    expected = encoder.feature(windows, group_size=6)
    np.testing.assert_array_equal(encoder.feature(frozen, group_size=6), expected)
    np.testing.assert_array_equal(encoder.feature(windows.astype(float), group_size=6), expected)
    encoder.encode(frozen, group_size=6)
    np.testing.assert_array_equal(frozen, windows)


def test_training_on_does_not_change_an_encoder(windows):
    network = small_network()
    encoder = Encoder(network)
    before = encoder.feature(windows, group_size=6)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(encoder.feature(windows, group_size=6), before)
    np.testing.assert_allclose(encoder.encode(windows, group_size=6).feature, before, atol=1e-5)


@pytest.mark.parametrize("method", ["encode", "feature"])
def test_group_size_and_statistics_exclude_each_other(encoder, windows, method):
    stats = encoder.row_stats(windows)
    for how in ({}, {"group_size": 2, "stats": stats}):
        with pytest.raises(ValueError, match="exactly one of group_size and stats"):
            getattr(encoder, method)(windows, **how)


@pytest.mark.parametrize("group_size", [0, -2, 4, 7])
def test_groups_that_do_not_divide_the_windows_are_refused(encoder, windows, group_size):
    with pytest.raises(ValueError, match=f"divide the 6 windows, got {group_size}"):
        encoder.feature(windows, group_size=group_size)


@pytest.mark.parametrize("shape", [(60, 625), (1, 1, 60, 625), (1, 32, 625), (1, 60, 1250)])
def test_windows_of_another_shape_are_refused(encoder, shape):
    with pytest.raises(ValueError, match=r"windows must have shape \(n_windows, 60, 625\)"):
        encoder.feature(np.zeros(shape, np.float32), group_size=1)


def test_windows_that_are_not_finite_are_refused(encoder, windows):
    broken = windows.copy()
    broken[3, 7, 100] = np.nan
    with pytest.raises(ValueError, match="in window 3"):
        encoder.feature(broken, group_size=1)


def test_statistics_that_do_not_fit_are_refused(encoder, windows):
    stats = encoder.row_stats(windows)
    with pytest.raises(ValueError, match="norm2_mean must be float32"):
        encoder.feature(windows, stats=stats._replace(norm2_mean=stats.norm2_mean[:5]))
    with pytest.raises(ValueError, match="norm1_std must be float32"):
        encoder.feature(windows, stats=stats._replace(norm1_std=stats.norm1_std.astype(float)))
    four = RowStats(*(np.repeat(array[None], 4, 0) for array in stats))
    with pytest.raises(ValueError, match="4 groups, which do not divide 6 windows"):
        encoder.feature(windows, stats=four)
    with pytest.raises(ValueError, match="at least one window"):
        encoder.row_stats(windows[:0])
