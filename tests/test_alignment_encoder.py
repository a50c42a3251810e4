"""The aligned encoder: predict first, then adapt; finite whatever the electrodes do."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.alignment import KINDS, AlignmentConfig, build_alignment
from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.signal.window import Preprocessor
from tests.support.calibration_cases import eeg_windows, small_bundle
from tests.support.fakes import eeg_like

BUNDLE = small_bundle()
NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Pz")
every = pytest.mark.parametrize("kind", KINDS)


def aligned(kind, bundle=BUNDLE, **settings):
    config = AlignmentConfig(kind, **settings)
    return AlignedEncoder(bundle, build_alignment(config, bundle))


@every
def test_the_first_window_is_decoded_as_without_alignment(kind):
    windows = eeg_windows(2, seed=5)
    expected = BUNDLE.encoder().feature(windows, stats=BUNDLE.row_stats)
    encoder = aligned(kind)
    for window, feature in zip(windows, expected, strict=True):
        np.testing.assert_allclose(encoder.encode_next(window), feature, rtol=2e-4, atol=1e-7)


@every
def test_what_was_learned_shows_from_the_next_window_on(kind):
    encoder, window = aligned(kind, prior_s=1.0), eeg_windows(1, seed=6, gain=3.0)[0]
    before = encoder.encode_next(window)
    for _ in range(5):
        encoder.learn(5.0)
        again = encoder.encode_next(window)
    same = kind in ("none", "moments")
    assert np.array_equal(again, before) == same
    features = encoder.alignment.features
    moved = not np.array_equal(features.mean, BUNDLE.feature_mean.astype(np.float64))
    assert moved == (kind in ("moments", "rows"))


def test_learning_twice_from_one_window_counts_once():
    encoder = aligned("moments")
    encoder.encode_next(eeg_windows(1)[0])
    encoder.learn(5.0)
    mean = encoder.alignment.features.mean.copy()
    encoder.learn(5.0)
    np.testing.assert_array_equal(encoder.alignment.features.mean, mean)


@pytest.mark.parametrize("kind", ["none", "rows"])
def test_a_model_without_statistics_normalises_over_the_past_where_it_may(kind):
    bundle = small_bundle(row_stats=None, centroids=None)
    windows = eeg_windows(12, seed=7)
    encoder = aligned(kind, bundle, memory_s=1e9)
    features = []
    for window in windows:
        features.append(encoder.encode_next(window))
        encoder.learn(5.0)
    group = bundle.encoder().feature(windows, group_size=12)[-1]
    alone = bundle.encoder().feature(windows[-1:], group_size=1)[0]
    distance = [float(np.linalg.norm(f - features[-1])) for f in (group, alone)]
    assert (distance[0] < 0.35 * distance[1]) == (kind == "rows")
    assert (distance[1] == 0.0) == (kind == "none")


def test_the_state_of_every_stage_is_saved():
    encoder, window = aligned("rows"), eeg_windows(1, seed=6, gain=3.0)[0]
    for _ in range(3):
        encoder.encode_next(window)
        encoder.learn(5.0)
    other = aligned("rows")
    other.alignment.load_state_dict(encoder.alignment.state_dict())
    np.testing.assert_array_equal(other.encode_next(window), encoder.encode_next(window))


FAULTS = {
    "nothing": lambda x: x,
    "NaN": lambda x: x.__setitem__((2, slice(900, 910)), np.nan),
    "flat": lambda x: x.__setitem__((slice(0, 3), slice(None)), 0.0),
    "bridged": lambda x: x.__setitem__(1, x[0]),
    "railed": lambda x: x.__setitem__((3, slice(None)), 187_500.0),
    "average-referenced": lambda x: np.subtract(x, x.mean(axis=0), out=x),
    "half the cap off": lambda x: x.__setitem__((slice(0, 6), slice(None)), 0.0),
    "mains": lambda x: np.add(x, 30 * np.sin(np.arange(x.shape[1]) * 0.4 * np.pi), out=x),
    "volts for microvolts": lambda x: np.multiply(x, 1e-6, out=x),
    "DC 50 mV": lambda x: np.add(x, 50_000.0, out=x),
}


@every
@pytest.mark.parametrize("fault", list(FAULTS))
def test_features_stay_finite_whatever_the_electrodes_do(kind, fault):
    samples = eeg_like(len(NAMES), 2600).astype(np.float32)
    FAULTS[fault](samples)
    preprocess = Preprocessor(NAMES, 125.0)
    encoder = aligned(kind)
    for first in range(0, 1900, 400):
        raw = samples[:, max(0, first - 250) : first + 625]
        prepared = preprocess(raw, min(first, 250), first + 625)
        if prepared.window is None:
            continue
        feature = encoder.encode_next(prepared.window)
        standardised = encoder.alignment.features.transform(feature)
        encoder.learn(3.2)
        assert np.isfinite(feature).all()
        assert np.isfinite(standardised).all()
