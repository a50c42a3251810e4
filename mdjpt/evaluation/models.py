"""The models of an evaluation, from their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.bundle.bundle import load_bundle
from mdjpt.errors import MdjptError
from mdjpt.evaluation.encoding import encoder_features
from mdjpt.evaluation.postprocessing import Priors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.evaluation.encoding import OnEncoded, RowNormalisation
    from mdjpt.evaluation.window_table import FeatureSet
    from mdjpt.network.model import Variant
    from mdjpt.store.store import Store

__all__ = ["EvaluatedModel", "load_models"]


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """A bundle under the name that it has in a report."""

    arm: str
    """The file's name, with its folder's where two files have the same."""
    bundle: Bundle
    """The model."""
    variant: Variant | None = None
    """Of its network; None: its own."""
    normalisation: RowNormalisation = "auto"
    """Of its rows, see :func:`mdjpt.evaluation.encoding.encoder_features`."""

    @property
    def simulated(self) -> bool:
        """Whether it was trained on simulated data."""
        return self.bundle.simulated

    @property
    def datasets(self) -> tuple[str, ...]:
        """What it was pre-trained on, as far as it says."""
        named = self.bundle.provenance.get("datasets", ())
        return tuple(map(str, named)) if isinstance(named, (list, tuple)) else ()

    @property
    def priors(self) -> Priors | None:
        """Mean and variance of the features in pre-training; None when they do not apply.

        They were measured under the stored statistics of the rows.
        """
        bundle = self.bundle
        by_rows = self.normalisation in ("auto", "rows") and bundle.row_stats is not None
        if not by_rows or bundle.feature_mean is None or bundle.feature_var is None:
            return None
        mean, var = bundle.feature_mean, bundle.feature_var
        return Priors(mean.astype(np.float64), var.astype(np.float64))

    def features(self, store: Store, step: int, on_encoded: OnEncoded) -> FeatureSet:
        """Encode all windows of a store: see :func:`mdjpt.evaluation.encoding.encoder_features`."""
        return encoder_features(
            store,
            self.bundle.encoder(self.variant),
            self.bundle.row_stats,
            normalisation=self.normalisation,
            step=step,
            on_encoded=on_encoded,
        )


def load_models(
    paths: Sequence[Path],
    *,
    variant: Variant | None = None,
    normalisation: RowNormalisation = "auto",
) -> list[EvaluatedModel]:
    """Load bundles and name them.

    Raises ModelError: a bundle cannot be used. Raises MdjptError: a bundle is named twice.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise MdjptError("a model is named twice: compare different ones")
    stems = [path.stem for path in paths]
    names = [
        stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}/{stem}"
        for path, stem in zip(paths, stems, strict=True)
    ]
    return [
        EvaluatedModel(name, load_bundle(path), variant, normalisation)
        for name, path in zip(names, paths, strict=True)
    ]
