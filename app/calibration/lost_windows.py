"""Why windows of a calibration's trials cannot be decoded: the signal's fault, or the table's."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from streaming.reasons import FAULTS, NO_FIELD

if TYPE_CHECKING:
    from streaming.prediction import Prediction

__all__ = ["LostWindows"]

_CAUSES = {
    "bad_signal": "have a bad signal",
    "gap": "touch lost samples",
    "warming_up": "lie in the first seconds, before the scale is known",
    "unsure": f"hold {NO_FIELD}",
}
_NAMED = 6


class LostWindows:
    """Counts the windows within trials that were not decoded, and tells why."""

    def __init__(self) -> None:
        self._causes: Counter[str] = Counter()
        self._bad: dict[str, Counter[str]] = defaultdict(Counter)
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
                quality = prediction.quality
                for name, cause in zip(quality.bad, quality.causes, strict=True):
                    self._bad[cause][name] += 1

    def words(self) -> str:
        """Say how many windows are lost to what, electrodes included; "" when none is."""
        lost = [
            f"{n} {_CAUSES.get(cause, cause)}{self._electrodes() if cause == 'bad_signal' else ''}"
            for cause, n in self._causes.most_common()
        ]
        return f"of {self.n_windows} windows in the trials, {', '.join(lost)}" if lost else ""

    def _electrodes(self) -> str:
        """Say which electrodes are bad, and what is wrong with them."""
        said = "; ".join(f"{FAULTS[cause]}: {_several(bad)}" for cause, bad in self._bad.items())
        return f" ({said})" if said else ""


def _several(bad: Counter[str]) -> str:
    names = [name for name, _ in bad.most_common()]
    more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
    return ", ".join(names[:_NAMED]) + more
