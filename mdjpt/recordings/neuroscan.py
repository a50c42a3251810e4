"""Opening Neuroscan's .cnt files, whose header does not always tell the width of a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mne
import numpy as np

from mdjpt.signal.units import MICROVOLTS_PER_VOLT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_neuroscan"]

_2_GB = 2e9  # above, MNE does not count the samples itself
_PROBE_S = 10.0
_PLAUSIBLE_UV = (0.5, 5_000.0)  # spread of a scalp electrode without filter and with drift


def open_neuroscan(path: Path, data_format: str = "auto") -> tuple[Any, tuple[str, ...]]:
    """Open a .cnt file without reading its samples; remark when their width is a guess.

    "auto" asks the header for the width ("int16" or "int32"), and where that does not tell, tries
    both and keeps the one that looks like EEG.

    Raises
    ------
    Exception
        Whatever MNE raises on a damaged file or one of another kind.
    """
    try:
        return mne.io.read_raw_cnt(path, data_format=data_format, verbose="ERROR"), ()
    except Exception as error:
        if data_format != "auto" or "data_format" not in str(error).replace(" ", "_"):
            raise
    recompute = True if path.stat().st_size < _2_GB else None
    guesses = {
        name: mne.io.read_raw_cnt(
            path, data_format=name, recompute_n_samples=recompute, verbose="ERROR"
        )
        for name in ("int16", "int32")
    }
    name = min(guesses, key=lambda name: _strangeness(guesses[name]))
    return guesses[name], (f"the header does not tell the width of a sample: {name} assumed",)


def _strangeness(raw: Any) -> tuple[bool, float]:
    """Tell how far amplitudes and steps are from those of EEG.

    Read as the wrong ones, samples are thousands of times too large or jump between the halves of a
    number. The steps are compared with the spread of each channel.
    """
    start = raw.n_times // 2
    x = raw.get_data(start=start, stop=start + round(_PROBE_S * raw.info["sfreq"]))
    spread = np.std(x, axis=1)
    moving = spread > 0
    if not moving.any():
        return True, math.inf
    low, high = _PLAUSIBLE_UV
    possible = low < np.median(spread) * MICROVOLTS_PER_VOLT < high
    steps = np.std(np.diff(x[moving], axis=1), axis=1)
    return not possible, float(np.median(steps / spread[moving]))
