"""Transfer: a head learns from the labels of some datasets and is tested on one it never saw.

This is what most readers understand by zero-shot: no label of the target is used for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.calibration.label_sets import VALENCE, plain_label
from mdjpt.errors import DatasetError
from mdjpt.evaluation.head_training import train_head
from mdjpt.evaluation.metrics import subject_folds
from mdjpt.evaluation.outcome import Outcome
from mdjpt.evaluation.postprocessing import TRACKS, Priors, feature_priors, normalised, smoothed
from mdjpt.evaluation.window_table import joined
from mdjpt.network.emotion_head import N_EPOCHS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import FeatureSet

__all__ = [
    "SharedClasses",
    "TransferSettings",
    "own_names",
    "relabelled",
    "shared_classes",
    "transfer",
    "valence_of",
]

Scheme = Literal["auto", "emotion", "valence"]

_MIN_SHARED = 2  # of one class nothing can be told


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How a transfer is made."""

    classes: Scheme = "auto"
    """See :func:`shared_classes`."""
    selection: Literal["training", "none"] = "training"
    """Whether held-out source subjects choose the epoch."""
    n_epochs: int = N_EPOCHS
    """Most epochs of the head."""
    seed: int = 0
    """Of the head."""


def transfer(
    sources: Sequence[FeatureSet],
    target: FeatureSet,
    settings: TransferSettings,
    *,
    arm: str,
    simulated: bool = False,
) -> Outcome:
    """Train on the sources, test on the target: one fold a target subject.

    The target's normalisation begins with the sources' priors. `simulated` tells how the encoder
    `arm` was trained.

    Raises DatasetError: features differ in number, or too few classes are shared.
    """
    _check(sources, target)
    shared = shared_classes(
        target.class_names, [source.class_names for source in sources], settings.classes
    )
    renamed = [relabelled(source, shared) for source in sources]
    learned = joined(list(own_names(renamed)), "sources")
    tested = relabelled(target, shared)
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
        found[track] = test, trained.probabilities(test)
    return Outcome(
        arm=arm,
        protocol="transfer",
        dataset=target.dataset,
        class_names=shared.names,
        unit="subject",
        choices={
            "protocol": "head trained on the sources' labels, no label of the target used",
            "features": target.made_by,
            "sources": ", ".join(source.dataset for source in sources),
            "shared classes": f"by {shared.scheme}: {', '.join(shared.names)}",
            "choice of the epoch": "on held-out source subjects"
            if settings.selection == "training"
            else "none, all epochs",
            "running normalisation": "priors from the sources, order of presentation",
        },
        folds=subject_folds(found, len(learned.subjects)),
        simulated=simulated or target.simulated,
        notes=_left_out(tested),
    )


def _check(sources: Sequence[FeatureSet], target: FeatureSet) -> None:
    if not sources:
        raise DatasetError("transfer needs at least one dataset to learn from")
    for source in sources:
        if source.dataset == target.dataset:
            raise DatasetError(f"{target.dataset} cannot be source and target of a transfer")
        if source.features.shape[1] != target.features.shape[1]:
            raise DatasetError(
                f"{source.dataset} and {target.dataset} have features of different "
                "kinds: use the standard channels for both"
            )


def relabelled(features: FeatureSet, shared: SharedClasses) -> FeatureSet:
    """Return the same windows with the shared labels, -1 where a class is not shared."""
    labels = shared.labels(features.label, features.class_names)
    return replace(features, label=labels, class_names=shared.names)


def own_names(parts: Sequence[FeatureSet]) -> Iterator[FeatureSet]:
    """Keep the subjects and trials of several datasets apart."""
    offset = 0
    for part in parts:
        subject = np.array([f"{part.dataset}/{name}" for name in part.subject], np.str_)
        yield replace(part, subject=subject, trial=part.trial + offset)
        offset += int(part.trial.max()) + 1


def _ready(features: FeatureSet, priors: Priors, track: str) -> FeatureSet:
    """Normalise and smooth, and keep the windows whose class is shared."""
    ready = smoothed(normalised(features, priors), TRACKS[track])
    return ready.select(ready.label >= 0)


def _left_out(tested: FeatureSet) -> tuple[str, ...]:
    share = float(np.mean(tested.label < 0))
    if not share:
        return ()
    return (f"{share:.0%} of the target's windows have a class that is not shared: left out.",)


@dataclass(frozen=True, slots=True)
class SharedClasses:
    """A way to name the labels of several datasets alike."""

    scheme: Literal["emotion", "valence"]
    """Emotions under one spelling, or negative, neutral and positive."""
    names: tuple[str, ...]
    """The shared classes, in the order of the target's."""

    def labels(self, labels: NDArray[np.int64], class_names: Sequence[str]) -> NDArray[np.int64]:
        """Translate a dataset's labels; -1 for classes that are not shared."""
        places = {name: k for k, name in enumerate(self.names)}
        table = [places.get(_renamed(name, self.scheme), -1) for name in class_names]
        return np.array([*table, -1], np.int64)[labels]


def shared_classes(
    target: Sequence[str], sources: Sequence[Sequence[str]], scheme: Scheme = "auto"
) -> SharedClasses:
    """Find the classes of a target that some source knows too.

    ``auto``: emotions where at least two are shared and every source knows one of them, else
    valence.

    Raises DatasetError: fewer than two classes are shared.
    """
    schemes: tuple[Literal["emotion", "valence"], ...] = (
        ("emotion", "valence") if scheme == "auto" else (scheme,)
    )
    for one in schemes:
        known = [{_renamed(name, one) for name in names} for names in sources]
        wanted = dict.fromkeys(_renamed(name, one) for name in target)
        names = tuple(name for name in wanted if name and any(name in of for of in known))
        if len(names) >= _MIN_SHARED and all(of & set(names) for of in known):
            return SharedClasses(one, names)
    raise DatasetError(
        f"fewer than two of the classes {', '.join(target)} are known to every source: choose "
        "other sources, or --classes valence"
    )


def valence_of(name: str) -> str:
    """Return negative, neutral or positive, "" for a class without a side of valence."""
    return _renamed(name, "valence")


def _renamed(name: str, scheme: Literal["emotion", "valence"]) -> str:
    """Return the shared name of a class, "" when it has none."""
    emotion = plain_label(name)
    return emotion if scheme == "emotion" else VALENCE.get(emotion) or ""
