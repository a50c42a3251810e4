"""Few-shot, zero-shot and transfer on features whose structure is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mdjpt.errors import DatasetError, MdjptError
from mdjpt.evaluation.few_shot import FewShotSettings, few_shot, few_shot_folds
from mdjpt.evaluation.head_training import train_head
from mdjpt.evaluation.metrics import clip_outcome, scores, window_outcome
from mdjpt.evaluation.outcome import read_outcomes, write_outcomes
from mdjpt.evaluation.paired import compare_arms, corrected_resampled_t, signed_rank
from mdjpt.evaluation.published import published_figures
from mdjpt.evaluation.splits import random_folds, released_folds, with_unseen_clips
from mdjpt.evaluation.transfer import TransferSettings, shared_classes, transfer
from mdjpt.evaluation.zero_shot import ZeroShotSettings, neighbour_scores, zero_shot
from tests.support.evaluation_features import synthetic_features

QUICK = FewShotSettings(n_folds=2, n_epochs=4)


@pytest.fixture(scope="module")
def features():
    return synthetic_features()


@pytest.fixture(scope="module")
def evaluated(features):
    return few_shot(features, replace(QUICK, n_epochs=30), arm="ours")


def test_a_fold_trains_on_a_quarter_and_tests_on_all_others():
    subjects = [str(k) for k in range(12)]
    folds = random_folds(subjects)
    assert len(folds) == 6
    for fold in folds:
        assert len(fold.train) == 3
        assert sorted(fold.train + fold.test) == sorted(subjects)
    assert folds == random_folds(subjects)
    assert folds != random_folds(subjects, seed=1)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_at_least_one_subject_trains_and_one_tests(share):
    for fold in random_folds(["1", "2"], train_share=share):
        assert len(fold.train) == len(fold.test) == 1


def test_one_subject_cannot_be_split():
    with pytest.raises(DatasetError, match="two subjects"):
        random_folds(["1"])


def test_the_released_splits_are_the_published_ones():
    subjects = [str(k) for k in range(1, 17)]
    folds = released_folds("seed-v", subjects)
    assert folds[0].train == ("1", "6", "12", "16")
    assert len(folds) == 6
    assert all(len(fold.test) == 12 for fold in folds)


def test_the_released_figures_of_faced_are_of_its_first_twenty_subjects():
    folds = released_folds("faced", [str(k) for k in range(123)])
    assert all(len(fold.train + fold.test) == 20 for fold in folds)


@pytest.mark.parametrize(("dataset", "n"), [("seed", 14), ("dreamer", 23)])
def test_released_splits_need_their_dataset(dataset, n):
    with pytest.raises(DatasetError, match="--protocol honest"):
        released_folds(dataset, [str(k) for k in range(n)])


def test_unseen_clips_are_a_part_of_every_class(features):
    folds = with_unseen_clips(random_folds(features.subjects), features)
    assert len({fold.train_clips for fold in folds}) > 1
    for fold in folds:
        rows = fold.rows(features)
        table = features
        assert not set(table.stimulus[rows.train]) & set(table.stimulus[rows.test])
        assert set(table.stimulus[rows.seen_clips]) == set(table.stimulus[rows.train])
        for part in rows.train, rows.test:
            assert set(table.label[part]) == {0, 1, 2}


def test_a_class_of_one_clip_cannot_be_unseen():
    features = synthetic_features(n_clips=5)
    with pytest.raises(DatasetError, match="one clip only"):
        few_shot_folds(features, replace(QUICK, clips="unseen"))


def test_few_shot_tells_classes_that_differ(evaluated):
    assert evaluated.levels == ("window", "clip", "smoothed", "smoothed clip")
    accuracy = {level: evaluated.mean_std(level, "accuracy")[0] for level in evaluated.levels}
    assert accuracy["window"] > 0.8
    assert accuracy["smoothed clip"] >= accuracy["window"]
    assert evaluated.mean_std("window", "auroc")[0] > 0.9


def test_few_shot_finds_nothing_where_there_is_nothing():
    features = synthetic_features(16, emotion=0.0)
    outcome = few_shot(features, replace(QUICK, n_folds=4), arm="ours")
    for level in outcome.levels:
        assert abs(outcome.mean_std(level, "balanced_accuracy")[0] - 1 / 3) < 0.12


def test_clips_that_are_recognised_do_not_help_with_clips_never_seen():
    features = synthetic_features(emotion=0.0, clip=3.0)
    outcome = few_shot(features, replace(QUICK, clips="unseen", n_epochs=20), arm="ours")
    seen = outcome.mean_std("window, seen clips", "balanced_accuracy")[0]
    assert seen > 0.8
    assert outcome.mean_std("window", "balanced_accuracy")[0] < seen - 0.3


def test_a_test_subject_changes_nothing_in_an_honest_fold(features):
    fold = few_shot_folds(features, QUICK)[0]
    changed = features.with_features(
        np.where(features.subject[:, None] == fold.test[0], 5.0, features.features)
    )
    settings = replace(QUICK, n_folds=1, n_epochs=20)
    before = few_shot(features, settings, arm="a").folds[0].levels
    after = few_shot(changed, settings, arm="a").folds[0].levels
    for level, outcome in before.items():
        unchanged = dict(outcome.subject_accuracy)
        assert unchanged.pop(fold.test[0]) != after[level].subject_accuracy[fold.test[0]]
        assert unchanged.items() <= after[level].subject_accuracy.items()


def test_the_released_protocol_is_named_with_its_choices():
    features = synthetic_features(16)
    seed_v = replace(features, dataset="seed-v")
    outcome = few_shot(seed_v, FewShotSettings(protocol="released", n_epochs=2), arm="ours")
    assert outcome.levels == ("smoothed", "smoothed clip")
    assert [fold.n_train for fold in outcome.folds] == [4] * 6
    assert "optimistic" in outcome.choices["choice of the epoch"]
    assert "all subjects" in outcome.choices["running normalisation"]


def test_the_released_protocol_has_no_unseen_clips():
    with pytest.raises(MdjptError, match="unseen"):
        FewShotSettings(protocol="released", clips="unseen")


def test_the_released_selection_never_does_worse_on_the_test_subjects(features):
    fold = few_shot_folds(features, QUICK)[0]
    rows = fold.rows(features)
    train, test = features.select(rows.train), features.select(rows.test)

    def accuracy(selection):
        trained = train_head(train, test, selection=selection, n_epochs=6)
        return np.mean(trained.head.logits(test.features).argmax(1) == test.label)

    assert accuracy("released") >= max(accuracy("training"), accuracy("none"))


def test_metrics_of_perfect_and_of_useless_predictions():
    labels = np.array([0, 0, 1, 1, 2, 2])
    perfect = scores(labels, np.eye(3)[labels])
    assert set(perfect.values()) == {1.0}
    useless = scores(labels, np.tile([0.5, 0.3, 0.2], (6, 1)))
    assert useless["accuracy"] == pytest.approx(1 / 3)
    assert useless["auroc"] == pytest.approx(0.5)
    assert useless["precision"] == pytest.approx(1 / 9)


def test_metrics_are_of_the_classes_that_occur():
    found = scores(np.array([0, 0, 1]), np.eye(3)[[0, 0, 1]])
    assert found["balanced_accuracy"] == found["f1"] == 1.0
    assert np.isnan(scores(np.array([1, 1]), np.eye(3)[[1, 1]])["auroc"])


def test_a_clip_is_judged_by_the_mean_of_its_windows(features):
    table = features.select(features.trial < 2)
    probabilities = np.full((len(table), 3), 1 / 3)
    probabilities[np.arange(len(table)), table.label] += 0.5 * (table.window == 0)
    assert clip_outcome(table, probabilities).scores["accuracy"] == 1.0
    assert window_outcome(table, probabilities).scores["accuracy"] < 1.0
    assert np.sum(clip_outcome(table, probabilities).confusion) == 2


def test_the_nearest_neighbour_decides():
    features = synthetic_features(3, n_clips=3, n_windows=2, n_features=4)
    unit = features.features / np.linalg.norm(features.features, axis=1, keepdims=True)
    cosines = unit @ unit.T
    cosines[features.subject[:, None] == features.subject[None]] = -2
    found = neighbour_scores(features, ("subject",))
    np.testing.assert_array_equal(found.argmax(1), features.label[cosines.argmax(1)])
    np.testing.assert_allclose(found.max(1), cosines.max(1), rtol=1e-5)


def test_leaving_out_same_clips_takes_away_what_only_clips_share():
    features = synthetic_features(6, emotion=0.0, clip=3.0)

    def accuracy(*exclude):
        outcome = zero_shot(features, ZeroShotSettings(exclude), arm="ours")
        return outcome.mean_std("window", "accuracy")[0]

    assert accuracy() > 0.9
    assert accuracy("subject") > 0.9
    assert accuracy("subject", "stimulus") < 0.5


def test_zero_shot_names_the_neighbours_left_out(features):
    outcome = zero_shot(features, ZeroShotSettings(("trial", "subject")), arm="ours")
    assert outcome.choices["neighbours left out"] == "the same trial and the same subject"
    assert len(outcome.folds) == 8
    nobody = ZeroShotSettings(()).in_words
    assert "only the window itself" in nobody


def test_a_single_subject_has_no_neighbour_of_another():
    with pytest.raises(DatasetError, match="no neighbour"):
        zero_shot(synthetic_features(1), ZeroShotSettings(("subject",)), arm="ours")


def test_transfer_learns_from_one_dataset_and_tests_on_another():
    sources = [synthetic_features(4, seed=k, dataset=f"source {k}") for k in (1, 2)]
    target = synthetic_features(3, seed=3, dataset="target")
    outcome = transfer(sources, target, TransferSettings(n_epochs=20), arm="ours")
    assert [fold.n_train for fold in outcome.folds] == [8] * 3
    assert outcome.mean_std("window", "accuracy")[0] > 0.8
    assert outcome.choices["shared classes"].startswith("by emotion")


def test_transfer_uses_no_label_of_the_target():
    source = synthetic_features(4, seed=1, dataset="source")
    target = synthetic_features(3, seed=3, dataset="target")
    wrong = replace(target, label=(target.label + 1) % 3)
    settings = TransferSettings(n_epochs=10)
    right_way = transfer([source], target, settings, arm="a").confusion("window")
    wrong_way = transfer([source], wrong, settings, arm="a").confusion("window")
    np.testing.assert_array_equal(wrong_way, np.roll(right_way, 1, axis=0))


def test_transfer_refuses_the_target_as_a_source_and_features_of_another_kind(features):
    with pytest.raises(DatasetError, match="source and target"):
        transfer([features], features, TransferSettings(), arm="a")
    other = synthetic_features(2, n_features=5, dataset="other")
    with pytest.raises(DatasetError, match="different kinds"):
        transfer([other], features, TransferSettings(), arm="a")


def test_emotions_are_shared_under_one_spelling():
    shared = shared_classes(("disgust", "fear", "sad"), [("sadness", "joy"), ("fear", "anger")])
    assert (shared.scheme, shared.names) == ("emotion", ("fear", "sad"))
    labels = shared.labels(np.array([0, 1, -1]), ("sadness", "joy"))
    assert labels.tolist() == [1, -1, -1]


def test_valence_is_shared_where_emotions_are_not():
    shared = shared_classes(("disgust", "neutral", "happy"), [("low valence", "high valence")])
    assert (shared.scheme, shared.names) == ("valence", ("negative", "positive"))
    labels = shared.labels(np.array([0, 1, 2]), ("disgust", "neutral", "happy"))
    assert labels.tolist() == [0, -1, 1]


def test_datasets_without_common_classes_are_refused():
    with pytest.raises(DatasetError, match="fewer than two"):
        shared_classes(("left hand", "right hand"), [("happy", "sad")])


def test_the_corrected_test_is_that_of_nadeau_and_bengio():
    differences = np.array([0.02, 0.05, 0.01, 0.04, 0.03, 0.03])
    # By hand: mean 0.03, s^2 = 2e-4, (1/6 + 3) s^2 = 6.333e-4, t = 1.19208 with 5 degrees.
    assert corrected_resampled_t(differences, 3.0) == pytest.approx(0.28674, abs=2e-4)
    assert corrected_resampled_t([0.1], 3.0) != corrected_resampled_t([0.1], 3.0)
    assert corrected_resampled_t([0.0, 0.0], 3.0) == 1.0


def test_equal_arms_do_not_differ(evaluated):
    (test,) = compare_arms([evaluated, replace(evaluated, arm="same")], "window")
    assert test.difference == 0
    assert test.corrected_p == test.subjects_p == 1.0
    assert signed_rank([0.0, 0.0]) == 1.0


def test_a_better_arm_is_told_from_a_worse_one(evaluated):
    worse = few_shot(synthetic_features(emotion=0.2), replace(QUICK, n_epochs=30), arm="worse")
    (test,) = compare_arms([evaluated, worse], "window")
    assert test.difference > 0.2
    assert test.subjects_p < 0.05


def test_arms_of_other_folds_are_not_compared(evaluated, features):
    other = zero_shot(features, ZeroShotSettings(), arm="other")
    with pytest.raises(MdjptError, match="different folds"):
        compare_arms([evaluated, other], "window")


def test_outcomes_are_written_and_read_back(evaluated, tmp_path):
    path = tmp_path / "outcomes.json"
    write_outcomes(path, [evaluated])
    assert read_outcomes(path) == [evaluated]
    path.write_text(json.dumps([{"arm": 1}]))
    with pytest.raises(MdjptError, match="run it again"):
        read_outcomes(path)


def test_the_papers_figures_stand_beside():
    methods = {item.method: item for item in published_figures("seed-v", "few-shot")}
    assert methods["mdJPT"].accuracy == 65.02
    assert methods["mdJPT without CDA"].accuracy == 63.52
    assert published_figures("dreamer", "few-shot") == []
