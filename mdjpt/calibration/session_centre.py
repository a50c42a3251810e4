"""A session that is not as the calibration was: found without labels, taken back or owned up to.

Electrodes are put on anew, the skin dries, the person tires: features shift, and with linear heads
the logits shift by a constant. The mean of a session's logits, each decoded class with the same
weight, should be where it was in the calibration; what it is off by is subtracted.

Of another day that is not all: windows lie further out than those of the calibration, all of them,
and no mean over them gets the direction back. So their mean trust scales the log-odds of the whole
session: one that is half as much like the calibration is half as sure of every answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.fading import FadingMean, checked_arrays
from mdjpt.calibration.confidence import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["UNLIKE", "PooledStream", "SessionCentre"]

MEMORY_S = 600.0
PRIOR_S = 90.0
UNLIKE = 0.7
"""Familiarity below which a session is called unlike the calibration. Later parts of a
calibration's own session stay above 0.8, the same task on another day lies at 0.3 to 0.9."""
_TRUST = "trust."
FAMILIAR_PRIOR_S = 60.0
"""Seconds of signal like the calibration's that a session is thought to have begun with."""


class SessionCentre:
    """Follows the mean logits of a session, class by class. One thread feeds it.

    For every decoded class the fading mean of its windows is combined with the calibration's
    centre, which is worth ``prior_s / n_classes`` seconds; what the mean of these over the classes
    is off the centre is subtracted. A class that was not seen yet stands at the centre, so a long
    time in one state moves it by a part of the way only.

    Parameters
    ----------
    centre : ndarray of float64, shape (n_classes,)
        Mean logits of the calibration, classes weighted the same.
    memory_s : float
        Seconds of signal after which a window counts 1/e.
    prior_s : float
        Seconds of signal that the calibration is worth.
    """

    def __init__(
        self, centre: Float64, *, memory_s: float = MEMORY_S, prior_s: float = PRIOR_S
    ) -> None:
        if not prior_s > 0:
            raise ValueError(f"the prior must be positive, got {prior_s} s")
        self._centre = np.array(centre, np.float64)
        self._memory_s, self._prior_s = memory_s, prior_s / len(centre)
        self.reset()

    @property
    def offset(self) -> Float64:
        """What is subtracted now, shape (n_classes,)."""
        shifts = [
            group.weight_s / (group.weight_s + self._prior_s) * (group.mean - self._centre)
            for group in self._groups
        ]
        offset: Float64 = np.mean(shifts, axis=0)
        return offset

    def reset(self) -> None:
        """Forget the session."""
        n = len(self._centre)
        self._groups = [FadingMean((n,), self._memory_s) for _ in range(n)]

    def partial_fit(self, logits: Float64, weight_s: float, probabilities: Float64) -> None:
        """Learn from a window, once it is answered.

        Parameters
        ----------
        logits : ndarray of float64, shape (n_classes,)
            As the decoder gave them; not finite ones are passed over.
        weight_s : float
            Seconds of signal that no earlier window held.
        probabilities : ndarray of float64, shape (n_classes,)
            The answer as it was shown.
        """
        if not np.isfinite(logits).all():
            return
        for group, share in zip(self._groups, probabilities, strict=True):
            group.fade(weight_s)
            group.add(logits, weight_s * float(share))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the session's means and weights, stacked."""
        states = [group.state_dict() for group in self._groups]
        return {name: np.stack([state[name] for state in states]) for name in states[0]}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another instance stopped; ValueError when the arrays do not fit."""
        n = len(self._groups)
        arrays = checked_arrays(state, {"weight_s": (n,), "mean": (n, n)})
        for k, group in enumerate(self._groups):
            group.load_state_dict({name: array[k] for name, array in arrays.items()})


class PooledStream:
    """Turns the pooled logits of one stream into probabilities, window by window.

    Centred on the session, as sure as it is like the calibration, smoothed in log-odds, learned
    from afterwards. One thread feeds it.

    Parameters
    ----------
    centre : ndarray of float64, shape (n_classes,)
        Of the decoder.
    hop_s : float
        Seconds from window to window.
    smoothing_s : float
        Time constant of the smoothing; 0 switches it off.
    """

    def __init__(self, centre: Float64, hop_s: float, smoothing_s: float) -> None:
        self.centre = SessionCentre(centre)
        self._trust = FadingMean((), MEMORY_S)
        self._hop_s = hop_s
        self._keep = float(np.exp(-hop_s / smoothing_s)) if smoothing_s > 0 else 0.0
        self._smoothed: Float64 | None = None

    @property
    def familiarity(self) -> float:
        """How much the session is like the calibration, from 0 to 1; 1 before its first window."""
        seen_s = self._trust.weight_s
        trusted_s = FAMILIAR_PRIOR_S + seen_s * float(self._trust.mean)
        return trusted_s / (FAMILIAR_PRIOR_S + seen_s)

    def step(
        self, logits: Float64, trust: float, n_hops: int = 1, max_weight_s: float = 5.0
    ) -> Float64:
        """Return the probabilities [n_classes] of the newest window.

        Parameters
        ----------
        logits, trust : ndarray of float64, shape (n_classes,), and float
            Of :meth:`mdjpt.calibration.pooled_decoder.PooledDecoder.judge`.
        n_hops : int
            Hops since the last window that was decoded.
        max_weight_s : float
            Seconds that a window can teach at most: its length.
        """
        here = (logits - self.centre.offset) * self.familiarity
        keep = self._keep**n_hops
        past = here if self._smoothed is None else self._smoothed
        self._smoothed = keep * past + (1.0 - keep) * here
        probabilities = softmax(self._smoothed)
        weight_s = min(n_hops * self._hop_s, max_weight_s)
        self.centre.partial_fit(logits, weight_s, probabilities)
        self._trust.fade(weight_s)
        self._trust.add(np.asarray(trust), weight_s)
        return probabilities

    def forget(self) -> None:
        """Let nothing before this moment take part in the smoothing; the session is kept."""
        self._smoothed = None

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what was learned of the session."""
        trust = self._trust.state_dict().items()
        return self.centre.state_dict() | {f"{_TRUST}{name}": array for name, array in trust}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another instance stopped; ValueError when the arrays do not fit."""
        own = {name.removeprefix(_TRUST): a for name, a in state.items() if name.startswith(_TRUST)}
        self._trust.load_state_dict(own)
        self.centre.load_state_dict(state)
