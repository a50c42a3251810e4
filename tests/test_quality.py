from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdjpt.calibration.novelty import NOISES, noise
from mdjpt.signal.filters import filter_window
from mdjpt.signal.montage import electrode_positions
from mdjpt.signal.quality import (
    bad_channels,
    common_field,
    electrode_quality,
    from_one_head,
    interpolate_bad,
)
from mdjpt.simulation import SimulatedParticipant, cap

EEG = Path(__file__).parent / "data" / "science_eeg.npz"


@pytest.fixture(scope="module")
def window():
    with np.load(EEG) as arrays:
        return arrays["samples"][:, :800].astype(np.float32)


def reasons(raw, sfreq=160.0):
    return electrode_quality(raw, sfreq).reason


def seconds(n_times, sfreq=160.0):
    return np.arange(n_times) / sfreq


def test_real_eeg_is_good_throughout():
    with np.load(EEG) as arrays:
        raw = arrays["samples"].astype(np.float32)
    for first in range(0, raw.shape[1] - 800, 400):
        quality = electrode_quality(raw[:, first : first + 800], 160.0)
        assert quality.good.all()
        assert quality.reason == ("",) * 8
        assert (quality.amplitude > 10).all()


@pytest.mark.parametrize("value", [3.4e38, -3.4e38, 1e12, np.inf])
def test_a_senders_mark_for_a_missing_value_harms_its_electrode_only(window, value):
    raw = window.copy()
    raw[3, 400] = value
    assert reasons(raw) == ("", "", "", "nan", "", "", "", "")
    filtered = filter_window(raw, 160.0, 0)
    alone = filter_window(np.delete(raw, 3, axis=0), 160.0, 0)
    np.testing.assert_allclose(np.delete(filtered, 3, axis=0), alone, atol=1e-9)
    assert np.abs(filtered[3]).max() < 1000


def test_offset_and_slow_drift_are_no_fault(window):
    drift = 500 * np.sin(2 * np.pi * 0.03 * seconds(800))
    assert reasons(window + 60_000 + drift) == ("",) * 8


@pytest.mark.parametrize("value", [0.0, 999.5, -61_234.5])
def test_a_disconnected_electrode_is_flat(window, value):
    raw = window.copy()
    raw[2] = value
    assert reasons(raw) == ("", "", "flat", "", "", "", "", "")


def test_an_electrode_that_repeats_its_samples_is_flat(window):
    raw = window.copy()
    raw[1] = np.repeat(raw[1, ::4], 4)
    assert reasons(raw)[1] == "flat"


def test_a_signal_in_volts_is_flat(window):
    assert set(reasons(window * 1e-6)) == {"flat"}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_constant_at_the_rail_of_the_amplifier_is_railed(window, sign):
    raw = window.copy()
    raw[0] = sign * 187_500.02
    assert reasons(raw)[0] == "railed"


def test_clipping_is_railed(window):
    raw = window.copy()
    raw[3] = np.clip(40 * raw[3], -1000, 999.5)
    assert reasons(raw)[3] == "railed"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_sample_that_is_no_number_is_enough(window, value):
    raw = window.copy()
    raw[5, 17] = value
    quality = electrode_quality(raw, 160.0)
    assert quality.reason == ("", "", "", "", "", "nan", "", "")
    assert quality.amplitude[5] == 0


def test_a_loose_electrode_is_noisy(window):
    raw = window.copy()
    raw[4] += np.random.default_rng(0).normal(0, 500, 800)
    assert reasons(raw)[4] == "noisy"


def test_an_electrode_pop_is_noisy_and_a_blink_is_not(window):
    bump = np.exp(-(((seconds(800) - 2.5) / 0.1) ** 2))
    raw = np.vstack([window[0] + 4000 * bump, window[1] + 400 * bump])
    assert reasons(raw) == ("noisy", "")


def test_mains_are_no_fault_since_the_filter_has_a_notch(window):
    fifty, sixty = (np.sin(2 * np.pi * f * seconds(800)) for f in (50.0, 60.0))
    raw = np.stack([window[1] + a * m for m in (fifty, sixty) for a in (100, 3000)])
    assert reasons(raw) == ("", "", "", "")


def test_less_than_a_second_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 s of signal, got 0\.50 s"):
        electrode_quality(np.zeros((2, 80)), 160.0)


