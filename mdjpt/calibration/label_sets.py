"""The label sets of the datasets, and how one is read as another.

One table gives every emotion its side of valence; every mapping follows from it. Emotions without
a clear side (surprise, calm) have none and are left out of what is mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LABEL_SETS", "VALENCE", "map_label", "mapping_matrix", "plain_label"]

LABEL_SETS: dict[str, tuple[str, ...]] = {
    "SEED": ("negative", "neutral", "positive"),
    "SEED-IV": ("neutral", "sad", "fear", "happy"),
    "SEED-V": ("disgust", "fear", "sad", "neutral", "happy"),
    "SEED-VII": ("happy", "surprise", "neutral", "disgust", "fear", "sad", "anger"),
    "FACED": (
        *("anger", "disgust", "fear", "sadness", "neutral"),
        *("amusement", "inspiration", "joy", "tenderness"),
    ),
    "DEAP": ("low valence", "high valence"),
    "DEAP arousal": ("low arousal", "high arousal"),
}
"""Classes of each dataset by its name; the order of a set has no meaning here."""

VALENCE: dict[str, str | None] = {
    "negative": "negative",
    "low valence": "negative",
    "sad": "negative",
    "fear": "negative",
    "disgust": "negative",
    "anger": "negative",
    "neutral": "neutral",
    "calm": None,
    "positive": "positive",
    "high valence": "positive",
    "happy": "positive",
    "joy": "positive",
    "amusement": "positive",
    "inspiration": "positive",
    "tenderness": "positive",
    "surprise": None,
    "rest": None,
    "low arousal": None,
    "high arousal": None,
}
"""Side of valence of each emotion, None where it has none or studies differ (calm)."""

_SYNONYMS = {
    "sadness": "sad",
    "happiness": "happy",
    "angry": "anger",
    "fearful": "fear",
    "scared": "fear",
    "disgusted": "disgust",
    "surprised": "surprise",
    "amused": "amusement",
    "joyful": "joy",
    "calmness": "calm",
    "relaxed": "calm",
}


def map_label(label: str, classes: Sequence[str]) -> str | None:
    """Return the class that a label of another set is read as; None when none or several would do.

    The same emotion under any of its names comes first, then the class of the same side of valence,
    if there is exactly one: "sad" is "negative" in SEED and "low valence" in DEAP, which has no
    class for "neutral". Case and outer spaces of a label do not matter.
    """
    wanted = plain_label(label)
    same = [name for name in classes if plain_label(name) == wanted]
    if len(same) == 1:
        return same[0]
    side = VALENCE.get(wanted)
    if side is None:
        return None
    candidates = [name for name in classes if VALENCE.get(plain_label(name)) == side]
    return candidates[0] if len(candidates) == 1 else None


def mapping_matrix(sources: Sequence[str], targets: Sequence[str]) -> NDArray[np.float64]:
    """Return what adds up the probabilities of one label set to those of another.

    float64, shape (n_targets, n_sources): 1 where a source is read as a target. ``matrix @ p`` sums
    to less than 1 where a source is read as none.
    """
    matrix = np.zeros((len(targets), len(sources)))
    for column, source in enumerate(sources):
        target = map_label(source, targets)
        if target is not None:
            matrix[list(targets).index(target), column] = 1.0
    return matrix


def plain_label(label: str) -> str:
    """Return the name under which the table knows an emotion: lower case, one of its synonyms."""
    name = label.strip().lower().replace("_", " ")
    return _SYNONYMS.get(name, name)
