from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdjpt.signal.filters import chain_gain, filter_recording, filter_window, recording_windows
from mdjpt.signal.mains import Spectrum, mains_lines, robust_amplitude, without_hum
from mdjpt.signal.quality import electrode_quality
from mdjpt.signal.resampling import resample

EEG = Path(__file__).parent / "data" / "science_eeg.npz"
RATES = [125.0, 250.0, 500.0]
LOUD = [(50.0, 300), (49.92, 3000), (60.0, 300), (60.05, 3000)]


def eeg(sfreq):
    with np.load(EEG) as arrays:
        raw, own = arrays["samples"].astype(np.float64), float(arrays["sfreq"])
    return resample(raw, own, sfreq, 0.0, int((raw.shape[1] - 1) * sfreq / own))


def hum(n_times, sfreq, hz, microvolts):
    """Return mains whose amplitude breathes by a tenth."""
    times = np.arange(n_times) / sfreq
    breath = 1 + 0.1 * np.sin(2 * np.pi * 0.3 * times)
    return microvolts * breath * np.sin(2 * np.pi * hz * times + 1)


def live(raw, sfreq, first):
    n_margin = round(2 * sfreq)
    return filter_window(raw[:, first - n_margin : first + round(5 * sfreq)], sfreq, n_margin)


def starts(raw, sfreq, step_s=4.0):
    return list(range(round(4 * sfreq), raw.shape[1] - round(5 * sfreq), round(step_s * sfreq)))


def agreement(a, b):
    return [np.corrcoef(p, q)[0, 1] for p, q in zip(np.vstack(a), np.vstack(b), strict=True)]


@pytest.mark.parametrize(("hz", "microvolts"), LOUD)
@pytest.mark.parametrize("sfreq", RATES)
def test_the_line_is_found_by_itself_on_the_electrodes_that_hum(sfreq, hz, microvolts):
    raw = eeg(sfreq)
    raw[2:5] += hum(raw.shape[1], sfreq, hz, microvolts)
    for first in starts(raw, sfreq):
        window = raw[:, first : first + round(5 * sfreq)]
        assert mains_lines(window, sfreq).tolist() == [0, 0, *[round(hz)] * 3, 0, 0, 0]


@pytest.mark.parametrize(("sfreq", "found"), [(100.0, []), (110.0, [50]), (125.0, [50, 60])])
def test_a_line_above_half_the_sampling_rate_is_not_looked_for(sfreq, found):
    raw = eeg(sfreq)[:, : round(5 * sfreq)]
    humming = [raw + hum(raw.shape[1], sfreq, hz, 300) for hz in (50.0, 60.0)]
    lines = np.unique([mains_lines(x, sfreq) for x in humming])
    assert lines[lines > 0].tolist() == found


def test_less_than_a_second_and_lost_samples_tell_nothing():
    raw = eeg(250.0)[:, :1250] + hum(1250, 250.0, 50.0, 300)
    assert not mains_lines(raw[:, :200], 250.0).any()
    raw[3, 7] = np.nan
    assert mains_lines(raw, 250.0).tolist() == [50, 50, 50, 0, 50, 50, 50, 50]


def test_the_unit_makes_no_difference():
    raw = eeg(250.0)[:, :1250] + hum(1250, 250.0, 50.0, 80) * np.linspace(0, 2, 8)[:, None]
    lines = mains_lines(raw, 250.0)
    assert set(lines) == {0.0, 50.0}
    np.testing.assert_array_equal(mains_lines(raw * 1e-6, 250.0), lines)


@pytest.mark.parametrize(("hz", "microvolts"), LOUD)
@pytest.mark.parametrize("sfreq", RATES)
def test_loud_mains_leave_live_windows_and_recordings_as_they_were(sfreq, hz, microvolts):
    clean = eeg(sfreq)
    raw = clean + hum(clean.shape[1], sfreq, hz, microvolts)
    firsts = starts(raw, sfreq)
    online, quiet = ([live(x, sfreq, first) for first in firsts] for x in (raw, clean))
    offline = list(recording_windows(raw, sfreq, firsts))
    assert min(agreement(online, quiet)) > 0.997
    assert min(agreement(offline, list(recording_windows(clean, sfreq, firsts)))) > 0.997
    whole = agreement([filter_recording(raw, sfreq)], [filter_recording(clean, sfreq)])
    assert min(whole) > 0.998
    assert np.median(agreement(online, offline)) > 0.9965  # without hum 0.998


@pytest.mark.parametrize("sfreq", RATES)
def test_the_beginning_and_the_end_of_a_humming_recording_are_clean(sfreq):
    clean = eeg(sfreq)
    raw = clean + hum(clean.shape[1], sfreq, 50.0, 3000)
    ends = [0, raw.shape[1] - round(5 * sfreq)]
    both = [recording_windows(x, sfreq, ends) for x in (raw, clean)]
    assert min(agreement(*map(list, both))) > 0.98
    begun, quiet = (filter_window(x[:, : round(5 * sfreq)], sfreq, 0) for x in (raw, clean))
    assert min(agreement([begun], [quiet])) > 0.98


