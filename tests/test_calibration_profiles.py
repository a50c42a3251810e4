"""The profiles on this computer: private, listed even when damaged, gone when deleted."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.calibration.profiles import ProfileStore, default_folder
from mdjpt.calibration.profile import load_profile, save_profile
from mdjpt.calibration.training import train_personal_decoder
from mdjpt.errors import ProfileError
from tests.support.calibration_cases import labelled
from tests.test_calibration_profile import profile_of, write_over

FIRST, SECOND = (
    replace(train_personal_decoder(labelled(n_per_class=6, effect=3.0, seed=k)), simulated=True)
    for k in range(2)
)


@pytest.fixture
def store(tmp_path):
    return ProfileStore(tmp_path / "data" / "profiles")


@pytest.fixture
def person(store):
    """A participant with two calibrations."""
    name = store.create("P-01")
    profile = profile_of(FIRST, participant=name).with_version(SECOND)
    save_profile(store.path_of(name), profile)
    (store.recordings_of(name) / "calibration.xdf").write_bytes(b"EEG")
    return name


def test_an_empty_store_lists_nobody(store) -> None:
    assert store.list() == ()
    assert not store.folder.exists()


def test_somebody_new_has_a_folder_and_no_calibration(store) -> None:
    name = store.create()
    assert name.startswith("P-")
    (entry,) = store.list()
    assert (entry.pseudonym, entry.versions, entry.in_use, entry.problem) == (name, (), -1, "")
    assert entry.path == store.path_of(name)
    with pytest.raises(ProfileError, match="choose another pseudonym"):
        store.create(name)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_only_the_owner_can_look_into_a_profile(store, person) -> None:
    folders = [store.folder, store.folder / person, store.recordings_of(person)]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3
    assert stat.S_IMODE(store.path_of(person).stat().st_mode) == 0o600


def test_versions_are_listed_with_what_they_can(store, person) -> None:
    (entry,) = store.list()
    first, second = entry.versions
    assert entry.in_use == 1
    assert first.evidence == FIRST.evidence
    assert second.evidence == SECOND.evidence
    assert second.class_names == SECOND.class_names


def test_a_folder_of_another_name_is_listed_with_whom_its_profile_names(store, person) -> None:
    (store.folder / person).rename(store.folder / "renamed")
    (entry,) = store.list()
    assert (entry.pseudonym, entry.participant) == ("renamed", person)


def test_one_click_goes_back_and_nothing_is_lost(store, person) -> None:
    path = store.path_of(person)
    store.activate(path, 0)
    assert store.list()[0].in_use == 0
    assert load_profile(path).current.created == FIRST.created
    store.activate(path, 1)
    assert store.list()[0].in_use == 1
    with pytest.raises(ProfileError, match="no version"):
        store.activate(path, 2)


def test_a_damaged_profile_is_listed_with_its_problem(store, person) -> None:
    store.path_of(person).write_bytes(b"noise")
    (entry,) = store.list()
    assert "unusable profile" in entry.problem
    assert entry.versions == ()
    assert "unusable profile" in store.export_text(person)


def test_one_profile_that_cannot_be_looked_at_hides_nobody(store, person) -> None:
    store.path_of(store.create("P-00")).symlink_to("x" * 300)
    endless = store.path_of(store.create("P-02"))
    save_profile(endless, profile_of(FIRST))
    share = f'low\\":{FIRST.evidence.low}'
    write_over(endless, share, f'low\\":{"1e999":>{len(share) - 6}}')
    unseen, whole, damaged = store.list()
    assert unseen.problem.endswith("File name too long; check the file's permissions")
    assert (whole.pseudonym, whole.problem) == (person, "")
    assert "damaged" in damaged.problem


def test_a_folder_that_cannot_be_read_is_told_in_one_line(tmp_path) -> None:
    with pytest.raises(ProfileError, match="cannot be read: File name too long"):
        ProfileStore(tmp_path / ("x" * 300)).list()


def test_a_foreign_file_is_listed_with_its_problem_and_not_put_into_use(store, person) -> None:
    from app.session import default_bundle

    path = store.path_of(person)
    path.write_bytes(default_bundle().read_bytes())
    (entry,) = store.list()
    assert "no profile of a participant" in entry.problem
    with pytest.raises(ProfileError, match="no profile of a participant"):
        store.activate(path, 0)


def test_damaged_numbers_are_found_before_a_profile_is_written_again(store, person) -> None:
    path = store.path_of(person)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ProfileError, match="checksum") as error:
        store.activate(path, 0)
    assert "\n" not in str(error.value)


def test_listing_and_switching_need_neither_torch_nor_scipy(store, person) -> None:
    code = (
        "import sys; from pathlib import Path; from app.calibration.profiles import ProfileStore; "
        f"store = ProfileStore(Path({str(store.folder)!r})); "
        "entry = store.list()[0]; assert len(entry.versions) == 2; "
        "store.activate(entry.path, 0); assert store.list()[0].in_use == 0; "
        "import app.wizard.wizard; "
        "print([name for name in ('torch', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert load_profile(store.path_of(person)).current.created == FIRST.created


def test_what_is_kept_can_be_read_in_words(store, person) -> None:
    text = store.export_text(person)
    assert "Participant P-01 (SIMULATED)" in text
    assert "Version 2" in text
    assert "in use" in text.splitlines()[3]
    assert "calibration.xdf (3 bytes)" in text


def test_deleting_a_participant_deletes_profile_and_recordings(store, person) -> None:
    other = store.create("P-02")
    store.delete(person)
    assert [entry.pseudonym for entry in store.list()] == [other]
    assert not (store.folder / person).exists()
    for name in (person, "P-none"):
        with pytest.raises(ProfileError, match="no such profile"):
            store.delete(name)
        with pytest.raises(ProfileError, match="no such profile"):
            store.export_text(name)


def test_no_pseudonym_leads_out_of_the_store(store, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").mkdir()
    for name in ("../precious", "..", ".", "", "a/b", "/tmp", "a b"):
        for action in (store.delete, store.path_of, store.create, store.recordings_of):
            with pytest.raises(ProfileError, match="a pseudonym is"):
                action(name)
    assert (tmp_path / "data" / "precious").is_dir()


def test_a_linked_folder_is_nobodys_profile(store, tmp_path) -> None:
    store.create("P-01")
    target = tmp_path / "elsewhere"
    target.mkdir()
    (store.folder / "P-02").symlink_to(target)
    with pytest.raises(ProfileError, match="no such profile"):
        store.delete("P-02")
    assert target.is_dir()


def test_a_store_that_cannot_be_made_is_told_in_one_line(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfileError, match="cannot be made"):
        ProfileStore(tmp_path / "file" / "profiles").create()


def test_profiles_live_in_the_users_data_folder() -> None:
    assert default_folder().parts[-2:] == ("mdjpt-live", "profiles")
