"""What a profile says about itself, read without its decoders.

A window that lists versions and switches between them needs no more, and imports neither torch nor
scipy for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from mdjpt.calibration.evidence import Evidence
from mdjpt.calibration.heads import HEAD_KINDS
from mdjpt.calibration.profile_file import (
    read_profile_about,
    read_profile_file,
    write_profile_file,
)
from mdjpt.calibration.pseudonym import check_pseudonym
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mdjpt.calibration.heads import HeadKind

__all__ = [
    "MAX_VERSIONS",
    "ProfileAbout",
    "VersionAbout",
    "activate_version",
    "check_profile",
    "load_profile_about",
    "profile_about",
]

MAX_VERSIONS = 10
_EVIDENCE = {field.name for field in fields(Evidence)}


@dataclass(frozen=True, slots=True)
class VersionAbout:
    """One calibration in a profile.

    Attributes
    ----------
    created : str
        Date, ISO 8601.
    class_names : tuple of str
        The person's classes.
    kind : str
        Which head was chosen.
    evidence : Evidence
        How good it was on held-out trials.
    """

    created: str
    class_names: tuple[str, ...]
    kind: HeadKind
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ProfileAbout:
    """Whose a profile is, for which model, and which calibrations it holds.

    Attributes
    ----------
    participant : str
        Pseudonym.
    bundle_sha256 : str
        Checksum of the model that the features come from.
    simulated : bool
        True when the participant or the model was simulated.
    versions : tuple of VersionAbout
        Oldest first.
    active : int
        Which of them is in use.
    """

    participant: str
    bundle_sha256: str
    simulated: bool
    versions: tuple[VersionAbout, ...]
    active: int


def check_profile(participant: str, bundle_sha256: str, n_versions: int, active: int) -> None:
    """Refuse what cannot stand in a profile.

    Raises
    ------
    ValueError
        When a value is out of its range.
    """
    try:
        check_pseudonym(participant)
    except ProfileError as error:
        raise ValueError(str(error)) from None
    if not re.fullmatch(r"[0-9a-f]{64}", bundle_sha256):
        raise ValueError("a profile names the checksum of the model it was made for")
    if not 1 <= n_versions <= MAX_VERSIONS:
        raise ValueError(f"a profile holds 1 to {MAX_VERSIONS} versions")
    if not 0 <= active < n_versions:
        raise ValueError(f"there is no version {active} of {n_versions}")


def load_profile_about(path: Path) -> ProfileAbout:
    """Read what a profile says about itself, and check it; the decoders are not looked at.

    Raises
    ------
    ProfileError
        The file is missing, no profile, of another format version, cut off, or says what cannot be.
    """
    return _checked(path, read_profile_about(path))


def activate_version(path: Path, number: int) -> None:
    """Put version `number` of a profile, from 0, into use; no other is lost.

    Raises
    ------
    ProfileError
        The profile cannot be used or written, or has no such version.
    """
    # The arrays are written again, so their checksum is wanted here.
    arrays, about = read_profile_file(path)
    profile = _checked(path, about)
    if not 0 <= number < len(profile.versions):
        raise ProfileError(
            f"{profile.participant}: no version {number + 1}; the profile holds "
            f"{len(profile.versions)} and uses number {profile.active + 1}"
        )
    write_profile_file(path, arrays, about | {"active": number})


def _checked(path: Path, about: Mapping[str, Any]) -> ProfileAbout:
    try:
        return profile_about(about)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ProfileError(f"{path}: unusable profile: {reason}; calibrate again") from None


def profile_about(about: Mapping[str, Any]) -> ProfileAbout:
    """Return what the JSON object of a profile's file says, checked.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        When it says what cannot be, or not all that it must.
    """
    if not isinstance(about["simulated"], bool) or type(about["active"]) is not int:
        raise ValueError("simulated must be true or false, active a number")
    profile = ProfileAbout(
        participant=str(about["participant"]),
        bundle_sha256=str(about["bundle_sha256"]),
        simulated=about["simulated"],
        versions=tuple(_version_of(version) for version in about["versions"]),
        active=about["active"],
    )
    check_profile(profile.participant, profile.bundle_sha256, len(profile.versions), profile.active)
    return profile


def _version_of(about: Mapping[str, Any]) -> VersionAbout:
    if about["kind"] not in HEAD_KINDS:
        raise ValueError(f"unknown kind of head {about['kind']!r:.40}")
    return VersionAbout(
        created=str(about["created"]),
        class_names=tuple(str(name) for name in about["class_names"]),
        kind=about["kind"],
        evidence=_evidence_of(about["evidence"]),
    )


def _evidence_of(values: Mapping[str, Any]) -> Evidence:
    if not values.keys() <= _EVIDENCE:
        raise ValueError("its evidence holds what none has")
    evidence = Evidence(**values)
    counts = (evidence.n_trials, evidence.n_correct)
    if any(type(count) is not int for count in counts):
        raise ValueError("trials are counted in whole numbers")
    if not (0 <= evidence.n_correct <= evidence.n_trials and evidence.n_trials):
        raise ValueError(f"{evidence.n_correct} of {evidence.n_trials} trials cannot be right")
    for name in _EVIDENCE - {"n_trials", "n_correct"}:
        share = getattr(evidence, name)
        if not (name == "before" and share is None) and not _is_share(share):
            raise ValueError(f"{name} must lie between 0 and 1")
    return evidence


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]
