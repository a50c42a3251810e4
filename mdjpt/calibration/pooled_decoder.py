"""The decoder of one person: what every feature family makes of a window, pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from mdjpt.calibration.families import family_named
from mdjpt.calibration.families.encoded import Encoded
from mdjpt.calibration.family_head import Familiar, FamilyHead
from mdjpt.calibration.heads import head_from
from mdjpt.calibration.pool_weights import pooled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mdjpt.calibration.coverage import Coverage
    from mdjpt.calibration.families.family import FeatureFamily
    from mdjpt.calibration.families.windows import OwnWindows

    Float64 = NDArray[np.float64]

__all__ = ["SMOOTHING_S", "UNFAMILIAR", "Judged", "PooledDecoder"]

SMOOTHING_S = 1.0
"""Time constant of the smoothing of a person's logits, seconds. Windows of 5 s are smooth already:
on real states of 7 s and simulated ones of 30 s a second did best, 3 s cost 9 points of the former.
"""
UNFAMILIAR = 0.05
"""Trust below which a window gets no label. Noise on two electrodes, where no common field tells
it from EEG, stays below 0.04 whatever its colour; 99 % of the later windows of real people lie
above 0.06. On more electrodes noise reaches 0.14, but has no common field."""


class Judged(NamedTuple):
    """What the pooled decoder makes of windows."""

    logits: Float64
    """Neither centred on the session nor smoothed in time. Shape (n_windows, n_classes)."""
    trust: Float64
    """From 1, like the calibration, down to 0: the least of the families that see the person's own
    electrodes. Below :data:`UNFAMILIAR` a window is nothing that a label could be given to. Shape
    (n_windows,)."""


@dataclass(frozen=True, eq=False)
class PooledDecoder:
    """What was learned of one person; never changed."""

    families: tuple[FeatureFamily, ...]
    """Fitted."""
    heads: tuple[FamilyHead, ...]
    """One a family."""
    weights: Float64
    """Of the families' logits in the pool. Shape (n_families,)."""
    centre: Float64
    """Mean pooled logits of held-out windows, classes weighted the same: where a session should be
    centred. Shape (n_classes,)."""
    coverage: Coverage
    """From which confidence on an answer is shown, and what that does."""
    smoothing_s: float = SMOOTHING_S
    """Time constant of the smoothing of logits."""

    def judge(self, windows: OwnWindows) -> Judged:
        """Return what all families together make of windows."""
        judged = [
            head.judge(family.transform(windows))
            for family, head in zip(self.families, self.heads, strict=True)
        ]
        logits = pooled(np.stack([logits for logits, _ in judged]), self.weights)
        # The encoder has no say in it: outliers of its features are many and mean little.
        trusts = [
            trust
            for family, (_, trust) in zip(self.families, judged, strict=True)
            if not isinstance(family, Encoded)
        ]
        trust = np.min(trusts or [judged[0][1]], axis=0)
        return Judged(logits, np.nan_to_num(trust, nan=0.0))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What :meth:`from_arrays` builds it from again; the names begin with the families'."""
        out: dict[str, NDArray[Any]] = {"pool.weights": self.weights, "pool.centre": self.centre}
        for family, head in zip(self.families, self.heads, strict=True):
            parts = {
                "family": family.arrays,
                "familiar": head.familiar.arrays,
                "head": head.head.arrays,
            }
            for part, arrays in parts.items():
                out |= {f"{family.name}.{part}.{name}": a for name, a in arrays.items()}
        return out

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        names: Sequence[str],
        coverage: Coverage,
        smoothing_s: float = SMOOTHING_S,
    ) -> Self:
        """Build it from what :attr:`arrays` returned, and what else was stored.

        The names are of the families, in their order.

        Raises ValueError when the arrays are not those of such a decoder.
        """
        try:
            families, heads = zip(*(_restored(arrays, name) for name in names), strict=True)
            weights, centre = arrays["pool.weights"], arrays["pool.centre"]
        except KeyError as error:
            raise ValueError(f"the decoder lacks the array {error}") from None
        n_classes = {head.head.n_classes for head in heads}
        if weights.shape != (len(families),) or n_classes != {len(centre)} or centre.ndim != 1:
            raise ValueError("families, weights and classes of the decoder do not match")
        if not (np.isfinite(weights).all() and np.isfinite(centre).all()):
            raise ValueError("the decoder holds NaN or infinity")
        return cls(families, heads, weights, centre, coverage, smoothing_s)


def _restored(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[FeatureFamily, FamilyHead]:
    """Return a family and its head from their arrays; KeyError or ValueError."""

    def part(of: str) -> dict[str, NDArray[Any]]:
        prefix = f"{name}.{of}."
        return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}

    head = head_from(part("head"))
    familiar = Familiar.from_arrays(part("familiar"), head.n_features)
    return family_named(name).from_arrays(part("family")), FamilyHead(familiar, head)
