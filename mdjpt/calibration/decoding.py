"""Whole sessions as the live decoder sees them: encoded once, decoded with any alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.stages import build_alignment, build_feature_aligner
from mdjpt.calibration.confidence import SMOOTHING_S, softmax
from mdjpt.calibration.novelty import known_novelty_limit
from mdjpt.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = ["aligned_logits", "encode_session"]


def encode_session(
    bundle: Bundle,
    windows: Float32,
    *,
    hop_s: float,
    alignment: AlignmentConfig | None = None,
    input_reference: NDArray[Any] | None = None,
) -> Float32:
    """Encode the windows of one stream in order, with the aligners that come before the features.

    Kinds that work on the features alone share one result: encode without alignment, then call
    :func:`aligned_logits` with each.

    Parameters
    ----------
    bundle : Bundle
        The model.
    windows : ndarray of float32, shape (n, 60, 625)
        In the order of time, as the preprocessor gives them.
    hop_s : float
        Seconds from window to window.
    alignment : AlignmentConfig, optional
        By default none.
    input_reference : ndarray of float, shape (60, 60), optional
        For the alignment of the input's covariance.

    Returns
    -------
    ndarray of float32, shape (n, n_features)
        Not standardised.

    Raises
    ------
    ModelError
        When the bundle lacks what the alignment needs.
    """
    config = alignment or AlignmentConfig()
    aligners = build_alignment(config, bundle, input_reference=input_reference)
    if aligners.plain:
        encoder, stats = bundle.encoder(), bundle.row_stats
        size = 1 if stats is None else None
        return encoder.feature(windows, group_size=size, stats=stats)
    limit = known_novelty_limit(bundle)
    aligned = AlignedEncoder(bundle, aligners)
    features = np.empty((len(windows), bundle.config.n_maps), np.float32)
    for k, window in enumerate(windows):
        features[k] = aligned.encode_next(window)
        if aligners.features.novelty(features[k]) <= limit:
            aligned.learn(hop_s)
    return features


def aligned_logits(
    bundle: Bundle,
    features: Float32,
    *,
    hop_s: float,
    alignment: AlignmentConfig | None = None,
) -> Float64:
    """Return the head's logits of a stream's features, window by window as live.

    Each window is answered first and learned from afterwards. A window that is like nothing the
    model knows gets equal logits and is not learned from.

    Parameters
    ----------
    bundle : Bundle
        The model, with a head.
    features : ndarray of float32, shape (n, n_features)
        From :func:`encode_session`, in the order of time.
    hop_s : float
        Seconds from window to window.
    alignment : AlignmentConfig, optional
        By default none.

    Returns
    -------
    ndarray of float64, shape (n, n_classes)

    Raises
    ------
    ModelError
        When the bundle has no head.
    """
    if bundle.head is None:
        raise ModelError("no emotion head: calibrate or choose another bundle")
    config = alignment or AlignmentConfig()
    n_classes = bundle.head.n_classes
    aligner = build_feature_aligner(config, bundle, n_classes=n_classes)
    keep, limit = float(np.exp(-hop_s / SMOOTHING_S)), known_novelty_limit(bundle)
    logits = np.zeros((len(features), n_classes))
    shown: Float64 | None = None
    for own, feature in zip(logits, features, strict=True):
        familiar = aligner.novelty(feature) <= limit
        if familiar:
            own[:] = bundle.head.logits(aligner.transform(feature)[None])[0]
        answer = softmax(own, bundle.temperature)
        shown = answer if shown is None else keep * shown + (1 - keep) * answer
        if familiar:
            aligner.partial_fit(feature, hop_s, shown)
    return logits
