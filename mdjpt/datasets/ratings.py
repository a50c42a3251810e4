"""Self-reported ratings as labels: all of them, or one cut into low and high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from mdjpt.datasets.reader import DatasetReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mdjpt.datasets.trials import DatasetCard, Label

__all__ = ["ALL_RATINGS", "RatedReader", "RatingScheme"]

ALL_RATINGS = "ratings"


@dataclass(frozen=True, slots=True)
class RatingScheme:
    """How the ratings of a dataset become labels.

    Attributes
    ----------
    names : tuple of str
        Ratings in the order of the file.
    target : str
        "ratings" for all, or one of the names for two classes.
    threshold : float
        Ratings above it are high.

    Raises
    ------
    ValueError
        Unknown target.
    """

    names: tuple[str, ...]
    target: str = ALL_RATINGS
    threshold: float = 5.0

    def __post_init__(self) -> None:
        choices = (ALL_RATINGS, *self.names)
        if self.target not in choices:
            raise ValueError(f"target must be one of {', '.join(choices)}, got {self.target!r}")

    def label(self, values: Iterable[float]) -> Label:
        """Return the label of a trial from its ratings, given in the order of `names`."""
        ratings = dict(zip(self.names, (float(value) for value in values), strict=False))
        return ratings if self.target == ALL_RATINGS else int(ratings[self.target] > self.threshold)

    def described(self, card: DatasetCard) -> DatasetCard:
        """Return a dataset's card with the two classes of this scheme, if it has any."""
        if self.target == ALL_RATINGS:
            return card
        return replace(
            card,
            class_names=(f"low {self.target}", f"high {self.target}"),
            label_scheme=f"self-reported {self.target}, high above {self.threshold:g}",
        )


class RatedReader(DatasetReader):
    """Reads a dataset whose subjects rated what they saw.

    Parameters
    ----------
    root : path-like
        Folder of the dataset, or of its recordings.
    target : str
        "ratings": all ratings as label; or one of `ratings`, as two classes.
    threshold : float, optional
        Ratings above it are high; default the middle of the scale.

    Attributes
    ----------
    ratings : tuple of str
        What was rated, in the order of the file.
    middle : float
        Middle of the scale.
    """

    ratings: ClassVar[tuple[str, ...]]
    middle: ClassVar[float] = 5.0

    def __init__(
        self, root: str | Path, target: str = ALL_RATINGS, threshold: float | None = None
    ) -> None:
        high_above = self.middle if threshold is None else threshold
        self._scheme = RatingScheme(self.ratings, target, high_above)
        super().__init__(root)
        self.card = self._scheme.described(self.card)
