"""The pairs of pre-training: who may meet, and what is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mdjpt.errors import DatasetError
from mdjpt.store.trials import StoredTrial
from mdjpt.training.pairs import PairDraw, PairSampler, PairSettings, allowed_pairs

GOLDEN = json.loads((Path(__file__).parent / "data" / "train_pairs.json").read_text())
STEP, N_TIMES = 250, 625


def golden_recordings() -> list[list[StoredTrial]]:
    """4 subjects, 3 sessions, trials of the golden numbers of windows."""
    recordings = []
    for k in range(GOLDEN["n_subs"] * GOLDEN["n_session"]):
        subject, session = divmod(k, GOLDEN["n_session"])
        lengths = [N_TIMES + STEP * (n - 1) for n in GOLDEN["n_samples_sessions"][session]]
        recordings.append(trials_of(str(subject), str(session), lengths))
    return recordings


def trials_of(
    subject: str, session: str, lengths: list[int], clips: list[str] | None = None
) -> list[StoredTrial]:
    names = clips or [str(k) for k in range(len(lengths))]
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).tolist()
    return [
        StoredTrial(f"{subject}.npy", subject, session, k, k % 3, name, start, length)
        for k, (name, start, length) in enumerate(zip(names, starts, lengths, strict=True))
    ]


def same(one: PairDraw, other: PairDraw) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_allowed_pairs_are_those_of_the_published_code() -> None:
    n_sessions = GOLDEN["n_session"]
    subjects = [str(k // n_sessions) for k in range(GOLDEN["n_subs"] * n_sessions)]
    sessions = [str(k % n_sessions) for k in range(GOLDEN["n_subs"] * n_sessions)]
    assert [list(pair) for pair in allowed_pairs(subjects, sessions)] == GOLDEN["pairs_sorted"]
    sampler = PairSampler(golden_recordings(), PairSettings())
    assert [list(pair) for pair in sampler.pairs] == GOLDEN["pairs_sorted"]


@pytest.mark.parametrize("name", ["SEED", "SEEDIV", "SEEDVII", "FACED", "DEAP"])
def test_the_number_of_pairs_is_that_of_the_published_datasets(name: str) -> None:
    n_subjects, n_sessions = GOLDEN["n_subs_sessions_published"][name]
    ids = [(str(a), str(b)) for a in range(n_subjects) for b in range(n_sessions)]
    pairs = allowed_pairs([a for a, _ in ids], [b for _, b in ids])
    assert len(pairs) == GOLDEN["n_pairs_published_datasets"][name]


def test_a_draw_takes_one_window_of_each_trial_at_the_same_time_for_both() -> None:
    recordings = golden_recordings()
    sampler = PairSampler(recordings, PairSettings(), seed=3)
    for index in range(60):
        draw = sampler.draw(index)
        assert len(draw.first_starts) == GOLDEN["n_vids"]
        first, second = recordings[draw.first], recordings[draw.second]
        for one, other, a, b, label in zip(first, second, *draw[2:], strict=True):
            assert a - one.start == b - other.start
            assert (a - one.start) % STEP == 0
            assert one.start <= a <= one.stop - N_TIMES
            assert label == one.label


def test_every_window_of_a_trial_is_drawn_sooner_or_later() -> None:
    sampler = PairSampler(golden_recordings()[:6:3], PairSettings())
    firsts = {int(sampler.draw(index).first_starts[4]) for index in range(200)}
    assert len(firsts) == GOLDEN["n_samples_sessions"][0][4]


def test_each_pair_is_drawn_once_before_any_is_drawn_again() -> None:
    sampler = PairSampler(golden_recordings(), PairSettings(), seed=1)
    n_pairs = len(sampler.pairs)
    laps = [[sampler.draw(lap * n_pairs + k)[:2] for k in range(n_pairs)] for lap in range(2)]
    assert sorted(laps[0]) == sorted(laps[1]) == sampler.pairs
    assert laps[0] != laps[1]


def test_a_draw_depends_on_its_index_alone_and_not_on_what_was_drawn_before() -> None:
    one, other = (PairSampler(golden_recordings(), PairSettings(), seed=5) for _ in range(2))
    in_order = [one.draw(index) for index in range(40)]
    assert all(same(other.draw(index), in_order[index]) for index in reversed(range(40)))


def test_another_seed_or_dataset_draws_something_else() -> None:
    recordings = golden_recordings()
    draws = [
        [PairSampler(recordings, PairSettings(), seed, number=k).draw(i)[:2] for i in range(18)]
        for seed, k in ((0, 0), (1, 0), (0, 1))
    ]
    assert draws[0] != draws[1]
    assert draws[0] != draws[2]


def test_without_time_lock_both_see_the_same_stimuli_at_other_times() -> None:
    recordings = [trials_of(s, "1", [5000, 6000, 7000]) for s in "ab"]
    sampler = PairSampler(recordings, PairSettings(time_locked=False))
    draws = [sampler.draw(index) for index in range(20)]
    assert any(not np.array_equal(d.first_starts, d.second_starts) for d in draws)
    for draw in draws:
        for trial, a, b in zip(recordings[0], draw.first_starts, draw.second_starts, strict=True):
            assert trial.start <= min(a, b)
            assert max(a, b) <= trial.stop - N_TIMES


def test_subjects_who_saw_the_clips_in_another_order_are_matched_by_clip() -> None:
    clips = ["x", "y", "z"]
    recordings = [
        trials_of("a", "1", [2000, 3000, 4000], clips),
        trials_of("b", "1", [4000, 3000, 2000], clips[::-1]),
    ]
    draw = PairSampler(recordings, PairSettings()).draw(0)
    for k in range(3):
        one, other = recordings[0][k], recordings[1][2 - k]
        assert draw.first_starts[k] - one.start == draw.second_starts[k] - other.start


def test_several_windows_a_trial_are_different_ones_as_many_as_there_are() -> None:
    settings = PairSettings(windows_per_trial=2)
    recordings = [trials_of(s, "1", [N_TIMES, N_TIMES + STEP, 9000]) for s in "ab"]
    draw = PairSampler(recordings, settings).draw(0)
    assert len(draw.first_starts) == 5
    assert len(set(draw.first_starts.tolist())) == 5


def test_fewer_trials_than_there_are_can_be_asked_for() -> None:
    settings = PairSettings(max_trials=2)
    sampler = PairSampler(golden_recordings(), settings)
    assert all(len(sampler.draw(index).labels) == 2 for index in range(10))


def test_trials_too_short_for_a_window_are_passed_over() -> None:
    recordings = [trials_of(s, "1", [600, 1000, 2000]) for s in "ab"]
    draw = PairSampler(recordings, PairSettings()).draw(0)
    assert draw.labels.tolist() == [1, 2]


@pytest.mark.parametrize(
    "recordings",
    [
        [trials_of("a", "1", [2000, 2000])],
        [trials_of("a", "1", [2000, 2000]), trials_of("a", "2", [2000, 2000])],
        [trials_of("a", "1", [2000, 2000]), trials_of("b", "2", [2000, 2000])],
        [trials_of("a", "1", [2000, 100]), trials_of("b", "1", [2000, 2000])],
        [trials_of(s, "1", [2000, 2000], [s + "x", s + "y"]) for s in "ab"],
        [trials_of(s, "1", [2000, 2000], ["", ""]) for s in "ab"],
    ],
    ids=["one subject", "one twice", "other sessions", "too short", "other clips", "unknown clips"],
)
def test_a_dataset_without_a_pair_is_refused(recordings: list[list[StoredTrial]]) -> None:
    with pytest.raises(DatasetError, match="SEED: no two subjects share two trials"):
        PairSampler(recordings, PairSettings(), name="SEED")


@pytest.mark.parametrize(
    "wrong", [{"n_times": 0}, {"step": 0}, {"windows_per_trial": 0}, {"max_trials": 1}]
)
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PairSettings(**wrong)
