"""A participant's profile: every decoder that was trained for one person with one model.

The file holds a pseudonym, numbers and dates, no name and no EEG. It is personal data all the same:
it is readable by its owner only, and deleting the one file deletes everything learned. What it says
about itself is read without its decoders, and without torch or scipy: a window that lists versions
and switches between them needs no more.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from mdjpt.bundle.checked_file import FileKind, parts_of, read_about, read_checked, write_checked
from mdjpt.calibration.affect import AffectAbout, AffectHead
from mdjpt.calibration.personal_decoder import PersonalDecoder, VersionAbout
from mdjpt.calibration.pooled_decoder import PooledDecoder
from mdjpt.errors import ProfileError
from mdjpt.guard.schema import STRICT, checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mdjpt.bundle.bundle import Bundle

__all__ = [
    "MAX_VERSIONS",
    "PROFILE_FILE",
    "Profile",
    "ProfileAbout",
    "activate_version",
    "check_pseudonym",
    "is_pseudonym",
    "load_profile",
    "load_profile_about",
    "new_pseudonym",
    "save_profile",
]

MAX_VERSIONS = 10
PROFILE_FILE = FileKind(
    noun="profile",
    entry="mdjpt-profile",
    format_version=4,
    dtypes=("F32", "F64", "I64"),
    error=ProfileError,
    hint="calibrate again",
    otherwise="no profile of a participant; make one with `mdjpt calibrate`",
    given_up={
        1: "was made before decoders looked at the person's own electrodes",
        2: "holds a fine-tuned encoder, which is no longer supported",
        3: "does not tell calibrations of simulated people from others",
    },
    owner_only=True,
)
_PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")

Arrays = dict[str, NDArray[Any]]


def new_pseudonym() -> str:
    """Return a random pseudonym, e.g. "P-3f9a1c07"."""
    return f"P-{secrets.token_hex(4)}"


def is_pseudonym(text: str) -> bool:
    """Tell whether a text is 1 to 32 letters, digits, hyphens or underscores."""
    return _PSEUDONYM.fullmatch(text) is not None


def check_pseudonym(text: str) -> None:
    """Refuse what is no pseudonym, see :func:`is_pseudonym`.

    Raises
    ------
    ProfileError
        When it is none.
    """
    try:
        _checked_pseudonym(text)
    except ValueError as error:
        raise ProfileError(str(error)) from None


def _checked_pseudonym(text: str) -> str:
    if not is_pseudonym(text):
        raise ValueError(
            f"a pseudonym is 1 to 32 letters, digits, - or _, got {text[:40]!r}; never use a name"
        )
    return text


@dataclass(frozen=True, config=STRICT)
class ProfileAbout:
    """Whose a profile is, for which model, and which calibrations it holds.

    Attributes
    ----------
    participant : str
        Pseudonym: letters, digits, hyphen and underscore, never a name.
    bundle_sha256 : str
        Checksum of the model that the features come from.
    versions : tuple of VersionAbout
        Oldest first, at most 10.
    active : int
        Which of them is in use, from 0.

    Raises
    ------
    ValueError
        When a field is out of its range.
    """

    participant: Annotated[str, AfterValidator(_checked_pseudonym)]
    bundle_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    versions: Annotated[tuple[VersionAbout, ...], Field(min_length=1, max_length=MAX_VERSIONS)]
    active: Annotated[int, Field(ge=0)]

    def __post_init__(self) -> None:
        if self.active >= len(self.versions):
            raise ValueError(f"there is no version {self.active} of {len(self.versions)}")

    @property
    def simulated(self) -> bool:
        """Whether the version in use is of a simulated person."""
        return self.versions[self.active].simulated


@dataclass(frozen=True, eq=False, config=STRICT)
class Profile(ProfileAbout):
    """What was learned of one person, calibration after calibration.

    Attributes
    ----------
    versions : tuple of PersonalDecoder
        Oldest first, at most 10.

    See Also
    --------
    mdjpt.save_profile : Keeps it.
    mdjpt.EmotionDecoder : Decodes with it.

    Examples
    --------
    >>> import mdjpt
    >>> bundle = mdjpt.load_bundle("assets/demo.safetensors")
    >>> label, trial = np.array([0, 1] * 6), np.repeat(np.arange(12), 4)
    >>> features = np.random.default_rng(0).normal(size=(48, 512)).astype(np.float32)
    >>> data = mdjpt.LabelledFeatures(features, trial, label, ("calm", "happy"), hop_s=0.5)
    >>> decoder = mdjpt.train_personal_decoder(data)
    >>> profile = mdjpt.Profile("P-01", bundle.identity, (decoder,), 0)
    >>> profile.with_version(decoder).active
    1
    >>> mdjpt.EmotionDecoder(bundle, hop_s=0.5, profile=profile).class_names
    ('calm', 'happy')
    """

    versions: Annotated[tuple[PersonalDecoder, ...], Field(min_length=1, max_length=MAX_VERSIONS)]

    @property
    def current(self) -> PersonalDecoder:
        """The version in use."""
        return self.versions[self.active]

    def with_version(self, decoder: PersonalDecoder) -> Profile:
        """Return the profile with a new version in use; the oldest goes when there are too many."""
        versions = (*self.versions, decoder)[-MAX_VERSIONS:]
        return replace(self, versions=versions, active=len(versions) - 1)

    def require_model(self, bundle: Bundle) -> None:
        """Make sure that the features of `bundle` are those that the profile was made for.

        Raises
        ------
        ProfileError
            When it was made for another model.
        """
        if bundle.identity != self.bundle_sha256:
            raise ProfileError(
                f"profile {self.participant} was made for the model {self.bundle_sha256[:12]}, "
                f"this one is {bundle.identity[:12] or 'not saved'}: choose that model with "
                "--model, or calibrate again"
            )


def save_profile(path: Path, profile: Profile) -> None:
    """Write a profile, whole or not at all, readable by its owner only.

    Parameters
    ----------
    path : Path
        The file.
    profile : Profile
        What to write.

    Raises
    ------
    ProfileError
        When the file cannot be written.

    See Also
    --------
    mdjpt.load_profile : Reads it again.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import mdjpt
    >>> bundle = mdjpt.load_bundle("assets/demo.safetensors")
    >>> label, trial = np.array([0, 1] * 6), np.repeat(np.arange(12), 4)
    >>> features = np.random.default_rng(0).normal(size=(48, 512)).astype(np.float32)
    >>> data = mdjpt.LabelledFeatures(features, trial, label, ("calm", "happy"), hop_s=0.5)
    >>> decoder = mdjpt.train_personal_decoder(data)
    >>> profile = mdjpt.Profile("P-01", bundle.identity, (decoder,), 0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "P-01.safetensors"
    ...     mdjpt.save_profile(path, profile)
    ...     mdjpt.load_profile(path, bundle).current.class_names
    ('calm', 'happy')
    """
    arrays: Arrays = {}
    for k, decoder in enumerate(profile.versions):
        arrays |= {f"{k}.{name}": array for name, array in _arrays(decoder).items()}
    about = TypeAdapter(ProfileAbout).dump_python(profile, mode="json")
    write_checked(path, PROFILE_FILE, arrays, about)


def load_profile(path: Path, bundle: Bundle | None = None) -> Profile:
    """Read a profile and check every part of it.

    Parameters
    ----------
    path : Path
        The file.
    bundle : Bundle, optional
        Model that it is to be used with.

    Raises
    ------
    ProfileError
        The file is missing, damaged, of another format version, or made for another model.

    See Also
    --------
    mdjpt.save_profile : Writes one.

    Examples
    --------
    >>> import pathlib, mdjpt
    >>> mdjpt.load_profile(pathlib.Path("assets/demo.safetensors"))
    Traceback (most recent call last):
    mdjpt.errors.ProfileError: assets/demo.safetensors: no profile of a participant; ...
    """
    arrays, said, _ = read_checked(path, PROFILE_FILE)
    about = _about(path, said)
    try:
        parts = parts_of(arrays, [str(k) for k in range(len(about.versions))])
        versions = tuple(map(_decoder, parts.values(), about.versions))
        profile = Profile(**_fields(about, ProfileAbout) | {"versions": versions})
    except (ValueError, KeyError) as error:
        PROFILE_FILE.refuse(path, error)
    if bundle is not None:
        profile.require_model(bundle)
    return profile


def load_profile_about(path: Path) -> ProfileAbout:
    """Read what a profile says about itself, and check it; the decoders are not looked at.

    Raises
    ------
    ProfileError
        The file is missing, no profile, of another format version, cut off, or says what cannot be.
    """
    return _about(path, read_about(path, PROFILE_FILE))


def activate_version(path: Path, number: int) -> None:
    """Put version `number` of a profile, from 0, into use; no other is lost.

    Raises
    ------
    ProfileError
        The profile cannot be used or written, or has no such version.
    """
    # The arrays are written again, so their checksum is wanted here.
    arrays, said, _ = read_checked(path, PROFILE_FILE)
    about = _about(path, said)
    if not 0 <= number < len(about.versions):
        raise ProfileError(
            f"{about.participant}: no version {number + 1}; the profile holds "
            f"{len(about.versions)} and uses number {about.active + 1}"
        )
    write_checked(path, PROFILE_FILE, arrays, said | {"active": number})


def _about(path: Path, said: Mapping[str, Any]) -> ProfileAbout:
    where = f"{path}: unusable profile"
    return checked(ProfileAbout, said, where, ProfileError, PROFILE_FILE.hint)


def _arrays(decoder: PersonalDecoder) -> Arrays:
    """Return all arrays of a decoder by their names."""
    arrays: Arrays = {"feature.mean": decoder.feature_mean, "feature.var": decoder.feature_var}
    arrays |= {f"pool.{name}": array for name, array in decoder.pool.arrays.items()}
    arrays |= {f"alignment.{name}": array for name, array in decoder.alignment_state.items()}
    if decoder.affect is not None:
        for name in ("weight", "bias", "low", "high"):
            arrays[f"affect.{name}"] = getattr(decoder.affect, name)
    return arrays


def _decoder(arrays: Arrays, about: VersionAbout) -> PersonalDecoder:
    """Build a decoder; the constructors check that its parts fit each other."""
    parts = parts_of(arrays, ("pool", "feature", "alignment", "affect"))
    affect = None
    if about.affect is not None:
        lines = {name: np.asarray(a, np.float32) for name, a in parts["affect"].items()}
        affect = AffectHead(**_fields(about.affect, AffectAbout) | lines)
    return PersonalDecoder(
        **_fields(about, VersionAbout) | {"affect": affect},
        pool=PooledDecoder.from_arrays(
            parts["pool"], about.families, about.coverage, about.smoothing_s
        ),
        feature_mean=parts["feature"]["mean"].astype(np.float64),
        feature_var=parts["feature"]["var"].astype(np.float64),
        alignment_state=parts["alignment"],
    )


def _fields(about: Any, kind: type) -> dict[str, Any]:
    return {f.name: getattr(about, f.name) for f in fields(kind)}
