"""What a store of prepared EEG says of itself: ``store.json``, and ``NAME.json`` of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, field_validator

from mdjpt.errors import DatasetError
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.guard.schema import STRICT, parsed
from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RecordingFacts", "RecordingFile", "StoreCard", "StoreFile", "read_description"]

MAX_JSON_BYTES = 64 << 20

T = TypeVar("T", bound=BaseModel)


class StoreCard(BaseModel, frozen=True):
    """What is true of all recordings of a store."""

    model_config = STRICT

    name: str
    """Short name of the dataset."""
    title: str
    """Name as its authors write it."""
    ch_names: tuple[str, ...]
    """Electrodes, upper-case 10-05 names; the rows of every recording."""
    class_names: tuple[str, ...]
    """Names of the integer labels; empty when there are ratings only."""
    # As on the dataset's own card.
    label_scheme: str
    licence: str
    url: str
    simulated: bool
    """True for simulated EEG: a model trained on it says so."""
    preparation: dict[str, Any]
    """Settings of the preparation."""
    code_version: str
    """Of the software that prepared it."""
    sfreq: float = SFREQ
    """Always 125 Hz."""


class RecordingFacts(BaseModel, frozen=True):
    """What is true of one recording."""

    model_config = STRICT

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.npy$")]
    """Name below the store's ``recordings``."""
    # Who and when.
    subject: str
    session: str
    n_times: int
    """Samples."""
    crc32: int
    """Checksum of the samples' bytes."""
    # Microvolts: what the robust scaling subtracted, and divided by.
    scale_mean: float
    scale_std: float
    quality: dict[str, float] = {}
    """Numbers that sum up the preparation (share of interpolated channels, components dropped)."""
    notes: tuple[str, ...] = ()
    """Remarks of the reader."""


class StoreFile(StoreCard, frozen=True):
    """The content of ``store.json``."""

    format_version: Literal[1] = 1
    """Of the layout of the store."""
    recordings: Annotated[tuple[RecordingFacts, ...], Field(min_length=1)]
    """At least one."""

    @field_validator("sfreq")
    @classmethod
    def _is_ours(cls, sfreq: float) -> float:
        if sfreq != SFREQ:
            raise ValueError(f"must be {SFREQ:g} Hz, got {sfreq:g} Hz")
        return sfreq

    @field_validator("ch_names")
    @classmethod
    def _are_different(cls, ch_names: tuple[str, ...]) -> tuple[str, ...]:
        if not ch_names or len(set(ch_names)) < len(ch_names):
            raise ValueError("must name different electrodes")
        return ch_names


class RecordingFile(BaseModel, frozen=True):
    """The content of ``NAME.json``, which makes a recording count as written."""

    model_config = STRICT

    preparation: dict[str, Any]
    """Settings that it was prepared with."""
    ch_names: tuple[str, ...]
    """Its electrodes."""
    facts: RecordingFacts
    """What is true of it."""
    trials: tuple[dict[str, Any], ...]
    """Fields of :class:`mdjpt.store.trials.StoredTrial`."""


def read_description(kind: type[T], path: Path) -> T:
    """Read and check a JSON file of a store: a :class:`StoreFile` or :class:`RecordingFile`.

    Raises DatasetError: the file is missing, too large or no JSON; a key is missing or unknown, or
    has a value of another type or out of its range. The message names file and key.
    """
    content = regular_bytes(path, MAX_JSON_BYTES, DatasetError, "description of a store")
    return parsed(kind, content, path, DatasetError, "prepare the dataset again")
