"""Labels that several datasets have in common, under one name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.calibration.label_sets import VALENCE, plain_label
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SharedClasses", "shared_classes"]

Scheme = Literal["auto", "emotion", "valence"]

_MIN_SHARED = 2


@dataclass(frozen=True, slots=True)
class SharedClasses:
    """A way to name the labels of several datasets alike.

    Attributes
    ----------
    scheme : {"emotion", "valence"}
        Emotions under one spelling, or negative, neutral and positive.
    names : tuple of str
        The shared classes, in the order of the target's.
    """

    scheme: Literal["emotion", "valence"]
    names: tuple[str, ...]

    def labels(self, labels: NDArray[np.int64], class_names: Sequence[str]) -> NDArray[np.int64]:
        """Translate a dataset's labels; -1 for classes that are not shared."""
        places = {name: k for k, name in enumerate(self.names)}
        table = [places.get(_renamed(name, self.scheme), -1) for name in class_names]
        return np.array([*table, -1], np.int64)[labels]


def shared_classes(
    target: Sequence[str], sources: Sequence[Sequence[str]], scheme: Scheme = "auto"
) -> SharedClasses:
    """Find the classes of a target that some source knows too.

    Parameters
    ----------
    target : sequence of str
        Class names of the dataset to be predicted.
    sources : sequence of sequence of str
        Class names of the datasets to learn from.
    scheme : {"auto", "emotion", "valence"}
        ``auto``: emotions where at least two are shared and every source knows one of them, else
        valence.

    Raises
    ------
    DatasetError
        Fewer than two classes are shared.
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


def _renamed(name: str, scheme: Literal["emotion", "valence"]) -> str:
    """Return the shared name of a class, "" when it has none."""
    emotion = plain_label(name)
    return emotion if scheme == "emotion" else VALENCE.get(emotion) or ""
