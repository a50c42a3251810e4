"""The aligner that does nothing: the control condition, and the default where none helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdjpt.alignment.aligner import Gauge
from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["NoAlignment"]


class NoAlignment:
    """Leaves everything as it is; see :class:`~mdjpt.alignment.aligner.Aligner`."""

    frozen = True
    gauge = Gauge(0.0, 1.0, 0.0, 0, frozen=True)

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return `x` itself."""
        return x

    def partial_fit(self, x: NDArray[Any], weight_s: float = WINDOW_S) -> None:
        """Learn nothing."""

    def freeze(self, *, frozen: bool = True) -> None:
        """Change nothing."""

    def reset(self) -> None:
        """Change nothing."""

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return no array."""
        return {}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Accept an empty state only."""
        if state:
            raise ValueError(f"no alignment has no state, got {', '.join(state)}")
