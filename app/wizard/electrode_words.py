"""Which electrodes to fix, and how, and whether they sit on a head. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.signal.filters import MARGIN_S, MIN_SFREQ, SFREQ, WINDOW_S, filter_window
from mdjpt.signal.montage import short_name, topographic_positions
from mdjpt.signal.quality import common_field, electrode_quality, from_one_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LEAST_SHARE", "LOOK_BACK_S", "Contact", "Field", "judge_contact", "warm_up_contact"]

Field = Literal["unknown", "head", "nothing shared", "all the same"]

LEAST_SHARE = 0.5
LOOK_BACK_S = MARGIN_S + WINDOW_S  # what a live window is made of
_ALL_THE_SAME = 0.5  # between the two limits of `from_one_head`
_LEAST_OWN = 0.1  # share of the power that is each electrode's own; of independent ones 1 - 1/n
_ADVICE = {
    "nan": ("sends nothing", "check the plug and the cable"),
    "flat": ("no contact", "press onto the head, or check the cable"),
    "railed": ("off the scale", "something is loose: seat again, and check the cable"),
    "noisy": ("noisy", "move hair aside, add water or gel, relax jaw and neck"),
    "mains": ("mains hum", "add water or gel, at the reference too; move chargers and lamps away"),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact of the electrodes that lie on the scalp."""

    # Electrodes on the scalp, and good ones among them.
    n_all: int
    n_good: int
    bad: tuple[str, ...]
    """The others, as the stream names them."""
    advice: tuple[tuple[str, str, str], ...]
    """For each fault that occurs: what it is, where, and what helps. The most frequent first."""
    field: Field = "unknown"
    """What the good electrodes have in common; unknown before 5 s of signal."""

    @property
    def enough(self) -> bool:
        """True when at least half of the electrodes are good."""
        return self.n_all > 0 and self.n_good >= LEAST_SHARE * self.n_all


def judge_contact(ch_names: Sequence[str], samples: NDArray[np.floating], sfreq: float) -> Contact:
    """Judge every electrode on the scalp by its newest 5 s, and what the good ones share.

    By the rules for live windows: :func:`mdjpt.signal.quality.electrode_quality`, then
    :func:`mdjpt.signal.quality.from_one_head`. About 5 ms for 64 channels. Samples, shape
    (n_channels, n_times), are raw microvolts of 1 s or more, NaN where lost.
    """
    places = topographic_positions(ch_names)
    placed = [k for k in range(len(ch_names)) if np.isfinite(places[k]).all()]
    scalp = samples[placed]
    newest = scalp[:, -round(WINDOW_S * sfreq) :]
    # Samples that the transport lost say nothing about a contact.
    kept = newest[:, np.isfinite(newest).any(axis=0)]
    if not placed or kept.shape[1] < sfreq:
        return Contact(len(placed), 0, (), ())
    verdict = electrode_quality(kept, sfreq)
    faults: dict[str, list[str]] = {}
    for k, reason in zip(placed, verdict.reason, strict=True):
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
        field=_field(scalp[verdict.good], sfreq),
    )


def warm_up_contact(sfreq: float) -> None:
    """Build the filters that :func:`judge_contact` needs; takes some 100 ms, so in a thread."""
    _field(np.zeros((1, round(LOOK_BACK_S * sfreq)), np.float32), sfreq)


def _field(samples: NDArray[np.floating], sfreq: float) -> Field:
    """Tell what good electrodes have in common; nothing is held against a rate below 100 Hz."""
    n_times, n_window = samples.shape[1], round(WINDOW_S * sfreq)
    if n_times < n_window:
        return "unknown"
    if sfreq < MIN_SFREQ or len(samples) == 0:
        return "head"
    n_margin = min(n_times - n_window, round(MARGIN_S * sfreq))
    filtered = filter_window(samples[:, n_times - n_window - n_margin :], sfreq, n_margin)
    if from_one_head(filtered, SFREQ):
        return "head"
    # What is the same on all is gone with the average reference that the rule looks at.
    own = np.var(filtered - filtered.mean(axis=0)) / max(float(np.var(filtered)), 1e-12)
    same = own < _LEAST_OWN or common_field(filtered, SFREQ) > _ALL_THE_SAME
    return "all the same" if same else "nothing shared"
