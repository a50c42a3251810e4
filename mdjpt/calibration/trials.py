"""Trials: what was felt when, and the features of their windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.blocks import blocks_of
from mdjpt.calibration.families.windows import OwnWindows
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.signal.window import OwnElectrodes

    Float64 = NDArray[np.float64]

__all__ = [
    "SETTLED_S",
    "LabelledFeatures",
    "LabelledInterval",
    "balanced_weights",
    "class_order",
    "trial_of_window",
]

SETTLED_S = 1.0
"""Seconds after a trial's onset before which no window counts: the emotion has to rise."""
MAX_CLASSES = 9
MAX_LABEL = 60


@dataclass(frozen=True, slots=True)
class LabelledInterval:
    """A trial: what was felt from `onset_s` on."""

    # Seconds from the first sample of the recording, and length.
    onset_s: float
    duration_s: float
    label: str
    """The emotion."""
    # Ratings on any scale.
    valence: float | None = None
    arousal: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.onset_s) and self.onset_s >= 0):
            raise ValueError(f"onset_s must be 0 or more, got {self.onset_s:g} s")
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise ValueError(f"duration_s must be positive, got {self.duration_s:g} s")
        if not (0 < len(self.label) <= MAX_LABEL and self.label.isprintable()):
            raise ValueError(f"label must be a short text, got {self.label[:MAX_LABEL]!r}")
        for name in ("valence", "arousal"):
            rating = getattr(self, name)
            if rating is not None and not math.isfinite(rating):
                raise ValueError(f"{name} must be a number, got {rating}")

    @property
    def end_s(self) -> float:
        """End in seconds from the first sample."""
        return self.onset_s + self.duration_s


@dataclass(frozen=True, eq=False)
class LabelledFeatures:
    """Windows of trials with known labels.

    Attributes
    ----------
    features : ndarray of float32, shape (n_windows, 512)
        From the encoder, in the order of time, not standardised.
    trial : ndarray of int, shape (n_windows,)
        Which trial each window lies in, in rising order, none of the trials empty.
    label : ndarray of int, shape (n_trials,)
        Class of each trial.
    class_names : tuple of str
        2 to 9 classes.
    hop_s : float
        Seconds from window to window.
    ratings : ndarray of float64, shape (n_trials, 2), optional
        Valence and arousal as rated, NaN where they were not.
    block : ndarray of int, shape (n_trials,), optional
        Block of each trial as it was shown, see :mod:`mdjpt.calibration.blocks`: trials that have
        no windows part blocks too. By default as if there were none.
    own : tuple of OwnElectrodes
        The electrodes of each window; empty where only the encoder's features are known.

    Raises
    ------
    ProfileError
        When there are too few trials to learn anything, or features are not finite.

    See Also
    --------
    mdjpt.prepare_windows : Makes windows of a recording, and keeps their electrodes.
    mdjpt.train_personal_decoder : Learns from it.

    Examples
    --------
    >>> import mdjpt
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> prepared = mdjpt.prepare_windows(recording, hop_s=0.5, with_own=True)
    >>> features = mdjpt.load_bundle("assets/demo.safetensors").features(prepared.windows)
    >>> trial = np.arange(len(features)) // 8  # nothing was felt here: the labels are made up
    >>> label = np.arange(trial[-1] + 1) % 2
    >>> data = mdjpt.LabelledFeatures(
    ...     features, trial, label, ("calm", "happy"), hop_s=0.5, own=prepared.own
    ... )
    >>> data.n_trials, data.windows.n_electrodes
    (6, 64)
    """

    features: NDArray[np.float32]
    trial: NDArray[np.intp]
    label: NDArray[np.intp]
    class_names: tuple[str, ...]
    hop_s: float
    ratings: Float64 | None = None
    block: NDArray[np.intp] | None = None
    own: tuple[OwnElectrodes, ...] = ()

    def __post_init__(self) -> None:
        n_classes = len(self.class_names)
        if not 2 <= n_classes <= MAX_CLASSES:
            raise ProfileError(
                f"a personal decoder has 2 to {MAX_CLASSES} classes, got {n_classes}"
                f" ({', '.join(self.class_names)[:80]}): label the trials accordingly"
            )
        if not np.isfinite(self.features).all():
            raise ProfileError("the features are not finite: check the recording and the model")
        if len(np.unique(self.trial)) != self.n_trials or (np.diff(self.trial) < 0).any():
            raise ValueError("every trial needs windows, in the order of the trials")
        if self.own and len(self.own) != len(self.features):
            raise ValueError(f"{len(self.features)} windows, electrodes of {len(self.own)}")
        for k, name in enumerate(self.class_names):
            if not (self.label == k).any():
                raise ProfileError(f"no usable trial of {name!r}: show it again, or leave it out")

    @property
    def blocks(self) -> NDArray[np.intp]:
        """Block of each trial, shape (n_trials,)."""
        return blocks_of(self.label) if self.block is None else self.block

    @property
    def windows(self) -> OwnWindows:
        """What the feature families see."""
        return OwnWindows.of(self.own, self.features)

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.label)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def window_label(self) -> NDArray[np.intp]:
        """Class of each window, shape (n_windows,)."""
        return self.label[self.trial]

    @property
    def weights(self) -> Float64:
        """Weight of each window, shape (n_windows,): classes count the same, trials in them too."""
        return balanced_weights(self.trial, self.label)


def balanced_weights(trial: NDArray[np.intp], label: NDArray[np.intp]) -> Float64:
    """Return weights that give each class the same sum, and each trial of a class.

    They sum to 1 and have, as `trial`, shape (n_windows,); `label` has shape (n_trials,).
    """
    present = np.unique(trial)
    windows_of = np.bincount(trial, minlength=len(label))
    trials_of = np.bincount(label[present])
    weights = 1.0 / (windows_of[trial] * trials_of[label[trial]])
    normalised: Float64 = weights / weights.sum()
    return normalised


def class_order(labels: Sequence[str], preferred: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the classes of some labels: in the preferred order, others as they first appear."""
    found = tuple(dict.fromkeys(labels))
    return (*(c for c in preferred if c in found), *(c for c in found if c not in preferred))


def trial_of_window(start_s: float, end_s: float, trials: Sequence[LabelledInterval]) -> int | None:
    """Return the number of the trial that holds a whole window, settled; None outside of trials.

    Seconds count from the first sample; the trials are in the order of time.
    """
    for k, trial in enumerate(trials):
        if trial.onset_s + SETTLED_S - 1e-6 <= start_s and end_s <= trial.end_s + 1e-6:
            return k
    return None
