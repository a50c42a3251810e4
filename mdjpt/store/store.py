"""A store of prepared EEG: one folder a dataset, read without copying it.

::

    STORE/store.json               what the store holds and how it was prepared
    STORE/trials.parquet           one row a trial
    STORE/recordings/NAME.npy      float32 (n_channels, n_times), 125 Hz, robustly scaled

Recordings are memory-mapped and keep the electrodes of their dataset. A window is a view; a batch
of windows is projected onto the 60 standard channels when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.guard.regular_file import regular_size
from mdjpt.signal.filters import N_TIMES
from mdjpt.signal.montage import Montage, map_montage
from mdjpt.store.card import RecordingFacts, StoreCard, StoreFile, read_description
from mdjpt.store.trials import StoredTrial, read_trial_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Store", "StoredRecording", "open_store"]

CARD_FILE, TABLE_FILE, RECORDINGS = "store.json", "trials.parquet", "recordings"
MAX_RECORDING_BYTES = 1 << 40  # mapped, never read whole


@dataclass(frozen=True)
class StoredRecording:
    """One recording and its trials, in the order of the samples."""

    facts: RecordingFacts
    """Subject, session, length, scale, quality."""
    trials: tuple[StoredTrial, ...]
    """At least one."""

    @property
    def subject(self) -> str:
        """Who."""
        return self.facts.subject

    @property
    def session(self) -> str:
        """When."""
        return self.facts.session


class Store:
    """The prepared recordings of a dataset; :func:`open_store` makes one.

    It can be sent to another process: what travels is the path and the descriptions.

    Parameters
    ----------
    path : Path
        The folder.
    card : StoreCard
        What the store says of itself.
    recordings : tuple of StoredRecording
        In the order of the store.

    Attributes
    ----------
    path, card, recordings
        As given.

    See Also
    --------
    mdjpt.open_store : Opens one.

    Examples
    --------
    >>> import mdjpt
    >>> store = mdjpt.open_store("stores/seed")  # doctest: +SKIP
    """

    def __init__(
        self, path: Path, card: StoreCard, recordings: tuple[StoredRecording, ...]
    ) -> None:
        self.path, self.card, self.recordings = path, card, recordings
        self._maps: dict[str, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return len(self.recordings)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_maps": {}}

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in the order of the recordings."""
        return tuple(dict.fromkeys(recording.subject for recording in self.recordings))

    @property
    def trials(self) -> tuple[StoredTrial, ...]:
        """All trials, recording after recording."""
        return tuple(trial for recording in self.recordings for trial in recording.trials)

    @property
    def hours(self) -> float:
        """Hours of EEG in the trials."""
        samples = sum(trial.stop - trial.start for trial in self.trials)
        return samples / self.card.sfreq / 3600

    @cached_property
    def montage(self) -> Montage:
        """How the electrodes become the 60 standard channels."""
        return map_montage(self.card.ch_names).require_usable()

    def select(
        self, subjects: Iterable[str] | None = None, sessions: Iterable[str] | None = None
    ) -> Self:
        """Return the same store with some of its recordings only.

        Parameters
        ----------
        subjects, sessions : iterable of str, optional
            Which ones; None: all.

        Raises
        ------
        DatasetError
            A name is not in the store, or nothing is left.
        """
        wanted = (self._known(subjects, "subject"), self._known(sessions, "session"))
        kept = tuple(
            r for r in self.recordings if r.subject in wanted[0] and r.session in wanted[1]
        )
        if not kept:
            raise DatasetError(f"{self.path}: no recording is left of those subjects and sessions")
        return type(self)(self.path, self.card, kept)

    def samples(self, index: int) -> NDArray[np.float32]:
        """Return a recording, read-only and not in memory.

        Parameters
        ----------
        index : int
            Place in :attr:`recordings`.

        Returns
        -------
        ndarray of float32, shape (n_channels, n_times)
            Robustly scaled; ``x * scale_std + scale_mean`` is microvolts.
        """
        facts = self.recordings[index].facts
        if facts.file not in self._maps:
            self._maps[facts.file] = _mapped(self.path, facts, len(self.card.ch_names))
        return self._maps[facts.file]

    def window(self, index: int, start: int, n_times: int = N_TIMES) -> NDArray[np.float32]:
        """Return a window of a recording with its own electrodes: a view, nothing is read yet.

        Parameters
        ----------
        index : int
            Place in :attr:`recordings`.
        start, n_times : int
            First sample in the recording, and samples.

        Returns
        -------
        ndarray of float32, shape (n_channels, n_times)
        """
        return self.samples(index)[:, start : start + n_times]

    def windows(self, index: int, starts: ArrayLike, n_times: int = N_TIMES) -> NDArray[np.float32]:
        """Read windows of a recording as the model takes them.

        Parameters
        ----------
        index : int
            Place in :attr:`recordings`.
        starts : array_like of int, shape (n_windows,)
            First samples.
        n_times : int
            Samples of a window.

        Returns
        -------
        ndarray of float32, shape (n_windows, 60, n_times)
            The standard channels.
        """
        return self.project(self.raw_windows(index, starts, n_times))

    def raw_windows(
        self, index: int, starts: ArrayLike, n_times: int = N_TIMES
    ) -> NDArray[np.float32]:
        """Read windows of a recording with its own electrodes.

        Returns
        -------
        ndarray of float32, shape (n_windows, n_channels, n_times)
        """
        samples, firsts = self.samples(index), np.asarray(starts, np.int64).reshape(-1)
        out = np.empty((len(firsts), len(samples), n_times), np.float32)
        for window, start in zip(out, firsts, strict=True):
            window[:] = samples[:, start : start + n_times]
        return out

    def project(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Make the 60 standard channels of windows of shape (..., n_channels, n_times)."""
        projected: NDArray[np.float32] = np.matmul(self.montage.matrix, windows)
        return projected

    def _known(self, names: Iterable[str] | None, what: str) -> frozenset[str]:
        there = {getattr(recording, what) for recording in self.recordings}
        wanted = there if names is None else set(names)
        if missing := sorted(wanted - there):
            raise DatasetError(
                f"{self.path}: no {what} is called {missing[0]!r}; there are "
                f"{', '.join(sorted(there)[:12])}"
            )
        return frozenset(wanted)


def open_store(path: str | Path) -> Store:
    """Open a store and check its descriptions and the sizes of its files.

    Parameters
    ----------
    path : path-like
        The folder.

    Raises
    ------
    DatasetError
        A file is missing, damaged or contradicts another; the message names file and key.
    MdjptError
        pyarrow is not installed.

    See Also
    --------
    mdjpt.open_dataset : The owner's files, which a store is prepared from.

    Examples
    --------
    >>> import mdjpt
    >>> mdjpt.open_store("stores/seed")  # doctest: +SKIP
    """
    folder = Path(path).expanduser()
    card_path = folder / CARD_FILE
    if not card_path.is_file():
        raise DatasetError(
            f"{folder}: no finished store, {CARD_FILE} is missing: run (or resume) "
            "`mdjpt data prepare`"
        )
    content = read_description(StoreFile, card_path)
    card = StoreCard(**{name: getattr(content, name) for name in StoreCard.model_fields})
    rows = read_trial_table(folder / TABLE_FILE)
    store = Store(folder, card, _joined(folder, card, content.recordings, rows))
    for index in range(len(store)):
        store.samples(index)
    return store


def _mapped(folder: Path, facts: RecordingFacts, n_channels: int) -> NDArray[np.float32]:
    """Map a recording's file and check its type and shape."""
    path = folder / RECORDINGS / facts.file
    regular_size(path, MAX_RECORDING_BYTES, DatasetError, "recording of a store")
    try:
        # open_memmap maps plain arrays only: unlike numpy.load it has no way to unpickle.
        samples = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception:  # numpy parses the header as Python, which has many errors
        raise DatasetError(f"{path}: damaged or cut short: prepare it again") from None
    expected = (n_channels, facts.n_times)
    if samples.dtype != np.float32 or samples.shape != expected or not samples.flags.c_contiguous:
        raise DatasetError(
            f"{path}: must be float32 {expected}, is {samples.dtype} {samples.shape}: prepare it "
            "again"
        )
    return samples


def _joined(
    folder: Path, card: StoreCard, facts: Sequence[RecordingFacts], rows: Sequence[StoredTrial]
) -> tuple[StoredRecording, ...]:
    """Sort the trials to their recordings and check that each lies within its own."""
    table = folder / TABLE_FILE
    by_file: dict[str, list[StoredTrial]] = {item.file: [] for item in facts}
    lengths = {item.file: item.n_times for item in facts}
    known_labels = range(len(card.class_names))
    for row, trial in enumerate(rows):
        if trial.recording not in by_file:
            raise DatasetError(f"{table}: row {row}: no recording {trial.recording!r} is listed")
        if not 0 <= trial.start < trial.stop <= lengths[trial.recording]:
            raise DatasetError(f"{table}: row {row}: the trial lies outside its recording")
        if trial.label is not None and card.class_names and trial.label not in known_labels:
            raise DatasetError(f"{table}: row {row}: label {trial.label} has no class name")
        by_file[trial.recording].append(trial)
    if empty := [name for name, trials in by_file.items() if not trials]:
        raise DatasetError(f"{table}: recording {empty[0]!r} has no trial")
    return tuple(
        StoredRecording(item, tuple(sorted(by_file[item.file], key=lambda trial: trial.start)))
        for item in facts
    )
