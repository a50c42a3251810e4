"""The online evaluation asks what it says, can be taken up again, and counts what it has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.cli.main import run_command_line
from mdjpt.bundle.bundle import save_bundle
from mdjpt.errors import MdjptError
from mdjpt.evaluation.online import settings as online_settings
from mdjpt.evaluation.online.calibration_curve import calibration_curve, gain_rows, mean_rows
from mdjpt.evaluation.online.courses import (
    Course,
    accuracy_between,
    decode_session,
    read_courses,
    read_cpu_s,
    write_courses,
)
from mdjpt.evaluation.online.sessions import (
    Condition,
    Session,
    blocked,
    calibration_schedule,
    make_session,
)
from mdjpt.evaluation.online.settings import ALIGNERS, QUICK, OnlineSettings, name_of
from mdjpt.evaluation.online.stored import stored_session
from mdjpt.evaluation.online.tables import (
    confidence_rows,
    crowd_rows,
    gain,
    gain_table,
    time_table,
)
from mdjpt.evaluation.online.targets import targets
from mdjpt.store.store import open_store
from mdjpt.store.trials import StoredTrial
from tests.support.calibration_cases import CLASSES, eeg_windows, small_bundle
from tests.support.evaluation_features import write_store


def course(labels, answers, hop_s=60.0):
    """Return a session of windows that last long enough not to be smoothed together."""
    logits = 20.0 * np.eye(3)[answers]
    ends = hop_s * (0.5 + np.arange(len(labels)))
    return Course(ends, np.array(labels), logits, hop_s)


def test_accuracy_counts_the_labelled_windows_of_its_span_and_each_class_the_same():
    one = course([0, 0, 0, 1, -1], [0, 0, 1, 1, 0])
    assert accuracy_between([one], 0, 240, 1.0) == pytest.approx((2 / 3 + 1) / 2)
    assert accuracy_between([one], 0, 120, 1.0) == 1.0
    assert np.isnan(accuracy_between([one], 240, 400, 1.0))
    both = [one, course([2, 2, 2, 2, 2], [0, 0, 0, 0, 0])]
    assert accuracy_between(both, 0, 240, 1.0) == pytest.approx((2 / 3 + 1 + 0) / 3)


def cells(right, plain):
    """Return two seeds of a balanced and a blocked session; which windows are right."""
    labels = [0, 1, 2, 0]

    def answers(good):
        return [label if k < good else (label + 1) % 3 for k, label in enumerate(labels)]

    seeds = [
        {"none": [course(labels, answers(p))], "moments": [course(labels, answers(r))]}
        for r, p in zip(right, plain, strict=True)
    ]
    return {("other montage", "balanced"): seeds, ("other montage", "blocked"): seeds}


def test_gains_are_differences_within_a_seed():
    found = gain(cells((4, 3), (2, 3))["other montage", "balanced"], "moments", "all", 1.0)
    assert found.worst == pytest.approx(0.0)
    assert found.mean == pytest.approx(found.error)
    assert found.mean > 0.1
    table = gain_table(cells((4, 4), (3, 3)), "first 3 min", 1.0)
    assert table.rows[0][:2] == ("other montage", "balanced")
    assert table.rows[0][3].startswith("+0.0")
    assert len(time_table(cells((4, 4), (3, 3)), 1.0).rows) == 4


def test_targets_are_reached_only_when_they_are():
    errors = [{"aligner": "moments", "people": 9, "error": 0.06, "low": 0.05, "high": 0.08}]
    trials = [{"trials": "none", "zero-shot": 0.5, "aligned": 0.55}]
    trials += [{"trials": "8 in all", "chosen": 0.9, "in use": 0.61}]
    seeds = [{"aligner": "moments", "sessions": "all", "error": 0.04}]
    good = targets(cells((3, 3), (1, 1)), "moments", 1.0, errors, seeds, trials)
    assert [line.split(":")[0] for line in good] == [*["reached"] * 3, "NOT reached", "reached"]
    assert "+11.0; +6.0 over aligned" in good[2]
    bad = targets(cells((1, 1), (3, 3)), "moments", 1.0, errors, [], [])
    assert [line.split(":")[0] for line in bad] == ["NOT reached"] * 3


def test_confidence_is_refitted_on_other_seeds_only():
    rows = confidence_rows(cells((3, 3), (3, 3)), "none", 1.0)
    assert [row["sessions"] for row in rows] == [
        "other montage, balanced",
        "other montage, blocked",
        "all",
    ]
    assert rows[-1]["error"] == pytest.approx(0.25, abs=0.01)
    assert rows[-1]["refitted"] < 0.1
    alone = {place: seeds[:1] for place, seeds in cells((3, 3), (3, 3)).items()}
    assert np.isnan(confidence_rows(alone, "none", 1.0)[0]["refitted"])


def test_the_error_over_many_people_has_an_interval_that_holds_it():
    right = [course([0, 1, 2, 0], [0, 1, 2, 0]) for _ in range(6)]
    wrong = [course([0, 1, 2, 0], [1, 2, 0, 1]) for _ in range(2)]
    row = crowd_rows({"none": right + wrong}, 1.0)[0]
    assert row["people"] == 8
    assert row["error"] == pytest.approx(0.25, abs=0.01)
    assert row["accuracy"] == 0.75
    assert row["low"] < row["error"] < row["high"]


def test_courses_come_back_from_their_file(tmp_path):
    path = tmp_path / "a.npz"
    write_courses(path, {"none": course([0, 1], [0, 0]), "rows": course([0, 1], [1, 1])}, 3.5)
    read = read_courses(path)
    assert set(read) == {"none", "rows"}
    np.testing.assert_array_equal(read["rows"].label, [0, 1])
    assert read_cpu_s(path) == 3.5
    path.write_bytes(b"PK nonsense")
    with pytest.raises(MdjptError, match="delete it"):
        read_courses(path)


def test_a_session_is_decoded_by_every_aligner_that_the_bundle_allows():
    windows = eeg_windows(6, seed=3)
    session = Session(windows, 10 + 2.0 * np.arange(6), np.zeros(6, int), np.zeros(6, int), 2.0)
    found = decode_session(small_bundle(), session, ALIGNERS)
    assert set(found) == set(ALIGNERS)
    without = decode_session(small_bundle(input_covariance=None), session, ALIGNERS)
    assert set(without) == set(ALIGNERS) - {"covariance-input"}
    assert all(c.logits.shape == (6, 3) for c in found.values())
    np.testing.assert_allclose(found["none"].logits[0], found["moments"].logits[0], atol=1e-5)
    assert not np.allclose(found["none"].logits[-1], found["moments"].logits[-1])


def test_every_participant_of_an_evaluation_is_another_person():
    sessions = list(OnlineSettings(n_seeds=6, n_participants=4).sessions())
    assert len({key.name for key in sessions}) == len(sessions)
    assert len({key.person for key in sessions}) == 24
    crowd = list(OnlineSettings(n_crowd=30).crowd())
    assert len({key.person for key in [*crowd, *sessions]}) == 54
    assert {key.labels for key in crowd} == {"balanced", "blocked"}
    assert {key.condition for key in crowd} == set(OnlineSettings().conditions)
    assert name_of(ALIGNERS["rows"]) == "rows"
    with pytest.raises(ValueError, match="knows no alignment"):
        name_of(replace(ALIGNERS["rows"], memory_s=7.0))


def test_simulated_sessions_know_their_labels():
    condition = Condition(8, gain=3.0, n_flat=1)
    made = make_session(1, CLASSES, condition, 45.0, schedule=blocked(CLASSES, 45.0, 1), hop_s=5.0)
    assert made.windows.shape[1:] == (60, 625)
    assert len(made.windows) == len(made.label) == len(made.segment) == len(made.end_s)
    expected = ["neutral", "positive", "negative"]
    for end, label in zip(made.end_s, made.label, strict=True):
        assert label == -1 or CLASSES[label] == expected[min(int((end - 0.1) / 15), 2)]
    schedule, calibration_s = calibration_schedule(
        CLASSES, n_rounds=2, trial_s=15.0, test_s=90.0, seed=0
    )
    assert calibration_s == 2 * 3 * 18.0
    states = [schedule.segment(k).state for k in range(15)]
    assert states[:12:2] == ["rest"] * 6
    assert sorted(states[1:6:2]) == sorted(states[12:]) == sorted(CLASSES)


def test_a_calibration_of_every_size_is_compared_with_none():
    rows = calibration_curve(
        small_bundle(),
        7000,
        test_s=90.0,
        condition="EPOC montage",
        alignment=ALIGNERS["moments"],
        trials_a_class=(1, 2),
        trials_in_all=(5,),
    )
    assert [row["trials"] for row in rows] == ["none", "1 a class", "2 a class", "5 in all"]
    assert {"zero-shot", "aligned"} < rows[0].keys()
    assert 0 <= rows[2]["chosen"] <= 1
    kept = rows[2]["accepted"] or rows[2]["unproven"]
    in_use = rows[2]["chosen"] if kept else rows[0]["aligned"]
    assert rows[2]["in use"] == in_use
    n, confidence, right = np.array(rows[2]["bins"]).T
    assert n.sum() > 0
    assert (right <= n).all()
    assert (confidence <= n).all()
    mean = mean_rows([rows, [row | {"encoder": 1.0} for row in rows]])
    assert mean[2]["ece"] == pytest.approx(np.abs(confidence - right).sum() / n.sum())
    assert mean[2]["encoder"] == pytest.approx((rows[2]["encoder"] + 1.0) / 2)
    assert rows[1].keys() == {"trials"}  # one trial a class leaves none to learn from


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Make the smallest evaluation there is."""
    small = replace(QUICK, minutes=0.4, conditions=("usual",), aligners=("none", "moments"))
    monkeypatch.setattr(online_settings, "QUICK", replace(small, test_s=0.0))
    model = tmp_path / "model.safetensors"
    save_bundle(model, small_bundle(sha256=""))
    return model


