"""What is shown means what it says: fitted through the smoothing, tested on other people."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.alignment import AlignmentConfig
from mdjpt.calibration.confidence import (
    expected_calibration_error,
    fit_confidence,
    shown_probabilities,
    smoothed,
    softmax,
)
from mdjpt.calibration.decoder import EmotionModel
from mdjpt.calibration.decoding import aligned_logits, encode_session
from mdjpt.errors import ModelError
from tests.support.calibration_cases import eeg_windows, small_bundle

HOP_S = 1.0


def people(n, seed, scale=4.0, n_windows=240):
    """Return logits that overstate what they know, in blocks of 20 windows with transitions.

    What leads astray lasts for about as long as a block, as a clip's own does.
    """
    rng = np.random.default_rng(seed)
    logits, labels = [], []
    for _ in range(n):
        truth = np.repeat(rng.integers(0, 3, n_windows // 20), 20)
        skill = rng.uniform(0.3, 1.5)
        astray = np.repeat(rng.standard_normal((n_windows // 20, 3)), 20, axis=0)
        evidence = skill * np.eye(3)[truth] + 0.6 * astray
        evidence += 0.4 * rng.standard_normal((n_windows, 3))
        logits.append(scale * evidence)
        labels.append(np.where(np.arange(n_windows) % 20 < 5, -1, truth))
    return logits, labels


def test_what_is_shown_to_other_people_is_as_often_right_as_it_says():
    fit = fit_confidence(*people(60, seed=0), hop_s=HOP_S)
    logits, labels = people(60, seed=1)
    truth = np.concatenate(labels)
    shown = shown_probabilities(logits, fit.temperature, hop_s=HOP_S)
    known = truth >= 0
    assert expected_calibration_error(shown[known], truth[known]) <= 0.05
    assert fit.calibration_error <= 0.05
    windows_alone = fit_confidence(*people(60, seed=0), hop_s=HOP_S, smoothing_s=1e-3)
    otherwise = shown_probabilities(logits, windows_alone.temperature, hop_s=HOP_S)
    assert expected_calibration_error(otherwise[known], truth[known]) > 0.05


def test_what_is_kept_is_right_as_often_as_wanted():
    fit = fit_confidence(*people(60, seed=0), hop_s=HOP_S, wanted_accuracy=0.9)
    logits, labels = people(60, seed=1)
    shown, truth = shown_probabilities(logits, fit.temperature, hop_s=HOP_S), np.concatenate(labels)
    kept = (truth >= 0) & (shown.max(axis=1) >= fit.abstain_below)
    assert (shown.argmax(axis=1) == truth)[kept].mean() > 0.85
    assert kept.sum() > 0.25 * (truth >= 0).sum()


def test_no_person_is_smoothed_into_the_next():
    logits, _ = people(2, seed=3)
    shown = shown_probabilities(logits, 2.0, hop_s=HOP_S)
    np.testing.assert_allclose(shown[240], softmax(logits[1][0], 2.0))


def test_people_without_labels_are_refused():
    logits, labels = people(2, seed=0)
    with pytest.raises(ValueError, match="no window has a label"):
        fit_confidence(logits, [np.full(240, -1)] * 2, hop_s=HOP_S)
    with pytest.raises(ValueError, match="as many labels"):
        fit_confidence(logits, labels[:1], hop_s=HOP_S)
    with pytest.raises(ValueError, match="no window has a label"):
        fit_confidence([], [], hop_s=HOP_S)


@pytest.mark.parametrize(
    "config",
    [
        AlignmentConfig(),
        AlignmentConfig("moments", prior_s=5.0),
        AlignmentConfig("moments", prior_s=5.0, class_covering=True),
        AlignmentConfig("rows", prior_s=5.0),
        AlignmentConfig("covariance-mixed", prior_s=5.0),
    ],
    ids=lambda c: c.kind,
)
def test_a_whole_session_is_decoded_as_window_by_window(config):
    bundle, windows = small_bundle(), eeg_windows(20, seed=8, gain=1.5)
    windows[7] = 30 * np.random.default_rng(0).standard_normal(windows[7].shape)
    features = encode_session(bundle, windows, hop_s=HOP_S, alignment=config)
    logits = aligned_logits(bundle, features, hop_s=HOP_S, alignment=config)
    model = EmotionModel(bundle, config)
    keep, shown = np.exp(-HOP_S / 3.0), []
    for window in windows:
        now = model.estimate(window).probabilities
        shown.append(now if not shown else keep * shown[-1] + (1 - keep) * now)
        model.learn(HOP_S, shown[-1])
    together = smoothed(softmax(logits, bundle.temperature), np.zeros(20, int), keep)
    np.testing.assert_allclose(together, np.array(shown), atol=1e-5)
    assert not np.allclose(together[0], together[-1])
    np.testing.assert_array_equal(logits[7], 0.0)


def test_a_bundle_without_a_head_decodes_nothing():
    bundle = small_bundle(head=None, class_names=())
    with pytest.raises(ModelError, match="no emotion head"):
        aligned_logits(bundle, np.zeros((1, 8), np.float32), hop_s=HOP_S)
