"""Training the emotion head, and choosing when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import softmax

from mdjpt.network.emotion_head import N_EPOCHS, Head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import FeatureSet

__all__ = ["Selection", "TrainedHead", "train_head"]

Selection = Literal["training", "released", "none"]
_HELD_OUT = 0.25  # share of the training subjects that choose the epoch


class TrainedHead(NamedTuple):
    """A head and how it came about."""

    head: Head
    """Trained on all training windows."""
    n_epochs: int
    """Chosen number of epochs."""

    def probabilities(self, features: FeatureSet) -> NDArray[np.float64]:
        """Return the probabilities of the classes, shape (n_windows, n_classes)."""
        logits = self.head.logits(features.features).astype(np.float64)
        shares: NDArray[np.float64] = softmax(logits, axis=1)
        return shares


def train_head(
    train: FeatureSet,
    test: FeatureSet,
    *,
    selection: Selection = "training",
    n_epochs: int = N_EPOCHS,
    seed: int = 0,
) -> TrainedHead:
    """Train a head on labelled windows, for at most `n_epochs`.

    Who chooses the epoch is the `selection`: ``training`` a quarter of the training subjects, held
    out from a first training (all epochs where there is but one subject); ``released`` the test
    subjects, as in the released code, which makes the result too good; ``none`` nobody, all epochs.
    Nothing else looks at `test`.
    """
    subjects = train.subjects
    n_classes = len(train.class_names)
    if selection == "released":
        chosen = _best_epoch(train, test, n_classes, n_epochs, seed)
    elif selection == "training" and len(subjects) > 1:
        rng = np.random.default_rng([seed, 2])
        n_held = max(round(_HELD_OUT * len(subjects)), 1)
        held = train.of_subjects(rng.permutation(subjects)[:n_held].tolist())
        chosen = _best_epoch(train.select(~held), train.select(held), n_classes, n_epochs, seed)
    else:
        chosen = n_epochs
    head = Head.fit(train.features, train.label, n_classes, n_epochs=chosen, seed=seed)
    return TrainedHead(head, chosen)


def _best_epoch(
    train: FeatureSet, judge: FeatureSet, n_classes: int, n_epochs: int, seed: int
) -> int:
    """Return the number of epochs after which the judging windows are told best; ties: fewer."""
    accuracies = []
    for n in range(1, n_epochs + 1):
        # The same seed makes a shorter training the beginning of a longer one.
        head = Head.fit(train.features, train.label, n_classes, n_epochs=n, seed=seed)
        accuracies.append(np.mean(head.logits(judge.features).argmax(axis=1) == judge.label))
    return int(np.argmax(accuracies)) + 1