def test_the_command_writes_its_report_and_goes_on_where_it_was(tiny, tmp_path, capfd):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    command = ["evaluate", "online", "--model", str(tiny), "--out", str(out), "--quick"]
    command += ["--aligners", "none; moments"]
    assert run_command_line(command) == 0
    first = capfd.readouterr()
    assert "4 parts to do" in first.err
    names = {path.name for path in out.iterdir()}
    assert {"report.md", "time.csv", "confidence.png", "time.png", "settings.json"} <= names
    text = (out / "report.md").read_text()
    assert "says nothing about people" in text
    assert str(tmp_path) not in text
    (out / "parts" / "usual-blocked-0-0.npz").unlink()
    assert run_command_line(command) == 0
    assert "1 parts to do" in capfd.readouterr().err
    assert (out / "report.md").read_text().splitlines()[0] == text.splitlines()[0]
    assert run_command_line([*command, "--first-seed", "3"]) == 0
    assert "4 parts to do" in capfd.readouterr().err
    assert run_command_line([*command, "--aligners", "rows"]) == 2
    assert "choose another folder" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--aligners", "magic"], "--aligners must be of"),
        (["--seeds", "0"], "--seeds"),
        (["--first-seed", "-1"], "--first-seed"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_an_impossible_option_is_one_line(tmp_path, capfd, options, words):
    assert run_command_line(["evaluate", "online", "--out", str(tmp_path), *options]) != 0
    err = capfd.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_a_model_without_a_head_is_refused(tmp_path, capfd):
    model = tmp_path / "model.safetensors"
    save_bundle(model, small_bundle(sha256="", head=None, class_names=()))
    arguments = ["evaluate", "online", "--out", str(tmp_path / "x"), "--model", str(model)]
    assert run_command_line(arguments) == 4
    assert "no emotion head" in capfd.readouterr().err


def stored(folder, class_names=("sad", "happy")):
    """Write a store of two subjects; the second saw the clips in another order."""
    recordings = []
    for subject, order in (("1", (0, 1, 2)), ("2", (2, 0, 1))):
        trials = tuple(
            StoredTrial("", subject, "1", k, k % 2, f"clip {k}", k * 1000, 1000, order[k])
            for k in range(3)
        )
        samples = np.concatenate(eeg_windows(5, seed=int(subject), rank=8)[:, :8], axis=1)
        recordings.append((samples[:, :3000], trials))
    names = ("FP1", "FZ", "C3", "CZ", "C4", "PZ", "O1", "O2")
    return write_store(folder / "store", recordings, names, class_names)


def test_a_stored_session_is_read_as_it_was_shown(tmp_path):
    store = open_store(stored(tmp_path))
    session = stored_session(store, 1, CLASSES, hop_s=1.0)
    assert session.windows.shape == (12, 60, 625)
    np.testing.assert_allclose(session.end_s[:5], [5.0, 6.0, 7.0, 8.0, 13.0])
    assert session.label.tolist() == [2] * 4 + [0] * 4 + [0] * 4
    first = store.windows(1, [1000])[0]
    np.testing.assert_array_equal(session.windows[0], first)
    assert len(np.unique(session.segment)) == 3


def test_alignment_on_a_prepared_dataset_is_reported(tmp_path, capfd):
    model, out = tmp_path / "model.safetensors", tmp_path / "out"
    save_bundle(model, small_bundle(sha256=""))
    command = ["evaluate", "online", "--model", str(model), "--out", str(out)]
    command += ["--store", str(stored(tmp_path)), "--aligners", "none; rows"]
    assert run_command_line(command) == 0
    assert "2 parts to do" in capfd.readouterr().err
    text = (out / "report.md").read_text()
    assert "# Alignment on tiny" in text
    assert "trials as they were shown" in text
    assert "rows" in (out / "time.csv").read_text()
    assert run_command_line(command) == 0
    assert "0 parts to do" in capfd.readouterr().err


def test_a_dataset_without_a_class_of_the_head_is_refused(tmp_path, capfd):
    model = tmp_path / "model.safetensors"
    save_bundle(model, small_bundle(sha256=""))
    store = stored(tmp_path, ("surprise", "surprised"))
    command = ["evaluate", "online", "--model", str(model), "--out", str(tmp_path / "o")]
    assert run_command_line([*command, "--store", str(store)]) == 2
    assert "none of its labels" in capfd.readouterr().err


def test_what_calibrated_people_gain_is_told_with_its_error():
    people = [
        [{"trials": "none", "aligned": 0.6}, {"trials": "8 in all", "in use": used}]
        for used in (0.6, 0.7, 0.8)
    ]
    refused = [{"trials": "none", "aligned": 0.1}, {"trials": "8 in all"}]
    (row,) = gain_rows([*people, refused])
    assert row == {
        "trials": "8 in all",
        "aligned": "60.0",
        "in use": "70.0",
        "gain": "+10.0 ± 5.8",
        "people": 3,
    }
    assert gain_rows(people[:1]) == []
