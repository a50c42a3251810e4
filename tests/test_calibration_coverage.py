import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mdjpt.calibration.coverage import (
    WANTED_ACCURACY,
    choose_threshold,
    least_threshold,
    lower_bound,
)


def answers(right, confidence, n_windows=4, n_classes=2):
    """Return probabilities, labels and trials: one right flag and one confidence a trial."""
    labels = np.arange(len(right)) % n_classes
    says = np.where(right, labels, (labels + 1) % n_classes)
    rest = (1.0 - np.asarray(confidence)) / (n_classes - 1)
    p = np.repeat(rest[:, None], n_classes, axis=1)
    p[np.arange(len(right)), says] = confidence
    trial = np.repeat(np.arange(len(right)), n_windows)
    return p[trial], labels[trial], trial


def test_a_decoder_that_is_always_right_labels_everything():
    found = choose_threshold(*answers(np.ones(8, bool), np.linspace(0.6, 0.99, 8)))
    assert found.threshold == least_threshold(2)
    assert (found.coverage, found.accuracy) == (1.0, 1.0)
    assert found.at_least > WANTED_ACCURACY


def test_a_decoder_that_is_right_where_it_is_sure_labels_what_it_is_sure_of():
    right = np.arange(40) < 20
    confidence = np.where(right, 0.95, 0.6) + 1e-3 * np.linspace(0, 1, 40)
    found = choose_threshold(*answers(right, confidence))
    assert 0.6 < found.threshold <= 0.95
    assert found.accuracy >= WANTED_ACCURACY
    assert 0.5 <= found.coverage < 0.8


def test_a_decoder_that_is_right_in_half_promises_nothing():
    right = np.arange(40) % 2 == 0
    found = choose_threshold(*answers(right, np.full(40, 0.8)))
    assert found.at_least < WANTED_ACCURACY
    assert found.accuracy == pytest.approx(0.5)


def test_few_trials_promise_less_than_many():
    bounds = [lower_bound(n, n) for n in (2, 4, 8, 32)]
    assert bounds == sorted(bounds)
    assert bounds[0] < 0.9 < bounds[-1]


@given(st.integers(0, 30), st.integers(1, 30))
def test_the_bound_lies_below_the_share_that_was_right(n_right, n):
    n_right = min(n_right, n)
    assert 0.0 <= lower_bound(n_right, n) <= max(n_right / n, 1e-12)


@pytest.mark.parametrize("accuracy", [0.6, 0.75, 0.9])
def test_the_bound_holds_about_as_often_as_it_says(accuracy):
    n = 30
    holds = sum(
        binom.pmf(k, n, accuracy) for k in range(n + 1) if lower_bound(k, n, 0.8) <= accuracy
    )
    assert holds == pytest.approx(0.8, abs=0.1)


def test_trials_count_the_same_however_many_windows_they_have():
    p, labels, trial = answers(np.array([True, True, False, True]), np.full(4, 0.9))
    once = np.flatnonzero((trial != 2) | (np.arange(len(trial)) == 8))
    many = choose_threshold(p, labels, trial)
    few = choose_threshold(p[once], labels[once], trial[once])
    assert many.accuracy == pytest.approx(0.75)
    assert few == many


@given(st.integers(2, 9))
def test_nothing_is_shown_that_is_more_likely_wrong(n_classes):
    assert least_threshold(n_classes) >= 0.5
    assert least_threshold(n_classes) > 1.0 / n_classes
