"""Which aligners a stream gets, and with what memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from mdjpt.alignment.covariance import MeanKind, Shrinkage
from mdjpt.errors import ModelError
from mdjpt.guard.schema import STRICT

if TYPE_CHECKING:
    from mdjpt.bundle.bundle import Bundle

__all__ = [
    "KINDS",
    "RECOMMENDED",
    "AlignmentConfig",
    "Kind",
    "alignment_named",
    "recommended_alignment",
]

Kind = Literal["none", "moments", "rows", "covariance-input", "covariance-mixed"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, config=STRICT)
class AlignmentConfig:
    """How a stream is aligned.

    Attributes
    ----------
    kind : {"none", "moments", "rows", "covariance-input", "covariance-mixed"}
        "moments": mean and variance of the features. "rows": the statistics that normalise the
        network's rows, then the features. The covariances: of the channels at the input, or of
        the mixed channels in every dim.
    memory_s : float
        Seconds of signal after which a window counts 1/e, at most 1e9, which forgets nothing.
    prior_s : float
        Seconds of signal that the pre-training statistics are worth.
    class_covering : bool
        Keep the features' statistics apart by decoded class and give each the same weight.
    mean : {"euclid", "riemann"}
        Of the input's covariances.
    shrinkage : {"oas", "ledoit-wolf", "none"}
        Estimator of a window's covariance at the input.

    Raises
    ------
    ValueError
        When a setting is unknown or out of range.

    See Also
    --------
    mdjpt.build_alignment : Puts the aligners together.

    Examples
    --------
    >>> import mdjpt
    >>> mdjpt.AlignmentConfig("moments").prior_s
    90.0
    """

    kind: Kind = "none"
    memory_s: Annotated[float, Field(gt=0, le=1e9)] = 600.0
    prior_s: Annotated[float, Field(gt=0, le=1e9)] = 90.0
    class_covering: bool = False
    mean: MeanKind = "euclid"
    shrinkage: Shrinkage = "oas"


RECOMMENDED = AlignmentConfig("moments")
"""What a stream gets that nobody chose an alignment for (``--alignment auto``)."""
ADAPTED_PRIOR_S = 30.0
"""What row statistics are worth that the weights were not trained under (``mdjpt model adapt``): by
70 s of signal the stream then counts as much as in the released extraction (assets/models.md)."""


def recommended_alignment(bundle: Bundle) -> AlignmentConfig:
    """Return the default alignment for a bundle.

    Weights alone know no statistics: the group that rows are normalised over is then the stream's
    own past, unless a head was fitted to windows that were normalised each by itself.
    """
    if bundle.feature_mean is not None:
        return RECOMMENDED
    bare = bundle.row_stats is None and bundle.head is None
    return AlignmentConfig("rows" if bare else "none")


def alignment_named(name: str, bundle: Bundle) -> AlignmentConfig:
    """Return the alignment that a user asked for: one of :data:`KINDS`, or "auto" for the default.

    Raises ModelError when there is no such kind.
    """
    if name == "auto":
        return recommended_alignment(bundle)
    if name not in KINDS:
        raise ModelError(f"alignment must be auto or one of {', '.join(KINDS)}, got {name!r}")
    if name == "rows" and "adapted" in bundle.provenance:
        return AlignmentConfig("rows", prior_s=ADAPTED_PRIOR_S)
    return RECOMMENDED if name == RECOMMENDED.kind else AlignmentConfig(name)
