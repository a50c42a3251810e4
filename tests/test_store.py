"""The store of prepared EEG: written whole, read without copies, refused when it is not sound."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mdjpt.errors import DatasetError
from mdjpt.signal.montage import montage_matrix
from mdjpt.store.card import StoreCard
from mdjpt.store.inspection import check_store
from mdjpt.store.store import Store, open_store
from mdjpt.store.trials import StoredTrial
from mdjpt.store.writer import (
    PreparedRecording,
    finish_store,
    recording_name,
    write_recording,
    written,
)

CH_NAMES = ("FP1", "CZ", "O2", "T7")
SETTINGS = {"ica": False}
CARD = StoreCard(
    name="tiny",
    title="Tiny set",
    ch_names=(),
    class_names=("calm", "happy"),
    label_scheme="by clip",
    licence="CC0",
    url="",
    simulated=True,
    preparation=SETTINGS,
    code_version="1",
)


def prepared(subject: str, seed: int = 0, session: str = "1", **changes: object) -> object:
    noise = np.fft.rfft(np.random.default_rng(seed).standard_normal((4, 2700)))
    noise[:, 47 * 2700 // 125 :] = 0  # as the training filter leaves it
    samples = np.fft.irfft(noise).astype(np.float32)
    trials = tuple(
        StoredTrial("", subject, session, k, k % 2, f"clip {k}", start, n, k, 1.5, ratings)
        for k, (start, n, ratings) in enumerate(
            [(0, 1000, {"valence": 7.0}), (1000, 1100, {"valence": 2.5, "arousal": 1.0})]
        )
    )
    fields = {
        "samples": samples,
        "ch_names": CH_NAMES,
        "trials": trials,
        "scale_mean": 0.5,
        "scale_std": 12.0,
        "quality": {"interpolated_share": 0.25},
        "notes": ("unit taken from the amplitudes",),
    }
    return PreparedRecording(**fields | changes)


def written_store(folder: Path) -> Store:
    keys = [("1", "1"), ("1", "2"), ("2", "1")]
    for seed, (subject, session) in enumerate(keys):
        write_recording(folder, prepared(subject, seed, session), SETTINGS)
    finish_store(folder, CARD, keys)
    return open_store(folder)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return written_store(tmp_path / "store")


def test_what_was_written_is_read_back(store: Store) -> None:
    assert store.card.ch_names == CH_NAMES
    assert store.card.class_names == ("calm", "happy")
    assert store.subjects == ("1", "2")
    assert [(r.subject, r.session) for r in store.recordings] == [
        ("1", "1"),
        ("1", "2"),
        ("2", "1"),
    ]
    assert np.array_equal(store.samples(2), prepared("2", 2).samples)
    facts = store.recordings[0].facts
    assert (facts.scale_std, facts.quality, facts.notes) == (
        12.0,
        {"interpolated_share": 0.25},
        ("unit taken from the amplitudes",),
    )
    first, second = store.recordings[1].trials
    assert (first.stimulus, first.label, first.start_s, first.stop) == ("clip 0", 0, 1.5, 1000)
    assert second.ratings == {"valence": 2.5, "arousal": 1.0}
    assert np.isnan(first.ratings["arousal"])


def test_windows_are_views_of_the_file(store: Store) -> None:
    window = store.window(0, 300)
    assert np.shares_memory(window, store.samples(0))
    assert not window.flags.writeable
    assert np.array_equal(window, prepared("1").samples[:, 300:925])


def test_windows_are_projected_onto_the_standard_channels(store: Store) -> None:
    samples, matrix = prepared("1").samples, montage_matrix(CH_NAMES)
    windows = store.windows(0, [0, 250, 375])
    expected = [matrix @ samples[:, start : start + 625] for start in (0, 250, 375)]
    assert windows.shape == (3, 60, 625)
    assert windows.dtype == np.float32
    assert np.allclose(windows, expected, atol=1e-6)
    assert store.windows(0, [], n_times=100).shape == (0, 60, 100)


def test_subjects_and_sessions_can_be_selected(store: Store) -> None:
    assert store.select(subjects=["2"]).subjects == ("2",)
    assert len(store.select(sessions=["1"])) == 2
    assert len(store.trials) == 6
    with pytest.raises(DatasetError, match="no subject is called '9'; there are 1, 2"):
        store.select(subjects=["9"])
    with pytest.raises(DatasetError, match="no recording is left"):
        store.select(subjects=["2"], sessions=["2"])


def test_a_store_travels_to_another_process_without_its_samples(store: Store) -> None:
    store.samples(0)
    content = pickle.dumps(store)
    assert len(content) < 8000
    # Our own object, made one line above.
    again = pickle.loads(content)
    assert np.array_equal(again.samples(0), store.samples(0))


def test_a_sound_store_passes_its_check(store: Store) -> None:
    assert check_store(store.path) == []


def _checked(folder: Path, **changes: object) -> list[str]:
    write_recording(folder, prepared("1", **changes), SETTINGS)
    finish_store(folder, CARD, [("1", "1")])
    return check_store(folder)


def test_a_trial_without_signal_and_one_inside_another_are_refused(tmp_path: Path) -> None:
    samples = prepared("1").samples.copy()
    samples[:, 1000:2100] = 0.5
    with pytest.raises(DatasetError, match=r"sub-1_ses-1\.npy: trial 2 is flat"):
        _checked(tmp_path / "flat", samples=samples)
    first, second = prepared("1").trials
    with pytest.raises(DatasetError, match="trial 2 begins before the one before it ends"):
        _checked(tmp_path / "over", trials=(first, replace(second, start=900)))


def test_samples_that_the_filter_never_saw_are_remarked_on(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).standard_normal((4, 2700)).astype(np.float32)
    assert "power above 55 Hz" in _checked(tmp_path, samples=raw)[0]


def test_labels_that_do_not_match_are_remarked_on(tmp_path: Path) -> None:
    first, second = prepared("1").trials
    alone = tuple(replace(trial, label=0) for trial in (first, second))
    assert _checked(tmp_path / "a", trials=alone) == ["no trial of class happy"]
    two = (first, replace(second, stimulus="clip 0"))
    assert _checked(tmp_path / "b", trials=two) == [
        "labelled differently from trial to trial: stimulus clip 0"
    ]


def test_short_trials_are_remarked_on(tmp_path: Path) -> None:
    trial = StoredTrial("", "1", "1", 0, None, "a", 0, 500)
    write_recording(tmp_path, prepared("1", trials=(trial,)), SETTINGS)
    finish_store(tmp_path, CARD, [("1", "1")])
    assert check_store(tmp_path) == ["1 trials are shorter than a window of 5 s"]
    assert open_store(tmp_path).trials[0].label is None


def test_a_recording_counts_as_written_with_its_own_settings_only(tmp_path: Path) -> None:
    assert not written(tmp_path, "1", "1", SETTINGS)
    write_recording(tmp_path, prepared("1"), SETTINGS)
    assert written(tmp_path, "1", "1", SETTINGS)
    with pytest.raises(DatasetError, match="prepared with other settings"):
        written(tmp_path, "1", "1", {"ica": True})


def test_a_recording_without_its_description_does_not_count_as_written(tmp_path: Path) -> None:
    write_recording(tmp_path, prepared("1"), SETTINGS)
    (tmp_path / "recordings" / "sub-1_ses-1.json").unlink()
    assert not written(tmp_path, "1", "1", SETTINGS)


def test_an_unfinished_store_says_what_to_do(tmp_path: Path) -> None:
    write_recording(tmp_path, prepared("1"), SETTINGS)
    with pytest.raises(DatasetError, match="no finished store"):
        open_store(tmp_path)


def test_recordings_of_other_electrodes_do_not_share_a_store(tmp_path: Path) -> None:
    write_recording(tmp_path, prepared("1"), SETTINGS)
    write_recording(tmp_path, prepared("2", ch_names=("FP1", "CZ", "O2", "T8")), SETTINGS)
    with pytest.raises(DatasetError, match=r"sub-2_ses-1\.json: has other electrodes .*T7, T8"):
        finish_store(tmp_path, CARD, [("1", "1"), ("2", "1")])


def test_names_of_files_hold_no_odd_characters_and_differ_as_the_names_do() -> None:
    names = [recording_name(*key) for key in (("a b", "1"), ("ab", "1"), ("../a", "1"), ("é", "1"))]
    assert len(set(names)) == 4
    assert all(name.replace(".", "").replace("-", "").replace("_", "").isalnum() for name in names)
    assert names[1] == "sub-ab_ses-1"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _with_nan(path: Path) -> None:
    samples = np.lib.format.open_memmap(path, mode="r+")
    samples[1, 7] = np.nan
    samples.flush()


def _float64(path: Path) -> None:
    np.save(path, prepared("1").samples.astype(np.float64))


def _objects(path: Path) -> None:
    np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "damaged or cut short"),
        (_flip, "checksum does not match"),
        (_with_nan, "NaN or infinity"),
        (_float64, "must be float32"),
        (_objects, "damaged or cut short"),
        (Path.unlink, "no such recording of a store"),
    ],
)
def test_a_damaged_recording_is_named(store: Store, spoil: object, message: str) -> None:
    spoil(store.path / "recordings" / "sub-1_ses-1.npy")
    with pytest.raises(DatasetError, match=rf"sub-1_ses-1\.npy: .*{message}"):
        check_store(store.path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sfreq", 200, "'sfreq' must be 125 Hz, got 200 Hz"),
        ("ch_names", ["CZ", "CZ"], "'ch_names' must name different"),
        ("ch_names", "CZ", "'ch_names' must be"),
        ("simulated", 1, "'simulated' must be a valid boolean"),
        ("format_version", 99, "'format_version' must be 1"),
        ("recordings", [], "'recordings' must have at least 1 item"),
        ("recordings", [3], r"'recordings\[0\]' must be an object, got 3"),
        ("class_names", ["only one"], "label 1 has no class name"),
        ("surprise", 1, "'surprise' is unknown; there are name, title"),
    ],
)
def test_a_wrong_card_is_refused_with_its_key(
    store: Store, key: str, value: object, message: str
) -> None:
    path = store.path / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DatasetError, match=message):
        open_store(store.path)


def test_a_recording_outside_the_store_is_refused(store: Store) -> None:
    path = store.path / "store.json"
    content = json.loads(path.read_text())
    content["recordings"][0]["file"] = "../elsewhere.npy"
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="file' must match pattern"):
        open_store(store.path)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_a_card_that_is_no_json_object_is_refused(store: Store, content: bytes) -> None:
    (store.path / "store.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"store\.json: (damaged|must be an object)"):
        open_store(store.path)


@pytest.mark.parametrize("spoil", [_cut, lambda path: path.write_bytes(b"PAR1"), Path.unlink])
def test_a_damaged_table_is_named(store: Store, spoil: object) -> None:
    spoil(store.path / "trials.parquet")
    with pytest.raises(DatasetError, match=r"trials\.parquet: .*table of trials"):
        open_store(store.path)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("start", [2000] * 6, "outside its recording"),
        ("recording", ["x.npy"] * 6, "no recording 'x.npy' is listed"),
        ("recording", ["sub-1_ses-1.npy"] * 6, "'sub-1_ses-2.npy' has no trial"),
        ("start", [0.5] * 6, "'start' must be int64, is double"),
        ("stimulus", [None] * 6, "'stimulus' must be string, is null"),
    ],
)
def test_a_table_that_contradicts_the_recordings_is_refused(
    store: Store, column: str, values: list[object], message: str
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = store.path / "trials.parquet"
    table = parquet.read_table(path)
    place = table.column_names.index(column)
    parquet.write_table(table.set_column(place, column, [values]), path)
    with pytest.raises(DatasetError, match=message):
        open_store(store.path)
