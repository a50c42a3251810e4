"""DEAP, DREAMER and AMIGOS: ratings as labels, baselines cut off, time first where it is."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from mdjpt.datasets import open_dataset
from mdjpt.datasets.electrodes import DEAP_32, EMOTIV_14
from mdjpt.datasets.mat_file import load
from mdjpt.errors import DatasetError
from tests.support.dataset_files import cells, eeg

N_DEAP = 400  # samples of a trial: 384 of them are baseline


def deap_content(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "data": rng.normal(size=(40, 40, N_DEAP)),
        "labels": rng.uniform(1, 9, size=(40, 4)).round(2),
    }


def write_deap(folder, subject="s01", content=None, protocol=2):
    folder.mkdir(parents=True, exist_ok=True)
    content = deap_content() if content is None else content
    (folder / f"{subject}.dat").write_bytes(pickle.dumps(content, protocol))
    return content


def test_deap_gives_ratings_and_cuts_three_seconds_of_baseline(tmp_path):
    content = write_deap(tmp_path / "data_preprocessed_python", "s32")
    reader = open_dataset("DEAP", tmp_path)
    (key,) = reader.recordings("s32")
    trials = list(reader.trials(key))
    assert len(trials) == 40
    assert trials[0].ch_names == DEAP_32
    assert trials[0].sfreq == 128.0
    assert list(trials[0].label) == ["valence", "arousal", "dominance", "liking"]
    assert list(trials[7].label.values()) == pytest.approx(content["labels"][7])
    np.testing.assert_array_equal(
        trials[7].samples, content["data"][7, :32, 384:].astype(np.float32)
    )
    assert trials[7].order is None
    assert reader.card.class_names == ()


@pytest.mark.parametrize(("target", "column"), [("valence", 0), ("arousal", 1)])
def test_deap_classes_are_ratings_above_five(tmp_path, target, column):
    content = deap_content()
    content["labels"][0, column] = 5.0
    write_deap(tmp_path, content=content)
    reader = open_dataset("deap", tmp_path, target=target)
    labels = [trial.label for trial in reader.trials(reader.recordings()[0])]
    assert labels == [int(rating > 5) for rating in content["labels"][:, column]]
    assert labels[0] == 0
    assert reader.card.class_names == (f"low {target}", f"high {target}")


def test_deap_takes_the_order_of_presentation_from_its_table(tmp_path):
    write_deap(tmp_path / "data_preprocessed_python", "s02")
    folder = tmp_path / "metadata_csv"
    folder.mkdir()
    rows = ["Participant_id,Trial,Experiment_id,Start_time,Valence"]
    rows += [f"{s},{trial},{41 - trial},1695918,5.0" for s in (1, 2) for trial in range(1, 41)]
    (folder / "participant_ratings.csv").write_text("\n".join(rows))
    reader = open_dataset("deap", tmp_path)
    orders = [trial.order for trial in reader.trials(reader.recordings()[0])]
    assert orders == list(range(39, -1, -1))


def test_deap_reads_the_matlab_version_too(tmp_path):
    content = deap_content()
    savemat(tmp_path / "s03.mat", content)
    reader = open_dataset("deap", tmp_path)
    trial = next(reader.trials(reader.recordings("s03")[0]))
    np.testing.assert_array_equal(trial.samples, content["data"][0, :32, 384:].astype(np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": np.zeros((40, 40, N_DEAP))}, "no key 'labels'"),
        (deap_content() | {"data": np.zeros((40, 32, N_DEAP))}, "key 'data': need shape"),
        (deap_content() | {"data": np.zeros((40, 40, 384))}, "key 'data': only 384 samples"),
        ([1, 2], "no key 'data'"),
    ],
)
def test_a_wrongly_keyed_deap_file_names_file_and_key(tmp_path, content, message):
    write_deap(tmp_path, content=content)
    reader = open_dataset("deap", tmp_path)
    with pytest.raises(DatasetError, match=rf"s01\.dat: {message}"):
        next(reader.trials(reader.recordings()[0]))


def test_a_truncated_or_misnamed_deap_file_is_named(tmp_path):
    write_deap(tmp_path)
    path = tmp_path / "s01.dat"
    path.write_bytes(path.read_bytes()[:-1000])
    reader = open_dataset("deap", tmp_path)
    with pytest.raises(DatasetError, match=r"s01\.dat: damaged or cut off"):
        next(reader.trials(reader.recordings()[0]))
    path.rename(tmp_path / "subject1.dat")
    with pytest.raises(DatasetError, match=r"subject1\.dat: no recording of DEAP"):
        open_dataset("deap", tmp_path)


def test_an_unknown_target_is_refused(tmp_path):
    write_deap(tmp_path)
    with pytest.raises(ValueError, match="target must be one of ratings, valence"):
        open_dataset("deap", tmp_path, target="joy")


def write_dreamer(folder, n_subjects=2, n_clips=3, drop=()):
    rng = np.random.default_rng(3)
    subjects = np.empty((1, n_subjects), dtype=object)
    for subject in range(n_subjects):
        stimuli = [4200 + rng.normal(scale=20, size=(150 + k, 14)) for k in range(n_clips)]
        struct = {
            "Age": "22",
            "EEG": {
                "baseline": cells([np.zeros((7808, 14))] * n_clips),
                "stimuli": cells(stimuli),
            },
            "ECG": {"stimuli": cells([np.zeros((300, 2))] * n_clips)},
            "ScoreValence": np.array([[4.0], [3.0], [1.0]])[:n_clips],
            "ScoreArousal": np.array([[3.0], [2.0], [5.0]])[:n_clips],
            "ScoreDominance": np.array([[1.0], [2.0], [3.0]])[:n_clips],
        }
        subjects[0, subject] = {k: v for k, v in struct.items() if k not in drop}
    savemat(folder / "DREAMER.mat", {"DREAMER": {"Data": subjects, "EEG_SamplingRate": 128}})
    return stimuli


def test_dreamer_is_transposed_and_freed_of_its_offset(tmp_path):
    last = write_dreamer(tmp_path)
    reader = open_dataset("dreamer", tmp_path)
    assert reader.subjects() == ("01", "02")
    trials = list(reader.trials(reader.recordings("02")[0]))
    assert [trial.n_times for trial in trials] == [150, 151, 152]
    assert trials[0].ch_names == EMOTIV_14
    assert dict(trials[2].label) == {"valence": 1.0, "arousal": 5.0, "dominance": 3.0}
    expected = last[1].T - np.median(last[1].T, axis=1, keepdims=True)
    np.testing.assert_allclose(trials[1].samples, expected, atol=2e-3)
    assert "offset" in trials[1].notes[0]


def test_a_dreamer_file_without_a_field_names_it(tmp_path):
    write_dreamer(tmp_path, drop=("ScoreValence",))
    reader = open_dataset("dreamer", tmp_path)
    message = r"DREAMER\.mat: key DREAMER\.Data\[01\]: no field 'ScoreValence'"
    with pytest.raises(DatasetError, match=message):
        list(reader.trials(reader.recordings("01")[0]))


def test_a_dreamer_file_of_another_name_or_key_is_refused(tmp_path):
    savemat(tmp_path / "dreamer.mat", {"x": 1})
    with pytest.raises(DatasetError, match=r"no recording of DREAMER; need DREAMER\.mat"):
        open_dataset("dreamer", tmp_path)
    (tmp_path / "dreamer.mat").rename(tmp_path / "DREAMER.mat")
    with pytest.raises(DatasetError, match=r"DREAMER\.mat: no key 'DREAMER'; there are x"):
        open_dataset("dreamer", tmp_path)


def test_an_array_of_structs_reads_as_a_cell_array_of_structs_does(tmp_path):
    structs = np.zeros((1, 2), dtype=[("EEG", object), ("ScoreValence", object)])
    for subject in range(2):
        stimuli = cells([eeg(4 + clip, 14) for clip in range(3)])
        structs[0, subject] = ({"stimuli": stimuli}, np.ones((3, 1)))
    savemat(tmp_path / "a.mat", {"DREAMER": {"Data": structs}})
    data = load(tmp_path / "a.mat", need=["DREAMER"])["DREAMER"]["Data"]
    assert [np.shape(clip) for clip in data[1]["EEG"]["stimuli"]] == [(4, 14), (5, 14), (6, 14)]


def test_cells_of_a_matlab_7_3_file_keep_their_axes(tmp_path):
    path = tmp_path / "a.mat"
    clips = [eeg(5 + k, 2) for k in range(3)]
    with h5py.File(path, "w", userblock_size=512) as file:
        column = file.create_dataset("joined_data", (3, 1), dtype=h5py.ref_dtype)
        column.attrs["MATLAB_class"] = np.bytes_("cell")
        for k, clip in enumerate(clips):
            cell = file.create_dataset(f"#refs#/{k}", data=clip.T)
            cell.attrs["MATLAB_class"] = np.bytes_("double")
            column[k, 0] = cell.ref
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(124) + b"\0\2IM"
    path.write_bytes(content)
    read = load(path, need=["joined_data"])
    with pytest.raises(DatasetError, match=r"no key 'x'; there are joined_data$"):
        load(path, need=["x"])
    for clip, back in zip(clips, read["joined_data"], strict=True):
        np.testing.assert_array_equal(back, clip)


def write_amigos(path, **changes):
    path.parent.mkdir(parents=True, exist_ok=True)
    clips = [eeg(17, 700 + k, seed=k).T for k in range(20)]
    clips[2] = np.zeros((0, 0))
    clips[6] = np.full((700, 17), np.nan)
    ratings = [np.arange(12.0)[None] + 1 for _ in range(20)]
    ratings[4] = np.zeros((0, 0))
    content = {
        "joined_data": cells(clips).T,
        "labels_selfassessment": cells(ratings).T,
        "VideoIDs": cells([f"V{k}" for k in range(20)]).T,
    }
    savemat(path, {k: v for k, v in (content | changes).items() if v is not None})
    return clips


def test_amigos_leaves_empty_cells_out_and_reads_arousal_first(tmp_path):
    clips = write_amigos(tmp_path / "data_preprocessed" / "Data_Preprocessed_P09.mat")
    reader = open_dataset("amigos", tmp_path)
    short, long = reader.recordings("P09")
    assert (short.session, long.session) == ("1", "2")
    trials = list(reader.trials(short))
    assert [t.trial for t in trials] == [k for k in range(16) if k not in (2, 4, 6)]
    trial = trials[2]
    assert trial.stimulus == "V3"
    assert (trial.label["arousal"], trial.label["valence"]) == (1.0, 2.0)
    np.testing.assert_array_equal(trial.samples, clips[3][640:, :14].T.astype(np.float32))
    assert any("torcheeg" in note for note in trial.notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joined_data": cells([np.zeros((700, 17))] * 3).T}, "key 'joined_data' has 3 cells"),
        (
            {"labels_selfassessment": cells([np.ones((1, 5))] * 20).T},
            r"key labels_selfassessment\[1\]: need 12 ratings, got 5",
        ),
    ],
)
def test_a_wrongly_keyed_amigos_file_names_file_and_key(tmp_path, changes, message):
    write_amigos(tmp_path / "Data_Preprocessed_P01.mat", **changes)
    reader = open_dataset("amigos", tmp_path)
    with pytest.raises(DatasetError, match=rf"Data_Preprocessed_P01\.mat: {message}"):
        list(reader.trials(reader.recordings()[0]))


def test_a_misnamed_amigos_file_is_named(tmp_path):
    write_amigos(tmp_path / "P01.mat")
    with pytest.raises(DatasetError, match=r"P01\.mat: no recording of AMIGOS"):
        open_dataset("amigos", tmp_path)
