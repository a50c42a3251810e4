"""The numbers behind the spectrum and the history, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from app.dashboard.spectrum import band_at, welch_db
from app.dashboard.timeline import label_spans, stacked
from tests.test_dashboard_timeline import predicted


@pytest.mark.parametrize("sfreq", [125.0, 250.0, 512.0])
def test_the_spectrum_is_that_of_scipy(sfreq):
    x = np.random.default_rng(1).normal(50, 10, (3, round(4 * sfreq))).astype(np.float32)
    freqs, levels = welch_db(x, sfreq)
    expected_freqs, power = welch(x, sfreq, nperseg=round(2 * sfreq))
    kept = (expected_freqs >= 1) & (expected_freqs <= 45)
    np.testing.assert_allclose(freqs, expected_freqs[kept])
    np.testing.assert_allclose(levels, 10 * np.log10(power[:, kept]), atol=1e-3)


def test_a_sine_has_its_power_in_its_bin():
    t = np.arange(1000) / 250
    freqs, levels = welch_db(20 * np.sin(2 * np.pi * 10 * t)[None], 250.0)
    assert freqs[levels[0].argmax()] == 10
    # Amplitude squared over 2, spread over the 1.5 bins of a Hann window.
    assert levels[0].max() == pytest.approx(10 * np.log10(200 / (1.5 * 0.5)), abs=0.01)


def test_lost_samples_cost_their_segments_only():
    x = np.random.default_rng(1).normal(0, 10, (2, 1000)).astype(np.float32)
    x[0, 100] = np.nan
    x[1, 500] = np.nan
    x[1, 999] = np.nan
    _, levels = welch_db(x, 250.0)
    _, newest = welch_db(x[:, 250:], 250.0)
    np.testing.assert_allclose(levels[0], newest[0])
    assert np.isfinite(levels[0]).all()
    x[1, 499] = np.nan
    assert np.isnan(welch_db(x, 250.0)[1][1]).all()


def test_flat_and_short_signals_have_finite_or_no_levels():
    assert np.all(welch_db(np.zeros((2, 1000), np.float32), 250.0)[1] == -40)
    freqs, levels = welch_db(np.zeros((2, 300), np.float32), 250.0)
    assert (freqs.size, levels.shape) == (0, (2, 0))


def test_bands_hold_their_lower_edge():
    assert [band_at(f) for f in (0.5, 1, 4, 8, 14, 30, 45)] == [
        "", "Delta", "Theta", "Alpha", "Beta", "Gamma", "",
    ]  # fmt: skip


def test_shares_lie_on_each_other_and_vanish_where_there_are_none():
    predictions = [predicted(10), predicted(10.5), predicted(11, None, "gap"), predicted(20)]
    times, tops = stacked(predictions, ("calm", "joy"))
    assert times.tolist() == [10, 10, 10.5, 10.5, 20, 20, 20]
    assert tops[0] == pytest.approx([0, 0.3, 0.3, 0, 0, 0.3, 0])
    assert tops[1] == pytest.approx([0, 1, 1, 0, 0, 1, 0])


def test_nothing_to_stack_is_no_error():
    assert stacked([], ("calm", "joy"))[1].shape == (2, 0)
    assert stacked([predicted(10)], ())[0].size == 0
    assert stacked([predicted(10)], ("other",))[1].shape == (1, 0)


def test_equal_neighbouring_labels_are_one_span():
    predictions = [predicted(t, name) for t, name in ((10, "joy"), (10.5, "joy"), (11, None))]
    assert label_spans(predictions) == [(9.5, 10.5, "joy"), (10.5, 11, "")]
    assert label_spans([]) == []
