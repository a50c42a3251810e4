"""Which electrodes to fix, and how. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.dashboard.words import short_name
from mdjpt.montage import topographic_positions
from mdjpt.quality import electrode_quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LEAST_SHARE", "Contact", "judge_contact"]

LEAST_SHARE = 0.5
_ADVICE = {
    "nan": ("sends nothing", "check the plug and the cable"),
    "flat": ("no contact", "press it on, or check its cable"),
    "railed": ("off the scale", "it hangs in the air or its cable is loose: seat it again"),
    "noisy": ("noisy", "move the hair aside, wet or gel it, relax jaw and neck"),
    "mains": ("mains hum", "wet or gel it, then the reference; move chargers and lamps away"),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact of the electrodes that lie on the scalp.

    Attributes
    ----------
    n_all, n_good : int
        Electrodes on the scalp, and good ones among them.
    bad : tuple of str
        The others, as the stream names them.
    advice : tuple of (str, str, str)
        For each fault that occurs: what it is, where, and what helps. The most frequent first.
    """

    n_all: int
    n_good: int
    bad: tuple[str, ...]
    advice: tuple[tuple[str, str, str], ...]

    @property
    def enough(self) -> bool:
        """True when a calibration can begin: at least half of the electrodes are good."""
        return self.n_all > 0 and self.n_good >= LEAST_SHARE * self.n_all


def judge_contact(ch_names: Sequence[str], samples: NDArray[np.floating], sfreq: float) -> Contact:
    """Judge every electrode on the scalp by its newest seconds.

    Parameters
    ----------
    ch_names : sequence of str
        Labels of the rows.
    samples : ndarray of float, shape (n_channels, n_times)
        Raw, microvolts, 1 s or more; NaN where samples were lost.
    sfreq : float
        Sampling rate in Hz.
    """
    places = topographic_positions(ch_names)
    placed = [k for k in range(len(ch_names)) if np.isfinite(places[k]).all()]
    # Samples that the transport lost say nothing about a contact.
    whole = np.isfinite(samples).any(axis=0)
    kept = samples[placed][:, whole]
    if not placed or kept.shape[1] < sfreq:
        return Contact(len(placed), 0, (), ())
    reasons = electrode_quality(kept, sfreq).reason
    faults: dict[str, list[str]] = {}
    for k, reason in zip(placed, reasons, strict=True):
        if reason:
            faults.setdefault(reason, []).append(ch_names[k])
    ordered = sorted(faults.items(), key=lambda fault: -len(fault[1]))
    return Contact(
        n_all=len(placed),
        n_good=len(placed) - sum(map(len, faults.values())),
        bad=tuple(name for _, names in ordered for name in names),
        advice=tuple(
            (_ADVICE[reason][0], ", ".join(map(short_name, names)), _ADVICE[reason][1])
            for reason, names in ordered
        ),
    )
