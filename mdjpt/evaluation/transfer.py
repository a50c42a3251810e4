"""Transfer: a head learns from the labels of some datasets and is tested on one it never saw.

This is what most readers understand by zero-shot: no label of the target is used for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.evaluation.head_training import train_head
from mdjpt.evaluation.metrics import subject_folds
from mdjpt.evaluation.outcome import Outcome
from mdjpt.evaluation.postprocessing import TRACKS, Priors, feature_priors, normalised, smoothed
from mdjpt.evaluation.shared_classes import Scheme, SharedClasses, shared_classes
from mdjpt.evaluation.window_table import joined_tables
from mdjpt.network.emotion_head import N_EPOCHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.evaluation.feature_set import FeatureSet
    from mdjpt.evaluation.window_table import WindowTable

__all__ = ["TransferSettings", "transfer"]


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How a transfer is made.

    Attributes
    ----------
    classes : {"auto", "emotion", "valence"}
        See :func:`mdjpt.evaluation.shared_classes.shared_classes`.
    selection : {"training", "none"}
        Whether held-out source subjects choose the epoch.
    n_epochs : int
        Most epochs of the head.
    seed : int
        Of the head.
    """

    classes: Scheme = "auto"
    selection: Literal["training", "none"] = "training"
    n_epochs: int = N_EPOCHS
    seed: int = 0


def transfer(
    sources: Sequence[FeatureSet],
    target: FeatureSet,
    settings: TransferSettings,
    *,
    arm: str,
    simulated: bool = False,
) -> Outcome:
    """Train on the sources, test on the target.

    Parameters
    ----------
    sources : sequence of FeatureSet
        All windows of each dataset to learn from.
    target : FeatureSet
        All windows of the dataset to predict; its normalisation begins with the sources' priors.
    settings : TransferSettings
        How.
    arm : str
        Name of the encoder.
    simulated : bool
        Whether the encoder was trained on simulated data.

    Returns
    -------
    Outcome
        One fold a target subject.

    Raises
    ------
    DatasetError
        Features differ in number, or too few classes are shared.
    """
    _check(sources, target)
    shared = shared_classes(
        target.class_names, [source.class_names for source in sources], settings.classes
    )
    learned = _joined([_relabelled(source, shared) for source in sources])
    tested = _relabelled(target, shared)
    priors = feature_priors(learned)
    found = {}
    for track in TRACKS:
        train, test = (_ready(one, priors, track) for one in (learned, tested))
        trained = train_head(
            train,
            test,
            selection=settings.selection,
            n_epochs=settings.n_epochs,
            seed=settings.seed,
        )
        found[track] = test.table, trained.probabilities(test)
    return Outcome(
        arm=arm,
        protocol="transfer",
        dataset=target.table.dataset,
        class_names=shared.names,
        unit="subject",
        choices={
            "protocol": "head trained on the sources' labels, no label of the target used",
            "features": target.made_by,
            "sources": ", ".join(source.table.dataset for source in sources),
            "shared classes": f"by {shared.scheme}: {', '.join(shared.names)}",
            "choice of the epoch": "on held-out source subjects"
            if settings.selection == "training"
            else "none, all epochs",
            "running normalisation": "priors from the sources, order of presentation",
        },
        folds=subject_folds(found, len(learned.table.subjects)),
        simulated=simulated or target.table.simulated,
        notes=_left_out(tested),
    )


def _check(sources: Sequence[FeatureSet], target: FeatureSet) -> None:
    if not sources:
        raise DatasetError("transfer needs at least one dataset to learn from")
    for source in sources:
        if source.table.dataset == target.table.dataset:
            raise DatasetError(f"{target.table.dataset} cannot be source and target of a transfer")
        if source.features.shape[1] != target.features.shape[1]:
            raise DatasetError(
                f"{source.table.dataset} and {target.table.dataset} have features of different "
                "kinds: use the standard channels for both"
            )


def _relabelled(features: FeatureSet, shared: SharedClasses) -> FeatureSet:
    labels = shared.labels(features.label, features.class_names)
    return replace(features, table=replace(features.table, label=labels, class_names=shared.names))


def _joined(parts: Sequence[FeatureSet]) -> FeatureSet:
    """Put datasets into one, whose subjects and trials stay apart."""
    offsets = np.cumsum([0, *(part.table.trial.max() + 1 for part in parts)])
    tables = [
        _own_names(part.table, int(offset)) for part, offset in zip(parts, offsets, strict=False)
    ]
    table = joined_tables(tables, "sources")
    return replace(parts[0], features=np.concatenate([p.features for p in parts]), table=table)


def _own_names(table: WindowTable, offset: int) -> WindowTable:
    subject = np.array([f"{table.dataset}/{name}" for name in table.subject], np.str_)
    return replace(table, subject=subject, trial=table.trial + offset)


def _ready(features: FeatureSet, priors: Priors, track: str) -> FeatureSet:
    """Normalise and smooth, and keep the windows whose class is shared."""
    ready = smoothed(normalised(features, priors), TRACKS[track])
    return ready.select(ready.label >= 0)


def _left_out(tested: FeatureSet) -> tuple[str, ...]:
    share = float(np.mean(tested.label < 0))
    if not share:
        return ()
    return (f"{share:.0%} of the target's windows have a class that is not shared: left out.",)
