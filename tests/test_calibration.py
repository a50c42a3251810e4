"""A personal decoder is trained without dividing trials, and says how sure it may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdjpt.calibration.affect import concordance, fit_affect
from mdjpt.calibration.confidence import (
    abstention_threshold,
    best_temperature,
    coverage_accuracy,
    expected_calibration_error,
    reliability,
    softmax,
)
from mdjpt.calibration.evidence import Uncalibrated
from mdjpt.calibration.families import FAMILIES
from mdjpt.calibration.head_fitting import fit_anchored, fit_ridge
from mdjpt.calibration.heads import GeneralHead, LinearHead, head_from
from mdjpt.calibration.label_sets import LABEL_SETS, map_label, mapping_matrix
from mdjpt.calibration.smoothing import smoothed
from mdjpt.calibration.training import (
    CalibrationResult,
    NotBetterError,
    UnprovenError,
    train_personal_decoder,
)
from mdjpt.calibration.trials import LabelledFeatures, balanced_weights, class_order
from mdjpt.errors import ProfileError
from mdjpt.network.emotion_head import Head
from tests.support.calibration_cases import (
    CAP,
    CLASSES,
    N_FEATURES,
    labelled,
    small_bundle,
    with_electrodes,
)


def standardised(data):
    weights, x = data.weights, data.features.astype(np.float64)
    mean = weights @ x
    return (x - mean) / np.sqrt(weights @ (x - mean) ** 2)


def general_head(data):
    """Return a head that was trained on other people with the same classes."""
    others = labelled(seed=99, n_features=data.features.shape[1], effect=2.0)
    head = Head.fit(standardised(others), others.window_label, 3, n_epochs=40, batch_size=32)
    return GeneralHead(head, np.eye(3), 1.0)


@pytest.mark.parametrize("anchored", [True, False])
def test_every_head_learns_what_can_be_learned_and_comes_back_from_its_arrays(anchored):
    data, test = labelled(effect=3.0), labelled(effect=3.0, seed=1)
    x, targets = standardised(data), np.eye(3)[data.window_label]
    if anchored:
        head = fit_anchored(x, targets, data.weights, general_head(data), 10.0)
    else:
        head = LinearHead(*fit_ridge(x, targets, data.weights, 1.0))
    logits = head.logits(standardised(test))
    assert logits.dtype == np.float32
    assert logits.shape == (len(test.features), 3)
    assert (logits.argmax(axis=1) == test.window_label).mean() > 0.7
    assert (head.n_features, head.n_classes) == (N_FEATURES, 3)
    again = head_from(head.arrays)
    assert type(again) is type(head)
    np.testing.assert_array_equal(again.logits(x), head.logits(x))
    with pytest.raises(ValueError, match=r"unknown array|holds weight and bias"):
        head_from(head.arrays | {"more": np.zeros(1, np.float32)})


@pytest.mark.parametrize("n", [20, 200])
def test_ridge_is_scikit_learns_with_few_windows_and_with_many(n):
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((n, 30)), rng.standard_normal((n, 2))
    weights = rng.uniform(0.5, 1.5, n)
    weights /= weights.sum()
    weight, bias = fit_ridge(x, y, weights, 0.7)
    centred = x - weights @ x
    alpha = 0.7 * np.mean(weights @ centred**2)
    expected = linear.Ridge(alpha=alpha).fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(weight, expected.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(bias, expected.intercept_, rtol=1e-6, atol=1e-9)


def test_trials_count_the_same_however_long_and_so_do_classes():
    trial = np.array([0, 0, 0, 0, 1, 2, 2])
    weights = balanced_weights(trial, np.array([0, 0, 1]))
    np.testing.assert_allclose(np.bincount(trial, weights), [0.25, 0.25, 0.5])


def test_a_head_at_infinite_distance_from_its_trials_is_the_general_head():
    data = labelled()
    general, x = general_head(data), standardised(data)
    targets = np.eye(3)[data.window_label]
    far = fit_anchored(x, targets, data.weights, general, np.inf)
    np.testing.assert_allclose(far.logits(x), general.predict_proba(x), atol=1e-6)
    near = fit_anchored(x, targets, data.weights, general, 1e12)
    np.testing.assert_allclose(near.logits(x), far.logits(x), atol=0.5)


def test_a_good_calibration_is_better_than_chance_and_calibrated():
    data = with_electrodes(labelled(n_per_class=8, effect=2.5), strength=0.3)
    decoder = train_personal_decoder(data)
    evidence = decoder.evidence
    assert evidence.verdict == "better"
    assert evidence.n_trials == 24
    assert evidence.low < evidence.accuracy < evidence.high or evidence.high == 1.0
    assert evidence.chance == pytest.approx(1 / 3)
    assert "24 trials" in evidence.summary()
    test = with_electrodes(labelled(n_per_class=20, effect=2.5, seed=7), strength=0.3, seed=1)
    shown = smoothed(decoder.predict_proba(test.windows), test.trial, 0.5)
    assert expected_calibration_error(shown, test.window_label) < 0.12
    assert 1 / 3 < decoder.abstain_below < 1
    assert decoder.ch_names == CAP
    assert decoder.families == tuple(family.name for family in FAMILIES)
    assert [name for name, _ in decoder.compared] == list(decoder.families)
    assert not decoder.notes


def test_without_electrodes_the_encoders_family_decodes_alone():
    decoder = train_personal_decoder(labelled(effect=2.0))
    assert (decoder.families, decoder.ch_names) == (("encoder",), ())


def test_the_same_seed_gives_the_same_decoder():
    data = with_electrodes(labelled(effect=2.0))
    first, second = (train_personal_decoder(data) for _ in range(2))
    assert first.families == second.families
    for name, array in first.pool.arrays.items():
        np.testing.assert_array_equal(second.pool.arrays[name], array)
    assert first.evidence == second.evidence


def test_noise_is_accepted_about_as_rarely_as_promised():
    accepted = 0
    for seed in range(40):
        data = labelled(n_per_class=4, effect=0.0, seed=seed, n_features=12, n_windows=4)
        unrated = replace(data, ratings=None)
        verdict = train_personal_decoder(unrated).evidence.verdict
        accepted += verdict == "better"
    assert accepted <= 6  # 5 % of 40 is 2; more than 6 has a probability of 0.3 %


def test_a_few_trials_do_not_lose_what_the_general_head_knows():
    data, test = labelled(n_per_class=2, effect=1.5), labelled(effect=1.5, seed=3, n_per_class=20)
    decoder = train_personal_decoder(data, general=general_head(data))
    right = decoder.predict_proba(test.windows).argmax(axis=1) == test.window_label
    alone = train_personal_decoder(data)
    right_alone = alone.predict_proba(test.windows).argmax(axis=1) == test.window_label
    assert right.mean() > right_alone.mean()


def test_one_block_a_class_proves_nothing():
    data = labelled(effect=2.0)
    order = np.argsort(data.window_label, kind="stable")
    blocks = LabelledFeatures(
        data.features[order], data.trial, np.sort(data.label), CLASSES, data.hop_s
    )
    decoder = train_personal_decoder(blocks)
    assert decoder.evidence.verdict == "cannot be told"
    assert "in 1 separate block cannot be told from a drift" in decoder.notes[0]
    assert decoder.affect is None
    kept = CalibrationResult(decoder).profile(small_bundle(), None, unproven=True)
    assert kept.current.unproven
    with pytest.raises(UnprovenError, match="at least 3 separate blocks, mixed: negative neutral"):
        CalibrationResult(decoder).profile(small_bundle(), None)
    # It is kept for want of proof, not against it.
    poor = replace(decoder, evidence=replace(decoder.evidence, n_correct=0, low=0.0, high=0.6))
    with pytest.raises(NotBetterError, match="the model as it is") as error:
        CalibrationResult(poor, Uncalibrated(0.7, 0.7)).profile(small_bundle(), None, unproven=True)
    assert not isinstance(error.value, UnprovenError)


@pytest.mark.parametrize(
    ("names", "label", "words"),
    [(("a",), [0, 0], "2 to 9"), (("a", "b"), [0, 0], "'b'")],
)
def test_too_few_classes_or_trials_are_refused(names, label, words):
    with pytest.raises(ProfileError, match=words):
        LabelledFeatures(np.zeros((2, 4), np.float32), np.arange(2), np.array(label), names, 0.5)
    with pytest.raises(ProfileError, match="not finite"):
        LabelledFeatures(
            np.full((2, 4), np.nan, np.float32), np.arange(2), np.arange(2), ("a", "b"), 0.5
        )


def test_valence_that_is_there_is_found_and_arousal_that_is_not_is_left_out():
    data = labelled(n_per_class=10, effect=3.0)
    affect = fit_affect(data, standardised(data))
    assert affect is not None
    assert affect.names == ("valence",)
    predicted = affect.predict(standardised(data))[:, 0]
    assert np.corrcoef(predicted, data.ratings[data.trial, 0])[0, 1] > 0.6
    assert predicted.min() >= data.ratings[:, 0].min() - 1e-6
    unrated = LabelledFeatures(
        data.features, data.trial, data.label, data.class_names, 0.5, data.ratings * np.nan
    )
    assert fit_affect(unrated, standardised(data)) is None


def test_concordance_is_one_for_equal_and_less_for_shifted_ratings():
    x = np.arange(10.0)
    assert concordance(x, x) == 1.0
    assert concordance(x + 3, x) < 0.7
    assert concordance(np.zeros(10), np.zeros(10)) == 0.0


def test_the_temperature_brings_confidence_to_what_is_right():
    rng = np.random.default_rng(0)
    true = rng.standard_normal((4000, 3))
    labels = np.array([rng.choice(3, p=p) for p in softmax(true)])
    trial = np.arange(4000)
    weights = np.full(4000, 1 / 4000)
    temperature = best_temperature(4 * true, labels, trial, weights, 1.0, time_constant_s=0.0)
    assert temperature == pytest.approx(4.0, rel=0.2)
    assert expected_calibration_error(softmax(4 * true), labels) > 0.15
    assert expected_calibration_error(softmax(4 * true, temperature), labels) < 0.05


def test_reliability_and_coverage_count_every_window():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.3, 0.7]])
    labels = np.array([0, 1, 0, 1])
    bins = reliability(probabilities, labels)
    assert sum(b.n for b in bins) == 4
    assert expected_calibration_error(probabilities, labels) == pytest.approx(
        (0.1 + 0.8 + 0.45 + 0.3) / 4
    )
    curve = coverage_accuracy(probabilities, labels)
    assert curve[0][1:] == (1.0, 0.75)


def test_smoothing_starts_again_with_each_trial():
    p = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    out = smoothed(p, np.array([0, 0, 1]), hop_s=3.0 * np.log(2))
    np.testing.assert_allclose(out[:, 0], [1.0, 0.5, 0.0])


def test_the_threshold_is_never_as_low_as_chance():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    assert abstention_threshold(np.eye(3)[labels] * 0.4 + 0.2, labels) > 1 / 3
    assert abstention_threshold(softmax(0.01 * rng.standard_normal((300, 3))), labels) > 1 / 3


@pytest.mark.parametrize(
    ("label", "classes", "expected"),
    [
        ("sad", LABEL_SETS["SEED"], "negative"),
        ("Happiness", LABEL_SETS["SEED-IV"], "happy"),
        ("sadness", LABEL_SETS["SEED-V"], "sad"),
        ("joy", LABEL_SETS["SEED-VII"], "happy"),
        ("sad", LABEL_SETS["FACED"], "sadness"),
        ("positive", LABEL_SETS["DEAP"], "high valence"),
        ("neutral", LABEL_SETS["DEAP"], None),
        ("negative", LABEL_SETS["SEED-IV"], None),
        ("surprise", LABEL_SETS["SEED"], None),
        ("unheard of", LABEL_SETS["SEED"], None),
    ],
)
def test_labels_are_read_as_those_of_another_set(label, classes, expected):
    assert map_label(label, classes) == expected


def test_probabilities_of_one_set_add_up_to_another():
    matrix = mapping_matrix(LABEL_SETS["SEED-VII"], LABEL_SETS["SEED"])
    np.testing.assert_array_equal(matrix.sum(axis=1), [4, 1, 1])
    assert matrix[:, LABEL_SETS["SEED-VII"].index("surprise")].sum() == 0
    every = [name for names in LABEL_SETS.values() for name in names]
    for name in every:
        assert map_label(name, [name]) == name


def test_classes_keep_the_models_order():
    assert class_order(["b", "x", "a"], ("a", "b", "c")) == ("a", "b", "x")
