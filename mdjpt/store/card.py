"""What a store of prepared EEG says of itself: ``store.json``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from mdjpt.errors import DatasetError
from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["RecordingFacts", "StoreCard", "parse_card", "parse_facts", "read_json"]

FORMAT_VERSION = 1
MAX_JSON_BYTES = 64 << 20
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.npy")


@dataclass(frozen=True, kw_only=True)
class StoreCard:
    """What is true of all recordings of a store.

    Attributes
    ----------
    name : str
        Short name of the dataset.
    title : str
        Name as its authors write it.
    ch_names : tuple of str
        Electrodes, upper-case 10-05 names; the rows of every recording.
    class_names : tuple of str
        Names of the integer labels; empty when there are ratings only.
    label_scheme, licence, url : str
        As on the dataset's own card.
    simulated : bool
        True for simulated EEG: a model trained on it says so.
    preparation : dict
        Settings of the preparation.
    code_version : str
        Of the software that prepared it.
    sfreq : float
        Always 125 Hz.
    """

    name: str
    title: str
    ch_names: tuple[str, ...]
    class_names: tuple[str, ...]
    label_scheme: str
    licence: str
    url: str
    simulated: bool
    preparation: dict[str, Any]
    code_version: str
    sfreq: float = SFREQ

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        lists = {"ch_names": list(self.ch_names), "class_names": list(self.class_names)}
        return asdict(self) | lists


@dataclass(frozen=True, kw_only=True)
class RecordingFacts:
    """What is true of one recording.

    Attributes
    ----------
    file : str
        Name below the store's ``recordings``.
    subject, session : str
        Who and when.
    n_times : int
        Samples.
    crc32 : int
        Checksum of the samples' bytes.
    scale_mean, scale_std : float
        Microvolts: what the robust scaling subtracted, and divided by.
    quality : dict
        Numbers that sum up the preparation (share of interpolated channels, components dropped).
    notes : tuple of str
        Remarks of the reader.
    """

    file: str
    subject: str
    session: str
    n_times: int
    crc32: int
    scale_mean: float
    scale_std: float
    quality: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self) | {"notes": list(self.notes)}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DatasetError
        The file is missing, too large or no JSON object.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise DatasetError(f"{path}: larger than any description of a store")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise DatasetError(f"{path}: damaged, no JSON: prepare the dataset again") from None
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: damaged, no JSON object: prepare the dataset again")
    return content


def parse_card(path: Path, content: Mapping[str, Any]) -> StoreCard:
    """Check the card of a store.

    Raises
    ------
    DatasetError
        A key is missing, unknown, or has a value of the wrong type; the sampling rate is not 125
        Hz, or no or two equal electrodes are named.
    """
    card = StoreCard(**_checked(path, StoreCard, content))
    if card.sfreq != SFREQ:
        raise DatasetError(f"{path}: key 'sfreq' must be {SFREQ:g}, is {card.sfreq:g}")
    if not card.ch_names or len(set(card.ch_names)) < len(card.ch_names):
        raise DatasetError(f"{path}: key 'ch_names' must name different electrodes")
    return card


def parse_facts(path: Path, content: object) -> RecordingFacts:
    """Check the facts of a recording.

    Raises
    ------
    DatasetError
        As for :func:`parse_card`; the name of the file is none.
    """
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: key 'recordings' must hold objects")
    facts = RecordingFacts(**_checked(path, RecordingFacts, content))
    if not _FILE_NAME.fullmatch(facts.file):
        raise DatasetError(f"{path}: key 'file' must be the name of an .npy file: {facts.file!r}")
    return facts


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "tuple[str, ...]": (list,),
    "dict[str, Any]": (dict,),
    "dict[str, float]": (dict,),
}


def _checked(path: Path, kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a dataclass, or say which key is wrong."""
    expected = {item.name: str(item.type) for item in fields(kind)}
    if odd := sorted(map(str, content.keys() ^ expected.keys())):
        raise DatasetError(f"{path}: key {odd[0]!r} is missing or unknown")
    checked = {}
    for name, annotation in expected.items():
        value, kinds = content[name], _KINDS[annotation]
        is_kind = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if not is_kind or (kinds == (list,) and not all(isinstance(v, str) for v in value)):
            raise DatasetError(f"{path}: key {name!r} must be {annotation}, is {value!r:.60}")
        checked[name] = tuple(value) if kinds == (list,) else value
    return checked
