"""BIDS folders, plain folders with a table of trials, and the layout of the released code."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edfio import Edf, EdfSignal
from scipy.io import savemat

from mdjpt.datasets import open_dataset
from mdjpt.datasets.electrodes import SEED_60
from mdjpt.datasets.released import RELEASED_PROGRAMMES
from mdjpt.errors import DatasetError
from tests.support.golden import golden_arrays

SFREQ = 100
NAMES = ("Fp1", "Fp2", "Cz", "Oz")


def write_edf(path, duration_s=40, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).normal(scale=20, size=(len(NAMES), duration_s * SFREQ))
    signals = [
        EdfSignal(row, SFREQ, label=f"EEG {name}", physical_dimension="uV",
                  physical_range=(-200, 200))
        for name, row in zip(NAMES, values, strict=True)
    ]  # fmt: skip
    Edf(signals).write(path)
    return values


def write_tsv(path, rows):
    path.write_text("\n".join("\t".join(map(str, row)) for row in rows))


def write_bids(root, subjects=("01", "02")):
    (root / "dataset_description.json").write_text(
        json.dumps({"Name": "films", "BIDSVersion": "1.9.0", "License": "CC0"})
    )
    events = [
        ("onset", "duration", "trial_type", "stim_file"),
        (2.0, 0.0, "button", "n/a"),
        (3.0, 6.0, "joy", "a.mp4"),
        (12.0, 7.5, "calm", "b.mp4"),
        (22.0, 6.0, "n/a", "c.mp4"),
        (30.0, 6.0, "joy", "d.mp4"),
    ]
    written = {}
    for subject in subjects:
        folder = root / f"sub-{subject}" / "eeg"
        stem = f"sub-{subject}_task-film"
        written[subject] = write_edf(folder / f"{stem}_eeg.edf", seed=int(subject))
        write_tsv(folder / f"{stem}_events.tsv", events)
    return written


def test_bids_events_that_last_are_trials(tmp_path):
    written = write_bids(tmp_path)
    reader = open_dataset("bids", tmp_path)
    assert reader.subjects() == ("01", "02")
    assert reader.card.class_names == ("calm", "joy")
    (key,) = reader.recordings("02")
    trials = list(reader.trials(key))
    assert [(t.label, t.stimulus, t.start_s, t.order) for t in trials] == [
        (1, "a.mp4", 3.0, 0),
        (0, "b.mp4", 12.0, 1),
        (1, "d.mp4", 30.0, 2),
    ]
    np.testing.assert_allclose(trials[1].samples, written["02"][:, 1200:1950], atol=0.01)
    assert len(trials[1].ch_names) == 4


def test_bids_classes_can_be_named_and_events_given_a_length(tmp_path):
    write_bids(tmp_path, subjects=("01",))
    reader = open_dataset("bids", tmp_path, classes=("button",), duration_s=5.0)
    (trial,) = reader.trials(reader.recordings()[0])
    assert (trial.label, trial.n_times) == (0, 500)
    with pytest.raises(DatasetError, match=r"events\.tsv: no event with a trial_type lasts 5 s"):
        open_dataset("bids", tmp_path, classes=("button",))
    with pytest.raises(DatasetError, match=r"events\.tsv: no column emotion"):
        open_dataset("bids", tmp_path, label="emotion")


def test_a_folder_that_is_not_bids_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no recording of a BIDS dataset"):
        open_dataset("bids", tmp_path)


HEADER = ("file", "subject", "session", "start_s", "stop_s", "label", "stimulus")


def test_a_table_of_trials_cuts_any_recording(tmp_path):
    values = write_edf(tmp_path / "raw" / "anna.edf")
    rows = [
        HEADER,
        ("raw/anna.edf", "anna", "evening", 1, 9, "10", "film 2"),
        ("raw/anna.edf", "anna", "evening", 11, 20.5, "2", "film 1"),
    ]
    write_tsv(tmp_path / "trials.tsv", rows)
    reader = open_dataset("folder", tmp_path)
    assert reader.card.class_names == ("2", "10")
    (key,) = reader.recordings("anna")
    assert key.session == "evening"
    first, second = reader.trials(key)
    assert (first.label, second.label) == (1, 0)
    assert (first.stimulus, first.order, second.order) == ("film 2", 0, 1)
    np.testing.assert_allclose(second.samples, values[:, 1100:2050], atol=0.01)


def test_a_parquet_table_may_hold_ratings_and_leave_the_rest_open(tmp_path):
    write_edf(tmp_path / "s1.edf", duration_s=8)
    table = pa.table({"file": ["s1.edf"], "valence": [6.5], "arousal": [2], "order": [3]})
    pq.write_table(table, tmp_path / "trials.parquet")
    reader = open_dataset("folder", tmp_path)
    (key,) = reader.recordings("s1")
    (trial,) = reader.trials(key)
    assert trial.label == {"valence": 6.5, "arousal": 2.0}
    assert (trial.start_s, trial.n_times, trial.stimulus, trial.order) == (0.0, 800, "", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject,label\na,joy\n", r"trials\.csv: no column file; there are subject, label"),
        (
            "file,label\nnone.edf,joy\n",
            r"trials\.csv: row 2: column file: .*none\.edf is not",
        ),
        ("file,label\n../x.edf,joy\n", r"row 2: column file: '\.\./x\.edf' is no path under"),
        ("file,label,start_s\na.edf,joy,soon\n", r"row 2: column start_s is no number: 'soon'"),
        ("file,label,duration_s\na.edf,joy,0\n", r"row 2: a trial from 0\.0 s of 0\.0 s"),
        ("file,label\na.edf,\n", "row 2: neither a label nor a rating"),
        ("", r"trials\.csv: empty file"),
        ("file,label\n", "no recording of a folder"),
        ("\xff\x00", r"trials\.csv: "),
    ],
)
def test_a_wrong_table_names_file_row_and_column(tmp_path, text, message):
    (tmp_path / "a.edf").write_bytes(b"0")
    (tmp_path / "trials.csv").write_bytes(text.encode("latin1"))
    with pytest.raises(DatasetError, match=message):
        open_dataset("folder", tmp_path)


def test_an_unknown_label_and_a_damaged_recording_are_named(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"0       " + bytes(100))
    (tmp_path / "trials.csv").write_text("file,label\na.edf,joy\n")
    with pytest.raises(DatasetError, match="column label: 'joy' is none of"):
        open_dataset("folder", tmp_path, class_names=("calm",))
    reader = open_dataset("folder", tmp_path)
    with pytest.raises(DatasetError, match=r"a\.edf: "):
        list(reader.trials(reader.recordings()[0]))


def test_a_trial_beyond_the_end_of_its_recording_is_left_out_and_named(tmp_path):
    write_edf(tmp_path / "a.edf", duration_s=8)
    table = tmp_path / "trials.csv"
    table.write_text("file,label,start_s,duration_s\na.edf,joy,0,6\na.edf,joy,4,6\n")
    reader = open_dataset("folder", tmp_path)
    (trial,) = reader.trials(reader.recordings()[0])
    said = "trial 2 left out: it lasts from 4 to 10 s, the recording ends at 8 s"
    assert (trial.trial, trial.notes[-1]) == (0, said)
    table.write_text("file,label,start_s,duration_s\na.edf,joy,4,6\n")
    reader = open_dataset("folder", tmp_path)
    with pytest.raises(DatasetError, match=r"a\.edf: holds none of its trials: trial 1 left out"):
        list(reader.trials(reader.recordings()[0]))


def test_a_subject_without_events_is_named(tmp_path):
    write_bids(tmp_path, ("01", "02", "03"))
    folder = tmp_path / "sub-02" / "eeg"
    write_tsv(folder / "sub-02_task-film_events.tsv", [("onset", "duration", "trial_type")])
    (tmp_path / "sub-03" / "eeg" / "sub-03_task-film_events.tsv").unlink()
    reader = open_dataset("bids", tmp_path)
    assert reader.subjects() == ("01",)
    first, second = reader.missing()
    assert first.startswith("subject 02: sub-02_task-film_events.tsv: no event with a trial_type")
    assert second == "subject 03: sub-03_task-film_eeg.edf has no events.tsv"


def test_options_of_a_command_line_become_what_the_reader_takes(tmp_path):
    write_bids(tmp_path)
    reader = open_dataset("bids", tmp_path, duration_s="5.5", classes="joy", min_duration_s="5")
    assert reader.card.class_names == ("joy",)
    assert {trial.n_times for trial in reader.trials(reader.recordings()[0])} == {550}
    for text in ("long", "nan"):
        with pytest.raises(ValueError, match=f"duration_s must be a number, got '{text}'"):
            open_dataset("bids", tmp_path, duration_s=text)


def test_released_seed_files_are_cut_as_the_released_loader_cuts_them(tmp_path):
    golden = golden_arrays("released_trials.npz")
    data = golden["seed_raw16"] / 16
    savemat(
        tmp_path / "Sub_1.mat",
        {"merged_data_all_cleaned": data, "merged_n_samples_one": golden["seed_seconds"][None]},
    )
    reader = open_dataset("released", tmp_path, dataset="seed", ch_names=["CZ"])
    trials = [trial for key in reader.recordings("0") for trial in reader.trials(key)]
    assert [trial.session for trial in trials[14:16]] == ["1", "2"]
    assert [trial.stimulus for trial in trials[14:16]] == ["15", "01"]
    assert [trial.label for trial in trials] == golden["seed_labels"].tolist()
    for trial, window in zip(trials[::3], golden["seed_first_windows"], strict=True):
        scaled = (trial.samples[:, :625] - golden["seed_mean"]) / golden["seed_std"]
        np.testing.assert_allclose(scaled, window, atol=2e-6)


def test_released_faced_files_use_the_last_30_s_of_each_clip(tmp_path):
    golden = golden_arrays("released_trials.npz")
    data = golden["faced_raw16"] / 16
    savemat(
        tmp_path / "sub000.mat",
        {"data_all_cleaned": data, "n_samples_one": golden["faced_seconds"][None]},
    )
    reader = open_dataset("released", tmp_path, dataset="faced", ch_names=["CZ"])
    (key,) = reader.recordings()
    trials = list(reader.trials(key))
    assert {trial.n_times for trial in trials} == {30 * 125}
    for index, window in zip(golden["faced_index"], golden["faced_windows"], strict=True):
        clip, step = divmod(int(index), 13)
        cut = trials[clip].samples[:, step * 250 : step * 250 + 625]
        assert np.corrcoef(cut[0], window[0])[0, 1] > 1 - 1e-9


def test_released_lengths_are_cut_to_whole_seconds_unless_asked_otherwise(tmp_path):
    seconds = np.full((1, 45), 5.5)
    data = np.zeros((60, 45 * 688), dtype=np.int8)
    savemat(tmp_path / "1.mat", {"merged_data_all_cleaned": data, "merged_n_samples_one": seconds})
    released = open_dataset("released", tmp_path, dataset="seed-v")
    exact = open_dataset("released", tmp_path, dataset="seed-v", exact=True)
    (key, *_) = released.recordings()
    assert [trial.start_s for trial in released.trials(key)][:3] == [0, 5, 10]
    trials = list(exact.trials(key))
    assert [trial.start_s for trial in trials[:3]] == [0, 5.504, 11]
    assert trials[0].ch_names == SEED_60


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": np.zeros((60, 5))}, "no key merged_data_all_cleaned and merged_n_samples_one"),
        (
            {"merged_data_all_cleaned": np.zeros((60, 5)), "merged_n_samples_one": [[5] * 45]},
            "the trials need 28125 samples, 5 are there",
        ),
        (
            {"merged_data_all_cleaned": np.zeros((7, 28125)), "merged_n_samples_one": [[5] * 45]},
            "7 rows of unknown electrodes; give ch_names",
        ),
    ],
)
def test_a_wrong_released_file_names_file_and_key(tmp_path, content, message):
    savemat(tmp_path / "sub1.mat", content)
    reader = open_dataset("released", tmp_path, dataset="seed-v")
    with pytest.raises(DatasetError, match=rf"sub1\.mat: {message}"):
        next(reader.trials(reader.recordings()[0]))


def test_the_released_layout_needs_a_dataset_and_numbered_files(tmp_path):
    (tmp_path / "subject.mat").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"subject\.mat: no recording of mdJPT"):
        open_dataset("released", tmp_path, dataset="deap")
    with pytest.raises(ValueError, match="dataset must be one of seed, seed-iv"):
        open_dataset("released", tmp_path, dataset="tusz")
    assert {len(p.labels) for p in RELEASED_PROGRAMMES.values()} == {1, 3, 4}
