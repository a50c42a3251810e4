"""Features of every window of a dataset, with what each window is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import WindowTable

__all__ = ["FeatureSet"]


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features and the table of their windows.

    Attributes
    ----------
    features : ndarray of float32, shape (n_windows, n_features)
        512 for the published model.
    table : WindowTable
        What each row is.
    made_by : str
        One line: which encoder, how its rows were normalised.
    causal : bool
        Whether a row was made without windows that come after it. The samples themselves are
        always scaled and filtered over their whole recording.
    """

    features: NDArray[np.float32]
    table: WindowTable
    made_by: str
    causal: bool

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.features) != len(self.table):
            shape = self.features.shape
            raise ValueError(
                f"features must have shape ({len(self.table)}, n_features), got {shape}"
            )

    def __len__(self) -> int:
        return len(self.table)

    @property
    def label(self) -> NDArray[np.int64]:
        """Class of each window, -1 without one."""
        return self.table.label

    @property
    def subject(self) -> NDArray[np.str_]:
        """Subject of each window."""
        return self.table.subject

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.table.class_names

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return some of the windows."""
        return replace(self, features=self.features[rows], table=self.table.select(rows))

    def with_features(self, features: NDArray[np.floating]) -> Self:
        """Return the same windows with other features."""
        return replace(self, features=features.astype(np.float32, copy=False))
