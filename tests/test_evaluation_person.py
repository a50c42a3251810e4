"""The practitioner's table of one person: families, pool and chance on trials kept apart."""

from __future__ import annotations

from dataclasses import replace

import mne
import numpy as np
import pytest

from app.cli.main import run_command_line
from mdjpt.errors import LabelsError
from mdjpt.evaluation.person import POOLED, evaluate_person, person_report
from tests.support.calibration_cases import labelled
from tests.support.fakes import NAMES, eeg_like


def test_what_can_be_told_apart_is_better_than_chance_and_every_family_has_a_row():
    outcome = evaluate_person(labelled(n_per_class=8, effect=3.0))
    assert [score.name for score in outcome.scores] == ["encoder", POOLED]
    assert outcome.held_out
    assert outcome.verdict == "better than chance"
    assert outcome.scores[-1].accuracy > 0.8
    assert outcome.chance == pytest.approx(1 / 3)


def test_labels_that_mean_nothing_are_not_better_than_chance():
    outcome = evaluate_person(labelled(n_per_class=8, effect=0.0))
    assert outcome.verdict == "not better than chance"


def test_an_order_that_a_drift_tells_apart_can_prove_nothing():
    data = labelled(n_per_class=6, effect=3.0)
    in_blocks = replace(data, label=np.sort(data.label))
    assert "not to be told from chance" in evaluate_person(in_blocks).verdict


def test_another_recording_is_decoded_by_what_the_first_one_taught():
    data, test = labelled(effect=3.0), labelled(effect=3.0, seed=1)
    outcome = evaluate_person(data, test=test)
    assert not outcome.held_out
    assert outcome.scores[-1].n_trials == test.n_trials
    assert outcome.scores[-1].accuracy > 0.8


def test_classes_in_another_order_are_the_same_classes():
    data, test = labelled(effect=3.0), labelled(effect=3.0, seed=1)
    turned = replace(test, class_names=test.class_names[::-1], label=2 - test.label)
    ours, theirs = (evaluate_person(data, test=t).scores[-1] for t in (test, turned))
    assert ours.n_correct == theirs.n_correct


def test_a_test_of_classes_that_were_not_taught_is_refused():
    data, test = labelled(), labelled(seed=1)
    unknown = replace(test, class_names=("bored", *test.class_names[1:]))
    with pytest.raises(LabelsError, match=r"'bored'.*--classes"):
        evaluate_person(data, test=unknown)


def test_the_report_says_coverage_and_verdict_and_marks_what_is_simulated(tmp_path):
    report = person_report(evaluate_person(labelled(effect=3.0)), "me", ["a note"], simulated=True)
    written = report.write(tmp_path)
    texts = {path.name: path.read_text() for path in written}
    assert set(texts) == {"report.md", "report.html", "report.csv"}
    assert "Simulated" in texts["report.md"]
    assert "It labels" in texts["report.md"]
    assert "a note" in texts["report.html"]
    assert "data:image/png;base64" in texts["report.html"]
    assert texts["report.csv"].splitlines()[0].startswith("decoder,trials right")


def test_the_command_tells_apart_two_rhythms_of_a_recording_and_writes_its_report(tmp_path, capsys):
    sfreq, onsets = 125.0, 12.0 + 10.0 * np.arange(12)
    n_times = int(sfreq * (onsets[-1] + 12))
    t, x = np.arange(n_times) / sfreq, eeg_like(len(NAMES), n_times).astype(np.float64)
    for k, onset in enumerate(onsets):
        inside = (t >= onset) & (t < onset + 8)
        x[6:, inside] += (30.0 if k % 2 else 3.0) * np.sin(2 * np.pi * 10 * t[inside])
    raw = mne.io.RawArray(x * 1e-6, mne.create_info(list(NAMES), sfreq, "eeg"), verbose="ERROR")
    labels = ["closed" if k % 2 else "open" for k in range(12)]
    raw.set_annotations(mne.Annotations(onsets, [8.0] * 12, labels))
    path = tmp_path / "eyes_raw.fif"
    raw.save(path, verbose="ERROR")
    code = run_command_line(["evaluate", "person", str(path), "--out", str(tmp_path / "report")])
    said = capsys.readouterr().out
    assert code == 0
    assert "| pooled decoder | 1.00 |" in said
    assert "better than chance" in said
    assert (tmp_path / "report" / "report.html").exists()
