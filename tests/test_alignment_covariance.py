"""Recolouring brings a stream's covariance to the reference, whatever electrodes it lacks."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.alignment.covariance import CovarianceAligner, input_covariance
from mdjpt.alignment.mixed import MixedAligner
from mdjpt.alignment.spd import (
    MAX_CONDITION,
    floored,
    geodesic,
    oas,
    power,
    range_basis,
)
from tests.support.calibration_cases import eeg_windows

RNG = np.random.default_rng(0)


def spd(n, seed=0, n_times=200):
    x = np.random.default_rng(seed).standard_normal((n, n_times))
    return x @ x.T / n_times


def test_powers_and_geodesics_are_pyriemanns():
    geometry = pytest.importorskip("pyriemann.utils.geodesic")
    base = pytest.importorskip("pyriemann.utils.base")
    a, b = spd(6, 1), spd(6, 2)
    np.testing.assert_allclose(power(a, -0.5), base.invsqrtm(a), rtol=1e-9, atol=1e-12)
    for t in (0.0, 0.3, 1.0):
        expected = geometry.geodesic_riemann(a, b, t)
        np.testing.assert_allclose(geodesic(a, b, t), expected, rtol=1e-9, atol=1e-12)


def test_the_inductive_mean_comes_close_to_the_riemannian_mean():
    mean = pytest.importorskip("pyriemann.utils.mean")
    covariances = np.stack([spd(5, k) for k in range(40)])
    moving = covariances[0]
    for k, c in enumerate(covariances[1:], 2):
        moving = geodesic(moving, c, 1 / k)
    expected = mean.mean_riemann(covariances)
    assert np.linalg.norm(moving - expected) < 0.02 * np.linalg.norm(expected)


def test_shrinkage_is_scikit_learns():
    covariance = pytest.importorskip("sklearn.covariance")
    x = RNG.standard_normal((80, 7)) @ RNG.standard_normal((7, 7))
    x -= x.mean(axis=0)
    expected = covariance.oas(x, assume_centered=True)[0]
    np.testing.assert_allclose(oas(x.T @ x / len(x), len(x)), expected, rtol=1e-9)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_singular_matrix_gets_a_condition_that_can_be_inverted(rank):
    x = RNG.standard_normal((6, rank))
    matrix = floored(x @ x.T)
    assert np.linalg.cond(matrix) <= MAX_CONDITION * (1 + 1e-6)
    assert range_basis(x @ x.T).shape == (6, rank)


def test_the_reference_is_the_mean_of_the_windows_covariances():
    windows = eeg_windows(3)
    expected = np.mean([np.cov(w.astype(float), bias=True) for w in windows], axis=0)
    np.testing.assert_allclose(input_covariance(windows), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mean", ["euclid", "riemann"])
def test_an_unaligned_stream_is_left_as_it_is(mean):
    aligner = CovarianceAligner(spd(60), mean=mean)
    window = eeg_windows(1)[0]
    np.testing.assert_array_equal(aligner.transform(window), window)


@pytest.mark.parametrize(("mean", "within"), [("euclid", 0.02), ("riemann", 0.25)])
def test_what_is_recoloured_has_the_covariance_of_the_reference(mean, within):
    reference = input_covariance(eeg_windows(20, seed=1, rank=59))
    windows = eeg_windows(40, seed=2, rank=59, gain=2.0) * np.linspace(0.5, 2, 60)[:, None]
    windows = windows.astype(np.float32)
    aligner = CovarianceAligner(
        reference, mean=mean, shrinkage="none", prior_s=1e-3, memory_s=np.inf
    )
    for window in windows:
        aligner.partial_fit(window, 5.0)
    aligned = input_covariance(np.stack([aligner.transform(w) for w in windows]))
    far = np.linalg.norm(input_covariance(windows) - reference)
    assert np.linalg.norm(aligned - reference) < within * far


@pytest.mark.parametrize("mean", ["euclid", "riemann"])
@pytest.mark.parametrize("shrinkage", ["oas", "ledoit-wolf", "none"])
@pytest.mark.parametrize("rank", [3, 13, 59])
def test_few_electrodes_stay_in_their_subspace_and_everything_stays_finite(mean, shrinkage, rank):
    reference = input_covariance(eeg_windows(10, seed=1, rank=40))
    windows = eeg_windows(6, seed=3, rank=rank)
    aligner = CovarianceAligner(reference, mean=mean, shrinkage=shrinkage)
    for window in windows:
        aligner.partial_fit(window, 5.0)
    out = aligner.transform(windows[0])
    assert np.isfinite(out).all()
    basis = range_basis(input_covariance(windows))
    assert basis.shape[1] == rank
    outside = out - basis @ (basis.T @ out)
    assert np.abs(outside).max() < 1e-3 * np.abs(out).max()
    values = np.linalg.eigvalsh(
        range_basis(aligner.covariance).T @ aligner.covariance @ range_basis(aligner.covariance)
    )
    assert values[-1] / values[0] <= MAX_CONDITION


def test_rows_that_are_equal_stay_equal():
    windows = eeg_windows(4)
    windows[:, 1] = windows[:, 0]
    windows[:, 40:45] = windows[:, 39:40]
    aligner = CovarianceAligner(spd(60))
    for window in windows:
        aligner.partial_fit(window, 5.0)
    out = aligner.transform(windows[0])
    np.testing.assert_array_equal(out[1], out[0])
    np.testing.assert_array_equal(out[40:45], np.repeat(out[39:40], 5, axis=0))


def test_an_electrode_that_comes_back_is_not_blown_up():
    windows = eeg_windows(8, rank=30)
    aligner = CovarianceAligner(input_covariance(eeg_windows(8, seed=4, rank=59)))
    silent = windows.copy()
    silent[:, 7] = silent[:, 6]
    for window in silent:
        aligner.partial_fit(window, 5.0)
    before, after = (np.abs(w[7]).max() for w in (windows[0], aligner.transform(windows[0])))
    assert after < 5 * before


@pytest.mark.parametrize("mean", ["euclid", "riemann"])
def test_streaming_covariances_are_those_of_the_batch(mean):
    windows = eeg_windows(6, rank=59)
    reference = input_covariance(eeg_windows(6, seed=8, rank=59))
    aligner = CovarianceAligner(
        reference, mean=mean, shrinkage="none", memory_s=np.inf, prior_s=5.0
    )
    expected = floored(reference)
    for k, window in enumerate(windows):
        aligner.partial_fit(window, 5.0)
        own = np.cov(window.astype(float), bias=True)
        basis = range_basis(own)
        own = basis @ (basis.T @ own @ basis) @ basis.T
        if mean == "euclid":
            expected = expected + (own - expected) / (k + 2)
        else:
            rest = np.eye(60) - basis @ basis.T
            expected = geodesic(expected, floored(own + rest @ expected @ rest), 1 / (k + 2))
    error = np.linalg.norm(aligner.covariance - expected) / np.linalg.norm(expected)
    assert error < 1e-6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"reference": np.ones((3, 4))}, "square"),
        ({"reference": np.eye(3), "mean": "median"}, "median"),
        ({"reference": np.eye(3), "shrinkage": "magic"}, "magic"),
        ({"reference": np.eye(3), "prior_s": 0.0}, "prior"),
        ({"reference": np.eye(3), "memory_s": 0.0}, "memory"),
    ],
)
def test_impossible_settings_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        CovarianceAligner(**arguments)


def test_mixed_channels_go_to_the_reference_in_every_dim():
    rng = np.random.default_rng(2)
    shape = rng.standard_normal((4, 6, 6))
    z = shape @ rng.standard_normal((30, 4, 6, 99)) + 3.0
    aligner = MixedAligner(
        np.zeros((1, 4, 6, 6)), np.full(24, 1.0), np.ones(24), prior_s=1e-3, memory_s=np.inf
    )
    for window in z:
        aligner.partial_fit(window.astype(np.float32), 5.0)
    aligned = np.stack([aligner.transform(window) for window in z])
    np.testing.assert_allclose(aligned.mean(axis=(0, 3)), 1.0, atol=0.1)
    for dim in range(4):
        within = np.mean([np.cov(window[dim]) for window in aligned], axis=0)
        np.testing.assert_allclose(within, np.eye(6), atol=0.1)


def test_a_channel_that_never_fires_does_no_harm():
    z = np.maximum(np.random.default_rng(1).standard_normal((20, 4, 6, 99)), 0).astype(np.float32)
    z[:, :, 2] = 0.0
    deviation = np.ones(24)
    deviation[2::6] = 0.0
    aligner = MixedAligner(np.zeros((1, 4, 6, 6)), np.zeros(24), deviation)
    for window in z:
        aligner.partial_fit(window, 5.0)
    assert np.isfinite(aligner.transform(z[0])).all()
    assert np.abs(aligner.transform(z[0])).max() < 50


@pytest.mark.parametrize("mean", ["euclid", "riemann"])
def test_rows_that_hold_the_same_samples_in_another_order_are_not_taken_for_one(mean):
    window = eeg_windows(1, seed=3)[0]
    # Two electrodes over one generator that passes them one after the other.
    window[1] = np.roll(window[0], 40)
    aligner = CovarianceAligner(np.eye(60), mean=mean)
    np.testing.assert_array_equal(aligner.transform(window), window)


def test_channels_that_are_interpolated_alike_stay_alike_to_the_last_bit():
    windows = eeg_windows(6, seed=3)
    windows[:, 7] = windows[:, 20]
    aligner = CovarianceAligner(input_covariance(eeg_windows(8, rank=59))).fit(windows)
    aligned = aligner.transform(windows[0])
    assert not np.array_equal(aligned[7], windows[0, 7])
    np.testing.assert_array_equal(aligned[7], aligned[20])