@pytest.mark.parametrize("microvolts", [0, 20, 300])
def test_chunks_and_hops_do_not_show(microvolts):
    raw = eeg(250.0)
    raw = np.hstack([raw, raw[:, ::-1], raw])
    raw[::2] += hum(raw.shape[1], 250.0, 49.95, microvolts)
    firsts = list(range(0, raw.shape[1] - 1250, 625))
    whole = np.stack(list(recording_windows(raw, 250.0, firsts, chunk_s=1e9)))
    np.testing.assert_allclose(
        np.stack(list(recording_windows(raw, 250.0, firsts, chunk_s=10.0))), whole, atol=1e-3
    )
    np.testing.assert_array_equal(
        np.stack(list(recording_windows(raw, 250.0, firsts[::2], chunk_s=1e9))), whole[::2]
    )


def test_mains_that_come_and_go_are_notched_while_they_are_there():
    clean = eeg(250.0)
    raw = clean.copy()
    raw[:, 3000:6000] += hum(3000, 250.0, 50.0, 300)
    found = [mains_lines(raw[:, first : first + 1250], 250.0)[0] for first in (1000, 4000, 6500)]
    assert found == [0.0, 50.0, 0.0]
    windows, quiet = (list(recording_windows(x, 250.0, [1000, 4000, 6500])) for x in (raw, clean))
    assert min(agreement(windows, quiet)) > 0.995


def test_weak_mains_pass_as_the_band_pass_leaves_them():
    clean = eeg(250.0)
    raw = clean + hum(clean.shape[1], 250.0, 50.0, 20)
    left = (filter_recording(raw, 250.0) - filter_recording(clean, 250.0))[:, 500:-500]
    assert chain_gain([50.0])[0] == pytest.approx(0.132, abs=0.001)
    np.testing.assert_allclose(left.std(axis=1), 20 * 0.132 / np.sqrt(2), rtol=0.02)


def test_the_notch_is_narrow_and_without_shift():
    hz = np.array([10.0, 30.0, 40.0, 45.0, 49.9, 50.0, 50.1])
    share = chain_gain(hz, 50.0) / chain_gain(hz)
    assert (share[:3] > 0.96).all()
    assert share[3] > 0.89
    assert (share[4:] < 0.005).all()
    for line in (50.0, 60.0):
        x = 20 * hum(5000, 250.0, 10.0, 1)[None] + hum(5000, 250.0, line, 100)
        tone = 20 * hum(5000, 250.0, 10.0, 1)[None, 1000:4000:2]
        assert np.abs(filter_recording(x, 250.0)[:, 500:2000] - tone).max() < 0.3


def test_loud_mains_make_no_electrode_bad():
    clean = eeg(250.0)
    for hz in (50.0, 49.93, 60.0):
        raw = clean + hum(clean.shape[1], 250.0, hz, 3000)
        for first in starts(raw, 250.0):
            window = slice(first, first + 1250)
            quality = electrode_quality(raw[:, window], 250.0)
            assert quality.good.all()
            expected = electrode_quality(clean[:, window], 250.0).amplitude
            np.testing.assert_allclose(quality.amplitude, expected, rtol=0.15)


def test_hum_that_no_notch_takes_out_stays_a_fault():
    raw = eeg(250.0)[:, :1250]
    times = np.arange(1250) / 250
    fifty = np.sin(2 * np.pi * 50 * times)
    crackle = np.repeat(np.random.default_rng(0).uniform(0, 1, 50), 25)
    raw[1] += 2000 * np.sin(2 * np.pi * 2.5 * times) * fifty
    raw[2] = np.clip(raw[2] + 3000 * fifty, -1500, 1500)
    raw[3] += 3000 * crackle * fifty
    expected = ("", "mains", "railed", "mains", "", "", "", "")
    assert electrode_quality(raw, 250.0).reason == expected


def test_hum_is_taken_off_the_ends_and_nothing_else_is():
    clean = eeg(250.0)
    assert without_hum(clean, np.zeros(8), 250.0) is clean
    raw = clean + hum(clean.shape[1], 250.0, 49.95, 1000)
    lines = np.full(8, 50.0)
    lines[7] = 0
    quiet = without_hum(raw, lines, 250.0)
    np.testing.assert_array_equal(quiet[7], raw[7])
    np.testing.assert_array_equal(quiet[:, 500:-500], raw[:, 500:-500])
    for end in (slice(0, 125), slice(-125, None)):
        assert (quiet[:7, end] - clean[:7, end]).std() < 10
    whole = without_hum(raw[:, :1000], lines, 250.0)[:7] - clean[:7, :1000]
    assert whole.std() < 10


def test_a_spectrum_measures_the_line_and_the_band():
    times = np.arange(1250) / 250
    x = np.stack([100 * np.sin(2 * np.pi * 50.1 * times), 20 * np.sin(2 * np.pi * 10 * times)])
    spectrum = Spectrum.of(x + 1e5, 250.0)
    level = np.sqrt(spectrum.around(50.0, 1.0)[1].sum(axis=1))
    assert level[0] == pytest.approx(100 / np.sqrt(2), rel=0.02)
    assert level[1] < 0.1
    assert robust_amplitude(spectrum.band())[1] == pytest.approx(1.4826 * 20 / np.sqrt(2), rel=0.02)
    assert spectrum.lines().tolist() == [50.0, 0.0]
    assert spectrum.n_times == 1250
