"""What is shown means what it says: fitted through the smoothing, tested on other people."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.alignment import AlignmentConfig, build_alignment
from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.calibration.confidence import (
    expected_calibration_error,
    fit_confidence,
    shown_probabilities,
    softmax,
)
from mdjpt.calibration.decoder import EmotionDecoder, answered_logits
from mdjpt.calibration.smoothing import smoothed
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
def test_a_window_is_answered_before_it_is_learned_from(config):
    bundle, windows = small_bundle(), eeg_windows(20, seed=8, gain=1.5)
    windows[7] = 30 * np.random.default_rng(0).standard_normal(windows[7].shape)
    decoder = EmotionDecoder(bundle, HOP_S, config)
    answers = [decoder.decode(window, k) for k, window in enumerate(windows)]
    logits = answered_logits(answers)
    together = smoothed(softmax(logits, bundle.temperature), np.zeros(20, int), HOP_S)
    shown = np.array([list(answer.probabilities.values()) for answer in answers])
    np.testing.assert_allclose(together, shown, atol=1e-12)
    assert not np.allclose(together[0], together[-1])
    assert not answers[7].estimate.familiar
    np.testing.assert_array_equal(logits[7], 0.0)
    # By hand, from the parts: what a window teaches shows from the next one on.
    aligners = build_alignment(config, bundle, n_classes=3)
    encoder, mean = AlignedEncoder(bundle, aligners), None
    for answer, window in zip(answers, windows, strict=True):
        feature = encoder.encode_next(window)
        np.testing.assert_allclose(feature, answer.feature, atol=1e-7)
        own = bundle.head.predict_proba(aligners.features.transform(feature)[None])[0]
        own = own if answer.estimate.familiar else np.full(3, 1 / 3)
        mean = own if mean is None else np.exp(-1 / 3) * mean + (1 - np.exp(-1 / 3)) * own
        np.testing.assert_allclose(mean, list(answer.probabilities.values()), atol=1e-6)
        if answer.estimate.familiar:
            encoder.learn(HOP_S, mean)


@pytest.mark.parametrize("covering", [False, True])
def test_features_that_were_encoded_once_are_decoded_like_their_windows(covering):
    bundle, windows = small_bundle(), eeg_windows(12, seed=9, gain=1.5)
    config = AlignmentConfig("moments", prior_s=5.0, class_covering=covering)
    first, second = (EmotionDecoder(bundle, HOP_S, config) for _ in range(2))
    for k, (window, feature) in enumerate(zip(windows, bundle.features(windows), strict=True)):
        live, replayed = first.decode(window, 2 * k), second.decode_feature(feature, 2 * k)
        for name, probability in live.probabilities.items():
            assert replayed.probabilities[name] == pytest.approx(probability, abs=1e-6)
    for name, array in first.state_dict().items():
        np.testing.assert_allclose(second.state_dict()[name], array, rtol=1e-5, atol=1e-9)


def test_an_alignment_before_the_features_needs_the_windows():
    decoder = EmotionDecoder(small_bundle(), HOP_S, AlignmentConfig("rows"))
    with pytest.raises(ValueError, match="rows alignment needs windows"):
        decoder.decode_feature(np.zeros(decoder.alignment.features.mean.shape, np.float32))


def test_a_bundle_without_a_head_gives_features_and_no_answer():
    bundle = small_bundle(head=None, class_names=())
    answer = EmotionDecoder(bundle, HOP_S, AlignmentConfig("moments")).decode(eeg_windows(1)[0])
    assert answer.probabilities == {}
    assert np.isfinite(answer.feature).all()
    assert answer.estimate.logits.size == 0
