"""Statistics for a bundle that has none: what live alignment compares a stream with.

A published checkpoint comes without them: its rows are normalised by one window and no covariance
alignment is possible. They can be measured on any recordings of the kind that it will meet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError
from mdjpt.features import prepare_windows
from mdjpt.signal.filters import N_TIMES
from mdjpt.training.statistics import measure_statistics, sample_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.recordings import Recording
    from mdjpt.store.store import Store

__all__ = ["Material", "adapt_bundle", "recordings_material", "store_material"]

STEP = 250  # samples: 2 s at 125 Hz, the training step (mdJPT, released configuration)
LEAST_WINDOWS = 60  # a covariance of 60 channels from fewer windows is not worth having


@dataclass(frozen=True, eq=False)
class Material:
    """Windows of one dataset, or of one person's recordings."""

    name: str
    windows: NDArray[np.float32]
    """Prepared windows. Shape (n_windows, 60, 625)."""
    n_people: int
    """How many people they are of; 1 for recordings that do not say."""
    hours: float
    """Of EEG that they were drawn from."""
    licence: str
    simulated: bool


def store_material(store: Store, n_windows: int, seed: int = 0) -> Material:
    """Draw windows of a store's trials."""
    return Material(
        name=store.card.name,
        windows=sample_windows(store, n_windows, n_times=N_TIMES, step=STEP, seed=seed),
        n_people=len(store.subjects),
        hours=store.hours,
        licence=store.card.licence or "unknown",
        simulated=store.card.simulated,
    )


def recordings_material(recordings: Sequence[Recording], n_windows: int, seed: int = 0) -> Material:
    """Draw windows of recordings, prepared as live; RecordingError when one has none."""
    windows = np.concatenate([prepare_windows(recording).windows for recording in recordings])
    chosen = np.sort(np.random.default_rng(seed).permutation(len(windows))[:n_windows])
    return Material(
        name="own recordings",
        windows=windows[chosen],
        n_people=1,
        hours=sum(recording.duration_s for recording in recordings) / 3600,
        licence="own",
        simulated=any(recording.simulated for recording in recordings),
    )


def adapt_bundle(bundle: Bundle, materials: Sequence[Material]) -> Bundle:
    """Measure row statistics, feature statistics and covariances, and put them into a bundle.

    The features change with them, so an emotion head and its confidence are left out: calibrate.

    Parameters
    ----------
    bundle : Bundle
        Whose weights are used.
    materials : sequence of Material
        One a dataset; each counts by its windows.

    Returns
    -------
    Bundle
        Without a head; its provenance says on how many people and hours.

    Raises
    ------
    MdjptError
        Fewer than 60 windows in all.
    """
    n_windows = sum(len(material.windows) for material in materials)
    if n_windows < LEAST_WINDOWS:
        raise MdjptError(
            f"only {n_windows} windows to measure on: it takes {LEAST_WINDOWS}, 2 min of clean EEG"
        )
    statistics = measure_statistics(bundle.encoder(), [material.windows for material in materials])
    told = tuple(w for w in bundle.warnings if not w.startswith("no emotion head"))
    return replace(
        bundle,
        **statistics.arrays(),
        provenance=bundle.provenance | {"adapted": _adapted(materials)},
        licence=_licence(bundle, materials),
        simulated=bundle.simulated or any(material.simulated for material in materials),
        warnings=(*told, "no emotion head: gives features only until calibrated"),
        head=None,
        class_names=(),
        temperature=1.0,
        abstain_below=0.0,
        novelty_limit=None,
        features_of="",
        sha256="",
    )


def _adapted(materials: Sequence[Material]) -> dict[str, Any]:
    return {
        "on": [material.name for material in materials],
        "people": sum(material.n_people for material in materials),
        "hours": round(sum(material.hours for material in materials), 2),
        "windows": sum(len(material.windows) for material in materials),
    }


def _licence(bundle: Bundle, materials: Sequence[Material]) -> str:
    of_data = dict.fromkeys(f"{m.name}: {m.licence}" for m in materials)
    return f"{bundle.licence}; statistics from data under: {'; '.join(of_data)}"[:2000]
