"""A participant's profile: every decoder that was trained for one person with one model.

The file holds a pseudonym, numbers and dates, no name and no EEG. It is personal data all the same:
it is readable by its owner only, and deleting the one file deletes everything learned.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.calibration.affect import DIMENSIONS, AffectHead
from mdjpt.calibration.heads import head_from
from mdjpt.calibration.profile_about import MAX_VERSIONS, check_profile, profile_about
from mdjpt.calibration.profile_file import read_profile_file, write_profile_file
from mdjpt.calibration.training import PersonalDecoder
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.profile_about import VersionAbout

    Arrays = dict[str, NDArray[Any]]

__all__ = ["Profile", "load_profile", "save_profile"]

_DECODER_TEXTS = ("kind", "temperature", "abstain_below", "novelty_limit", "created")


@dataclass(frozen=True, eq=False)
class Profile:
    """What was learned of one person, calibration after calibration.

    Attributes
    ----------
    participant : str
        Pseudonym: letters, digits, hyphen and underscore, never a name.
    bundle_sha256 : str
        Checksum of the model that the features come from.
    simulated : bool
        True when the participant or the model was simulated: every prediction says so.
    versions : tuple of PersonalDecoder
        Oldest first, at most 10.
    active : int
        Which of them is in use.

    Raises
    ------
    ValueError
        When a field is out of its range.
    """

    participant: str
    bundle_sha256: str
    simulated: bool
    versions: tuple[PersonalDecoder, ...]
    active: int

    def __post_init__(self) -> None:
        check_profile(self.participant, self.bundle_sha256, len(self.versions), self.active)

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
        if bundle.sha256 != self.bundle_sha256:
            raise ProfileError(
                f"profile {self.participant} was made for the model {self.bundle_sha256[:12]}, "
                f"this one is {bundle.sha256[:12] or 'not saved'}: choose that model with --model, "
                "or calibrate again"
            )


def save_profile(path: Path, profile: Profile) -> None:
    """Write a profile, whole or not at all, readable by its owner only.

    Raises
    ------
    ProfileError
        When the file cannot be written.
    """
    arrays: Arrays = {}
    versions = []
    for k, decoder in enumerate(profile.versions):
        arrays |= {f"{k}.{name}": array for name, array in _arrays(decoder).items()}
        versions.append(_about(decoder))
    about = {
        "participant": profile.participant,
        "bundle_sha256": profile.bundle_sha256,
        "simulated": profile.simulated,
        "active": profile.active,
        "versions": versions,
    }
    write_profile_file(path, arrays, about)


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
    """
    arrays, about = read_profile_file(path)
    try:
        profile = _profile_of(arrays, about)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ProfileError(f"{path}: unusable profile: {reason}; calibrate again") from None
    if bundle is not None:
        profile.require_model(bundle)
    return profile


def _arrays(decoder: PersonalDecoder) -> Arrays:
    """Return all arrays of a decoder by their names."""
    arrays: Arrays = {"feature.mean": decoder.feature_mean, "feature.var": decoder.feature_var}
    arrays |= {f"head.{name}": array for name, array in decoder.head.arrays.items()}
    arrays |= {f"alignment.{name}": array for name, array in decoder.alignment_state.items()}
    if decoder.affect is not None:
        for name in ("weight", "bias", "low", "high"):
            arrays[f"affect.{name}"] = getattr(decoder.affect, name)
    return arrays


def _about(decoder: PersonalDecoder) -> dict[str, Any]:
    """Return all but the arrays, for JSON."""
    affect = decoder.affect
    return {name: getattr(decoder, name) for name in _DECODER_TEXTS} | {
        "class_names": list(decoder.class_names),
        "evidence": asdict(decoder.evidence),
        "alignment": decoder.alignment.to_dict(),
        "compared": [list(pair) for pair in decoder.compared],
        "notes": list(decoder.notes),
        "affect": None
        if affect is None
        else {"names": list(affect.names), "agreement": list(affect.agreement)},
    }


def _profile_of(arrays: Mapping[str, NDArray[Any]], about: dict[str, Any]) -> Profile:
    told = profile_about(about)
    parts: list[Arrays] = [{} for _ in told.versions]
    for name, array in arrays.items():
        number, _, rest = name.partition(".")
        if not (number.isdecimal() and int(number) < len(parts)):
            raise ValueError(f"it holds the unknown array {name[:40]!r}")
        parts[int(number)][rest] = array
    versions = map(_decoder_of, parts, about["versions"], told.versions)
    return Profile(
        participant=told.participant,
        bundle_sha256=told.bundle_sha256,
        simulated=told.simulated,
        versions=tuple(versions),
        active=told.active,
    )


def _decoder_of(arrays: Arrays, about: dict[str, Any], told: VersionAbout) -> PersonalDecoder:
    known = ("head", "feature", "alignment", "affect")
    parts: dict[str, Arrays] = {name: {} for name in known}
    for name, array in arrays.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = array
    head = head_from(told.kind, parts["head"])
    names = told.class_names
    if len(names) != head.n_classes or len(set(names)) != len(names):
        raise ValueError(f"the head has {head.n_classes} classes, names are {len(names)}")
    return PersonalDecoder(
        class_names=names,
        kind=told.kind,
        head=head,
        feature_mean=_vector(parts["feature"]["mean"], head.n_features),
        feature_var=_vector(parts["feature"]["var"], head.n_features, least=0.0),
        temperature=_number(about["temperature"], 1e-6, 1e6),
        abstain_below=_number(about["abstain_below"], 0.0, 1.0),
        novelty_limit=_number(about["novelty_limit"], 0.0, 1e9),
        evidence=told.evidence,
        affect=_affect_of(parts["affect"], about["affect"], head.n_features),
        alignment=AlignmentConfig.from_dict(about["alignment"]),
        alignment_state=parts["alignment"],
        compared=tuple((str(name), _number(loss, -1e9, 1e9)) for name, loss in about["compared"]),
        notes=tuple(str(note) for note in about["notes"]),
        created=told.created,
    )


def _affect_of(arrays: Arrays, about: dict[str, Any] | None, n_features: int) -> AffectHead | None:
    if about is None:
        return None
    names = tuple(str(name) for name in about["names"])
    if not set(names) <= set(DIMENSIONS) or arrays["weight"].shape != (len(names), n_features):
        raise ValueError("its valence and arousal do not fit its features")
    single = {name: _vector(arrays[name], len(names)) for name in ("bias", "low", "high")}
    return AffectHead(
        names=names,
        weight=np.asarray(arrays["weight"], np.float32),
        agreement=tuple(float(value) for value in about["agreement"]),
        **{name: array.astype(np.float32) for name, array in single.items()},
    )


def _vector(array: NDArray[Any], n: int, least: float | None = None) -> NDArray[np.float64]:
    if array.shape != (n,):
        raise ValueError(f"an array has shape {list(array.shape)}, not [{n}]")
    if least is not None and array.min() < least:
        raise ValueError(f"a variance is {array.min():g}")
    return array.astype(np.float64)


def _number(value: object, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"a number from {least:g} to {most:g} was expected, got {value!r:.40}")
    return float(value)  # type: ignore[arg-type]
