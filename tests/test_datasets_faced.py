"""FACED and EmoEEG-MC: units, order of presentation, missing trials."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mdjpt.datasets import open_dataset
from mdjpt.datasets.electrodes import EMOEEG_MC_64, FACED_32
from mdjpt.datasets.emoeeg_mc import EMOEEG_MC_STIMULI, presented
from mdjpt.datasets.faced import FACED_LABELS, FACED_VALENCE_LABELS
from mdjpt.errors import DatasetError
from mdjpt.signal.units import in_microvolts

REFERENCE = json.loads((Path(__file__).parent / "data" / "dataset_labels.json").read_text())


def write_faced(root, subject="sub000", scale=20.0, shape=(28, 32, 50)):
    folder = root / "Processed_data"
    folder.mkdir(exist_ok=True)
    values = np.random.default_rng(1).normal(scale=scale, size=shape)
    (folder / f"{subject}.pkl").write_bytes(pickle.dumps(values, protocol=4))
    return values


def test_labels_are_those_of_the_released_code():
    assert list(FACED_LABELS) == REFERENCE["FACED9"]
    assert [label for label in FACED_VALENCE_LABELS if label is not None] == REFERENCE["FACED2"]


def test_faced_is_read_in_microvolts_whatever_its_unit(tmp_path):
    volts = write_faced(tmp_path, "sub000", scale=20e-6)
    microvolts = write_faced(tmp_path, "sub122")
    reader = open_dataset("faced", tmp_path)
    by_subject = {
        key.subject: list(reader.trials(key))
        for subject in reader.subjects()
        for key in reader.recordings(subject)
    }
    np.testing.assert_allclose(by_subject["sub000"][27].samples, volts[27] * 1e6, rtol=1e-6)
    np.testing.assert_allclose(by_subject["sub122"][3].samples, microvolts[3], rtol=1e-6)
    assert by_subject["sub000"][0].notes == ("unit V taken from the amplitudes",)
    trial = by_subject["sub122"][16]
    assert (trial.label, trial.stimulus, trial.sfreq, trial.order) == (5, "17", 250.0, None)
    assert trial.ch_names == FACED_32
    assert reader.card.class_names[trial.label] == "amusement"


def test_faced_takes_the_unit_from_its_table_unless_that_cannot_be(tmp_path):
    write_faced(tmp_path, "sub000", scale=20e-6)
    write_faced(tmp_path, "sub001")
    (tmp_path / "Recording_info.csv").write_text(
        "sub,Gender,Age,Cohort ,Sample_rate,Unit\nsub000,F,22,1,250,V\nsub001,M,23,2,1000,V\n"
    )
    reader = open_dataset("faced", tmp_path)
    right, wrong = (next(reader.trials(key)) for key in reader.recordings())
    assert right.notes == ()
    assert wrong.notes == ("amplitudes say uV, the set's table says V: uV taken",)
    assert np.std(right.samples) == pytest.approx(20, rel=0.1)
    assert np.std(wrong.samples) == pytest.approx(20, rel=0.1)


def test_faced_valence_leaves_the_neutral_clips_out(tmp_path):
    write_faced(tmp_path)
    reader = open_dataset("faced", tmp_path, target="valence")
    trials = list(reader.trials(reader.recordings()[0]))
    assert [trial.label for trial in trials] == REFERENCE["FACED2"]
    assert [trial.trial for trial in trials] == [*range(12), *range(16, 28)]
    assert reader.card.class_names == ("negative", "positive")


def test_faced_takes_the_order_of_presentation_from_the_remarks(tmp_path):
    write_faced(tmp_path)
    clips = np.random.default_rng(2).permutation(28) + 1
    remarks = np.empty((28, 1), dtype=object)
    for place, clip in enumerate(clips):
        remarks[place, 0] = {"score": np.zeros(12), "trial": place + 1, "vid": float(clip)}
    folder = tmp_path / "Data" / "sub000"
    folder.mkdir(parents=True)
    savemat(folder / "After_remarks.mat", {"After_remark": remarks})
    reader = open_dataset("faced", tmp_path)
    trials = list(reader.trials(reader.recordings()[0]))
    assert [clips[trial.order] for trial in trials] == list(range(1, 29))
    remarks[5, 0]["vid"] = 99
    savemat(folder / "After_remarks.mat", {"After_remark": remarks})
    with pytest.raises(
        DatasetError, match=r"After_remarks\.mat: key 'After_remark': need one 'vid'"
    ):
        next(reader.trials(reader.recordings()[0]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((28, 30, 50)), r"need an array of shape .*, got \(28, 30, 50\)"),
        ({"data": np.zeros((28, 32, 50))}, "need an array .*, got dict"),
        (np.zeros((28, 32, 50)), "EEG neither in V nor in uV"),
        (np.full((28, 32, 50), np.nan), "EEG neither in V nor in uV"),
    ],
)
def test_a_faced_file_with_something_else_is_named(tmp_path, content, message):
    write_faced(tmp_path)
    (tmp_path / "Processed_data" / "sub000.pkl").write_bytes(pickle.dumps(content))
    reader = open_dataset("faced", tmp_path)
    with pytest.raises(DatasetError, match=rf"sub000\.pkl: .*{message}"):
        next(reader.trials(reader.recordings()[0]))


def test_a_truncated_or_misnamed_faced_file_is_named(tmp_path):
    write_faced(tmp_path)
    path = tmp_path / "Processed_data" / "sub000.pkl"
    path.write_bytes(path.read_bytes()[:1000])
    reader = open_dataset("faced", tmp_path)
    with pytest.raises(DatasetError, match=r"sub000\.pkl: "):
        next(reader.trials(reader.recordings()[0]))
    path.rename(path.with_name("S0.pkl"))
    with pytest.raises(DatasetError, match=r"S0\.pkl: no recording of FACED has such a name"):
        open_dataset("faced", tmp_path)


def test_a_unit_that_nobody_knows_is_refused():
    with pytest.raises(DatasetError, match="x: unit 'mm', need V or uV"):
        in_microvolts(np.ones(3), "x", "mm")


def write_emoeeg(root, subject="sub-01", session="vid", n_trials=21, axes=(0, 1, 2), scale=20.0):
    folder = root / "derivatives" / subject / f"ses-{session}" / "eeg"
    folder.mkdir(parents=True)
    values = np.random.default_rng(4).normal(scale=scale, size=(n_trials, 64, 40))
    path = folder / f"{subject}_ses-{session}_task-emotion_reorder.npy"
    np.save(path, values.transpose(axes))
    return path, values


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2)])
def test_emoeeg_mc_is_labelled_by_the_order_of_its_rows(tmp_path, axes):
    _, values = write_emoeeg(tmp_path, axes=axes)
    reader = open_dataset("EmoEEG-MC", tmp_path)
    trials = list(reader.trials(reader.recordings("sub-01")[0]))
    assert [trial.label for trial in trials] == REFERENCE["EMOEEG"]
    assert trials[0].ch_names == EMOEEG_MC_64
    np.testing.assert_allclose(trials[20].samples, values[20], rtol=1e-6)
    assert (trials[13].stimulus, trials[13].order) == ("vid-joy5", 0)
    assert sorted(trial.order for trial in trials) == list(range(21))


def test_emoeeg_mc_knows_which_trials_are_missing(tmp_path):
    write_emoeeg(tmp_path, "sub-60", "ima", n_trials=7)
    reader = open_dataset("emoeeg-mc", tmp_path)
    trials = list(reader.trials(reader.recordings()[0]))
    assert [trial.stimulus for trial in trials] == [
        "ima-sad4", "ima-dis4", "ima-dis5", "ima-neu4", "ima-neu5", "ima-neu8", "ima-ten4"
    ]  # fmt: skip
    assert [trial.order for trial in trials] == [4, 5, 3, 1, 0, 2, 6]


def test_everybody_of_emoeeg_mc_was_shown_known_stimuli_once():
    lengths = {}
    for number in range(1, 61):
        for session in ("ima", "vid"):
            shown = presented(f"sub-{number:02d}", session)
            assert len(set(shown)) == len(shown)
            assert set(shown) <= set(EMOEEG_MC_STIMULI)
            if len(shown) != 21:
                lengths[number, session] = len(shown)
    # The numbers of missing trials in the set's readme.
    assert lengths == {
        (55, "ima"): 18, (55, "vid"): 18, (56, "ima"): 19, (57, "ima"): 17, (57, "vid"): 15,
        (58, "ima"): 18, (59, "ima"): 15, (59, "vid"): 17, (60, "ima"): 7, (60, "vid"): 9,
    }  # fmt: skip


def test_a_broken_emoeeg_mc_file_is_named(tmp_path):
    path, _ = write_emoeeg(tmp_path, n_trials=20)
    reader = open_dataset("emoeeg-mc", tmp_path)
    (key,) = reader.recordings()
    with pytest.raises(DatasetError, match=r"_reorder\.npy: need shape \(21, 64, 'n_times'\), got"):
        next(reader.trials(key))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DatasetError, match=r"_reorder\.npy: damaged or cut off"):
        next(reader.trials(key))
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"_reorder\.npy: damaged or cut off"):
        next(reader.trials(key))
    np.save(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(DatasetError, match=r"_reorder\.npy: damaged or cut off"):
        next(reader.trials(key))
    path.rename(path.with_name("sub-1_reorder.npy"))
    with pytest.raises(DatasetError, match=r"sub-1_reorder\.npy: no recording of EmoEEG-MC"):
        open_dataset("emoeeg-mc", tmp_path)
