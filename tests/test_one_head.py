from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdjpt.calibration.novelty import NOISES, noise
from mdjpt.recordings import read_recording
from mdjpt.signal.filters import recording_windows
from mdjpt.signal.one_head import OneHead
from mdjpt.signal.quality import common_field, field_of, from_one_head, shared_field

PATH = Path(__file__).parent.parent / "assets" / "recordings" / "physionet_S001R01_30s.edf"
NEAR = ("C3", "CZ", "C4", "CPZ")
SFREQ = 250.0


def eeg(names):
    """Return two minutes: the recording forwards and backwards by turns, without a jump."""
    recording = read_recording(PATH)
    known = [name.strip(".").upper() for name in recording.ch_names]
    part = recording.samples[[known.index(name) for name in names]]
    return np.hstack([part, part[:, ::-1], part, part[:, ::-1]]), recording.sfreq


def judged(samples, sfreq, hop_s=1.0, head=None):
    """Return the verdict of the stream and of the window by itself, for each window."""
    firsts = range(0, samples.shape[1] - round(5 * sfreq) + 1, round(hop_s * sfreq))
    head, good = head or OneHead(), np.ones(len(samples), bool)
    windows = list(recording_windows(samples, sfreq, list(firsts)))
    stream = [head(x, good, 125.0, k / sfreq + 5.0) for x, k in zip(windows, firsts, strict=True)]
    return np.array(stream), np.array([from_one_head(x, 125.0) for x in windows])


def test_electrodes_near_each_other_are_no_noise_after_three_quarters_of_a_minute():
    samples, sfreq = eeg(NEAR)
    stream, alone = judged(samples, sfreq)
    assert alone.mean() < 0.6, "one window by itself is often too little"
    assert stream[:40].tolist() == alone[:40].tolist()
    assert stream[42:].mean() > 0.95


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("n_channels", [4, 5, 7])
def test_noise_of_few_electrodes_stays_noise(n_channels, kind):
    samples = noise(kind, n_channels, 250 * 120, SFREQ, np.random.default_rng(n_channels))
    for hop_s in (0.5, 5.0):
        stream, alone = judged(samples, SFREQ, hop_s)
        assert not stream[~alone].any()
        assert alone.mean() < 0.02


def test_a_cap_that_comes_off_is_noise_at_once():
    samples, sfreq = eeg(("FP1", "FP2", "C3", "C4"))
    off = noise("pink", 4, samples.shape[1], sfreq, np.random.default_rng(0))
    both = np.hstack([samples, off * samples.std() / off.std()])
    stream, alone = judged(both, sfreq)
    n_on = int(samples.shape[1] / sfreq) - 5
    assert stream[:n_on].all()
    assert not stream[n_on + 5 :][~alone[n_on + 5 :]].any()
    assert alone[n_on + 5 :].mean() < 0.02


@pytest.mark.parametrize("n_channels", [2, 3, 8])
def test_other_numbers_are_judged_by_the_window_alone(n_channels):
    samples = noise("pink", n_channels, 250 * 60, SFREQ, np.random.default_rng(1))
    stream, alone = judged(samples, SFREQ)
    np.testing.assert_array_equal(stream, alone)


def test_the_common_field_is_that_of_its_pairs():
    x = noise("pink", 5, 625, 125.0, np.random.default_rng(0))
    field = field_of(x, 125.0)
    assert field.shape == (5, 5)
    assert common_field(x, 125.0) == shared_field(field)
