"""Heads over frozen features that a few minutes of one person can train.

All take standardised features and give one logit a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.label_sets import mapping_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from mdjpt.bundle.bundle import Bundle

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = [
    "AnchoredHead",
    "GeneralHead",
    "LinearHead",
    "PersonalHead",
    "general_head",
    "head_from",
]

_GENERAL = "general."


class PersonalHead(Protocol):
    """What every head offers; :class:`mdjpt.network.emotion_head.Head` does too."""

    @property
    def n_features(self) -> int:
        """Features of a window."""
        ...

    @property
    def n_classes(self) -> int:
        """Classes, one logit each."""
        ...

    @property
    def arrays(self) -> dict[str, Float32]:
        """What :func:`head_from` builds it from again."""
        ...

    def logits(self, features: ArrayLike) -> Float32:
        """Return (n, n_classes) for (n, n_features)."""
        ...

    def predict_proba(self, features: ArrayLike, temperature: float = 1.0) -> Float64:
        """Return probabilities (n, n_classes) for (n, n_features)."""
        ...


class _Head:
    """Arrays and what they say."""

    def __init__(self, arrays: Mapping[str, ArrayLike], n_classes: int, n_features: int) -> None:
        # Row by row, as a file gives them back: another order is summed up in another order.
        self._arrays = {name: np.array(a, np.float32, order="C") for name, a in arrays.items()}
        self.n_classes, self.n_features = n_classes, n_features
        for name, array in self._arrays.items():
            if not array.size or not np.isfinite(array).all():
                raise ValueError(f"{name} of the head is empty or holds NaN or infinity")

    @property
    def arrays(self) -> dict[str, Float32]:
        """Copies of its arrays."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def logits(self, features: ArrayLike) -> Float32:
        """Return (n, n_classes) float32 for (n, n_features)."""
        raise NotImplementedError

    def predict_proba(self, features: ArrayLike, temperature: float = 1.0) -> Float64:
        """Return probabilities (n, n_classes) for (n, n_features)."""
        return softmax(self.logits(features), temperature)


class LinearHead(_Head):
    """Logits that are linear in the features.

    Parameters
    ----------
    weight : array_like of float, shape (n_classes, n_features)
    bias : array_like of float, shape (n_classes,)
    """

    def __init__(self, weight: ArrayLike, bias: ArrayLike) -> None:
        shape = np.shape(weight)
        if len(shape) != 2 or np.shape(bias) != shape[:1]:
            raise ValueError(
                f"a head has weight [classes, features] and bias [classes], got {list(shape)} and "
                f"{list(np.shape(bias))}"
            )
        super().__init__({"weight": weight, "bias": bias}, *shape)

    def logits(self, features: ArrayLike) -> Float32:
        """Return (n, n_classes) float32 for (n, n_features)."""
        a = self._arrays
        out: Float32 = np.asarray(features, np.float32) @ a["weight"].T + a["bias"]
        return out


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
        self.n_features, self.n_classes = head.n_features, len(self._matrix)

    @property
    def arrays(self) -> dict[str, Float32]:
        """The head's arrays, the mapping and the temperature."""
        own = {f"{_GENERAL}{name}": array for name, array in self._head.arrays.items()}
        temperature = np.array([self._temperature], np.float32)
        return own | {"matrix": self._matrix.copy(), "temperature": temperature}

    def predict_proba(self, features: ArrayLike) -> Float64:
        """Return (n, n_classes) for standardised features (n, n_features)."""
        return self.of_logits(self._head.logits(features))

    def of_logits(self, logits: ArrayLike) -> Float64:
        """Return (n, n_classes) for the logits (n, n_general) of the model's own head."""
        general = softmax(np.asarray(logits), self._temperature) @ self._matrix.T
        normalised: Float64 = general / np.maximum(general.sum(axis=1, keepdims=True), 1e-6)
        return normalised


class AnchoredHead:
    """The general probabilities plus a linear correction: begins as the model's own head.

    The correction is what the person's trials add.
    """

    def __init__(self, general: GeneralHead, correction: LinearHead) -> None:
        if (general.n_classes, general.n_features) != (correction.n_classes, correction.n_features):
            raise ValueError("the correction does not fit the general head")
        self._general, self._correction = general, correction
        self.n_features, self.n_classes = general.n_features, general.n_classes

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Float32]) -> AnchoredHead:
        """Build from what :attr:`arrays` returned; KeyError or ValueError when it does not fit."""
        from mdjpt.network.emotion_head import Head

        own = {n.removeprefix(_GENERAL): a for n, a in arrays.items() if n.startswith(_GENERAL)}
        others = {"matrix", "temperature", "weight", "bias"}
        if odd := arrays.keys() - {f"{_GENERAL}{n}" for n in own} - others:
            raise ValueError(f"the head holds the unknown array {min(odd)[:40]!r}")
        general = GeneralHead(Head(own), arrays["matrix"], float(arrays["temperature"][0]))
        return cls(general, LinearHead(arrays["weight"], arrays["bias"]))

    @property
    def arrays(self) -> dict[str, Float32]:
        """General head and correction."""
        return self._general.arrays | self._correction.arrays

    def logits(self, features: ArrayLike) -> Float32:
        """Return (n, n_classes) float32 for (n, n_features)."""
        general = self._general.predict_proba(features).astype(np.float32)
        out: Float32 = general + self._correction.logits(features)
        return out

    def predict_proba(self, features: ArrayLike, temperature: float = 1.0) -> Float64:
        """Return probabilities (n, n_classes) for (n, n_features)."""
        return softmax(self.logits(features), temperature)


def general_head(bundle: Bundle, class_names: Sequence[str]) -> GeneralHead | None:
    """Return the bundle's head read in a person's classes.

    None where there is no head or a class that none of its own is read as.
    """
    if bundle.head is None:
        return None
    matrix = mapping_matrix(bundle.class_names, class_names)
    if not matrix.any(axis=1).all():
        return None
    return GeneralHead(bundle.head, matrix, bundle.temperature)


def head_from(arrays: Mapping[str, Float32]) -> PersonalHead:
    """Build a head from its arrays.

    Raises ValueError and KeyError when the arrays are not those of a head.
    """
    if "matrix" in arrays:
        return AnchoredHead.from_arrays(arrays)
    if arrays.keys() != {"weight", "bias"}:
        raise ValueError("a linear head holds weight and bias")
    return LinearHead(**arrays)
