"""Every reader of a dataset keeps the same promises."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mdjpt.datasets import READERS, RecordingKey, Trial, list_datasets, open_dataset
from mdjpt.errors import DatasetError
from tests.support.dataset_files import SEED_N, cells, cnt, eeg, seed_session
from tests.support.recording_files import brain_like, write_brainvision

ROOT = Path(__file__).parents[1]


def seed(root):
    seed_session(root / "3_20140101.mat")


def seed_iv(root):
    seed_session(root / "eeg_raw_data" / "2" / "3_20150915.mat", n_trials=24)


def seed_v(root):
    from mdjpt.datasets.electrodes import SEED_62

    cnt(root / "EEG_raw" / "3_1_20180804.cnt", SEED_62, 33_600, 10, width=2)


def seed_vii(root):
    savemat(root / "3.mat", {str(k): eeg(SEED_N, 20, k) for k in range(1, 81)})


def faced(root):
    (root / "sub007.pkl").write_bytes(pickle.dumps(eeg(28 * 32, 30).reshape(28, 32, 30)))


def deap(root):
    content = {"data": np.zeros((40, 40, 400)), "labels": np.full((40, 4), 5.5)}
    (root / "s09.dat").write_bytes(pickle.dumps(content))


def dreamer(root):
    subject = {"EEG": {"stimuli": cells([eeg(50, 14), eeg(60, 14)])}}
    scores = {f"Score{name}": [1.0, 4.0] for name in ("Valence", "Arousal", "Dominance")}
    savemat(root / "DREAMER.mat", {"DREAMER": {"Data": cells([subject | scores]).T}})


def amigos(root):
    content = {
        "joined_data": cells([eeg(700, 17)] * 20).T,
        "labels_selfassessment": cells([np.ones((1, 12))] * 20).T,
    }
    savemat(root / "Data_Preprocessed_P01.mat", content)


def emoeeg_mc(root):
    folder = root / "sub-09" / "ses-ima" / "eeg"
    folder.mkdir(parents=True)
    np.save(folder / "sub-09_ses-ima_task-emotion_reorder.npy", np.ones((21, 64, 20)))


def released(root):
    content = {"merged_data_all_cleaned": eeg(32, 40 * 125), "merged_n_samples_one": [[1] * 40]}
    savemat(root / "sub3.mat", content)


def folder(root):
    write_brainvision(root / "anna.vhdr", brain_like(n_times=500), 250)
    (root / "trials.csv").write_text("file,label,stop_s\nanna.vhdr,calm,1\nanna.vhdr,joy,2\n")


def bids(root):
    folder = root / "sub-x" / "eeg"
    folder.mkdir(parents=True)
    write_brainvision(folder / "sub-x_task-a_eeg.vhdr", brain_like(n_times=2500), 250)
    (folder / "sub-x_task-a_events.tsv").write_text("onset\tduration\ttrial_type\n1\t6\tjoy\n")


MAKERS = {
    "seed": (seed, {}),
    "seed-iv": (seed_iv, {}),
    "seed-v": (seed_v, {}),
    "seed-vii": (seed_vii, {}),
    "faced": (faced, {}),
    "deap": (deap, {"target": "valence"}),
    "dreamer": (dreamer, {"target": "arousal"}),
    "amigos": (amigos, {}),
    "emoeeg-mc": (emoeeg_mc, {}),
    "released": (released, {"dataset": "deap"}),
    "folder": (folder, {}),
    "bids": (bids, {}),
}
NEEDS = {"released": {"dataset": "seed"}}


def test_every_reader_is_tested_here():
    assert set(MAKERS) == set(READERS)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_keeps_its_promises(tmp_path, name):
    make, options = MAKERS[name]
    make(tmp_path)
    reader = open_dataset(name, tmp_path, **options)
    (subject,) = reader.subjects()
    keys = reader.recordings(subject)
    assert keys == reader.recordings()
    assert len(set(keys)) == len(keys)
    assert all(isinstance(line, str) for line in reader.missing())
    trials = list(reader.trials(keys[0]))
    assert trials
    for trial in trials:
        assert trial.samples.dtype == np.float32
        assert trial.samples.flags.c_contiguous
        assert trial.samples.shape == (len(trial.ch_names), trial.n_times)
        assert trial.duration_s == pytest.approx(trial.n_times / trial.sfreq)
        assert (trial.subject, trial.session) == (subject, keys[0].session)
        if isinstance(trial.label, int):
            assert 0 <= trial.label < len(reader.card.class_names)
        else:
            assert all(isinstance(value, float) for value in trial.label.values())
    numbers = [trial.trial for trial in trials]
    assert numbers == sorted(set(numbers))
    with pytest.raises(DatasetError, match="no recording of subject nobody"):
        reader.recordings("nobody")


@pytest.mark.parametrize("name", READERS)
def test_a_folder_that_is_missing_or_empty_is_refused_in_one_line(tmp_path, name):
    for root in (tmp_path / "none", tmp_path):
        with pytest.raises(DatasetError) as caught:
            open_dataset(name, root, **NEEDS.get(name, {}))
        message = str(caught.value)
        assert message.startswith(str(root))
        assert "\n" not in message


def test_names_are_found_however_they_are_written(tmp_path):
    seed_session(tmp_path / "1_20131027.mat")
    for name in ("SEED", "seed", "Seed "):
        assert open_dataset(name, tmp_path).card.name == "seed"
    with pytest.raises(DatasetError, match="no dataset is called 'MNIST'; there are seed, seed-iv"):
        open_dataset("MNIST", tmp_path)


def test_cards_tell_where_to_get_a_set_and_what_it_asks_for():
    cards = list_datasets()
    assert [card.name for card in cards] == list(READERS)
    assert all(reader.card.name == name for name, reader in READERS.items())
    for card in cards:
        assert card.title
        assert card.licence
        assert card.layout
        assert card.label_scheme
        assert card.url.startswith("https://") or card.name == "folder"


def test_a_trial_that_makes_no_sense_is_refused():
    right = {
        "samples": np.zeros((2, 5), np.float32), "sfreq": 100.0, "ch_names": ("A", "B"),
        "subject": "1", "session": "1", "trial": 0, "label": 0, "stimulus": "1",
    }  # fmt: skip
    assert Trial(**right).duration_s == 0.05
    for change, message in (
        ({"samples": np.zeros((2, 5))}, "samples must be float32"),
        ({"ch_names": ("A",)}, "1 channel names for 2 rows"),
        ({"sfreq": -1.0}, "sfreq must be positive, got -1.0 Hz"),
    ):
        with pytest.raises(ValueError, match=message):
            Trial(**(right | change))


def test_no_reader_opens_a_pickle_by_itself():
    forbidden = ("pickle.load", "allow_pickle", "torch.load", "read_pickle(", "joblib.load")
    for path in (ROOT / "mdjpt" / "datasets").glob("*.py"):
        text = path.read_text()
        assert not [word for word in forbidden if word in text], path.name


def test_recording_keys_are_plain_values():
    key = RecordingKey("1", "2", Path("a.mat"))
    assert pickle.loads(pickle.dumps(key)) == key
    assert len({key, RecordingKey("1", "2", Path("a.mat"))}) == 1
