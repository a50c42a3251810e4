from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdjpt.signal.scaling import FixedScale, RunningScale, robust_scale, robust_zscore

GOLDEN = Path(__file__).parent / "data" / "science_postprocess.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {key: arrays[key] for key in arrays.files}


def eeg_like(n_times, seed=0):
    return np.random.default_rng(seed).standard_t(3, size=(4, n_times)) * 15


def fed(parts):
    scale = RunningScale()
    for part in parts:
        scale.partial_fit(part)
    return scale


def test_the_robust_scale_equals_the_released_one(golden):
    for x, mean, std in zip(
        golden["robust_in"], golden["robust_mean"], golden["robust_std"], strict=True
    ):
        assert robust_scale(x) == pytest.approx((mean, std), rel=1e-5)


def test_the_running_scale_ends_at_the_robust_scale(golden):
    for x in golden["robust_in"]:
        scale = fed(np.array_split(x, 50, axis=1))
        assert (scale.mean, scale.std) == pytest.approx(robust_scale(x), rel=1e-3)


def test_a_huge_artefact_changes_nothing_even_when_it_came_first():
    x = eeg_like(2000)
    with_artefact = np.hstack([np.full((4, 50), 1e5), x])
    clean = robust_scale(x)
    assert robust_scale(with_artefact) == pytest.approx(clean, abs=1e-2)
    assert fed([with_artefact[:, :100], with_artefact[:, 100:]]).std == pytest.approx(
        clean[1], rel=1e-3
    )


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(0, 100))
def test_any_cut_of_the_stream_gives_the_same_scale(lengths, seed):
    x = eeg_like(sum(lengths) + 10, seed)
    whole = fed([x])
    cut = fed(np.split(x, np.cumsum(lengths), axis=1))
    assert cut.mean == pytest.approx(whole.mean, abs=1e-9)
    assert cut.std == pytest.approx(whole.std, rel=1e-9)
    assert cut.n_times == whole.n_times


@given(st.floats(1e-3, 1e4))
def test_the_scaled_signal_does_not_know_its_unit(gain):
    x = eeg_like(500)
    np.testing.assert_allclose(robust_zscore(gain * x), robust_zscore(x), atol=1e-6)
    scaled = fed([gain * x]).transform(gain * x)
    np.testing.assert_allclose(scaled, fed([x]).transform(x), atol=0.02, rtol=0.01)


def test_scaling_twice_is_scaling_once():
    once = robust_zscore(np.random.default_rng(1).normal(3, 20, (4, 1000)))
    np.testing.assert_allclose(robust_zscore(once), once, atol=1e-6)


def test_it_is_ready_after_ten_seconds():
    scale = RunningScale()
    scale.partial_fit(eeg_like(1249))
    assert not scale.ready
    scale.partial_fit(eeg_like(1))
    assert scale.ready
    assert RunningScale(warm_up_s=0).ready


def test_silence_is_only_centred():
    silence = np.zeros((3, 100))
    np.testing.assert_array_equal(robust_zscore(silence), 0)
    np.testing.assert_array_equal(fed([silence]).transform(silence), 0)
    np.testing.assert_array_equal(RunningScale().transform(silence), 0)


def test_samples_that_are_no_numbers_are_passed_over():
    x = eeg_like(300)
    broken = np.hstack([x, np.full((4, 5), np.nan), np.full((4, 5), np.inf)])
    assert fed([broken]).std == fed([x]).std


def test_a_fixed_scale_stays():
    scale = FixedScale(2.0, 4.0)
    scale.partial_fit(eeg_like(100))
    assert scale.ready
    np.testing.assert_array_equal(scale.transform(np.array([[2.0, 6.0]])), [[0.0, 1.0]])
