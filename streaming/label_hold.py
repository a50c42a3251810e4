"""A label that does not flicker: it changes only when another class leads clearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LABEL_MARGIN", "LabelHold"]

LABEL_MARGIN = 0.05
"""Lead in probability that another class needs before the label changes, by default."""


class LabelHold:
    """Keeps a label until another class leads by a margin. One thread feeds it, window by window.

    The margin is from 0, which takes the likeliest class at every window, to 1.

    Raises ValueError when the margin is out of its range.
    """

    def __init__(self, margin: float = LABEL_MARGIN) -> None:
        if not 0.0 <= margin <= 1.0:
            raise ValueError(f"the label's margin must be from 0 to 1, got {margin}")
        self._margin = margin
        self._held: str | None = None

    def __call__(self, probabilities: Mapping[str, float]) -> str | None:
        """Return the label after one more window; None where there are no classes.

        Probabilities are smoothed.
        """
        best = max(probabilities, key=probabilities.__getitem__, default=None)
        held = self._held
        if best is None or held is None or held not in probabilities:
            self._held = best
        else:
            lead = probabilities[best] - probabilities[held]
            self._held = best if lead >= self._margin else held
        return self._held

    def reset(self) -> None:
        """Forget the label, as after a gap."""
        self._held = None
