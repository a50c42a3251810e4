from __future__ import annotations

import numpy as np
import pytest

from mdjpt.signal.resampling import resample


def rhythm(positions, sfreq):
    return np.sin(2 * np.pi * 11.0 * np.asarray(positions) / sfreq)


@pytest.mark.parametrize("sfreq", [100.0, 125.0, 160.0, 249.87, 500.0, 2048.0])
@pytest.mark.parametrize("first", [0.0, 0.5, 40.3])
def test_samples_lie_where_they_are_asked_for(sfreq, first):
    old = rhythm(np.arange(round(6 * sfreq)), sfreq)[None]
    new = resample(old, sfreq, 125.0, first, 600)
    expected = rhythm(first + np.arange(600) * sfreq / 125, sfreq)
    np.testing.assert_allclose(new[0, 50:-50], expected[50:-50], atol=3e-3)


def test_at_the_same_rate_nothing_changes():
    x = np.random.default_rng(0).normal(size=(3, 200))
    np.testing.assert_allclose(resample(x, 125.0, 125.0, 0.0, 200), x, atol=1e-12)
    np.testing.assert_allclose(resample(x, 125.0, 125.0, 20.0, 100), x[:, 20:120], atol=1e-12)


def test_beyond_the_ends_the_signal_is_held():
    x = np.array([[1.0, 1.0, 1.0, 3.0, 3.0, 3.0]])
    held = resample(np.repeat(x, 40, axis=1), 250.0, 125.0, 0.0, 160)
    np.testing.assert_allclose(held[0, :20], 1.0, atol=1e-9)
    np.testing.assert_allclose(held[0, 120:], 3.0, atol=1e-9)


def test_a_constant_stays_exactly_constant():
    x = np.full((2, 700), 187_500.0)
    np.testing.assert_allclose(resample(x, 160.0, 125.0, 0.25, 500), x[:, :500], rtol=1e-13)