def test_channels_far_above_the_median_are_bad():
    x = np.random.default_rng(0).normal(size=(6, 1000))
    x[1] *= 8
    x[2, :15] = 100
    x[3, :9] = 100
    assert bad_channels(x).tolist() == [False, True, True, False, False, False]
    spared = np.array([False, True, False, False, False, False])
    assert bad_channels(x, spared).tolist() == [False, False, True, False, False, False]


def test_a_bad_channel_is_made_from_its_three_nearest():
    names = ["Cz", "C1", "C2", "FCz", "Oz"]
    x = np.array([[99.0], [1.0], [2.0], [3.0], [50.0]])
    positions = electrode_positions(names)
    fixed = interpolate_bad(x, positions, [True, False, False, False, False])
    weights = 1 / np.linalg.norm(positions[1:4] - positions[0], axis=1)
    np.testing.assert_allclose(fixed[0, 0], weights @ [1, 2, 3] / weights.sum(), rtol=1e-6)
    np.testing.assert_array_equal(fixed[1:], x[1:])


def test_interpolation_keeps_a_common_signal():
    x = np.tile(np.arange(5.0), (5, 1))
    positions = electrode_positions(["Cz", "C1", "C2", "FCz", "Oz"])
    np.testing.assert_allclose(interpolate_bad(x, positions, [1, 0, 1, 0, 0]), x, atol=1e-12)
    np.testing.assert_array_equal(interpolate_bad(x, positions, np.zeros(5, bool)), x)


def test_interpolation_without_neighbours_is_refused():
    x, positions = np.zeros((2, 5)), electrode_positions(["Cz", "EOG"])
    with pytest.raises(ValueError, match="no good channel"):
        interpolate_bad(x, positions, [True, False])
    with pytest.raises(ValueError, match="without a position"):
        interpolate_bad(x, positions, [False, True])


FEW = ("Fp1", "Fp2", "T7", "T8"), ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")


def filtered_windows(samples, sfreq):
    firsts = range(0, samples.shape[1] - round(7 * sfreq) + 1, round(2 * sfreq))
    n_margin = round(2 * sfreq)
    return [filter_window(samples[:, k : k + round(7 * sfreq)], sfreq, n_margin) for k in firsts]


@pytest.mark.parametrize("kept", [None, *FEW], ids=["64", "4", "8"])
def test_real_eeg_comes_from_one_head(kept):
    from app.session import demo_recording
    from mdjpt.recordings import read_recording

    recording = read_recording(demo_recording())
    names = [c.strip(".").upper() for c in recording.ch_names]
    rows = range(len(names)) if kept is None else [names.index(k.upper()) for k in kept]
    windows = filtered_windows(recording.samples[list(rows)], recording.sfreq)
    assert len(windows) > 10
    assert all(from_one_head(window, 125.0) for window in windows)


@pytest.mark.parametrize("n_channels", [4, 8, 14, 32, 64])
def test_a_simulated_head_is_a_head(n_channels):
    names = ("TP9", "AF7", "AF8", "TP10") if n_channels == 4 else cap(n_channels)
    person = SimulatedParticipant(5, names, 250.0)
    windows = filtered_windows(person.generate(250 * 30), 250.0)
    assert np.mean([from_one_head(window, 125.0) for window in windows]) > 0.95


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("n_channels", [4, 8, 14, 32, 64])
def test_noise_of_any_colour_comes_from_no_head(n_channels, kind):
    samples = noise(kind, n_channels, 250 * 60, 250.0, np.random.default_rng(n_channels))
    assert not any(from_one_head(window, 125.0) for window in filtered_windows(samples, 250.0))


def test_the_gain_of_the_electrodes_makes_no_difference():
    samples = noise("pink", 16, 250 * 30, 250.0, np.random.default_rng(0))
    samples *= np.geomspace(1, 8, 16)[:, None].astype(np.float32)
    assert not any(from_one_head(window, 125.0) for window in filtered_windows(samples, 250.0))


def test_one_source_on_all_electrodes_is_no_head():
    rng = np.random.default_rng(0)
    gains = rng.uniform(0.5, 1.5, (16, 1))
    samples = gains * rng.standard_normal(2000) + 0.01 * rng.standard_normal((16, 2000))
    assert not any(from_one_head(w, 125.0) for w in filtered_windows(20 * samples, 250.0))


def test_three_electrodes_cannot_tell():
    assert from_one_head(np.random.default_rng(0).standard_normal((3, 625)), 125.0)
    assert common_field(np.ones((3, 625)), 125.0) == 0.0
    assert np.isfinite(common_field(np.zeros((5, 625)), 125.0))
