"""The filter of a window as blocks and thin factors: the product with its whole matrix."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.signal.filters import _two_pass, filter_window
from mdjpt.signal.mains import mains_lines
from mdjpt.signal.quality import electrode_quality
from mdjpt.signal.window_product import WindowProduct


@pytest.mark.parametrize("line", [0.0, 50.0, 60.0])
def test_blocks_and_thin_factors_give_the_whole_product_to_rounding(line):
    matrix = _two_pass(np.eye(1125), line)[:, 250:875]
    drift = 1e4 * np.linspace(0, 1, 1125)
    signals = np.random.default_rng(0).normal(0, 20, (5, 1125)) + drift
    np.testing.assert_allclose(WindowProduct(matrix, 250)(signals), signals @ matrix, atol=1e-8)


@pytest.mark.parametrize(("n_in", "n_out", "first"), [(40, 40, 0), (300, 130, 170), (500, 126, 3)])
def test_any_matrix_is_multiplied_exactly(n_in, n_out, first):
    rng = np.random.default_rng(1)
    matrix, signals = rng.normal(size=(n_in, n_out)), rng.normal(size=(3, n_in))
    np.testing.assert_allclose(WindowProduct(matrix, first)(signals), signals @ matrix, atol=1e-9)


def test_the_lines_that_quality_has_found_are_those_the_filter_would_find():
    rng, times = np.random.default_rng(2), np.arange(1750) / 250.0
    raw = rng.normal(0, 10, (6, 1750))
    raw[1:3] += 60 * np.sin(2 * np.pi * 50.02 * times)
    raw[4] += 60 * np.sin(2 * np.pi * 59.97 * times)
    raw[5, 900] = np.nan
    lines = electrode_quality(raw[:, 500:], 250.0).line
    assert lines.tolist() == [0, 50, 50, 0, 60, 0]
    np.testing.assert_array_equal(lines, mains_lines(raw[:, 500:], 250.0))
    np.testing.assert_array_equal(
        filter_window(raw[:5], 250.0, 500, lines[:5]), filter_window(raw[:5], 250.0, 500)
    )
