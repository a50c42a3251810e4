"""A bundle in words, and whether its encoder works: what ``mdjpt model`` says of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.bundle.about import ARCHITECTURE
from mdjpt.bundle.bundle import load_bundle
from mdjpt.errors import ModelError
from mdjpt.network.model import N_CHANNELS
from mdjpt.signal.filters import N_TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mdjpt.bundle.bundle import Bundle

__all__ = ["describe", "verify"]


def verify(path: str | Path) -> None:
    """Check a bundle as loading does, then see that its encoder gives finite features.

    Raises ModelError as for `load_bundle`, and when the features are not finite.
    """
    bundle = load_bundle(path)
    window = np.random.default_rng(0).standard_normal((1, N_CHANNELS, N_TIMES), np.float32)
    if not np.isfinite(bundle.encoder().feature(window, group_size=1)).all():
        raise ModelError(f"{path}: its weights give features that are not finite; make it again")


def describe(path: str | Path) -> dict[str, str]:
    """Return what a person wants to know of a bundle, one line an entry.

    Raises ModelError as for `load_bundle`.
    """
    bundle = load_bundle(path)
    n_values = sum(array.size for array in bundle.weights.values())
    lines = {
        "architecture": f"{ARCHITECTURE}, {bundle.variant} variant, {n_values:,} encoder weights",
        "input": "60 standard channels, 5 s at 125 Hz, 0.5-47 Hz, common average, robust z-score",
        "normalisation": "window" if bundle.row_stats is None else "row statistics",
        "alignment": ", ".join(_alignments(bundle)),
        "head": "none: gives features only" if bundle.head is None else "mlp",
        "classes": ", ".join(bundle.class_names) or "-",
        "confidence": f"temperature {bundle.temperature:.3g}, unsure below "
        f"{bundle.abstain_below:.3g}",
        "simulated": "yes: trained on simulated EEG" if bundle.simulated else "no",
        "licence": bundle.licence,
    }
    lines |= {key: str(value) for key, value in sorted(bundle.provenance.items())}
    lines |= {f"warning {k}": text for k, text in enumerate(bundle.warnings, 1)}
    return lines | {"sha256": bundle.sha256}


def _alignments(bundle: Bundle) -> Iterator[str]:
    """Yield the kinds of live alignment that a bundle has the statistics for."""
    yield "rows"
    if bundle.feature_mean is not None:
        yield "moments"
    if bundle.input_covariance is not None:
        yield "covariance-input"
    if bundle.centroids is not None and bundle.row_stats is not None:
        yield "covariance-mixed"
