"""Why windows of a calibration's trials cannot be decoded: the signal's fault, or the table's."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.signal.filters import WINDOW_S
from mdjpt.signal.quality import electrode_quality

if TYPE_CHECKING:
    from mdjpt.recordings import Recording
    from streaming.prediction import Prediction

__all__ = ["LostWindows"]

_CAUSES = {
    "bad_signal": "have a bad signal",
    "gap": "touch lost samples",
    "warming_up": "lie in the first seconds, before the scale is known",
    "unsure": "hold no EEG: every electrode has noise of its own, or all have the same",
}
_REASONS = {
    "nan": "no numbers",
    "railed": "at the amplifier's rail",
    "flat": "flat",
    "noisy": "too noisy",
    "mains": "mains",
}
_LOOKED_AT = 40
"""Windows whose electrodes are judged once more, to tell what is wrong with them."""
_NAMED = 6


class LostWindows:
    """Counts the windows within trials that were not decoded, and tells why.

    Parameters
    ----------
    recording : Recording
        Where they lie.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._causes: Counter[str] = Counter()
        self._starts_s: list[float] = []
        self.n_windows = 0
        self.trials: set[int] = set()
        """Trials that hold a window at all."""

    def add(self, trial: int, prediction: Prediction, *, decoded: bool) -> None:
        """Count one window within a trial."""
        self.trials.add(trial)
        self.n_windows += 1
        if not decoded:
            self._causes[prediction.status] += 1
            if prediction.status == "bad_signal":
                self._starts_s.append(prediction.start_s)

    def words(self) -> str:
        """Say how many windows are lost to what, electrodes included; "" when none is."""
        lost = [
            f"{n} {_CAUSES.get(cause, cause)}{self._electrodes() if cause == 'bad_signal' else ''}"
            for cause, n in self._causes.most_common()
        ]
        return f"of {self.n_windows} windows in the trials, {', '.join(lost)}" if lost else ""

    def _electrodes(self) -> str:
        """Say which electrodes are bad, and what is wrong with them."""
        names: dict[str, Counter[str]] = defaultdict(Counter)
        step = max(1, len(self._starts_s) // _LOOKED_AT)
        for start_s in self._starts_s[::step]:
            for name, reason in zip(self._recording.ch_names, self._reasons(start_s), strict=True):
                if reason:
                    names[_REASONS[reason]][name] += 1
        if not names:
            return ""
        said = (f"{reason}: {_several(bad)}" for reason, bad in names.items())
        return f" ({'; '.join(said)})"

    def _reasons(self, start_s: float) -> tuple[str, ...]:
        sfreq, positions = self._recording.sfreq, self._recording.positions
        first, stop = np.searchsorted(positions, np.array((start_s, start_s + WINDOW_S)) * sfreq)
        samples = self._recording.samples[:, first:stop]
        if samples.shape[1] < sfreq:
            return ("",) * self._recording.n_channels
        return electrode_quality(samples, sfreq).reason


def _several(bad: Counter[str]) -> str:
    names = [name for name, _ in bad.most_common()]
    more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
    return ", ".join(names[:_NAMED]) + more
