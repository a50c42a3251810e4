from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.errors import MdjptError
from mdjpt.signal.filters import (
    SamplingRateError,
    average_reference,
    filter_recording,
    filter_window,
    recording_windows,
)
from mdjpt.signal.windower import Windower

EEG = Path(__file__).parent / "data" / "science_eeg.npz"
RATES = [125.0, 128.0, 160.0, 250.0, 256.0, 500.0, 1000.0, 249.87]


@pytest.fixture(scope="module")
def eeg():
    with np.load(EEG) as arrays:
        return arrays["samples"].astype(np.float64), float(arrays["sfreq"])


def noise(n_channels, n_times, seed=0):
    white = np.random.default_rng(seed).normal(size=(n_channels, n_times))
    return 20 * np.cumsum(white, axis=1) / 10 + 5 * white


def tone(frequency, sfreq, duration_s):
    return np.sin(2 * np.pi * frequency * np.arange(round(duration_s * sfreq)) / sfreq)[None]


def live_window(raw, sfreq, first, margin_s=2.0):
    margin = min(round(margin_s * sfreq), first)
    stop = first + round(5 * sfreq)
    return filter_window(raw[:, first - margin : stop], sfreq, margin)


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


@pytest.mark.parametrize("sfreq", RATES)
def test_a_tone_in_the_band_passes_without_shift(sfreq):
    filtered = filter_recording(tone(10.0, sfreq, 20), sfreq)
    assert filtered.shape == (1, 2500)
    middle = slice(500, 2000)
    np.testing.assert_allclose(filtered[:, middle], tone(10.0, 125, 20)[:, middle], atol=2e-3)


@pytest.mark.parametrize("sfreq", RATES)
@pytest.mark.parametrize("frequency", [0.05, 60.0])
def test_drift_and_mains_are_taken_out(sfreq, frequency):
    filtered = filter_recording(tone(frequency, sfreq, 60), sfreq)
    assert np.abs(filtered[:, 1250:-1250]).max() < 5e-3


@pytest.mark.parametrize("frequency", [70.0, 115.0, 130.0, 230.0])
def test_nothing_folds_into_the_band(frequency):
    filtered = filter_recording(tone(frequency, 500.0, 20), 500.0)
    assert np.abs(filtered[:, 500:-500]).max() < 5e-3


def test_the_filter_is_the_two_pass_butterworth_of_fourth_order():
    from scipy.signal import butter, sosfiltfilt

    raw = noise(2, 7500)
    raw[:, :1250] = raw[:, -1250:] = 0
    expected = sosfiltfilt(butter(4, [0.5, 47.0], btype="bandpass", fs=125, output="sos"), raw)
    inner = slice(1250, -1250)
    ours = filter_recording(raw, 125.0)
    np.testing.assert_allclose(ours[:, inner], expected[:, inner], atol=0.02)


@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(-5, 5))
@settings(max_examples=15, deadline=None)
def test_filtering_is_linear_away_from_the_forecast(seed, a, b):
    x, y = noise(2, 3200, seed), noise(2, 3200, seed + 1)
    settled = slice(0, 1250)  # the last 10 s hold what is left of the forecast
    together = filter_recording(a * x + b * y, 160.0)
    apart = a * filter_recording(x, 160.0) + b * filter_recording(y, 160.0)
    np.testing.assert_allclose(together[:, settled], apart[:, settled], atol=0.02)


@pytest.mark.parametrize("sfreq", [sfreq for sfreq in RATES if sfreq.is_integer()])
def test_a_live_window_is_the_recordings_filter_on_margin_and_window(sfreq):
    raw = noise(3, round(7 * sfreq))
    offline = filter_recording(raw, sfreq)[:, 250:]
    np.testing.assert_allclose(filter_window(raw, sfreq, round(2 * sfreq)), offline, atol=1e-8)


@pytest.mark.parametrize("hop_s", [0.5, 2.0])
def test_live_windows_of_real_eeg_agree_with_the_whole_recording(eeg, hop_s):
    raw, sfreq = eeg
    starts = [Windower(sfreq, hop_s).window(k).first for k in range(4, int(34 / hop_s))]
    offline = list(recording_windows(raw, sfreq, starts))
    online = [live_window(raw, sfreq, first) for first in starts]
    agreement = [correlation(a, b) for a, b in zip(online, offline, strict=True)]
    assert np.median(agreement) > 0.997


def test_settled_samples_of_a_live_window_are_those_of_the_recording(eeg):
    raw, sfreq = eeg
    offline = next(recording_windows(raw, sfreq, [1600]))[:, 250:400]
    online = live_window(raw, sfreq, 1600)[:, 250:400]
    assert correlation(offline, online) > 0.9995


def test_the_last_window_of_a_recording_has_the_same_forecast_live(eeg):
    raw, sfreq = eeg
    first = raw.shape[1] - 800
    offline = next(recording_windows(raw, sfreq, [first]))
    assert correlation(live_window(raw, sfreq, first), offline) > 0.9995


@pytest.mark.parametrize("sfreq", RATES)
def test_windows_on_the_grid_are_cut_from_the_filtered_recording(sfreq):
    raw = noise(2, round(40 * sfreq))
    starts = [0, round(10 * sfreq)] if sfreq.is_integer() else [0]
    cut = list(recording_windows(raw, sfreq, starts))
    whole = filter_recording(raw, sfreq)
    for first, window in zip(starts, cut, strict=True):
        column = round(first * 125 / sfreq)
        np.testing.assert_allclose(window, whole[:, column : column + 625], atol=1e-6)


