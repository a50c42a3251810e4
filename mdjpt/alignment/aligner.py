"""What every aligner promises, and how it tells how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from mdjpt.signal.filters import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    State = dict[str, NDArray[Any]]

__all__ = ["Aligner", "Gauge", "bounded_weight", "checked_arrays"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """How far an aligner has learned its stream.

    Attributes
    ----------
    effective_windows : float
        Windows without overlap (5 s of signal each) that its statistics rest on, what has faded
        left out.
    prior_share : float
        Weight of the pre-training statistics in what it does now, from 1 down to 0.
    relative_change : float
        Distance that its statistics went in the last 10 s of signal: of means in standard
        deviations (root mean square), of covariances relative to their Frobenius norm.
    n_rejected : int
        Windows that it took no notice of.
    frozen : bool
        True while it does not learn.
    """

    effective_windows: float
    prior_share: float
    relative_change: float
    n_rejected: int
    frozen: bool

    @property
    def converged(self) -> bool:
        """True from a minute of signal on, once 10 s more change it by less than 5 %."""
        return self.effective_windows * WINDOW_S >= 60.0 and self.relative_change < 0.05


@runtime_checkable
class Aligner(Protocol):
    """Brings one stage of a stream to where the model was trained. One thread feeds it.

    The order is always: transform a window and decode it, then fit the aligner to it, so that no
    answer depends on its own window's place in the statistics, or on later ones.
    """

    @property
    def gauge(self) -> Gauge:
        """How far it has come."""
        ...

    @property
    def frozen(self) -> bool:
        """True while :meth:`partial_fit` has no effect."""
        ...

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return `x` aligned, of the same shape; `x` is left as it is."""
        ...

    def partial_fit(self, x: NDArray[Any], weight_s: float = WINDOW_S) -> None:
        """Learn from what was transformed before, as it came in.

        Parameters
        ----------
        x : ndarray
            What :meth:`transform` was given.
        weight_s : float
            Seconds of signal that no earlier window held: the hop, for windows that overlap.
        """
        ...

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop learning, or go on."""
        ...

    def reset(self) -> None:
        """Forget the stream; back to the pre-training statistics."""
        ...

    def state_dict(self) -> State:
        """Return a copy of all that was learned, as plain arrays."""
        ...

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what another instance has learned; ValueError when it does not fit."""
        ...


def bounded_weight(distance: float, limit: float) -> float:
    """Return the weight of an observation so that no outlier pulls more than one at `limit`.

    A weight of 1 up to `limit`, ``(limit / distance)**2`` beyond it: the influence on mean and
    variance stays bounded, and a stream that has really moved is still followed (weights of
    Huber's M-estimator, squared; Huber 1981, Robust Statistics, section 7.8).

    Parameters
    ----------
    distance : float
        Of the observation from the present statistics, in their standard deviations.
    limit : float
        Distance up to which nothing is an outlier.
    """
    return 1.0 if distance <= limit else (limit / distance) ** 2


def checked_arrays(
    state: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Float64]:
    """Return copies of the arrays of a saved state, float64.

    Parameters
    ----------
    state : mapping of str to ndarray
        What was saved.
    shapes : mapping of str to tuple of int
        The arrays that it must hold.

    Raises
    ------
    ValueError
        When one is missing, has another shape or is not finite.
    """
    arrays = {}
    for name, shape in shapes.items():
        if name not in state or np.shape(state[name]) != shape:
            found = list(np.shape(state[name])) if name in state else "nothing"
            raise ValueError(f"the aligner's state needs {name!r} {list(shape)}, got {found}")
        arrays[name] = np.array(state[name], np.float64)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"the aligner's state holds NaN or infinity in {name!r}")
    return arrays
