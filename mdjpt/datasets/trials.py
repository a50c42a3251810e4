"""What a dataset says of itself and what its reader delivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

__all__ = ["DatasetCard", "Label", "RecordingKey", "Trial", "as_samples"]

Label: TypeAlias = "int | Mapping[str, float]"


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What is known of a dataset before its files are there."""

    name: str
    """Key of `mdjpt.datasets.READERS`."""
    title: str
    """Name as its authors write it."""
    class_names: tuple[str, ...]
    """Names of the integer labels, in order; empty when the labels are ratings or are only known
    from the user's own table."""
    label_scheme: str
    """Where the labels come from and how they are coded."""
    sfreq: float
    """Sampling rate of the files in Hz, 0 when it differs between them."""
    # What the complete set holds, 0 when open.
    n_subjects: int
    n_sessions: int
    licence: str
    """Licence, or the agreement that the owner of the set asks for."""
    url: str
    """Where to ask for the set."""
    layout: str
    """Files that the reader looks for."""


@dataclass(frozen=True, slots=True)
class RecordingKey:
    """One recording: what one subject did in one session."""

    # Identities within the dataset; the same session name means the same programme of stimuli.
    subject: str
    session: str
    path: Path
    """File that holds the recording."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The EEG of one stimulus, without its baseline."""

    samples: NDArray[np.float32]
    """The signal as the set stores it: not filtered, not referenced, an offset kept. Shape
    (n_channels, n_times), microvolts."""
    sfreq: float
    """Sampling rate in Hz."""
    ch_names: tuple[str, ...]
    """One label a row, upper case where the set does so."""
    # As in `RecordingKey`.
    subject: str
    session: str
    trial: int
    """Place in the recording, from 0, in the order of the file."""
    label: Label
    """Index into `DatasetCard.class_names`, or ratings by name."""
    stimulus: str
    """Identity of the clip: equal for equal clips, over sessions and subjects of the dataset."""
    start_s: float | None = None
    """Onset in the recording in seconds; None when the file holds trials only."""
    order: int | None = None
    """Place in the order of presentation within the session, from 0; None when the files at hand do
    not tell it."""
    notes: tuple[str, ...] = field(default=())
    """One-line remarks for the user."""

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(
                "samples must be float32 of shape (n_channels, n_times), got "
                f"{self.samples.dtype} {self.samples.shape}"
            )
        if len(self.ch_names) != self.samples.shape[0]:
            raise ValueError(
                f"{len(self.ch_names)} channel names for {self.samples.shape[0]} rows of samples"
            )
        if not (np.isfinite(self.sfreq) and self.sfreq > 0):
            raise ValueError(f"sfreq must be positive, got {self.sfreq} Hz")

    @property
    def n_times(self) -> int:
        """Number of samples of one channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_times / self.sfreq


def as_samples(values: ArrayLike, where: str, n_channels: int | None = None) -> NDArray[np.float32]:
    """Return an array of a file as (n_channels, n_times) float32, or say what is wrong with it.

    `where` names file and key in messages; `n_channels` is what the set's format asks for, if any.

    Raises DatasetError when it is not a two-dimensional array of real numbers with that many rows.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] == 0:
        raise DatasetError(
            f"{where}: need real numbers of shape (n_channels, n_times), got "
            f"{array.dtype} {array.shape}"
        )
    if n_channels is not None and array.shape[0] != n_channels:
        raise DatasetError(f"{where}: need {n_channels} channels, got shape {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float32)
