"""The plan of a calibration: balanced, mixed, seeded, and refused in one line when it cannot be."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calibration.markers import PlanMark, parse_mark
from app.calibration.plan import CalibrationPlan, make_trials, planned_design
from app.calibration.prompts import recall_prompts
from mdjpt.calibration.label_sets import LABEL_SETS, VALENCE
from mdjpt.calibration.trials import LabelledInterval, trial_of_window
from mdjpt.calibration.verdict import Design
from mdjpt.errors import MdjptError
from mdjpt.simulation.emotion import class_set

THREE = ("negative", "neutral", "positive")


@given(st.floats(0.0, 100.0), st.floats(-0.1, 0.1))
def test_the_shortest_trial_holds_a_window_wherever_it_begins(onset_s, late_s):
    with pytest.raises(MdjptError):
        CalibrationPlan(THREE, trial_s=6.0)
    plan = CalibrationPlan(THREE, trial_s=7.0)
    trial = LabelledInterval(onset_s, plan.trial_s + late_s, "neutral")
    starts = (0.5 * k for k in range(int(2 * onset_s), int(2 * (onset_s + plan.trial_s))))
    assert any(trial_of_window(start_s, start_s + 5.0, [trial]) == 0 for start_s in starts)


@given(st.integers(2, 9), st.integers(2, 8), st.integers(0, 2**31 - 1))
def test_every_round_shows_each_class_once_and_none_twice_in_a_row(n_classes, n_rounds, seed):
    plan = CalibrationPlan(class_set(n_classes), n_rounds, seed=seed)
    trials = make_trials(plan)
    labels = [trial.label for trial in trials]
    assert [trial.number for trial in trials] == list(range(1, plan.n_trials + 1))
    for start in range(0, len(labels), n_classes):
        assert sorted(labels[start : start + n_classes]) == sorted(plan.class_names)
    assert all(a != b for a, b in itertools.pairwise(labels))
    assert trials == make_trials(plan)


def test_another_seed_is_another_order() -> None:
    orders = {
        tuple(trial.label for trial in make_trials(CalibrationPlan(THREE, seed=seed)))
        for seed in range(20)
    }
    assert len(orders) > 10


@pytest.mark.parametrize("name", sorted({*VALENCE, *itertools.chain(*LABEL_SETS.values())}))
def test_every_emotion_that_the_label_sets_know_has_its_own_prompts(name: str) -> None:
    prompts = recall_prompts(name)
    assert len(set(prompts)) == len(prompts) >= 3
    assert not any(name in prompt for prompt in prompts if name in ("sadness", "low arousal"))
    assert recall_prompts(name.upper()) == prompts
    assert all(prompt[0].isupper() and prompt.endswith(".") for prompt in prompts)


def test_an_emotion_that_nobody_knows_is_asked_for_by_its_name() -> None:
    assert all("Fernweh" in prompt for prompt in recall_prompts("Fernweh"))


def test_all_prompts_of_a_class_come_before_one_comes_again() -> None:
    trials = make_trials(CalibrationPlan(THREE, 8))
    for name in THREE:
        texts = [trial.prompt.text for trial in trials if trial.label == name]
        n = len(recall_prompts(name))
        assert len(set(texts[:n])) == n
        assert texts[n : 2 * n] == texts[: len(texts) - n]


@pytest.fixture
def media(tmp_path):
    """A folder of media for two classes, with what does not belong there."""
    for name, files in {
        "Joy": ("a.PNG", "b.mp4", "notes.txt", ".c.jpg"),
        "sad": ("x.ogg",),
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_bytes(b"")
    return tmp_path


def test_media_are_shown_by_what_they_are(media) -> None:
    trials = make_trials(CalibrationPlan(("joy", "sad"), 2, media=media))
    shown = Counter((trial.prompt.kind, trial.prompt.media) for trial in trials)
    assert shown == {
        ("picture", media / "Joy" / "a.PNG"): 1,
        ("video", media / "Joy" / "b.mp4"): 1,
        ("sound", media / "sad" / "x.ogg"): 2,
    }


def test_media_that_are_not_there_are_named(media) -> None:
    with pytest.raises(MdjptError, match="no folder 'fear'"):
        CalibrationPlan(("joy", "fear"), media=media)
    (media / "sad" / "x.ogg").unlink()
    with pytest.raises(MdjptError, match="no picture, video or sound"):
        CalibrationPlan(("joy", "sad"), media=media)
    with pytest.raises(MdjptError, match="cannot be read"):
        CalibrationPlan(("joy", "sad"), media=media / "nowhere")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"class_names": ("joy",)}, "2 to 9 different names"),
        ({"class_names": ("joy", "Joy ")}, "different names"),
        ({"class_names": tuple("abcdefghij")}, "2 to 9"),
        ({"class_names": ("joy", "")}, "short text"),
        ({"class_names": ("joy", "a\nb")}, "short text"),
        ({"class_names": ("joy", "b" * 61)}, "short text"),
        ({"trials_per_class": 1}, "trials_per_class must be 2 to 50, got 1"),
        ({"trial_s": 6.0}, "trial_s must be 7 to 600 s, got 6 s"),
        ({"trial_s": float("nan")}, "trial_s"),
        ({"rest_s": -1.0}, "rest_s"),
        ({"countdown_s": float("inf")}, "countdown_s"),
        ({"baseline_s": 301.0}, "baseline_s"),
        ({"break_every": -1}, "break_every"),
        ({"seed": -1}, "seed"),
        ({"label_by": "guessed"}, "intended or rated"),
        ({"label_by": "rated", "ratings": False}, "need ratings"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_line(settings, words) -> None:
    with pytest.raises(MdjptError, match=words) as error:
        CalibrationPlan(**({"class_names": THREE} | settings))
    assert "\n" not in str(error.value)


def test_a_plan_stands_in_its_marker_without_the_path_of_the_media(media) -> None:
    plan = CalibrationPlan(("joy", "sad"), 3, media=media, seed=5)
    mark = parse_mark(str(PlanMark(plan.to_dict())))
    assert isinstance(mark, PlanMark)
    assert mark.settings == json.loads(json.dumps(plan.to_dict()))
    assert mark.settings["media"] == media.name
    assert mark.settings["seed"] == 5


def test_the_length_of_a_session_is_told_before() -> None:
    plan = CalibrationPlan(THREE, 4, trial_s=15, rest_s=4, countdown_s=3, baseline_s=30)
    assert plan.n_trials == 12
    assert plan.duration_s == 60 + 12 * 22


def test_a_plan_that_luck_alone_could_pass_is_told_before() -> None:
    # The most different orders: 6! / (3! 3!) = 20 and 8! / (4! 4!) = 70.
    assert planned_design(CalibrationPlan(THREE[:2], 3)).least_p == 1 / 20
    assert not planned_design(CalibrationPlan(THREE[:2], 3)).can_tell
    assert planned_design(CalibrationPlan(THREE[:2], 4)).least_p == 1 / 70
    # 90 orders, but two blocks a class are two quarters of a drift.
    assert not planned_design(CalibrationPlan(THREE, 2)).can_tell


@given(st.integers(2, 9), st.integers(2, 12), st.integers(0, 999))
def test_every_plan_shows_each_trial_as_a_block_of_its_own_and_mixes_all_classes(
    n_classes: int, trials: int, seed: int
) -> None:
    names = tuple(f"class {k}" for k in range(n_classes))
    plan = CalibrationPlan(names, trials, seed=seed)
    shown = [names.index(trial.label) for trial in make_trials(plan)]
    design = planned_design(plan)
    assert design == Design.of(np.array(shown))
    assert design.n_blocks == (trials,) * n_classes
    assert design.can_tell == (trials >= (4 if n_classes == 2 else 3))
