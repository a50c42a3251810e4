"""Every aligner keeps the promises of the protocol, and its statistics are those of the batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.alignment import (
    KINDS,
    Aligner,
    AlignmentConfig,
    CovarianceAligner,
    MixedAligner,
    MomentAligner,
    RowAligner,
    build_alignment,
)
from mdjpt.alignment.aligner import bounded_weight
from mdjpt.alignment.covariance import input_covariance
from mdjpt.alignment.fading import FadingMean
from mdjpt.errors import ModelError
from tests.support.calibration_cases import eeg_windows, small_bundle

RNG = np.random.default_rng(5)
N = 12
INPUTS = {
    "moments": 2.0 + RNG.standard_normal((30, 16)),
    "moments by class": 2.0 + RNG.standard_normal((30, 16)),
    "rows": np.stack([RNG.standard_normal((30, 16)), RNG.uniform(1, 2, (30, 16))], axis=1),
    "rows without a prior": RNG.uniform(1, 2, (30, 2, 16)),
    "euclid": eeg_windows(N),
    "riemann": eeg_windows(N),
    "mixed": RNG.standard_normal((N, 4, 6, 99)).astype(np.float32),
}


def make(name):
    """Build a new aligner of each kind."""
    ones = np.ones(16)
    reference = input_covariance(eeg_windows(4, seed=9))
    makers = {
        "moments": lambda: MomentAligner(0 * ones, ones, memory_s=30.0),
        "moments by class": lambda: MomentAligner(0 * ones, ones, n_classes=3),
        "rows": lambda: RowAligner(16, np.stack([0 * ones, ones])),
        "rows without a prior": lambda: RowAligner(16),
        "euclid": lambda: CovarianceAligner(reference),
        "riemann": lambda: CovarianceAligner(reference, mean="riemann"),
        "mixed": lambda: MixedAligner(np.zeros((1, 4, 6, 6)), np.zeros(24), np.ones(24)),
    }
    return makers[name]()


every = pytest.mark.parametrize("name", list(INPUTS))


def fitted(name, inputs=None):
    aligner = make(name)
    for x in INPUTS[name] if inputs is None else inputs:
        aligner.partial_fit(x, 0.5)
    return aligner


@every
def test_every_aligner_keeps_the_protocol(name):
    aligner = make(name)
    assert isinstance(aligner, Aligner)
    x = INPUTS[name][0]
    before = x.copy()
    out = aligner.transform(x)
    assert out.shape == x.shape
    assert np.isfinite(out).all()
    aligner.partial_fit(x, 0.5)
    np.testing.assert_array_equal(x, before)
    assert np.isfinite(aligner.gauge.relative_change)


@every
def test_fitting_is_seen_by_later_windows_only(name):
    aligner, untouched = make(name), make(name)
    x = INPUTS[name][0]
    np.testing.assert_array_equal(aligner.transform(x), untouched.transform(x))
    aligner.transform(x)
    aligner.transform(x)
    np.testing.assert_array_equal(aligner.transform(x), untouched.transform(x))


@every
def test_the_gauge_rises_and_the_prior_fades(name):
    aligner = make(name)
    seen = [aligner.gauge]
    for x in INPUTS[name]:
        aligner.partial_fit(x, 5.0)
        seen.append(aligner.gauge)
    windows = [gauge.effective_windows for gauge in seen]
    shares = [gauge.prior_share for gauge in seen]
    assert windows[0] == 0.0
    assert shares[0] == 1.0
    assert np.all(np.diff(windows[:4]) > 0)
    assert np.all(np.diff(shares[:4]) < 0)
    assert not seen[0].converged


@every
def test_a_frozen_aligner_learns_nothing_and_a_reset_one_begins_again(name):
    aligner, x = fitted(name), INPUTS[name][0]
    aligner.freeze()
    before = aligner.transform(x)
    aligner.partial_fit(INPUTS[name][1], 5.0)
    np.testing.assert_array_equal(aligner.transform(x), before)
    assert aligner.gauge.frozen
    aligner.freeze(frozen=False)
    aligner.reset()
    np.testing.assert_array_equal(aligner.transform(x), make(name).transform(x))


@every
def test_fitting_to_a_stream_is_fitting_to_each_of_its_windows_anew(name):
    inputs, x = INPUTS[name][:6], INPUTS[name][-1]
    window_by_window = fitted(name, inputs)
    for aligner in (make(name), fitted(name, INPUTS[name][6:])):
        assert aligner.fit(inputs, 0.5) is aligner
        np.testing.assert_array_equal(aligner.transform(x), window_by_window.transform(x))


@every
def test_a_saved_state_goes_on_where_it_stopped(name):
    half = len(INPUTS[name]) // 2
    whole = fitted(name)
    first = fitted(name, INPUTS[name][:half])
    second = make(name)
    second.load_state_dict(first.state_dict())
    x = INPUTS[name][-1]
    np.testing.assert_allclose(second.transform(x), first.transform(x), rtol=1e-6, atol=1e-6)
    for later in INPUTS[name][half:]:
        second.partial_fit(later, 0.5)
    np.testing.assert_allclose(
        second.gauge.effective_windows, whole.gauge.effective_windows, rtol=1e-9
    )


@every
@pytest.mark.parametrize("damage", ["missing", "shape", "nan"])
def test_a_damaged_state_is_refused(name, damage):
    aligner = fitted(name)
    state = aligner.state_dict()
    key = max(state, key=lambda k: np.size(state[k]))
    if damage == "missing":
        del state[key]
    elif damage == "shape":
        state[key] = state[key][..., :-1]
    else:
        state[key] = np.full(np.shape(state[key]), np.nan)
    with pytest.raises((ValueError, KeyError)):
        aligner.load_state_dict(state)


@every
def test_broken_windows_change_nothing_and_are_counted(name):
    aligner, x = fitted(name), INPUTS[name][0]
    before = aligner.transform(x)
    broken = x.copy()
    broken.flat[3] = np.nan
    aligner.partial_fit(broken, 5.0)
    np.testing.assert_array_equal(aligner.transform(x), before)
    assert aligner.gauge.n_rejected == 1


@every
def test_one_wild_window_moves_an_aligner_no_more_than_a_few_ordinary_ones(name):
    aligner, x = fitted(name), INPUTS[name][0]
    before = aligner.transform(x)
    aligner.partial_fit(1e6 * INPUTS[name][1], 0.5)
    far = aligner.transform(x)
    assert np.isfinite(far).all()
    assert np.abs(far - before).max() < 1.0 * max(1.0, np.abs(before).max())


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0.0, 5.0), min_size=1, max_size=40),
    st.sampled_from([10.0, 600.0, np.inf]),
    st.integers(0, 1000),
)
def test_the_streaming_mean_is_the_weighted_mean_of_the_batch(weights, memory_s, seed):
    x = 1e3 + np.random.default_rng(seed).standard_normal((len(weights), 5))
    fading = FadingMean((5,), memory_s, spread=True)
    for value, weight in zip(x, weights, strict=True):
        fading.fade(weight)
        fading.add(value, weight)
    since = np.sum(weights) - np.cumsum(weights)
    kept = np.array(weights) * np.exp(-since / memory_s)
    if kept.sum() > 1e-6:
        mean = kept @ x / kept.sum()
        var = kept @ (x - mean) ** 2 / kept.sum()
        np.testing.assert_allclose(fading.mean, mean, rtol=1e-9)
        np.testing.assert_allclose(fading.variance, var, rtol=1e-6, atol=1e-9)


def test_moments_are_prior_and_stream_by_their_seconds():
    x = 2.0 + RNG.standard_normal((40, 8))
    aligner = MomentAligner(np.zeros(8), np.ones(8), memory_s=np.inf, prior_s=10.0)
    for row in x:
        aligner.partial_fit(row, 0.5)
    own = 20.0 / 30.0
    np.testing.assert_allclose(aligner.mean, own * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(aligner.variance, own * x.var(axis=0) + (1 - own), rtol=1e-12)


def test_the_hop_between_windows_makes_no_difference():
    x = RNG.standard_normal((40, 8))
    fine = MomentAligner(np.zeros(8), np.ones(8))
    coarse = MomentAligner(np.zeros(8), np.ones(8))
    for row in np.repeat(x, 4, axis=0):
        fine.partial_fit(row, 0.5)
    for row in x:
        coarse.partial_fit(row, 2.0)
    np.testing.assert_allclose(fine.mean, coarse.mean, atol=5e-3)
    np.testing.assert_allclose(fine.gauge.prior_share, coarse.gauge.prior_share, rtol=5e-3)


def test_a_block_of_one_class_moves_class_covering_statistics_less():
    plain = MomentAligner(np.zeros(8), np.ones(8), prior_s=60.0)
    covering = MomentAligner(np.zeros(8), np.ones(8), prior_s=60.0, n_classes=3)
    for row in 2.0 + RNG.standard_normal((200, 8)):
        plain.partial_fit(row, 2.0)
        covering.partial_fit(row, 2.0, np.array([1.0, 0.0, 0.0]))
    assert covering.mean.mean() < 0.4 * plain.mean.mean()
    assert covering.mean.mean() > 0.2 * plain.mean.mean()


def test_novelty_is_one_for_what_the_prior_was_measured_on():
    aligner = MomentAligner(np.full(512, 3.0), np.full(512, 4.0))
    assert aligner.novelty(3.0 + 2.0 * RNG.standard_normal(512)) == pytest.approx(1.0, abs=0.1)
    assert aligner.novelty(np.full(512, 23.0)) == pytest.approx(10.0)


@pytest.mark.parametrize(("distance", "weight"), [(0.0, 1.0), (4.0, 1.0), (8.0, 0.25)])
def test_the_influence_of_an_outlier_is_bounded(distance, weight):
    assert bounded_weight(distance, 4.0) == weight


def test_rows_are_the_group_of_all_windows_so_far():
    windows = RNG.standard_normal((10, 16, 99))
    aligner = RowAligner(16, memory_s=np.inf)
    for window in windows[:-1]:
        aligner.partial_fit(np.stack([window.mean(1), window.std(1)]), 5.0)
    last = windows[-1]
    mean, std = aligner.transform(np.stack([last.mean(1), last.std(1)]))
    group = windows.transpose(1, 0, 2).reshape(16, -1)
    np.testing.assert_allclose(mean, group.mean(1), atol=1e-6)
    np.testing.assert_allclose(std, group.std(1), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_built_from_a_configuration(kind):
    config = AlignmentConfig(kind, memory_s=100.0)
    alignment, again = (build_alignment(config, small_bundle()) for _ in range(2))
    again.load_state_dict(alignment.state_dict())
    assert alignment.plain == (kind in ("none", "moments"))
    assert alignment.inside == (kind in ("rows", "covariance-mixed"))
    assert alignment.frozen == (kind == "none")
    alignment.freeze()
    assert alignment.frozen
    assert alignment.gauge.frozen
    alignment.reset()


@pytest.mark.parametrize(
    ("settings_", "words"),
    [({"kind": "magic"}, "kind"), ({"memory_s": 0.0}, "memory_s"), ({"prior_s": -1}, "prior_s")],
)
def test_an_impossible_configuration_is_refused(settings_, words):
    with pytest.raises(ValueError, match=words):
        AlignmentConfig(**settings_)


def test_a_bundle_without_what_an_alignment_needs_is_refused():
    bundle = small_bundle(centroids=None, input_covariance=None)
    with pytest.raises(ModelError, match="centroids"):
        build_alignment(AlignmentConfig("covariance-mixed"), bundle)
    with pytest.raises(ModelError, match="covariance of its input"):
        build_alignment(AlignmentConfig("covariance-input"), bundle)


def test_a_state_of_another_alignment_is_refused():
    bundle = small_bundle()
    rows = build_alignment(AlignmentConfig("rows"), bundle)
    moments = build_alignment(AlignmentConfig("moments"), bundle)
    with pytest.raises(ValueError, match="first_rows"):
        moments.load_state_dict(rows.state_dict())
    by_class = build_alignment(AlignmentConfig("moments", class_covering=True), bundle, n_classes=3)
    with pytest.raises(ValueError, match="3 classes"):
        by_class.load_state_dict(moments.state_dict())
