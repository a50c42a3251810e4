"""What every aligner is, and how it tells how far it has come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mdjpt.alignment.fading import Pace
from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from mdjpt.alignment.fading import FadingMean

    Float64 = NDArray[np.float64]
    State = dict[str, NDArray[Any]]

__all__ = ["Aligner", "Gauge", "bounded_weight"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """How far an aligner has learned its stream."""

    effective_windows: float
    """Windows without overlap (5 s of signal each) that its statistics rest on, what has faded left
    out."""
    prior_share: float
    """Weight of the pre-training statistics in what it does now, from 1 down to 0."""
    relative_change: float
    """Distance that its statistics went in the last 10 s of signal: of means in standard deviations
    (root mean square), of covariances relative to their Frobenius norm."""
    n_rejected: int
    """Windows that it took no notice of."""
    frozen: bool
    """True while it does not learn."""

    @property
    def converged(self) -> bool:
        """True from a minute of signal on, once 10 s more change it by less than 5 %."""
        return self.effective_windows * WINDOW_S >= 60.0 and self.relative_change < 0.05


class Aligner(ABC):
    """Brings one stage of a stream to where the model was trained. One thread feeds it.

    The order is always: transform a window and decode it, then fit the aligner to it, so that no
    answer depends on its own window's place in the statistics, or on later ones.

    Parameters
    ----------
    memory_s : float
        Seconds of signal after which a window counts 1/e; ``inf`` forgets nothing.
    prior_s : float
        Seconds of signal that the pre-training statistics are worth.

    Raises
    ------
    ValueError
        When a setting is out of range.
    """

    def __init__(self, memory_s: float, prior_s: float) -> None:
        if not prior_s > 0:
            raise ValueError(f"prior must be positive, got {prior_s} s")
        self._memory_s, self._prior_s = memory_s, prior_s
        self._frozen = False
        self.reset()

    @property
    def frozen(self) -> bool:
        """True while :meth:`partial_fit` has no effect."""
        return self._frozen

    @property
    def gauge(self) -> Gauge:
        """How far it has come."""
        seconds = [statistic.weight_s for statistic in self._statistics()]
        shares = [self._prior_s / (self._prior_s + s) for s in seconds]
        return Gauge(
            float(sum(seconds)) / WINDOW_S,
            float(np.mean(shares)),
            self._pace.change,
            self._n_rejected,
            self._frozen,
        )

    @abstractmethod
    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return `x` aligned, of the same shape; `x` is left as it is."""

    def fit(self, windows: Iterable[NDArray[Any]], weight_s: float = WINDOW_S) -> Self:
        """Forget the stream, then learn from windows in the order of time.

        Parameters
        ----------
        windows : iterable of ndarray
            Each as :meth:`transform` takes it.
        weight_s : float
            As for :meth:`partial_fit`.
        """
        self.reset()
        for window in windows:
            self.partial_fit(window, weight_s)
        return self

    def partial_fit(
        self, x: NDArray[Any], weight_s: float = WINDOW_S, probabilities: Float64 | None = None
    ) -> Self:
        """Learn from what was transformed before, as it came in.

        Parameters
        ----------
        x : ndarray
            What :meth:`transform` was given; without effect where it is not finite.
        weight_s : float
            Seconds of signal that no earlier window held: the hop, for windows that overlap.
        probabilities : ndarray of float64, shape (n_classes,), optional
            What was decoded, for an aligner that gives classes equal weight.
        """
        if self._frozen:
            return self
        if self._is_acceptable(x):
            self._learn(x, weight_s, probabilities)
        else:
            self._n_rejected += 1
        return self

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop learning, or go on."""
        self._frozen = frozen

    def reset(self) -> None:
        """Forget the stream; back to the pre-training statistics."""
        self._pace = Pace()
        self._n_rejected = 0
        self._forget()

    @abstractmethod
    def state_dict(self) -> State:
        """Return a copy of all that was learned, as plain arrays."""

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what another instance has learned; ValueError when it does not fit."""
        self._restore(state)
        self._pace = Pace()

    def _is_acceptable(self, x: NDArray[Any]) -> bool:
        return bool(np.isfinite(x).all())

    @abstractmethod
    def _statistics(self) -> Sequence[FadingMean]:
        """Return the rolling means whose weights say how much was seen."""

    @abstractmethod
    def _learn(self, x: NDArray[Any], weight_s: float, probabilities: Float64 | None) -> None:
        """Take in a window that is acceptable."""

    @abstractmethod
    def _forget(self) -> None:
        """Begin the statistics anew."""

    @abstractmethod
    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over saved statistics."""


def bounded_weight(distance: float, limit: float) -> float:
    """Return the weight of an observation so that no outlier pulls more than one at `limit`.

    A weight of 1 up to `limit`, ``(limit / distance)**2`` beyond it, distances in standard
    deviations from the present statistics: the influence on mean and variance stays bounded, and a
    stream that has really moved is still followed (weights of Huber's M-estimator, squared; Huber
    1981, Robust Statistics, section 7.8).
    """
    return 1.0 if distance <= limit else (limit / distance) ** 2
