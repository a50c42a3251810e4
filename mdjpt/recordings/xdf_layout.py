"""What the writer and the readers of XDF files agree on."""

from __future__ import annotations

__all__ = [
    "BOUNDARY",
    "EEG_TYPE",
    "GAP_PREFIX",
    "LENGTH_BYTES",
    "MAGIC",
    "MARKERS_TYPE",
    "OTHERS_TYPE",
    "POSITIONS_TYPE",
    "PREDICTIONS_TYPE",
]

MAGIC = b"XDF:"
# XDF 1.0: the 16 bytes of a boundary chunk, from which a reader finds its way again.
BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
LENGTH_BYTES = (1, 4, 8)

EEG_TYPE = "EEG"
MARKERS_TYPE = "Markers"
OTHERS_TYPE = "Others"
"""A stream of float64: what the source of the EEG sent beside it, sample for sample."""
PREDICTIONS_TYPE = "Predictions"
"""A stream of text, one prediction as JSON a sample."""
POSITIONS_TYPE = "SamplePositions"
"""A stream of int64 with one row a chunk of EEG: position of its first sample, its samples.

Positions count from the opening of the source, lost samples included.
"""
GAP_PREFIX = "gap/"
"""A marker "gap/N" stands at the first sample behind N lost ones."""
