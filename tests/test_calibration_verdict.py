"""Blocks, folds and the test against chance: what a drift of the signal must not fake."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mdjpt.calibration.blocks import block_folds, blocks_of, unmixed_pairs
from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.evidence import Evidence, accuracy_interval
from mdjpt.calibration.verdict import (
    LEAST_BLOCKS,
    MAX_ORDERS,
    SIGNIFICANT,
    Design,
    permutation_p,
)
from mdjpt.errors import ProfileError

NAMES = ("calm", "happy", "sad")
labels = st.lists(st.integers(0, 2), min_size=4, max_size=40).map(
    lambda drawn: np.unique(drawn, return_inverse=True)[1]
)


def order(text):
    """Classes of trials from letters."""
    return np.array([ord(letter) - ord("a") for letter in text])


def evidence(design, p_value, accuracy):
    """Return the evidence of a decoder that has so many trials right, chance 0.5."""
    return Evidence(
        n_trials=100,
        n_correct=round(100 * accuracy),
        low=0.0,
        high=1.0,
        chance=0.5,
        p_value=p_value,
        window_accuracy=accuracy,
        calibration_error=0.0,
        design=design,
    )


def learnable(label):
    return np.bincount(label).min() >= 2


# --- blocks and folds ---------------------------------------------------------------------------


def test_a_block_ends_where_another_class_is_shown():
    assert blocks_of(order("aabaccb")).tolist() == [0, 0, 1, 2, 3, 3, 4]
    assert blocks_of(order("")).tolist() == []


@given(labels)
def test_every_class_can_be_learned_without_any_fold_and_folds_are_stretches_of_time(label):
    if not learnable(label):
        with pytest.raises(ProfileError, match="at least 2 trials"):
            block_folds(label)
        return
    folds = block_folds(label)
    assert (np.diff(folds) >= 0).all()
    assert set(folds) == set(range(folds.max() + 1))
    for fold in range(folds.max() + 1):
        assert set(label[folds != fold]) == set(label)


@given(labels)
def test_no_fold_divides_a_block_unless_it_is_the_only_one_of_its_class(label):
    if not learnable(label):
        return
    block, folds = blocks_of(label), block_folds(label)
    for k in range(block.max() + 1):
        own = label[block == k][0]
        n_own = len(np.unique(block[label == own]))
        assert len(np.unique(folds[block == k])) == (1 if n_own > 1 else 2)


def test_single_trials_by_turns_are_held_out_with_their_neighbours():
    assert block_folds(order("abababab")).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert block_folds(order("ab" * 12)).max() == 5  # not one fold a trial


def test_trials_left_out_between_two_blocks_keep_them_apart():
    # Shown a b a b a b, the second b was lost.
    label, block = order("abaab"), np.array([0, 1, 2, 4, 5])
    assert Design.of(label, block).n_blocks == (3, 2)
    assert Design.of(label).n_blocks == (2, 2)
    assert block_folds(label, block).tolist() == [0, 0, 1, 2, 2]
    assert block_folds(label).tolist() == [0, 0, 1, 1, 1]


def test_classes_that_come_one_after_the_other_are_not_mixed_by_a_third():
    assert unmixed_pairs(order("acacacacbcbcbcbc")) == ((0, 1),)
    assert unmixed_pairs(order("acabcbcacabcbc")) == ()


# --- what an order can show ---------------------------------------------------------------------


@pytest.mark.parametrize("text", ["aaaabbbb", "aabbaabb", "ababab", "aaabaabbbb", "abcabc"])
def test_few_blocks_can_show_nothing(text):
    label = order(text)
    design = Design.of(label)
    assert not design.can_tell
    assert evidence(design, 1e-9, 1.0).verdict == "cannot be told"
    needed = 4 if label.max() == 1 else 3
    assert f"at least {needed} separate blocks" in design.lacks(NAMES)
    # Whoever does as told can be told.
    assert Design.of(np.tile(np.arange(label.max() + 1), needed)).can_tell


def test_the_fault_of_an_order_is_named():
    assert "calm in 1 separate block cannot" in Design.of(order("aaabbb")).lacks(NAMES)
    assert "20 orders" in Design.of(order("ababab")).lacks(NAMES)
    assert "calm and happy one after the other" in Design.of(order("acacacbcbcbc")).lacks(NAMES)
    assert Design.of(order("abababab")).lacks(NAMES) == ""
    assert "at best p = 0.014" in Design.of(order("abababab")).at_best(NAMES)
    assert "can show nothing" in Design.of(order("ababab")).at_best(NAMES)


def test_a_drift_with_a_third_class_between_proves_nothing():
    assert not Design.of(order("acacacacbcbcbcbc")).can_tell


def test_the_verdict_needs_p_and_accuracy():
    design = Design.of(order("abababab"))
    assert evidence(design, 0.01, 0.9).verdict == "better"
    assert evidence(design, 0.06, 0.9).verdict == "not better"
    assert evidence(design, 0.01, 0.5).verdict == "not better"


@given(labels)
def test_what_is_promised_of_an_order_is_what_a_faultless_decoder_reaches(label):
    design = Design.of(label)
    p = permutation_p(np.eye(label.max() + 1)[label], label)
    if design.n_orders <= MAX_ORDERS:
        assert p == pytest.approx(design.least_p)
    assert design.least_p <= p + 1e-12
    if design.can_tell:
        assert p < SIGNIFICANT
        assert min(design.n_blocks) >= LEAST_BLOCKS


# --- the test against chance --------------------------------------------------------------------


def test_every_order_is_tried_where_there_are_few():
    label = order("aabbabab")
    block = blocks_of(label)
    shares = np.random.default_rng(3).dirichlet(np.ones(2), 8)
    by_chance = []
    for taken in itertools.combinations(range(6), 3):
        drawn = np.isin(block, taken).astype(int)
        by_chance.append(np.mean([shares[drawn == k, k].mean() for k in (0, 1)]))
    observed = np.mean([shares[label == k, k].mean() for k in (0, 1)])
    assert len(by_chance) == math.comb(6, 3)
    expected = np.mean(np.array(by_chance) >= observed - 1e-9)
    assert permutation_p(shares, label) == pytest.approx(expected)


def test_what_is_equal_in_every_order_is_no_better_than_chance():
    assert permutation_p(np.full((16, 2), 0.5), np.arange(16) % 2) == 1.0


def held_out_shares(x, label):
    """Return probabilities of trials by the nearest class mean of the trials outside their fold."""
    folds, shares = block_folds(label), np.empty((len(label), label.max() + 1))
    for fold in np.unique(folds):
        test = folds == fold
        means = [x[~test & (label == k)].mean(axis=0) for k in range(shares.shape[1])]
        logits = np.stack([-((x[test] - mean) ** 2).sum(axis=1) for mean in means], axis=1)
        shares[test] = softmax(logits)
    return shares


def rejected(text, signal, n=120):
    """Return how often a decoder of what `signal(rng, label)` gives is called better."""
    rng = np.random.default_rng(1)
    found = 0
    for seed in range(n):
        label = order(text) if text else rng.permutation(np.arange(16) % 2)
        shares = held_out_shares(signal(rng, label), label)
        p = permutation_p(shares, label, seed=seed)
        right = (shares.argmax(axis=1) == label).mean()
        found += evidence(Design.of(label), p, right).verdict == "better"
    return found / n


def drift(rng, label):
    return np.cumsum(rng.standard_normal((len(label), 6)), axis=0)


@pytest.mark.parametrize("text", ["aaaaaaaabbbbbbbb", "aaaabbbbaaaabbbb"])
def test_a_drift_is_never_accepted_in_halves_and_quarters(text):
    assert rejected(text, drift) == 0


@pytest.mark.parametrize("text", ["", "abababababababab", "aabbaabbaabbaabb"])
def test_a_drift_is_accepted_no_more_often_than_luck(text):
    assert rejected(text, drift) <= 0.05


def test_an_effect_is_found_through_the_drift():
    def felt(rng, label):
        return drift(rng, label) * 0.3 + 4 * np.eye(6)[label]

    assert rejected("abababababab", felt, n=30) > 0.9


@pytest.mark.parametrize(("n_correct", "n_trials"), [(0, 8), (5, 8), (8, 8), (27, 30)])
def test_the_interval_of_an_accuracy_is_that_of_the_binomial_test(
    n_correct: int, n_trials: int
) -> None:
    expected = binomtest(n_correct, n_trials).proportion_ci()
    assert accuracy_interval(n_correct, n_trials) == pytest.approx(expected)
