"""The SEED family: file names, keys, cut tables and labels of the real sets."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from openpyxl import Workbook
from scipy.io import savemat

from mdjpt.datasets import open_dataset
from mdjpt.datasets.cnt_file import load, read_cnt_trials
from mdjpt.datasets.electrodes import SEED_60, SEED_62
from mdjpt.datasets.seed import SEED_IV_LABELS, SEED_LABELS, SEED_V_LABELS, SEED_V_SPANS
from mdjpt.datasets.seed_vii import SEED_VII_LABELS, labels_of_workbook
from mdjpt.errors import DatasetError
from tests.support.dataset_files import cnt, eeg, seed_session

REFERENCE = json.loads((Path(__file__).parent / "data" / "dataset_labels.json").read_text())
CNT_62_AND_OTHERS = ("M1", *SEED_62[:32], "VEO", *SEED_62[32:], "HEO", "M2")


def test_labels_are_those_of_the_released_code():
    assert list(SEED_LABELS) * 3 == REFERENCE["SEED"]
    for table, name in (
        (SEED_IV_LABELS, "SEEDIV"),
        (SEED_V_LABELS, "SEEDV"),
        (SEED_VII_LABELS, "SEEDVII"),
    ):
        assert [label for labels in table.values() for label in labels] == REFERENCE[name]


def test_62_electrodes_are_the_60_of_the_model_and_two_of_the_cerebellum():
    assert len(set(SEED_62)) == 62
    assert tuple(name for name in SEED_62 if name not in ("CB1", "CB2")) == SEED_60


def test_seed_comes_back_in_numeric_order_with_sessions_by_date(tmp_path):
    folder = tmp_path / "Preprocessed_EEG"
    written = seed_session(folder / "2_20140419.mat", initials="jl")
    seed_session(folder / "2_20140413.mat")
    seed_session(folder / "10_20131130.mat", initials="ww")
    savemat(folder / "label.mat", {"label": [[1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1]]})
    (folder / "readme.txt").write_text("SEED")
    (folder / "._2_20140419.mat").write_bytes(b"left by macOS")

    reader = open_dataset("SEED", tmp_path)

    assert reader.subjects() == ("2", "10")
    keys = reader.recordings("2")
    assert [(key.session, key.path.name) for key in keys] == [
        ("1", "2_20140413.mat"),
        ("2", "2_20140419.mat"),
    ]
    trials = list(reader.trials(keys[1]))
    assert [trial.label for trial in trials] == REFERENCE["SEED"][:15]
    assert [trial.stimulus for trial in trials] == [f"{k:02d}" for k in range(1, 16)]
    assert [trial.order for trial in trials] == list(range(15))
    assert trials[9].ch_names == SEED_62
    assert (trials[9].sfreq, trials[9].session, trials[9].subject) == (200.0, "2", "2")
    np.testing.assert_array_equal(trials[9].samples, written["jl_eeg10"].astype(np.float32))


def test_a_partial_download_is_read_and_told(tmp_path):
    seed_session(tmp_path / "1_20131027.mat")
    lines = open_dataset("seed", tmp_path).missing()
    assert any("14 of 15 subjects" in line for line in lines)
    assert any(line.startswith("subject 1: 2 of 3 sessions") for line in lines)


def test_label_mat_with_other_values_is_refused(tmp_path):
    seed_session(tmp_path / "1_20131027.mat")
    savemat(tmp_path / "label.mat", {"label": [[5] * 15]})
    reader = open_dataset("seed", tmp_path)
    with pytest.raises(DatasetError, match=r"label\.mat: key 'label': need 15"):
        next(reader.trials(reader.recordings()[0]))


def test_a_misnamed_file_is_named(tmp_path):
    seed_session(tmp_path / "Preprocessed_EEG" / "subject1.mat")
    with pytest.raises(DatasetError, match=r"subject1\.mat: no recording of SEED has such a name"):
        open_dataset("seed", tmp_path)


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "1_20131027.mat"
    seed_session(path, n_times=400)
    path.write_bytes(path.read_bytes()[:150_000])
    reader = open_dataset("seed", tmp_path)
    with pytest.raises(DatasetError, match=r"1_20131027\.mat: "):
        list(reader.trials(reader.recordings()[0]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"eeg_1": eeg(62, 5)}, r"no key \.\.\._eeg1 to \.\.\._eeg15; there are eeg_1"),
        ({"djc_eeg1": eeg(61, 5)}, "key djc_eeg1: need 62 channels"),
    ],
)
def test_a_wrongly_keyed_file_names_file_and_key(tmp_path, content, message):
    path = tmp_path / "1_20131027.mat"
    savemat(path, content)
    reader = open_dataset("seed", tmp_path)
    with pytest.raises(DatasetError, match=rf"1_20131027\.mat: {message}"):
        list(reader.trials(reader.recordings()[0]))


def test_seed_iv_takes_session_and_labels_from_the_folder(tmp_path):
    for session in "13":
        seed_session(tmp_path / "eeg_raw_data" / session / "1_20160518.mat", n_trials=24)
    reader = open_dataset("SEED_IV", tmp_path)
    keys = reader.recordings()
    assert [key.session for key in keys] == ["1", "3"]
    trials = list(reader.trials(keys[1]))
    assert [trial.label for trial in trials] == REFERENCE["SEEDIV"][48:]
    assert trials[0].stimulus == "3-01"
    assert reader.card.class_names[trials[0].label] == "sad"


def test_seed_v_is_cut_by_its_table(tmp_path):
    sfreq, n_times = 10, 28_200
    path = tmp_path / "EEG_raw" / "16_2_20180706.cnt"
    values = cnt(path, CNT_62_AND_OTHERS, n_times, sfreq)

    reader = open_dataset("SEED-V", tmp_path)
    (key,) = reader.recordings()
    trials = list(reader.trials(key))

    assert (key.subject, key.session) == ("16", "2")
    assert [trial.label for trial in trials] == REFERENCE["SEEDV"][15:30]
    assert [(t.start_s, t.start_s + t.duration_s) for t in trials] == list(SEED_V_SPANS["2"])
    assert trials[3].stimulus == "2-04"
    assert trials[3].ch_names == SEED_62
    start, stop = (round(t * sfreq) for t in SEED_V_SPANS["2"][3])
    oz = values[start:stop, CNT_62_AND_OTHERS.index("OZ")] * 0.1
    np.testing.assert_allclose(trials[3].samples[SEED_62.index("OZ")], oz, atol=1e-3)


@pytest.mark.parametrize("width", [2, 4])
def test_the_width_of_samples_is_found_where_the_header_does_not_tell(tmp_path, width):
    path = tmp_path / "1_1_20180804.cnt"
    values = cnt(path, CNT_62_AND_OTHERS, 3000, 10, width=width, header_n_times=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = load(path, ch_names=["OZ"], spans=[(20.0, 30.0)], data_format="auto")
        ((_, samples),) = read["samples"]
    assert read["notes"] == [
        f"the header does not tell the width of a sample: int{8 * width} assumed"
    ]
    oz = values[200:300, CNT_62_AND_OTHERS.index("OZ")] * 0.1
    np.testing.assert_allclose(samples[0], oz, atol=1e-3)


def test_a_cnt_that_ends_early_names_file_and_trial(tmp_path):
    cnt(tmp_path / "1_1_20180804.cnt", CNT_62_AND_OTHERS, 2000, 10)
    reader = open_dataset("SEED-V", tmp_path)
    with pytest.raises(DatasetError, match=r"1_1_20180804\.cnt: trial 2 lasts from 132 to 228 s"):
        list(reader.trials(reader.recordings()[0]))


def test_a_cnt_without_an_electrode_names_it(tmp_path):
    cnt(tmp_path / "1_1_20180804.cnt", ("FP1", "OZ"), 400, 10)
    with pytest.raises(DatasetError, match=r"1_1_20180804\.cnt: no channel CB2"):
        read_cnt_trials(tmp_path / "1_1_20180804.cnt", ["OZ", "CB2"], [(1.0, 2.0)])


def test_a_cnt_with_too_few_events_is_named(tmp_path):
    cnt(tmp_path / "1_20221001_1.cnt", ("FP1", "OZ"), 400, 10, onsets_s=(1.0, 2.0, 3.0))
    with pytest.raises(DatasetError, match=r"_1\.cnt: 20 trials need 40 events, there are 3"):
        read_cnt_trials(tmp_path / "1_20221001_1.cnt", ["OZ"], 20)


def test_seed_vii_reads_its_preprocessed_sessions(tmp_path):
    folder = tmp_path / "EEG_preprocessed"
    folder.mkdir()
    written = {str(k): eeg(62, 30, k) for k in range(1, 81)}
    savemat(folder / "7.mat", written)
    reader = open_dataset("seed-vii", tmp_path)
    keys = reader.recordings("7")
    assert [key.session for key in keys] == ["1", "2", "3", "4"]
    trials = list(reader.trials(keys[2]))
    assert [trial.label for trial in trials] == REFERENCE["SEEDVII"][40:60]
    assert [trial.stimulus for trial in trials] == [f"{k}" for k in range(41, 61)]
    np.testing.assert_array_equal(trials[1].samples, written["42"].astype(np.float32))


def test_seed_vii_reads_a_matlab_7_3_file(tmp_path):
    values = eeg(62, 30)
    with h5py.File(tmp_path / "1.mat", "w", userblock_size=512) as file:
        for k in range(1, 81):
            file[str(k)] = values.T  # column-major, as MATLAB writes it
    reader = open_dataset("seed-vii", tmp_path)
    trial = next(reader.trials(reader.recordings()[0]))
    np.testing.assert_array_equal(trial.samples, values.astype(np.float32))


def test_seed_vii_trusts_its_workbook_and_cuts_recordings_at_their_events(tmp_path):
    names = ["happy", "neutral", "disgust", "sad", "anger", "surprise", "fear"]
    book = Workbook()
    for session, labels in SEED_VII_LABELS.items():
        first = [names[c].title() for c in (labels[::-1] if session == "1" else labels)]
        book.active.append([f"Session {session}", *range(1, 21)])
        book.active.append(["", *first])
    book.save(tmp_path / "emotion_label_and_stimuli_order.xlsx")
    onsets = [float(k) for k in range(2, 82, 1)][:40]
    cnt(tmp_path / "EEG_raw" / "3_20221001_1.cnt", SEED_62, 500, 10, onsets_s=onsets)

    reader = open_dataset("seed-vii", tmp_path)
    trials = list(reader.trials(reader.recordings()[0]))

    assert [trial.label for trial in trials] == list(SEED_VII_LABELS["1"][::-1])
    assert [trial.start_s for trial in trials] == pytest.approx(onsets[::2])
    assert {trial.n_times for trial in trials} == {10}


def test_seed_vii_codes_of_either_kind_give_the_same_labels():
    other = ("disgust", "fear", "sad", "neutral", "happy", "anger", "surprise")
    names = ("happy", "neutral", "disgust", "sad", "anger", "surprise", "fear")
    ours = [["1", *map(str, labels)] for labels in SEED_VII_LABELS.values()]
    theirs = [
        ["s", *(str(other.index(names[c])) for c in labels)] for labels in SEED_VII_LABELS.values()
    ]
    assert labels_of_workbook(ours, "x.xlsx") == SEED_VII_LABELS
    assert labels_of_workbook(theirs, "x.xlsx") == SEED_VII_LABELS
    with pytest.raises(DatasetError, match=r"x\.xlsx: need four rows"):
        labels_of_workbook(theirs[:2], "x.xlsx")


def test_a_seed_vii_recording_without_events_is_cut_by_its_list_of_triggers(tmp_path):
    cnt(tmp_path / "EEG_raw" / "14_20221015_1.cnt", SEED_62, 900, 10)
    reader = open_dataset("seed-vii", tmp_path)
    lines = [
        f"{1 + k % 2},2022-10-15 14:{25 + (34 + 2 * k) // 60}:{(34 + 2 * k) % 60:02d}"
        for k in range(40)
    ]
    (tmp_path / "save_info").mkdir()
    (tmp_path / "save_info" / "14_20221015_1_trigger_info.csv").write_text("\n".join(lines))
    trials = list(reader.trials(reader.recordings()[0]))
    assert [trial.start_s for trial in trials] == [4.0 * k for k in range(20)]