@pytest.mark.parametrize("sfreq", [160.0, 250.0, 256.0, 220.0])
def test_a_window_off_the_grid_starts_exactly_at_its_first_sample(sfreq):
    first = round(10.5 * sfreq) + 1
    raw = tone(9.0, sfreq, 40)
    expected = np.sin(2 * np.pi * 9.0 * (first / sfreq + np.arange(625) / 125))
    offline = next(recording_windows(raw, sfreq, [first]))[0]
    np.testing.assert_allclose(offline, expected, atol=2e-3)
    np.testing.assert_allclose(live_window(raw, sfreq, first)[0, :500], expected[:500], atol=2e-2)


@pytest.mark.parametrize("chunk_s", [3.0, 20.0, 1000.0])
def test_the_length_of_a_chunk_does_not_show(chunk_s):
    raw = noise(2, 160 * 90)
    starts = [Windower(160.0, 2.5).window(k).first for k in range(34)]
    expected = np.array(list(recording_windows(raw, 160.0, starts)))
    chunked = np.array(list(recording_windows(raw, 160.0, starts, chunk_s)))
    np.testing.assert_allclose(chunked, expected, atol=1e-6)


@pytest.mark.parametrize("offset", [60_000.0, -2.4e6])
def test_offsets_of_millivolts_change_nothing(offset):
    raw = noise(3, 1120)
    np.testing.assert_allclose(
        filter_window(raw + offset, 160.0, 320), filter_window(raw, 160.0, 320), atol=1e-6
    )


def test_channels_do_not_see_each_other():
    raw = noise(4, 1120)
    alone = filter_window(raw[2:3], 160.0, 320)
    np.testing.assert_allclose(filter_window(raw, 160.0, 320)[2:3], alone, atol=1e-9)


@pytest.mark.parametrize("n_margin", [0, 1, 80, 319])
def test_a_missing_margin_is_made_up(eeg, n_margin):
    raw, sfreq = eeg
    window = filter_window(raw[:, : n_margin + 800], sfreq, n_margin)
    expected = live_window(raw, sfreq, n_margin)
    assert window.shape == (8, 625)
    np.testing.assert_array_equal(window, expected)


def test_margin_beyond_two_seconds_is_not_needed(eeg):
    raw, sfreq = eeg
    short, long = live_window(raw, sfreq, 1600), live_window(raw, sfreq, 1600, margin_s=4.0)
    np.testing.assert_allclose(short, long, atol=1.0)


def test_a_broken_channel_harms_no_other():
    raw = noise(3, 1120)
    clean = filter_window(raw, 160.0, 320)
    raw[1, 100:200] = np.nan
    raw[2] = np.inf
    filtered = filter_window(raw, 160.0, 320)
    np.testing.assert_allclose(filtered[0], clean[0], atol=1e-9)
    assert np.isfinite(filtered).all()
    np.testing.assert_array_equal(filtered[2], 0)


def test_a_constant_channel_comes_out_as_zero():
    raw = np.full((2, 1120), 187_500.0)
    np.testing.assert_allclose(filter_window(raw, 160.0, 320), 0, atol=1e-6)
    np.testing.assert_allclose(filter_recording(raw, 160.0), 0, atol=1e-6)


@pytest.mark.parametrize("n_times", [0, 1, 3, 40])
def test_recordings_of_a_few_samples_are_filtered_without_complaint(n_times):
    filtered = filter_recording(noise(2, n_times), 250.0)
    assert filtered.shape == (2, (n_times + 1) // 2)
    assert np.isfinite(filtered).all()


@pytest.mark.parametrize("sfreq", [10.0, 99.0, 0.0, float("nan")])
def test_a_rate_below_the_band_is_refused(sfreq):
    with pytest.raises(SamplingRateError, match="sfreq must be at least 100 Hz"):
        filter_recording(noise(2, 100), sfreq)
    with pytest.raises(ValueError, match="sfreq must be at least 100 Hz"):
        filter_window(noise(2, 100), sfreq, 0)
    with pytest.raises(MdjptError):
        list(recording_windows(noise(2, 100), sfreq, []))


def test_a_window_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="320 samples of margin and 800 of window, got 800"):
        filter_window(noise(2, 800), 160.0, 320)


def test_windows_beyond_the_recording_are_refused():
    with pytest.raises(ValueError, match="do not fit into 1000 samples"):
        list(recording_windows(noise(2, 1000), 160.0, [0, 201]))
    with pytest.raises(ValueError, match="ascend"):
        list(recording_windows(noise(2, 2000), 160.0, [80, 0]))


def test_the_average_reference_leaves_no_mean_over_the_scalp():
    raw = noise(5, 100)
    scalp = np.array([True, True, False, True, True])
    referenced = average_reference(raw, scalp)
    np.testing.assert_allclose(referenced[scalp].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(average_reference(referenced, scalp), referenced, atol=1e-9)
    np.testing.assert_allclose(average_reference(raw).mean(axis=0), 0, atol=1e-9)
    assert average_reference(raw, np.zeros(5, bool)) is raw
