"""Blinks, eye movements and muscles, taken out of a recording as independent components.

Components are found with extended infomax and judged by ICLabel (Pion-Tonachini, Kreutz-Delgado,
Makeig 2019); mdJPT drops those that are muscle or eye with a probability of 0.8 or more. ICLabel
was made for signals up to 100 Hz: on a band that ends at 47 Hz it sees less of the muscles.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdjpt.guard.extras import require_training_extra
from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["Component", "remove_artefact_components"]

_MUSCLE, _EYE = 1, 2  # columns of ICLabel's probabilities
MIN_CHANNELS = 8  # with fewer a component is no topography
_SEED = 97  # of the unmixing's first guess: the same recording gives the same components
_MICROVOLTS_PER_VOLT = 1e6
_RANK_TOLERANCE = 1e-7  # of the largest eigenvalue: interpolation and reference leave less


class Component(NamedTuple):
    """A component that was dropped."""

    kind: str
    """Either "muscle" or "eye"."""
    probability: float
    """ICLabel's."""


def remove_artefact_components(
    x: Float64, ch_names: Sequence[str], threshold: float = 0.8
) -> tuple[Float64, tuple[Component, ...]]:
    """Drop the components of a recording that are most likely eyes or muscles; return which.

    Parameters
    ----------
    x : ndarray of float64, shape (n_channels, n_times), microvolts
        Filtered at 125 Hz, average reference; stays as it is when there are fewer than 8 channels.
    ch_names : sequence of str
        Upper-case 10-05 names.
    threshold : float
        Probability from which a component is dropped.

    Raises
    ------
    MdjptError
        mne-icalabel is not installed.
    """
    if len(ch_names) < MIN_CHANNELS:
        return x, ()
    mne, icalabel = require_training_extra("mne", "mne_icalabel.iclabel")
    with warnings.catch_warnings():
        # ICLabel warns of the band, which MNE does not know and which is the model's.
        warnings.simplefilter("ignore")
        raw = _raw(mne, x, ch_names)
        ica = mne.preprocessing.ICA(
            n_components=_rank(x),
            method="infomax",
            fit_params={"extended": True},
            random_state=_SEED,
            verbose="error",
        )
        ica.fit(raw, verbose="error")
        probabilities = icalabel.iclabel_label_components(raw, ica, inplace=False)
        found = _artefacts(np.asarray(probabilities), threshold)
        ica.apply(raw, exclude=list(found), verbose="error")
    return raw.get_data() * _MICROVOLTS_PER_VOLT, tuple(found.values())


def _raw(mne: Any, x: Float64, ch_names: Sequence[str]) -> Any:
    info = mne.create_info(list(ch_names), SFREQ, "eeg")
    raw = mne.io.RawArray(x / _MICROVOLTS_PER_VOLT, info, verbose="error")
    raw.set_montage("standard_1005", match_case=False, verbose="error")
    raw.set_eeg_reference("average", projection=False, verbose="error")
    return raw


def _rank(x: Float64) -> int:
    """Return how many independent directions a referenced recording has."""
    eigenvalues = np.linalg.eigvalsh(np.cov(x - x.mean(axis=0)))
    return max(int((eigenvalues > _RANK_TOLERANCE * eigenvalues[-1]).sum()), 1)


def _artefacts(probabilities: Float64, threshold: float) -> dict[int, Component]:
    kinds = ((_MUSCLE, "muscle"), (_EYE, "eye"))
    return {
        index: Component(kind, float(row[column]))
        for index, row in enumerate(probabilities)
        for column, kind in kinds
        if row[column] >= threshold
    }
