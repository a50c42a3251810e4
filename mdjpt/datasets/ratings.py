"""Self-reported ratings as labels: all of them, or one cut into low and high."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from mdjpt.datasets.reader import DatasetReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mdjpt.datasets.trials import Label

__all__ = ["RatedReader"]

_ALL = "ratings"


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

    Raises
    ------
    ValueError
        There is no such rating.
    """

    ratings: ClassVar[tuple[str, ...]]
    """What was rated, in the order of the file."""
    middle: ClassVar[float] = 5.0
    """Middle of the scale."""

    def __init__(
        self, root: str | Path, target: str = _ALL, threshold: float | None = None
    ) -> None:
        choices = (_ALL, *self.ratings)
        if target not in choices:
            raise ValueError(f"target must be one of {', '.join(choices)}, got {target!r}")
        self._target = target
        self._high_above = self.middle if threshold is None else threshold
        super().__init__(root)
        if target != _ALL:
            self.card = replace(
                self.card,
                class_names=(f"low {target}", f"high {target}"),
                label_scheme=f"self-reported {target}, high above {self._high_above:g}",
            )

    def _label(self, values: Iterable[float]) -> Label:
        """Return the label of a trial from its ratings, given in the order of `ratings`."""
        rated = dict(zip(self.ratings, map(float, values), strict=False))
        return rated if self._target == _ALL else int(rated[self._target] > self._high_above)
