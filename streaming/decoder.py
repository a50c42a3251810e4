"""What the live path tells the user about a decoder: its model, and how far its alignment is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.signal.filters import WINDOW_S
from streaming.snapshot import AlignmentStatus, ModelCard

if TYPE_CHECKING:
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.decoder import EmotionDecoder

__all__ = ["alignment_status", "model_card"]


def alignment_status(decoder: EmotionDecoder) -> AlignmentStatus:
    """Return how far the alignment of a decoder has come."""
    gauge = decoder.gauge
    return AlignmentStatus(
        kind=decoder.alignment_kind,
        effective_s=gauge.effective_windows * WINDOW_S,
        prior_share=gauge.prior_share,
        converged=gauge.converged,
        frozen=gauge.frozen,
    )


def model_card(bundle: Bundle, name: str, decoder: EmotionDecoder) -> ModelCard:
    """Return what the user must know of `bundle`.

    Parameters
    ----------
    bundle : Bundle
        The model.
    name : str
        What to call it on screen.
    decoder : EmotionDecoder
        What it decodes with, a profile's classes or the bundle's.
    """
    own = "window" if decoder.alignment.first_rows is None else "stream"
    return ModelCard(
        name=name,
        variant=bundle.variant,
        class_names=decoder.class_names,
        simulated=bundle.simulated,
        normalisation=own if bundle.row_stats is None else "row statistics",
        licence=bundle.licence,
        sha256=bundle.identity,
    )
