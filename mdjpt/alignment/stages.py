"""The aligners of one stream, stage by stage, with the bundle's statistics as prior."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.covariance import CovarianceAligner
from mdjpt.alignment.mixed import MixedAligner
from mdjpt.alignment.moments import MomentAligner
from mdjpt.alignment.rows import RowAligner
from mdjpt.bundle.checked_file import parts_of
from mdjpt.errors import ModelError
from mdjpt.signal.montage import STANDARD_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdjpt.alignment.aligner import Aligner, Gauge
    from mdjpt.alignment.config import AlignmentConfig
    from mdjpt.bundle.bundle import Bundle

__all__ = ["Alignment", "build_alignment"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """The aligners of one stream, at most one a stage. One thread feeds it."""

    features: MomentAligner
    """Of the features, shape (512,); turns them into what a head takes."""
    input: CovarianceAligner | None = None
    """Of prepared windows, shape (60, 625)."""
    # Of the statistics of the network's two normalisations; None leaves the bundle's.
    first_rows: RowAligner | None = None
    second_rows: RowAligner | None = None
    mixed: MixedAligner | None = None
    """Of the mixed channels, shape (32, 64, 99)."""

    @property
    def stages(self) -> dict[str, Aligner]:
        """The aligners that there are, by their names here."""
        every = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: aligner for name, aligner in every.items() if aligner is not None}

    @property
    def plain(self) -> bool:
        """True when nothing before the features is changed."""
        return self.input is None and not self.inside

    @property
    def inside(self) -> bool:
        """True when a stage within the network is changed."""
        return self.first_rows is not None or self.mixed is not None

    @property
    def gauge(self) -> Gauge:
        """The gauge of the stage that has furthest to go."""
        gauges = [aligner.gauge for aligner in self.stages.values()]
        learning = [gauge for gauge in gauges if not gauge.frozen] or gauges
        return max(learning, key=lambda g: (g.prior_share, g.relative_change))

    @property
    def frozen(self) -> bool:
        """True while no stage learns."""
        return all(aligner.frozen for aligner in self.stages.values())

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop learning in all stages, or go on."""
        for aligner in self.stages.values():
            aligner.freeze(frozen=frozen)

    def reset(self) -> None:
        """Forget the stream in all stages."""
        for aligner in self.stages.values():
            aligner.reset()

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of all stages, named ``stage.array``."""
        return {
            f"{stage}.{name}": array
            for stage, aligner in self.stages.items()
            for name, array in aligner.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state; ValueError when it does not fit these aligners."""
        parts = parts_of(state, self.stages)
        for name, aligner in self.stages.items():
            aligner.load_state_dict(parts[name])


def build_alignment(
    config: AlignmentConfig,
    bundle: Bundle,
    *,
    n_classes: int = 1,
) -> Alignment:
    """Make the aligners that a configuration asks for, with the bundle's statistics as prior.

    Parameters
    ----------
    config : AlignmentConfig
        Kind and memory; the features are frozen for kinds that work on another stage.
    bundle : Bundle
        The model.
    n_classes : int
        Classes that are decoded, for `class_covering`.

    Raises
    ------
    ModelError
        When the bundle lacks what the kind needs.

    See Also
    --------
    mdjpt.EmotionDecoder : Decodes with it.

    Examples
    --------
    >>> import mdjpt
    >>> bundle = mdjpt.load_bundle("assets/demo.safetensors")
    >>> alignment = mdjpt.build_alignment(mdjpt.AlignmentConfig("moments"), bundle)
    >>> alignment.features.transform(np.ones(512, np.float32)).shape
    (512,)
    """
    settings = {"memory_s": config.memory_s, "prior_s": config.prior_s}
    mean, var = _feature_stats(bundle)
    covered = n_classes if config.class_covering else 1
    features = MomentAligner(mean, var, n_classes=covered, **settings)
    known = bundle.feature_mean is not None
    features.freeze(frozen=config.kind != "moments" and not (config.kind == "rows" and known))
    if config.kind == "rows":
        first, second = _row_aligners(bundle, settings)
        return Alignment(features, first_rows=first, second_rows=second)
    if config.kind == "covariance-input":
        if bundle.input_covariance is None:
            raise _missing("covariance of its input")
        aligner = CovarianceAligner(
            bundle.input_covariance, mean=config.mean, shrinkage=config.shrinkage, **settings
        )
        return Alignment(features, input=aligner)
    if config.kind == "covariance-mixed":
        return Alignment(features, mixed=_mixed_aligner(bundle, settings))
    return Alignment(features)


def _missing(what: str) -> ModelError:
    return ModelError(
        f"the model stores no {what}: choose another --alignment, or a model that `mdjpt pretrain` "
        "of this version has made, which stores it"
    )


def _feature_stats(bundle: Bundle) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the bundle's, or the ones that leave features as they are."""
    if bundle.feature_mean is None or bundle.feature_var is None:
        n = bundle.config.n_maps
        return np.zeros(n), np.ones(n)
    return bundle.feature_mean, bundle.feature_var


def _row_aligners(bundle: Bundle, settings: dict[str, float]) -> tuple[RowAligner, RowAligner]:
    config, rows = bundle.config, bundle.row_stats
    n_mixed = config.n_dims * config.n_mixed
    n_tokens = config.n_dims * len(STANDARD_CHANNELS)
    if rows is None:
        return RowAligner(n_tokens, **settings), RowAligner(n_mixed, **settings)
    first, second = (rows.norm1_mean, rows.norm1_std), (rows.norm2_mean, rows.norm2_std)
    return RowAligner(n_tokens, first, **settings), RowAligner(n_mixed, second, **settings)


def _mixed_aligner(bundle: Bundle, settings: dict[str, float]) -> MixedAligner:
    rows = bundle.row_stats
    if bundle.centroids is None or rows is None:
        raise _missing("covariance centroids with row statistics")
    return MixedAligner(bundle.centroids, rows.norm2_mean, rows.norm2_std, **settings)
