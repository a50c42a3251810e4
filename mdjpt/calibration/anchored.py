"""A person's head that begins as the general one and departs from it where the trials say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.heads import LinearHead, fit_ridge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from mdjpt.calibration.heads import PersonalHead

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = ["AnchoredHead", "GeneralHead", "fit_anchored"]

_PREFIX = "general."


class GeneralHead:
    """What a model's own head says in the classes of a person.

    Parameters
    ----------
    head : PersonalHead
        Of the bundle.
    matrix : array_like of float, shape (n_classes, n_general)
        Adds its probabilities up to the person's classes, see
        :func:`mdjpt.calibration.label_sets.mapping_matrix`; each class has a part in it.
    temperature : float
        Of the bundle.

    Raises
    ------
    ValueError
        When the matrix does not fit the head or leaves a class without a part.
    """

    def __init__(self, head: PersonalHead, matrix: ArrayLike, temperature: float) -> None:
        self._head, self._matrix = head, np.array(matrix, np.float32)
        self._temperature = float(temperature)
        if self._matrix.ndim != 2 or self._matrix.shape[1] != head.n_classes:
            raise ValueError(f"the class mapping {self._matrix.shape} does not fit the head")
        if not (self._matrix.any(axis=1).all() and self._temperature > 0):
            raise ValueError("the class mapping leaves a class without a part")

    @property
    def n_features(self) -> int:
        """Features of a window."""
        return self._head.n_features

    @property
    def n_classes(self) -> int:
        """Classes of the person."""
        return len(self._matrix)

    @property
    def arrays(self) -> dict[str, Float32]:
        """The head's arrays, the mapping and the temperature."""
        own = {f"{_PREFIX}{name}": array for name, array in self._head.arrays.items()}
        temperature = np.array([self._temperature], np.float32)
        return own | {"matrix": self._matrix.copy(), "temperature": temperature}

    def probabilities(self, features: ArrayLike) -> Float64:
        """Return [n, n_classes] for standardised features [n, n_features]."""
        general = softmax(self._head.logits(features), self._temperature) @ self._matrix.T
        normalised: Float64 = general / np.maximum(general.sum(axis=1, keepdims=True), 1e-6)
        return normalised


class AnchoredHead:
    """The general probabilities plus a linear correction.

    Parameters
    ----------
    general : GeneralHead
        Where it begins.
    correction : LinearHead
        What the person's trials add.
    """

    def __init__(self, general: GeneralHead, correction: LinearHead) -> None:
        if (general.n_classes, general.n_features) != (correction.n_classes, correction.n_features):
            raise ValueError("the correction does not fit the general head")
        self._general, self._correction = general, correction

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Float32]) -> AnchoredHead:
        """Build from what :attr:`arrays` returned; KeyError or ValueError when it does not fit."""
        from mdjpt.network.emotion_head import Head

        own = {n.removeprefix(_PREFIX): a for n, a in arrays.items() if n.startswith(_PREFIX)}
        if odd := arrays.keys() - {f"{_PREFIX}{n}" for n in own} - _OTHERS:
            raise ValueError(f"the head holds the unknown array {min(odd)[:40]!r}")
        general = GeneralHead(Head(own), arrays["matrix"], float(arrays["temperature"][0]))
        return cls(general, LinearHead(arrays["weight"], arrays["bias"]))

    @property
    def n_features(self) -> int:
        """Features of a window."""
        return self._general.n_features

    @property
    def n_classes(self) -> int:
        """Classes, one logit each."""
        return self._general.n_classes

    @property
    def arrays(self) -> dict[str, Float32]:
        """General head and correction."""
        return self._general.arrays | self._correction.arrays

    def logits(self, features: ArrayLike) -> Float32:
        """Return [n, n_classes] float32 for [n, n_features]."""
        general = self._general.probabilities(features).astype(np.float32)
        out: Float32 = general + self._correction.logits(features)
        return out


_OTHERS = {"matrix", "temperature", "weight", "bias"}


def fit_anchored(
    features: Float64,
    targets: Float64,
    weights: Float64,
    general: GeneralHead,
    strength: float,
) -> AnchoredHead:
    """Fit the correction to what the general head leaves over, by ridge regression.

    The stronger the penalty, the closer the person's head stays to the general one; at infinity it
    is the general head.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_features)
        Standardised.
    targets : ndarray of float64, shape (n, n_classes)
        One-hot labels.
    weights : ndarray of float64, shape (n,)
        Sum to 1.
    general : GeneralHead
        The model's.
    strength : float
        Penalty in units of the features' mean variance.
    """
    left_over = targets - general.probabilities(features)
    if np.isinf(strength):
        shape = (targets.shape[1], features.shape[1])
        return AnchoredHead(general, LinearHead(np.zeros(shape), np.zeros(shape[0])))
    return AnchoredHead(general, LinearHead(*fit_ridge(features, left_over, weights, strength)))
