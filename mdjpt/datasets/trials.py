"""What a dataset says of itself and what its reader delivers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["DatasetCard", "DatasetReader", "Label", "RecordingKey", "Trial"]

Label: TypeAlias = "int | Mapping[str, float]"


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What is known of a dataset before its files are there.

    Attributes
    ----------
    name : str
        Key of `mdjpt.datasets.READERS`.
    title : str
        Name as its authors write it.
    class_names : tuple of str
        Names of the integer labels, in order; empty when the labels are ratings or are only known
        from the user's own table.
    label_scheme : str
        Where the labels come from and how they are coded.
    sfreq : float
        Sampling rate of the files in Hz, 0 when it differs between them.
    n_subjects, n_sessions : int
        What the complete set holds, 0 when open.
    licence : str
        Licence, or the agreement that the owner of the set asks for.
    url : str
        Where to ask for the set.
    layout : str
        Files that the reader looks for.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    label_scheme: str
    sfreq: float
    n_subjects: int
    n_sessions: int
    licence: str
    url: str
    layout: str


@dataclass(frozen=True, slots=True)
class RecordingKey:
    """One recording: what one subject did in one session.

    Attributes
    ----------
    subject, session : str
        Identities within the dataset; the same session name means the same programme of stimuli.
    path : Path
        File that holds the recording.
    """

    subject: str
    session: str
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The EEG of one stimulus, without its baseline.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_channels, n_times), microvolts
        The signal as the set stores it: not filtered, not referenced, an offset kept.
    sfreq : float
        Sampling rate in Hz.
    ch_names : tuple of str
        One label a row, upper case where the set does so.
    subject, session : str
        As in `RecordingKey`.
    trial : int
        Place in the recording, from 0, in the order of the file.
    label : int or dict of str to float
        Index into `DatasetCard.class_names`, or ratings by name.
    stimulus : str
        Identity of the clip: equal for equal clips, over sessions and subjects of the dataset.
    start_s : float or None
        Onset in the recording in seconds; None when the file holds trials only.
    order : int or None
        Place in the order of presentation within the session, from 0; None when the files at hand
        do not tell it.
    notes : tuple of str
        One-line remarks for the user.
    """

    samples: NDArray[np.float32]
    sfreq: float
    ch_names: tuple[str, ...]
    subject: str
    session: str
    trial: int
    label: Label
    stimulus: str
    start_s: float | None = None
    order: int | None = None
    notes: tuple[str, ...] = field(default=())

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


class DatasetReader(ABC):
    """Reads one dataset from a folder, complete or not.

    Parameters
    ----------
    root : path-like
        Folder of the dataset, or the folder of its recordings itself.

    Attributes
    ----------
    card : DatasetCard
        What is known of the dataset.
    root : Path
        The folder.

    Raises
    ------
    DatasetError
        When the folder is missing, holds no recording of this set, or holds a recording whose name
        does not fit the set's pattern.
    """

    card: DatasetCard

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise DatasetError(f"{self.root}: no such folder; {self.card.title} needs {self._need}")
        self._recordings = sorted(self._find_recordings(), key=_recording_order)
        if not self._recordings:
            raise DatasetError(f"{self.root}: no recording of {self.card.title}; need {self._need}")

    @property
    def _need(self) -> str:
        return f"{self.card.layout} (see {self.card.url})" if self.card.url else self.card.layout

    def subjects(self) -> tuple[str, ...]:
        """Return the subjects whose recordings are there, in natural order."""
        return tuple(dict.fromkeys(key.subject for key in self._recordings))

    def recordings(self, subject: str | None = None) -> list[RecordingKey]:
        """Return the recordings that are there, of one subject or of all.

        Raises
        ------
        DatasetError
            When nothing of the subject is there.
        """
        if subject is None:
            return list(self._recordings)
        keys = [key for key in self._recordings if key.subject == subject]
        if not keys:
            raise DatasetError(
                f"{self.root}: no recording of subject {subject} of {self.card.title}, "
                f"there are {_listed(self.subjects())}"
            )
        return keys

    def missing(self) -> tuple[str, ...]:
        """Return one line for each part of the complete set that is not there."""
        found: dict[str, set[str]] = {}
        for key in self._recordings:
            found.setdefault(key.subject, set()).add(key.session)
        lines = []
        if self.card.n_subjects > len(found):
            n_absent = self.card.n_subjects - len(found)
            lines.append(
                f"{n_absent} of {self.card.n_subjects} subjects: there are {_listed(found)}"
            )
        for subject, sessions in found.items():
            if self.card.n_sessions > len(sessions):
                lines.append(
                    f"subject {subject}: {self.card.n_sessions - len(sessions)} of "
                    f"{self.card.n_sessions} sessions, there are {_listed(sessions)}"
                )
        return tuple(lines)

    @abstractmethod
    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the trials of one recording in the order of its file.

        Raises
        ------
        DatasetError
            When the file is damaged or lacks what the set's format asks for.
        """

    @abstractmethod
    def _find_recordings(self) -> Iterable[RecordingKey]:
        """Yield the recordings under `root`."""

    def _folder(self, *names: str) -> Path:
        """Return the first of the sub-folders that is there, else the root itself."""
        return next((self.root / name for name in names if (self.root / name).is_dir()), self.root)

    def _matching(
        self, folder: Path, suffix: str, pattern: str, ignore: Callable[[str], bool] | None = None
    ) -> Iterator[tuple[Path, re.Match[str]]]:
        """Yield the files of a folder whose name fits, and refuse those that should but do not.

        Hidden files (as macOS leaves on foreign disks) and `ignore`d names are passed over.
        """
        for path in sorted(folder.iterdir()):
            name = path.name
            if not name.lower().endswith(suffix) or name.startswith(".") or not path.is_file():
                continue
            if ignore is not None and ignore(name):
                continue
            match = re.fullmatch(pattern, name)
            if match is None:
                raise DatasetError(
                    f"{path}: no recording of {self.card.title} has such a name, need "
                    f"{self.card.layout}; rename the file or move it away"
                )
            yield path, match


def natural_order(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts "s2" before "s10"."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in parts)


def as_samples(values: ArrayLike, where: str, n_channels: int | None = None) -> NDArray[np.float32]:
    """Return an array of a file as (n_channels, n_times) float32, or say what is wrong with it.

    Parameters
    ----------
    values : array-like
        What the file holds.
    where : str
        File and key, for the message.
    n_channels : int or None
        Number of rows that the set's format asks for.

    Raises
    ------
    DatasetError
        When it is not a two-dimensional array of real numbers with that many rows.
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


def _recording_order(key: RecordingKey) -> tuple[object, ...]:
    return natural_order(key.subject), natural_order(key.session)


def _listed(names: Iterable[str], limit: int = 8) -> str:
    ordered = sorted(names, key=natural_order)
    shown = " ".join(ordered[:limit])
    return shown if len(ordered) <= limit else f"{shown} ... ({len(ordered)} in all)"
