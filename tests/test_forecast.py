from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.signal.forecast import autoregression, forecast


def simulated(coefficients, n_times, seed=0):
    noise = np.random.default_rng(seed).normal(size=n_times)
    x = np.zeros(n_times)
    for t in range(len(coefficients), n_times):
        x[t] = coefficients @ x[t - len(coefficients) : t][::-1] + noise[t]
    return x


def test_the_model_of_a_known_process_is_found():
    truth = np.array([1.5, -0.9, 0.2])
    x = np.stack([simulated(truth, 20_000), simulated(truth, 20_000, seed=1)])
    np.testing.assert_allclose(autoregression(x, 3), [truth, truth], atol=0.03)


def test_a_rhythm_goes_on():
    times = np.arange(1125) / 125
    rhythm = np.sin(2 * np.pi * 10 * times) + 0.5 * np.sin(2 * np.pi * 3.3 * times)
    ahead = forecast(rhythm[None, :875] + 100.0, 250)
    np.testing.assert_allclose(ahead[0, :125], rhythm[875:1000] + 100.0, atol=0.1)


@given(st.integers(0, 1000), st.floats(0.0, 300.0), st.floats(0.0, 5000.0))
@settings(deadline=None)
def test_a_forecast_never_explodes(seed, step, drift):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 875)).cumsum(axis=1) + drift * np.linspace(-1, 1, 875) ** 3
    x[:, 700:] += step
    ahead = forecast(x, 250)
    assert np.abs(ahead).max() <= 3 * np.abs(x).max() + 1


def test_each_channel_has_its_own_model():
    x = np.random.default_rng(0).normal(size=(5, 400)).cumsum(axis=1)
    np.testing.assert_allclose(forecast(x, 40)[3:4], forecast(x[3:4], 40), atol=1e-9)


@pytest.mark.parametrize("n_steps", [1, 15, 16, 17, 250])
def test_a_longer_forecast_begins_like_a_shorter_one(n_steps):
    x = np.random.default_rng(0).normal(size=(2, 400))
    np.testing.assert_array_equal(forecast(x, n_steps), forecast(x, 300)[:, :n_steps])


def test_a_constant_stays_and_a_few_samples_are_held():
    np.testing.assert_array_equal(forecast(np.full((1, 100), 7.0), 5), np.full((1, 5), 7.0))
    np.testing.assert_array_equal(forecast(np.array([[1.0, 2.0]]), 3), [[2.0, 2.0, 2.0]])
