"""What every window of a prepared dataset is: whose, of which clip, when it was seen; features."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from mdjpt.datasets.reader import natural_order
from mdjpt.errors import DatasetError
from mdjpt.signal.windower import window_starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mdjpt.store.card import StoreCard
    from mdjpt.store.store import Store

    Int64 = NDArray[np.int64]
    Text = NDArray[np.str_]

__all__ = ["FeatureSet", "WindowTable", "joined", "window_table"]

Table = TypeVar("Table", bound="WindowTable")


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowTable:
    """One row a window, in the order of the store's files."""

    dataset: str
    """Short name."""
    class_names: tuple[str, ...]
    """Names of the labels."""
    simulated: bool
    """True for simulated EEG."""
    # Place in the store's recordings, and first sample there. Shape (n_windows,).
    recording: Int64
    start: Int64
    label: Int64
    """Class, -1 without one. Shape (n_windows,)."""
    # Who, when, and which clip. Shape (n_windows,), str.
    subject: Text
    session: Text
    stimulus: Text
    # Place of the trial in the store, and of the window in its trial. Shape (n_windows,).
    trial: Int64
    window: Int64
    order: Int64
    """When the trial was shown, from 0 within its session; its place in the file where the order of
    presentation is not known. Shape (n_windows,)."""
    n_times: int
    """Samples of a window."""
    order_known: bool
    """Whether every trial's order of presentation is known."""

    def __len__(self) -> int:
        return len(self.label)

    @property
    def subjects(self) -> tuple[str, ...]:
        """All subjects, "2" before "10"."""
        return tuple(sorted(np.unique(self.subject).tolist(), key=natural_order))

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return some of the rows."""
        return replace(self, **{name: column[rows] for name, column in self.columns().items()})

    def columns(self) -> dict[str, Any]:
        """Return all columns by their names."""
        named = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, np.ndarray)}

    def of_subjects(self, subjects: Iterable[str]) -> NDArray[np.bool_]:
        """Return which rows are of the given subjects."""
        return np.isin(self.subject, list(subjects))

    def groups(self, *columns: str) -> list[NDArray[np.intp]]:
        """Return the rising row numbers of each combination of the values of some columns."""
        codes = np.zeros(len(self), np.int64)
        for name in columns:
            _, values = np.unique(getattr(self, name), return_inverse=True)
            codes = codes * (values.max(initial=0) + 1) + values
        rows = np.argsort(codes, kind="stable")
        edges = np.flatnonzero(np.diff(codes[rows])) + 1
        return [part for part in np.split(rows, edges) if len(part)]

    def sessions(self, *, presented: bool = True) -> list[NDArray[np.intp]]:
        """Return the rows of each subject's sessions, as presented or else as in the file."""
        groups = self.groups("subject", "session")
        if not presented:
            return groups
        return [g[np.lexsort((self.window[g], self.order[g]))] for g in groups]


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureSet(WindowTable):
    """A table of windows with their features.

    Raises ValueError: there is not one row of features a window.
    """

    features: NDArray[np.float32]
    """512 for the published model. Shape (n_windows, n_features)."""
    made_by: str
    """One line: which encoder, how its rows were normalised."""
    causal: bool
    """Whether a row was made without windows that come after it. The samples themselves are always
    scaled and filtered over their whole recording."""

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.features) != len(self):
            raise ValueError(
                f"features must have shape ({len(self)}, n_features), got {self.features.shape}"
            )

    @classmethod
    def of(
        cls, table: WindowTable, features: NDArray[np.floating], made_by: str, *, causal: bool
    ) -> Self:
        """Give the windows of a table their features."""
        values = features.astype(np.float32, copy=False)
        return cls(**vars(table), features=values, made_by=made_by, causal=causal)

    def with_features(self, features: NDArray[np.floating]) -> Self:
        """Return the same windows with other features."""
        return replace(self, features=features.astype(np.float32, copy=False))


def window_table(store: Store, n_times: int, step: int) -> WindowTable:
    """List the windows of a store, `step` samples apart; the first one begins with its trial.

    Raises DatasetError: no trial has a label, or none is as long as a window.
    """
    trials = [(index, trial) for index, one in enumerate(store.recordings) for trial in one.trials]
    if all(trial.label is None for _, trial in trials):
        raise DatasetError(
            f"{store.path}: its trials have no labels: prepare it with a rating as its target"
        )
    starts = [window_starts(trial.start, trial.stop, n_times, step) for _, trial in trials]
    counts = np.array([len(part) for part in starts])
    if not counts.any():
        raise DatasetError(f"{store.path}: no trial is as long as a window of {n_times} samples")
    orders = _orders(store)
    return WindowTable(
        dataset=_dataset_of(store.card),
        class_names=store.card.class_names,
        simulated=store.card.simulated,
        recording=np.repeat([index for index, _ in trials], counts),
        start=np.concatenate(starts),
        label=np.repeat([-1 if t.label is None else t.label for _, t in trials], counts),
        subject=np.repeat(np.array([t.subject for _, t in trials], np.str_), counts),
        session=np.repeat(np.array([t.session for _, t in trials], np.str_), counts),
        stimulus=np.repeat(np.array([t.stimulus for _, t in trials], np.str_), counts),
        trial=np.repeat(np.arange(len(trials)), counts),
        window=np.concatenate([np.arange(n) for n in counts]),
        order=np.repeat(np.array(orders, np.int64), counts),
        n_times=n_times,
        order_known=all(t.order is not None for _, t in trials),
    )


def joined(parts: Sequence[Table], dataset: str) -> Table:
    """Put tables of the same classes one below the other, under the name of a new dataset."""
    columns = [part.columns() for part in parts]
    whole: dict[str, Any] = {
        name: np.concatenate([part[name] for part in columns]) for name in columns[0]
    }
    return replace(parts[0], dataset=dataset, **whole)


def _dataset_of(card: StoreCard) -> str:
    """Return a dataset's short name, which the reader of the released layout keeps in its title."""
    return card.title.rpartition(" of ")[2] if card.name == "released" else card.name


def _orders(store: Store) -> list[int]:
    """Return when each trial of a store was shown, by file where a recording does not tell."""
    orders: list[int] = []
    for recording in store.recordings:
        known = [trial.order for trial in recording.trials if trial.order is not None]
        whole = len(known) == len(recording.trials)
        orders += known if whole else range(len(recording.trials))
    return orders
