"""Labels as people have them: tables, events, and what cannot belong to the recording."""

from __future__ import annotations

import json

import mne
import numpy as np
import pytest
from edfio import Bdf, BdfSignal, EdfAnnotation

from mdjpt.calibration.label_choice import choose_trials, parse_classes
from mdjpt.calibration.label_files import LabelRow, read_label_rows, rows_of_events
from mdjpt.calibration.trials import LabelledInterval
from mdjpt.errors import LabelsError
from mdjpt.recordings import read_recording
from tests.support.recording_files import NAMES, write_brainvision, write_eeglab, write_xdf

SFREQ = 125.0
FOUR = ("Fp1", "Fp2", "C3", "C4")
RECORDING = {"recording_s": 170.0, "sfreq": SFREQ}
ONSETS = (10.0, 23.0, 36.0, 49.0)
EXPECTED = tuple(
    LabelledInterval(onset, 10.0, ("calm", "happy")[k % 2]) for k, onset in enumerate(ONSETS)
)


def chosen(path, began_at_s=None, **options):
    rows = read_label_rows(path, began_at_s=began_at_s)
    return choose_trials(rows, path.name, **(RECORDING | options))


def table(tmp_path, text, name="t.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def raw_with(onset, duration, label, seconds=70.0):
    rng = np.random.default_rng(0)
    info = mne.create_info(list(FOUR), SFREQ, "eeg")
    raw = mne.io.RawArray(1e-5 * rng.standard_normal((4, int(seconds * SFREQ))), info, verbose=0)
    return raw.set_annotations(mne.Annotations(onset, duration, label))


# --- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "header", "row", "encoding"),
    [
        ("t.csv", "onset_s,duration_s,label", "{0:g},{1:g},{2}", "utf-8"),
        ("t.tsv", "onset_s\tduration_s\tlabel", "{0:g}\t{1:g}\t{2}", "utf-16"),
        ("t.csv", "\ufeffonset_s;duration_s;label", "{0},{0:.0f}0;10,0;{2}", "utf-8"),
        ("events.tsv", "onset\tduration\ttrial_type\tvalue", "{0:g}\t{1:g}\t {2} \t7", "utf-8"),
        ("t.csv", "ONSET_MS,Duration_ms,Label", "{0:g}000,{1:g}000,{2}", "utf-8"),
        ("t.csv", "onset_s,duration_s,label", "00:00:{0:g},00:00:{1:g},{2}", "cp1252"),
        ("a.txt", "# MNE-Annotations\n# onset, duration, description", "{0:g},{1:g},{2}", "utf-8"),
        ("a.csv", "onset,duration,description", "1970-01-01 00:00:{0:g},{1:g},{2}", "utf-8"),
    ],
)
def test_a_table_is_read_in_every_form_that_people_have(tmp_path, name, header, row, encoding):
    if "," in row and ";" in header:
        row = "{0:.0f},0;10,0;{2}"
    lines = [row.format(t.onset_s, t.duration_s, t.label) for t in EXPECTED]
    path = table(tmp_path, "\n".join([header, "", *reversed(lines)]), name, encoding)
    assert chosen(path).trials == EXPECTED


def test_annotations_are_read_as_mne_saves_them(tmp_path):
    for date in (None, 1_700_000_000):
        raw = raw_with(ONSETS, 10.0, [t.label for t in EXPECTED])
        raw.set_meas_date(date)
        raw.annotations.save(tmp_path / "a.csv", overwrite=True)
        assert chosen(tmp_path / "a.csv", began_at_s=date).trials == EXPECTED
    with pytest.raises(LabelsError, match=r"line 2: 2023-11-14.* is a time of day"):
        chosen(tmp_path / "a.csv")


def test_rows_that_say_that_there_is_nothing_are_left_out_and_counted(tmp_path):
    rows = "3.0\tn/a\tn/a\nn/a\tn/a\tn/a\n10\t10\tcalm\n23\t10\thappy\n36\t0\tbeep\n"
    found = chosen(table(tmp_path, "onset\tduration\ttrial_type\n" + rows, "events.tsv"))
    assert found.trials == EXPECTED[:2]
    assert found.notes == (
        "events.tsv: 2 rows without a label left out",
        "events.tsv: 1 rows without a duration left out",
    )


