from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdjpt.evaluation.lds import LdsFilter, lds_filter, lds_smooth

GOLDEN = Path(__file__).parent / "data" / "science_postprocess.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {key: arrays[key] for key in arrays.files if key.startswith("lds_")}


@pytest.mark.parametrize("n", [1, 2, 13, 26])
def test_filter_and_smoother_equal_the_released_ones(golden, n):
    sequence = golden[f"lds_in_{n}"]
    np.testing.assert_allclose(lds_filter(sequence), golden[f"lds_filter_{n}"], atol=1e-10)
    np.testing.assert_allclose(lds_smooth(sequence), golden[f"lds_smooth_{n}"], atol=1e-10)


@given(st.integers(1, 40), st.integers(0, 100))
def test_step_by_step_gives_the_same_numbers(n, seed):
    rng = np.random.default_rng(seed)
    sequence, prior = rng.normal(size=(n, 5)), rng.normal(size=5)
    stepwise = LdsFilter(prior)
    np.testing.assert_allclose(
        [stepwise.step(row) for row in sequence], lds_filter(sequence, prior), atol=1e-14
    )


def test_smoother_and_filter_meet_at_the_end_of_the_trial():
    sequence = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_array_equal(lds_smooth(sequence)[-1], lds_filter(sequence)[-1])


def test_the_smoother_is_linear_and_keeps_constants():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 15, 3))
    np.testing.assert_allclose(lds_smooth(2 * a - b), 2 * lds_smooth(a) - lds_smooth(b), atol=1e-12)
    np.testing.assert_allclose(lds_smooth(np.full((15, 3), 7.0)), 7.0, atol=1e-12)


def test_time_reversal_hardly_changes_a_smoothed_trial():
    sequence = np.random.default_rng(0).normal(size=(200, 2))
    forward, backward = lds_smooth(sequence), lds_smooth(sequence[::-1])[::-1]
    np.testing.assert_allclose(forward, backward, atol=0.2)


def test_without_a_prior_a_stream_starts_at_its_first_feature():
    stepwise = LdsFilter()
    np.testing.assert_array_equal(stepwise.step([3.0, -1.0]), [3.0, -1.0])
    stepwise.reset()
    np.testing.assert_array_equal(stepwise.step([8.0, 2.0]), [8.0, 2.0])


def test_the_state_travels():
    sequence = np.random.default_rng(0).normal(size=(10, 4))
    first, second = LdsFilter(), LdsFilter(np.ones(4))
    for row in sequence[:6]:
        first.step(row)
    second.load_state_dict(first.state_dict())
    for row in sequence[6:]:
        np.testing.assert_array_equal(first.step(row), second.step(row))
    fresh = LdsFilter()
    fresh.load_state_dict(LdsFilter().state_dict())
    np.testing.assert_array_equal(fresh.step([1.0]), [1.0])


def test_an_empty_trial_stays_empty_and_a_vector_is_refused():
    assert lds_smooth(np.empty((0, 4))).shape == (0, 4)
    with pytest.raises(ValueError, match=r"shape \(n_windows, n_features\)"):
        lds_filter(np.zeros(4))
