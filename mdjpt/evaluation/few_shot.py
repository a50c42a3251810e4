"""Few-shot: a head is trained on a few subjects' labelled windows and tested on all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mdjpt.errors import MdjptError
from mdjpt.evaluation.head_training import Selection, train_head
from mdjpt.evaluation.metrics import level_outcomes
from mdjpt.evaluation.outcome import FoldOutcome, LevelOutcome, Outcome
from mdjpt.evaluation.postprocessing import TRACKS, feature_priors, normalised, smoothed
from mdjpt.evaluation.splits import Fold, random_folds, released_folds, with_unseen_clips
from mdjpt.network.emotion_head import N_EPOCHS

if TYPE_CHECKING:
    from mdjpt.evaluation.window_table import FeatureSet

__all__ = ["FewShotSettings", "few_shot", "few_shot_folds"]

_SELECTED = {
    "training": "on held-out training subjects",
    "released": "on the test subjects (as released: optimistic)",
    "none": "none, all epochs",
}


@dataclass(frozen=True, slots=True)
class FewShotSettings:
    """How a few-shot evaluation is made; the defaults are honest."""

    protocol: Literal["honest", "released"] = "honest"
    """``released`` takes the released splits, order of files, priors from all subjects and smoothed
    windows only."""
    # See :func:`mdjpt.evaluation.splits.random_folds`; the seed is also the head's.
    n_folds: int = 6
    train_share: float = 0.25
    seed: int = 0
    selection: Selection | None = None
    """See :func:`mdjpt.evaluation.head_training.train_head`; None: as the protocol has it."""
    clips: Literal["any", "unseen"] = "any"
    """``unseen``: train and test share no clip."""
    n_epochs: int = N_EPOCHS
    """Most epochs of the head: 8 in the released configuration, 25 in the paper."""

    def __post_init__(self) -> None:
        if self.protocol == "released" and self.clips == "unseen":
            raise MdjptError("--protocol released has no unseen clips: use --protocol honest")
        if self.n_epochs < 1:
            raise MdjptError(f"the head needs at least one epoch, got {self.n_epochs}")

    @property
    def released(self) -> bool:
        """Whether the released procedure is followed."""
        return self.protocol == "released"

    @property
    def selects(self) -> Selection:
        """Who chooses the epoch."""
        return self.selection or ("released" if self.released else "training")


def few_shot_folds(features: FeatureSet, settings: FewShotSettings) -> list[Fold]:
    """Return the splits of an evaluation.

    Raises DatasetError: the dataset has too few subjects or clips, or no released splits.
    """
    subjects, seed = features.subjects, settings.seed
    if settings.released:
        return released_folds(features.dataset, subjects)
    folds = random_folds(subjects, settings.n_folds, settings.train_share, seed)
    return with_unseen_clips(folds, features, seed) if settings.clips == "unseen" else folds


def few_shot(
    features: FeatureSet,
    settings: FewShotSettings,
    *,
    arm: str,
    simulated: bool = False,
) -> Outcome:
    """Evaluate a dataset's features, one fold a split; `simulated` tells how `arm` was trained.

    Raises DatasetError as for :func:`few_shot_folds`.
    """
    folds = few_shot_folds(features, settings)
    return Outcome(
        arm=arm,
        protocol="few-shot",
        dataset=features.dataset,
        class_names=features.class_names,
        unit="fold",
        choices=_choices(features, settings),
        folds=tuple(_fold_outcome(features, fold, settings) for fold in folds),
        simulated=simulated or features.simulated,
        notes=_notes(features, settings),
    )


def _fold_outcome(features: FeatureSet, fold: Fold, settings: FewShotSettings) -> FoldOutcome:
    rows = fold.rows(features)
    everyone = features.of_subjects((*fold.train, *fold.test))
    priors = feature_priors(features.select(everyone if settings.released else rows.train))
    normal = normalised(features, priors, presented=not settings.released)
    levels: dict[str, LevelOutcome] = {}
    n_epochs = {}
    for track, how in TRACKS.items():
        if settings.released and track != "smoothed":
            continue
        ready = smoothed(normal, how)
        trained = train_head(
            ready.select(rows.train),
            ready.select(rows.test),
            selection=settings.selects,
            n_epochs=settings.n_epochs,
            seed=settings.seed,
        )
        n_epochs[track or "causal"] = trained.n_epochs
        for chosen, control in ((rows.test, ""), (rows.seen_clips, ", seen clips")):
            if chosen is not None:
                tested = ready.select(chosen)
                levels |= level_outcomes(tested, trained.probabilities(tested), track, control)
    return FoldOutcome(fold.name, len(fold.train), len(fold.test), levels, n_epochs)


def _choices(features: FeatureSet, settings: FewShotSettings) -> dict[str, str]:
    released = settings.released
    splits = (
        "the released ones"
        if released
        else f"{settings.n_folds} random, {settings.train_share:.0%} of the subjects train, "
        f"seed {settings.seed}"
    )
    return {
        "protocol": settings.protocol,
        "features": features.made_by,
        "splits": splits,
        "clips": "train and test share no clip"
        if settings.clips == "unseen"
        else "train and test may share clips",
        "choice of the epoch": f"{_SELECTED[settings.selects]}, at most {settings.n_epochs}",
        "running normalisation": "priors from all subjects (as released: optimistic), file order"
        if released
        else "priors from training subjects, order of presentation",
    }


def _notes(features: FeatureSet, settings: FewShotSettings) -> tuple[str, ...]:
    notes = ["Samples were filtered and scaled over their whole recording, at every level."]
    if not features.causal and not settings.released:
        notes.append("The rows of the network were not normalised causally: no level is causal.")
    if not features.order_known and not settings.released:
        notes.append("The order of presentation is not known everywhere: the file's is taken.")
    if settings.clips == "unseen":
        notes.append('"Seen clips": the same heads on the same subjects, clips of the training.')
    return tuple(notes)
