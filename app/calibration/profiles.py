"""The profiles on this computer: one folder a participant, with what was learned and recorded."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import platformdirs

from mdjpt.calibration.profile import (
    activate_version,
    check_pseudonym,
    load_profile_about,
    new_pseudonym,
)
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mdjpt.calibration.personal_decoder import VersionAbout

__all__ = ["RECORDINGS", "ProfileEntry", "ProfileStore", "default_folder"]

PROFILE_FILE = "profile.safetensors"
RECORDINGS = "calibrations"
_OWNER_ONLY = 0o700


def default_folder() -> Path:
    """Return the folder of the profiles in the user's data folder."""
    return platformdirs.user_data_path("mdjpt-live", appauthor=False) / "profiles"


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """A participant who has a folder here."""

    pseudonym: str
    """Who."""
    path: Path
    """The profile; not there before the first calibration."""
    versions: tuple[VersionAbout, ...] = ()
    """Oldest first; empty before the first calibration and when `problem` says why."""
    in_use: int = -1
    """Which of them decodes, -1 when there is none."""
    simulated: bool = False
    """True when the participant was simulated."""
    bundle_sha256: str = ""
    """Checksum of the model that the profile was made for, "" before the first calibration."""
    problem: str = ""
    """One line when the file cannot be used, else ""."""
    participant: str = ""
    """Whom the profile names, "" where none can be read; :attr:`pseudonym` unless somebody gave the
    folder another name."""


class ProfileStore:
    """Profiles and calibration recordings of several people, readable by their owner only.

    The folder is made at the first use, by default :func:`default_folder`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_folder() if folder is None else folder

    def list(self) -> tuple[ProfileEntry, ...]:
        """Return everybody who has a folder here, by pseudonym; a damaged profile is named.

        Raises ProfileError: the folder cannot be read.
        """
        try:
            people = sorted(self._people()) if self.folder.is_dir() else []
        except OSError as error:
            raise ProfileError(
                f"{self.folder}: cannot be read: {error.strerror}; check the folder's permissions"
            ) from None
        return tuple(self._entry(path.name) for path in people)

    def create(self, pseudonym: str | None = None) -> str:
        """Make a participant's folder and return the pseudonym, a random one by default.

        Raises ProfileError: the pseudonym is taken or not of the form, or the folder cannot be
        made.
        """
        name = new_pseudonym() if pseudonym is None else pseudonym
        check_pseudonym(name)
        home = self.folder / name
        if home.exists():
            raise ProfileError(f"{name}: there is a profile of that name; choose another pseudonym")
        self._make(home)
        return name

    def path_of(self, pseudonym: str) -> Path:
        """Return where a participant's profile is or will be.

        Raises ProfileError: the pseudonym is not of the form.
        """
        return self._home(pseudonym) / PROFILE_FILE

    def recordings_of(self, pseudonym: str) -> Path:
        """Return the folder of a participant's calibration recordings, which is made if need be.

        Raises ProfileError: the pseudonym is not of the form, or the folder cannot be made.
        """
        folder = self._home(pseudonym) / RECORDINGS
        self._make(folder)
        return folder

    def activate(self, path: Path, number: int) -> None:
        """Put version `number`, from 0, into use; no other is lost.

        Raises ProfileError: the profile cannot be used or written, or has no such version.
        """
        activate_version(path, number)

    def delete(self, pseudonym: str) -> None:
        """Delete a participant's profile and calibration recordings, for good.

        Raises ProfileError: there is no such participant, or a file cannot be deleted.
        """
        home = self._home(pseudonym)
        if home.is_symlink() or not home.is_dir():
            raise ProfileError(f"{pseudonym}: no such profile in {self.folder}")
        try:
            shutil.rmtree(home)
        except OSError as error:
            raise ProfileError(
                f"{home}: not everything could be deleted: {error.strerror}; delete it by hand"
            ) from None

    def export_text(self, pseudonym: str) -> str:
        """Return what is kept about a participant, in words.

        Raises ProfileError: there is no such participant.
        """
        home = self._home(pseudonym)
        if not home.is_dir():
            raise ProfileError(f"{pseudonym}: no such profile in {self.folder}")
        entry = self._entry(pseudonym)
        lines = [f"Participant {pseudonym}" + (" (SIMULATED)" if entry.simulated else "")]
        if entry.bundle_sha256:
            lines.append(f"Model {entry.bundle_sha256[:12]}")
        if entry.problem:
            lines.append(entry.problem)
        lines += [_line(entry, number) for number in range(len(entry.versions))]
        files = sorted(path for path in home.rglob("*") if path.is_file())
        lines += [f"{path} ({path.stat().st_size} bytes)" for path in files]
        lines.append("No name and no contact data are kept. Deleting the folder deletes all.")
        return "\n".join(lines) + "\n"

    def _people(self) -> Iterator[Path]:
        for path in self.folder.iterdir():
            try:
                check_pseudonym(path.name)
            except ProfileError:
                continue
            if path.is_dir():
                yield path

    def _home(self, pseudonym: str) -> Path:
        # The form of a pseudonym also keeps a path out of other folders.
        check_pseudonym(pseudonym)
        return self.folder / pseudonym

    def _entry(self, pseudonym: str) -> ProfileEntry:
        path = self.path_of(pseudonym)
        try:
            if not path.exists():
                return ProfileEntry(pseudonym, path)
            profile = load_profile_about(path)
        except ProfileError as error:
            return ProfileEntry(pseudonym, path, problem=str(error))
        except OSError as error:
            problem = f"{path}: cannot be read: {error.strerror}; check the file's permissions"
            return ProfileEntry(pseudonym, path, problem=problem)
        return ProfileEntry(
            pseudonym,
            path,
            profile.versions,
            profile.active,
            profile.simulated,
            profile.bundle_sha256,
            participant=profile.participant,
        )

    def _make(self, folder: Path) -> None:
        """Make a folder below :attr:`folder`, and every one on the way, for the owner only."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            path = self.folder
            _private(path)
            for part in folder.relative_to(self.folder).parts:
                path /= part
                _private(path)
        except OSError as error:
            raise ProfileError(
                f"{folder}: cannot be made: {error.strerror}; check the folder's permissions"
            ) from None


def _private(folder: Path) -> None:
    folder.mkdir(_OWNER_ONLY, exist_ok=True)
    if os.name == "posix":
        folder.chmod(_OWNER_ONLY)


def _line(entry: ProfileEntry, number: int) -> str:
    version = entry.versions[number]
    found = version.evidence
    return (
        f"Version {number + 1} of {version.created}: {', '.join(version.class_names)}; "
        f"{found.accuracy:.2f} of {found.n_trials} trials right "
        f"({found.low:.2f} to {found.high:.2f}, chance {found.chance:.2f}), "
        f"labels {version.coverage.coverage:.0%} of the time"
        + (", UNPROVEN" if version.unproven else "")
        + (", in use" if number == entry.in_use else "")
    )
