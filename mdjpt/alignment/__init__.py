"""Alignment of one stream to what the model was trained on, without labels.

Every :class:`~mdjpt.alignment.aligner.Aligner` works at one stage
of the way from a window to the head: on the input, on the statistics that normalise the network's
rows, on its mixed channels, or on its features. :func:`~mdjpt.alignment.stages.build_alignment`
puts the ones of a configuration together.
"""

from mdjpt.alignment.aligner import Aligner, Gauge
from mdjpt.alignment.config import KINDS, AlignmentConfig
from mdjpt.alignment.covariance import CovarianceAligner
from mdjpt.alignment.mixed import MixedAligner
from mdjpt.alignment.moments import MomentAligner
from mdjpt.alignment.rows import RowAligner
from mdjpt.alignment.stages import Alignment, build_alignment

__all__ = [
    "KINDS",
    "Aligner",
    "Alignment",
    "AlignmentConfig",
    "CovarianceAligner",
    "Gauge",
    "MixedAligner",
    "MomentAligner",
    "RowAligner",
    "build_alignment",
]
