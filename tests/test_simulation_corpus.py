"""Simulated corpora: designs as configured, shared clips, everything reproducible."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from mdjpt.simulation import (
    EMOTIONS,
    PRESETS,
    ArtefactLevels,
    DatasetConfig,
    preset_corpus,
    simulate_trials,
    trial_table,
)

SMALL = DatasetConfig(
    name="small",
    ch_names=("Fz", "Pz", "Oz"),
    sfreq=128.0,
    classes=("negative", "neutral", "positive"),
    n_subjects=4,
    n_sessions=2,
    n_trials=6,
    trial_s=(4.0, 8.0),
    rest_s=2.0,
)


def shown(dataset: DatasetConfig, subject: int, session: int = 0) -> list[int]:
    return [row.stimulus for row in trial_table(dataset, subject, session)]


def test_trials_agree_with_their_table() -> None:
    table = trial_table(SMALL, 1, 1)
    trials = list(simulate_trials(SMALL, 1, 1))
    assert [t.order for t in trials] == list(range(6))
    for trial, row in zip(trials, table, strict=True):
        assert (trial.subject, trial.session) == ("2", "2")
        assert (trial.label, trial.start_s) == (row.label, row.start_s)
        assert int(trial.stimulus) == row.stimulus + 1
        assert trial.samples.shape == (3, round(row.duration_s * 128))
        assert trial.samples.dtype == np.float32
        assert np.isfinite(trial.samples).all()


def test_trials_follow_each_other_with_rests_between() -> None:
    table = trial_table(SMALL, 0)
    assert table[0].start_s == 2.0
    for before, after in itertools.pairwise(table):
        assert after.start_s == pytest.approx(before.start_s + before.duration_s + 2.0)


def test_the_same_trial_can_be_made_again_and_other_subjects_differ() -> None:
    first, again, other = (next(simulate_trials(SMALL, s)).samples for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_seed_and_name_make_other_subjects() -> None:
    samples = [
        next(simulate_trials(dataset, 0)).samples[:, :500]
        for dataset in (SMALL, replace(SMALL, seed=1), replace(SMALL, name="other"))
    ]
    assert not np.array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])


def test_orders_are_fixed_or_random_as_told() -> None:
    fixed = replace(SMALL, order="fixed")
    assert shown(fixed, 0) == shown(fixed, 3)
    assert len({tuple(shown(SMALL, subject)) for subject in range(4)}) > 1
    assert sorted(shown(SMALL, 0)) == list(range(6))


def test_sessions_show_the_same_clips_or_new_ones_as_told() -> None:
    assert sorted(shown(SMALL, 0, 1)) == list(range(6))
    assert sorted(shown(replace(SMALL, new_clips=True), 0, 1)) == list(range(6, 12))


def test_a_clip_has_one_label_and_length_for_everybody() -> None:
    facts = {
        (row.stimulus, row.label, row.duration_s)
        for subject in range(4)
        for session in range(2)
        for row in trial_table(SMALL, subject, session)
    }
    assert len(facts) == 6


def test_class_weights_decide_how_often_a_class_is_shown() -> None:
    weighted = replace(SMALL, n_trials=10, class_weights=(1, 1, 3))
    labels = [row.label for row in trial_table(weighted, 0)]
    assert np.bincount(labels).tolist() == [2, 2, 6]
    even = replace(SMALL, n_trials=7)
    assert sorted(np.bincount([row.label for row in trial_table(even, 0)])) == [2, 2, 3]


def test_disagreement_changes_the_feeling_and_not_the_label() -> None:
    doubtful = replace(SMALL, disagreement=0.5, n_trials=60)
    table = trial_table(doubtful, 0)
    felt_otherwise = [row for row in table if row.felt.state != doubtful.classes[row.label]]
    assert 15 < len(felt_otherwise) < 45
    agreed = {row.stimulus: row.label for row in trial_table(SMALL, 0)}
    assert all(row.felt.state == SMALL.classes[row.label] for row in trial_table(SMALL, 0))
    assert len(agreed) == 6


def test_a_clip_without_strength_of_its_own_is_the_point_of_its_class() -> None:
    for row in trial_table(replace(SMALL, stimulus_strength=0.0), 0):
        point, _ = row.felt.course()
        assert point[:, 0].tolist() == list(EMOTIONS[SMALL.classes[row.label]])


def test_gain_scales_every_sample() -> None:
    plain, louder = (next(simulate_trials(d, 0)) for d in (SMALL, replace(SMALL, gain=2.0)))
    np.testing.assert_allclose(louder.samples, 2 * plain.samples, rtol=1e-6)


def test_the_same_clip_leaves_the_same_trace_in_two_subjects() -> None:
    quiet = replace(
        SMALL,
        name="cinema",
        ch_names=("Pz", "Oz", "Fz", "F7", "F8", "T7", "T8", "P7", "P8", "Cz"),
        trial_s=(40.0, 40.0),
        n_trials=12,
        artefacts=ArtefactLevels.none(),
    )
    sos = butter(2, (0.7, 4.0), "bandpass", fs=128.0, output="sos")

    def parietal(subject: int) -> list[np.ndarray]:
        courses = {}
        for trial in simulate_trials(quiet, subject):
            slow = sosfiltfilt(sos, trial.samples)
            courses[trial.stimulus] = slow[0] - slow[2:].mean(axis=0)
        return [courses[clip] for clip in sorted(courses)]

    first, second = parietal(0), parietal(1)
    same = [np.corrcoef(first[clip], second[clip])[0, 1] for clip in range(12)]
    other = [np.corrcoef(first[clip], second[(clip + 1) % 12])[0, 1] for clip in range(12)]
    assert np.mean(same) > np.mean(other) + 0.04


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no subject 4"):
        trial_table(SMALL, 4)
    with pytest.raises(ValueError, match="session 2"):
        next(simulate_trials(SMALL, 0, 2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ("bored", "happy")},
        {"n_trials": 0},
        {"rest_s": 0.5},
        {"trial_s": (8.0, 4.0)},
        {"class_weights": (1.0,)},
        {"disagreement": 1.0},
    ],
)
def test_designs_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        replace(SMALL, **wrong)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_trials(name: str) -> None:
    dataset = replace(PRESETS[name], trial_s=(4.0, 4.0), rest_s=2.0)
    trial = next(simulate_trials(dataset, 0))
    assert trial.samples.shape == (len(dataset.ch_names), round(4 * dataset.sfreq))


def test_a_corpus_takes_presets_by_name() -> None:
    corpus = preset_corpus("SEED-like", "DEAP-like", seed=3, difficulty=0.2, n_subjects=2)
    assert [dataset.name for dataset in corpus] == ["SEED-like", "DEAP-like"]
    assert {(d.seed, d.difficulty, d.n_subjects) for d in corpus} == {(3, 0.2, 2)}
    assert corpus[1].reference == "average"
    with pytest.raises(ValueError, match="unknown dataset 'SEED'"):
        preset_corpus("SEED")
    with pytest.raises(ValueError, match="must differ"):
        preset_corpus("SEED-like", "SEED-like")
