"""The markers of a calibration: what is written is what is read, and trials come out of it."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calibration.labels import labels_from_markers, write_labels
from app.calibration.markers import (
    BaselineMark,
    ConsentMark,
    FeltMark,
    PlanMark,
    RatingMark,
    SessionMark,
    TrialMark,
    parse_mark,
    prompt_of,
)
from mdjpt.calibration.label_files import read_label_rows
from mdjpt.calibration.trials import LabelledInterval
from mdjpt.errors import ProfileError

NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=60
)
NUMBERS = st.integers(1, 999_999)
SCALE = st.integers(1, 9)
STEPS = st.sampled_from(["begin", "end", "void"])
JSON = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text()))
MARKS = st.one_of(
    st.builds(ConsentMark, NAMES),
    st.builds(PlanMark, JSON),
    st.builds(SessionMark, st.sampled_from(["pause", "resume", "end", "abort"])),
    st.builds(BaselineMark, st.sampled_from(["open", "closed"]), STEPS),
    st.builds(TrialMark, NUMBERS, NAMES, STEPS),
    st.builds(RatingMark, NUMBERS, SCALE, SCALE, st.none() | NAMES),
    st.builds(FeltMark, NAMES, st.integers(10, 999).map(lambda tenths: tenths / 10)),
)


@given(MARKS)
def test_every_marker_reads_back_as_what_it_was(mark) -> None:
    assert parse_mark(str(mark)) == mark
    assert str(mark).isprintable()


def test_consent_says_what_for_and_an_older_one_with_a_slash_is_read() -> None:
    mark = ConsentMark("a test: 50 % of it/all")
    assert str(mark) == "consent/given/purpose=a test%3A 50 %25 of it%2Fall"
    assert parse_mark("consent/given/purpose=music/pilot") == ConsentMark("music/pilot")


@given(st.text())
def test_any_other_text_is_nobodys_marker_or_reads_back(text: str) -> None:
    mark = parse_mark(text)
    assert mark is None or parse_mark(str(mark)) == mark


@pytest.mark.parametrize(
    "text",
    [
        "",
        "trial",
        "trial/0/joy/begin",
        "trial/1//begin",
        "trial/1/joy/pause",
        "trial/1/joy/begin/",
        " trial/1/joy/begin",
        "rating/1/valence=0/arousal=5",
        "rating/1/valence=10/arousal=5",
        "baseline/shut/begin",
        "calibration/plan/[1]",
        "calibration/plan/{",
        "calibration/over",
        "truth/joy",
        "consent/refused/purpose=a test",
        "consent/given",
        "felt/joy",
        "felt//5.0",
        "felt/joy/0.5",
        "felt/joy/500.0",
    ],
)
def test_what_does_not_follow_the_grammar_is_not_ours(text: str) -> None:
    assert parse_mark(text) is None


def test_a_participant_who_obeys_feels_rests_and_is_free_again() -> None:
    states = {
        "calibration/plan/{}": "rest",
        "trial/3/joy/begin": "joy",
        "trial/3/joy/end": "rest",
        "trial/3/joy/void": "rest",
        "calibration/end": None,
        "calibration/abort": None,
    }
    for label, state in states.items():
        prompt = prompt_of(label)
        assert prompt is not None
        assert prompt.state == state
    for label in ("calibration/pause", "rating/1/valence=5/arousal=5", "baseline/open/end", "x"):
        assert prompt_of(label) is None


def test_trials_are_what_was_begun_ended_and_not_taken_back() -> None:
    markers = [
        (0.0, 'calibration/plan/{"label_by":"intended"}'),
        (10.0, "trial/1/joy/begin"),
        (25.0, "trial/1/joy/end"),
        (25.5, "somebody else's"),
        (26.0, "rating/1/valence=8/arousal=6/felt=calm"),
        (30.0, "trial/2/sad/begin"),
        (35.0, "trial/2/sad/void"),
        (40.0, "trial/2/sad/begin"),
        (55.0, "trial/2/sad/end"),
        (60.0, "trial/3/joy/begin"),
        (75.0, "trial/3/joy/end"),
        (76.0, "rating/3/valence=1/arousal=1"),
        (77.0, "trial/3/joy/void"),
        (80.0, "trial/3/joy/begin"),
        (90.0, "calibration/abort"),
    ]
    assert labels_from_markers(markers) == (
        LabelledInterval(10.0, 15.0, "joy", 8.0, 6.0),
        LabelledInterval(40.0, 15.0, "sad"),
    )
    assert labels_from_markers(list(reversed(markers))) == labels_from_markers(markers)
    rated = [(0.0, 'calibration/plan/{"label_by":"rated"}'), *markers[1:]]
    assert labels_from_markers(rated) == (LabelledInterval(10.0, 15.0, "calm", 8.0, 6.0),)


def test_two_sessions_in_one_recording_are_both_read_each_as_it_was_planned() -> None:
    once = [
        (1.0, "trial/1/joy/begin"),
        (9.0, "trial/1/joy/end"),
        (9.5, "rating/1/valence=5/arousal=5/felt=sad"),
    ]
    markers = [
        (0.0, 'calibration/plan/{"label_by":"intended"}'),
        *once,
        (20.0, 'calibration/plan/{"label_by":"rated"}'),
        *((20.0 + at, label) for at, label in once),
    ]
    trials = labels_from_markers(markers)
    assert [(trial.onset_s, trial.label) for trial in trials] == [(1.0, "joy"), (21.0, "sad")]


def test_a_repeated_trial_has_the_rating_of_its_last_time() -> None:
    markers = [
        (1.0, "trial/1/joy/begin"),
        (9.0, "trial/1/joy/end"),
        (9.5, "rating/1/valence=5/arousal=5"),
        (11.0, "trial/1/joy/begin"),
        (19.0, "trial/1/joy/end"),
    ]
    assert labels_from_markers(markers) == (LabelledInterval(11.0, 8.0, "joy"),)


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 20.0),
            NAMES.map(str.strip).filter(bool),
            st.none() | SCALE.map(float),
            st.none() | SCALE.map(float),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_labels_that_are_written_are_the_labels_that_are_read(tmp_path_factory, rows) -> None:
    trials, at = [], 0.1
    for duration, label, valence, arousal in rows:
        trials.append(LabelledInterval(at, duration, label, valence, arousal))
        at += 25.0
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    write_labels(path, trials)
    rows = [asdict(row) for row in read_label_rows(path)]
    assert [row.pop("where") for row in rows] == [f"line {n + 2}" for n in range(len(trials))]
    assert rows == [asdict(trial) for trial in trials]


def test_labels_that_cannot_be_written_are_told_in_one_line(tmp_path) -> None:
    with pytest.raises(ProfileError, match="choose another folder"):
        write_labels(tmp_path / "none" / "labels.csv", [])