def test_classes_choose_and_rename(tmp_path):
    path = table(tmp_path, "onset,duration,trial_type\n10,0,T1\n23,0,T2\n36,0,T0\n49,0,T1\n")
    found = chosen(path, classes=parse_classes(" T1=calm, T2 =happy"), trial_s=10.0)
    assert [t.label for t in found.trials] == ["calm", "happy", "calm"]
    assert {t.duration_s for t in found.trials} == {10.0}
    assert found.notes == ("t.csv: 1 rows of other labels left out",)
    with pytest.raises(LabelsError, match=r"nothing is labelled 'T3'; there are T1 \(2\), T2"):
        chosen(path, classes=parse_classes("T3"))
    with pytest.raises(LabelsError, match=r"nothing tells how long a trial lasts.*--trial-s"):
        chosen(path, classes=parse_classes("T1,T2"))


@pytest.mark.parametrize("text", ["", "a,", "=a", "a=1,a=2"])
def test_a_choice_that_makes_no_sense_is_refused(text):
    with pytest.raises(LabelsError, match="give each label once"):
        parse_classes(text)


def test_the_truth_of_a_simulated_recording_is_a_table_too(tmp_path):
    path = tmp_path / "eeg.truth.json"
    states = [{"onset_s": 0.0, "state": "a"}, {"onset_s": 20.0, "state": "b"}]
    path.write_text(json.dumps({"states": states}))
    rows = read_label_rows(path, 50.0)
    assert [(row.onset_s, row.duration_s, row.label) for row in rows] == [
        (0.0, 20.0, "a"),
        (20.0, 30.0, "b"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no trial"),
        ("onset_s,label\n1,a\n", "no column duration_s"),
        ("onset_s,duration_s,label\nx,2,a\n", "line 2"),
        ("onset_s,duration_s,label\n\n\n1,-2,a\n", "line 4: duration_s must be positive"),
        ("onset_s,duration_s,label\n-1,2,a\n", "onset_s must be 0 or more"),
        ("onset_s,duration_s,label\n1,2,\n", "label must be"),
        ("onset_s,duration_s,label\n1,2\n", "label must be"),
        ("onset_s,duration_s,label,valence\n1,2,a,inf\n", "valence must be a number"),
        ("onset_s,duration_s,label\n1,5,a\n3,5,b\n", "overlap"),
        ("onset,duration,description\n1970-13-40,2,a\n", "line 2"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(LabelsError, match=words) as error:
        chosen(table(tmp_path, text))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.csv", None),
        ("bytes.csv", b"\xff\xfe\x00"),
        ("more_bytes.csv", b"onset_s,duration_s,label\x00\x01"),
        ("a.truth.json", b"{]"),
        ("b.truth.json", b"[1]"),
        ("c.truth.json", b'{"states": [{"onset_s": "x"}]}'),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LabelsError, match=name):
        read_label_rows(path)


# --- what cannot belong to the recording --------------------------------------------------------


def rows_of(*trials):
    return [LabelRow(f"line {k}", *trial) for k, trial in enumerate(trials, 2)]


def test_trials_behind_the_end_are_named():
    rows = rows_of((10.0, 10.0, "calm"), (165.0, 10.0, "happy"), (400.0, 10.0, "calm"))
    with pytest.raises(LabelsError) as error:
        choose_trials(rows, "t.csv", **RECORDING)
    assert "line 3 (165 to 175 s), line 4 (400 to 410 s)" in str(error.value)
    assert "170.0 s" in str(error.value)
    assert "perhaps" not in str(error.value)


def test_a_trial_that_the_end_cuts_a_little_is_taken_and_told():
    rows = rows_of((10.0, 10.0, "calm"), (160.5, 10.0, "happy"))
    found = choose_trials(rows, "t.csv", **RECORDING)
    assert len(found.trials) == 2
    assert found.notes == ("t.csv: line 3: the recording ends 0.5 s before its trial",)
    rounded = rows_of((10.0, 10.0, "calm"), (160.004, 10.0, "happy"))
    assert choose_trials(rounded, "t.csv", **RECORDING).notes == ()


def test_classes_that_differ_only_in_case_are_refused_unless_somebody_says_what_they_are():
    rows = rows_of(
        *(
            (t.onset_s, 9.0, label)
            for t, label in zip(EXPECTED, ("calm", "Happy", "CALM", "happy"), strict=True)
        )
    )
    with pytest.raises(LabelsError, match=r"'calm' \(line 2\), 'CALM' \(line 4\) differ only"):
        choose_trials(rows, "t.csv", **RECORDING)
    classes = parse_classes("calm,CALM=calm,Happy=happy,happy")
    found = choose_trials(rows, "t.csv", classes=classes, **RECORDING).trials
    assert [t.label for t in found] == ["calm", "happy", "calm", "happy"]


def test_trials_that_overlap_are_named():
    rows = rows_of((49.0, 10.0, "happy"), (10.0, 10.0, "calm"), (19.0, 10.0, "happy"))
    with pytest.raises(LabelsError, match=r"10 s \(line 3\) and 19 s \(line 4\) overlap"):
        choose_trials(rows, "t.csv", **RECORDING)


# --- events of the recording --------------------------------------------------------------------


def write_events(path, events):
    """Write a recording of 70 s with annotations: onset and duration in s, label."""
    rng = np.random.default_rng(0)
    samples = (10 * rng.standard_normal((4, 8750))).astype(np.float32)
    if path.suffix == ".set":
        write_eeglab(path, samples, SFREQ, FOUR, events)
    elif path.suffix == ".vhdr":
        write_brainvision(
            path, samples, SFREQ, FOUR, [(on, label) for on, _, label in events], 10.0
        )
    elif path.suffix == ".bdf":
        signals = [
            BdfSignal(x, SFREQ, label=name, physical_dimension="uV")
            for x, name in zip(samples, FOUR, strict=True)
        ]
        notes = [EdfAnnotation(on, length or None, label) for on, length, label in events]
        Bdf(signals, annotations=notes).write(path)
    else:
        raw = raw_with(*zip(*events, strict=True))
        raw.save(path) if path.suffix == ".fif" else raw.export(path, verbose=0)


@pytest.mark.parametrize("name", ["eeg.edf", "eeg_raw.fif", "eeg.vhdr", "eeg.set", "eeg.bdf"])
def test_annotations_inside_of_a_recording_are_trials(tmp_path, name):
    events = [(t.onset_s, 10.0, t.label) for t in EXPECTED]
    others = [(5.0, 2.0, "BAD_blink"), (66.0, 0.0, "beep")]
    write_events(tmp_path / name, events if name.endswith("vhdr") else events + others)
    recording = read_recording(tmp_path / name)
    found = choose_trials(rows_of_events(recording), name, **RECORDING)
    assert [t.label for t in found.trials] == [t.label for t in EXPECTED]
    np.testing.assert_allclose([t.onset_s for t in found.trials], ONSETS, atol=0.01)
    np.testing.assert_allclose([t.duration_s for t in found.trials], 10.0, atol=0.01)
    if not name.endswith("vhdr"):
        assert found.notes == (f"{name}: 1 rows without a duration left out",)


def test_markers_are_chosen_by_name_and_need_a_length(tmp_path):
    rng = np.random.default_rng(1)
    names = {"calm": "1", "happy": "2"}
    events = [(t.onset_s, names[t.label]) for t in EXPECTED] + [(1.0, "start")]
    samples = (10 * rng.standard_normal((len(NAMES), 8750))).astype(np.float32)
    recording = read_recording(write_xdf(tmp_path / "r.xdf", samples, SFREQ, events=events))
    rows = rows_of_events(recording)
    with pytest.raises(LabelsError, match=r"--trial-s.*--classes; there are 1 \(2\), 2 \(2\)"):
        choose_trials(rows, "r.xdf", **RECORDING)
    classes = parse_classes("1=calm,2=happy")
    found = choose_trials(rows, "r.xdf", classes=classes, trial_s=10.0, **RECORDING)
    assert [t.label for t in found.trials] == [t.label for t in EXPECTED]
    np.testing.assert_allclose([t.onset_s for t in found.trials], ONSETS, atol=0.01)


@pytest.mark.parametrize(
    ("first", "second"), [("calm", "Calm"), ("very_calm", "very calm"), ("1", "1.0"), ("a-b", "ab")]
)
def test_spellings_that_nobody_meant_as_two_classes_are_refused(tmp_path, first, second):
    path = table(tmp_path, f"onset_s,duration_s,label\n10,10,{first}\n30,10,{second}\n")
    with pytest.raises(LabelsError, match="differ only in case or blanks"):
        chosen(path)
    blanks = "onset_s,duration_s,label\n10,10,very  calm\n30,10, very calm\u00a0\n"
    assert {t.label for t in chosen(table(tmp_path, blanks)).trials} == {"very calm"}


@pytest.mark.parametrize(
    ("scale", "offset", "unit"),
    [(125, 0, "samples at 125 Hz"), (1e3, 0, "milli"), (1e6, 0, "micro"), (1, 1.7e9, "of the day")],
)
def test_a_unit_is_suspected_where_trials_lie_behind_the_end(tmp_path, scale, offset, unit):
    rows = [f"{scale * t.onset_s + offset:.0f},{scale * t.duration_s:.0f},a" for t in EXPECTED]
    path = table(tmp_path, "\n".join(["onset_s,duration_s,label", *rows]))
    with pytest.raises(LabelsError, match=f"perhaps they are .*{unit}"):
        chosen(path)
