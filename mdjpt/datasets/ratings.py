"""Self-reported ratings as labels: all of them, or one cut into low and high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mdjpt.datasets.trials import DatasetCard, Label

__all__ = ["ALL_RATINGS", "RatingScheme"]

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
