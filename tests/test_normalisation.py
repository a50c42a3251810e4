from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdjpt.evaluation.running_norm import RunningNorm, running_norm

GOLDEN = Path(__file__).parent / "data" / "science_postprocess.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {key[5:]: arrays[key] for key in arrays.files if key.startswith("norm_")}


def test_it_equals_the_released_one(golden):
    ours = running_norm(golden["in"], golden["mean"], golden["var"])
    assert np.abs(ours - golden["out"]).max() < 1e-5 * np.abs(golden["out"]).max()


def test_the_first_feature_meets_the_prior_alone():
    out = running_norm([[3.0, 1.0]], [1.0, 1.0], [4.0, 1.0])
    np.testing.assert_allclose(out, [[1.0, 0.0]], atol=1e-9)


def test_without_a_prior_it_is_the_z_score_so_far():
    features = np.random.default_rng(0).normal(5, 3, (40, 6))
    out = running_norm(features, np.zeros(6), np.ones(6), decay=0.0)
    np.testing.assert_allclose(
        out[-1], (features[-1] - features.mean(axis=0)) / features.std(axis=0), atol=1e-6
    )


def test_with_a_prior_that_never_fades_it_is_a_fixed_z_score():
    features = np.random.default_rng(0).normal(size=(20, 3))
    out = running_norm(features, np.full(3, 2.0), np.full(3, 4.0), decay=1.0)
    np.testing.assert_allclose(out, (features - 2) / 2, atol=1e-9)


@given(st.integers(0, 30), st.integers(0, 100))
def test_it_never_looks_ahead_and_its_state_travels(cut, seed):
    rng = np.random.default_rng(seed)
    features, mean, var = rng.normal(size=(30, 4)), rng.normal(size=4), rng.uniform(0.1, 2, 4)
    whole = running_norm(features, mean, var)
    np.testing.assert_array_equal(running_norm(features[:cut], mean, var), whole[:cut])
    first, second = RunningNorm(mean, var), RunningNorm(mean, var)
    for row in features[:cut]:
        first.step(row)
    second.load_state_dict(first.state_dict())
    rest = [second.step(row) for row in features[cut:]]
    np.testing.assert_array_equal(np.reshape(rest, (-1, 4)), whole[cut:])


def test_a_new_session_begins_anew():
    norm = RunningNorm([0.0], [1.0])
    first = norm.step([5.0])
    norm.step([7.0])
    norm.reset()
    np.testing.assert_array_equal(norm.step([5.0]), first)


def test_shapes_and_decay_are_checked():
    with pytest.raises(ValueError, match="vectors of one length"):
        RunningNorm([0.0, 1.0], [1.0])
    with pytest.raises(ValueError, match=r"decay must lie between 0 and 1, got 1\.5"):
        RunningNorm([0.0], [1.0], decay=1.5)
    state = RunningNorm([0.0, 0.0], [1.0, 1.0]).state_dict()
    with pytest.raises(ValueError, match=r"needs 'mean' \[1\], got \[2\]"):
        RunningNorm([0.0], [1.0]).load_state_dict(state)
