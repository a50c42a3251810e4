"""From the trials of a recording to what the network is trained on (mdJPT, signal preparation).

Each trial: band-pass at 125 Hz, bad channels interpolated (frontal ones spared, so that blinks
reach the components); all trials: eye and muscle components dropped; each trial: bad channels
again, average reference; all trials: one robust z-score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import DatasetError
from mdjpt.signal.filters import BAND_HZ, SFREQ, filter_recording
from mdjpt.signal.montage import STANDARD_CHANNELS, canonical_name, electrode_positions, map_montage
from mdjpt.signal.quality import bad_channels, interpolate_bad
from mdjpt.signal.scaling import robust_scale
from mdjpt.store.artefact_components import Component, remove_artefact_components
from mdjpt.store.trials import StoredTrial
from mdjpt.store.writer import PreparedRecording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mdjpt.datasets.trials import Trial

    Float64 = NDArray[np.float64]

__all__ = ["PreparationReport", "PreparationSettings", "prepare_recording"]

MIN_ALIVE = 0.9
"""Share of a trial that must hold a signal: what was cut off would be made of its last sample."""
FLAT_S = 0.5
SPARED = frozenset({"FP1", "FP2", "F7", "F8"})
_PLACE = {name: place for place, name in enumerate(STANDARD_CHANNELS)}


@dataclass(frozen=True, slots=True)
class PreparationSettings:
    """What is done to a recording besides filter, reference and scale."""

    ica: bool = True
    """Whether eye and muscle components are dropped."""
    ica_threshold: float = 0.8
    """Probability from which they are."""
    interpolate: bool = True
    """Whether bad channels are interpolated."""

    def __post_init__(self) -> None:
        if not 0 < self.ica_threshold <= 1:
            raise ValueError(f"ica_threshold must be above 0 to 1, got {self.ica_threshold}")

    def to_dict(self) -> dict[str, Any]:
        """Return all that decides what is stored, as JSON can hold it."""
        fixed = {"sfreq": SFREQ, "band_hz": list(BAND_HZ), "reference": "common average"}
        return fixed | asdict(self)


@dataclass(frozen=True, eq=False)
class PreparationReport:
    """What the preparation of a recording found."""

    # Which recording.
    subject: str
    session: str
    ch_names: tuple[str, ...]
    """Electrodes that were kept."""
    left_out: tuple[str, ...]
    """Labels without a place on the scalp."""
    # Channels interpolated in the first and the second pass. Shape (n_trials, n_channels).
    bad_first: NDArray[np.bool_]
    bad_second: NDArray[np.bool_]
    dropped: tuple[Component, ...]
    """Eye and muscle components."""
    # All trials after the filter, and when all is done but for the scale. Shape (n_channels,
    # n_times), microvolts.
    filtered: NDArray[np.float32]
    cleaned: NDArray[np.float32]
    # Of the robust z-score, microvolts.
    scale_mean: float
    scale_std: float
    notes: tuple[str, ...]
    """Remarks of the reader."""

    def numbers(self) -> dict[str, float]:
        """Return what sums the recording up, for the store."""
        return {
            "interpolated_share": float((self.bad_first | self.bad_second).mean()),
            "components_dropped": float(len(self.dropped)),
        }


def prepare_recording(
    trials: Iterable[Trial], settings: PreparationSettings, where: str = "recording"
) -> tuple[PreparedRecording, PreparationReport]:
    """Prepare the trials of one subject in one session, and tell what was found.

    They come in the order of the recording; each is dropped once it is filtered. `where` is the
    recording's file, for messages.

    Raises DatasetError: there is no trial, a trial has other electrodes than the first, no
    electrode has a scalp position, the rate is below 100 Hz, or the signal is flat. Raises
    MdjptError: a package of the extra ``train`` is missing.
    """
    filtered = _Filtered(where)
    for trial in trials:
        filtered.add(trial)
    if not filtered.rows:
        raise DatasetError(f"{where}: holds no trial" + "".join(f"; {n}" for n in filtered.notes))
    before = np.concatenate(filtered.signals, axis=1).astype(np.float32)
    first, dropped, second = _clean(filtered, settings)
    cleaned = np.concatenate(filtered.signals, axis=1)
    cleaned -= cleaned.mean(axis=0)  # only channels of the scalp are here
    mean, std = robust_scale(cleaned)
    if not (np.isfinite(std) and std > 0):
        raise DatasetError(f"{where}: the signal is flat, its robust deviation is {std:g}")
    report = PreparationReport(
        subject=filtered.rows[0].subject,
        session=filtered.rows[0].session,
        ch_names=filtered.names,
        left_out=filtered.left_out,
        bad_first=first,
        bad_second=second,
        dropped=dropped,
        filtered=before,
        cleaned=cleaned.astype(np.float32),
        scale_mean=mean,
        scale_std=std,
        notes=tuple(filtered.notes),
    )
    prepared = PreparedRecording(
        samples=((cleaned - mean) / std).astype(np.float32),
        ch_names=filtered.names,
        trials=tuple(filtered.rows),
        scale_mean=mean,
        scale_std=std,
        quality=report.numbers(),
        notes=report.notes,
    )
    return prepared, report


class _Filtered:
    """The filtered trials of a recording; what they were made of is not kept."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.names: tuple[str, ...] = ()
        self.left_out: tuple[str, ...] = ()
        self.signals: list[Float64] = []
        self.silent: list[NDArray[np.bool_]] = []
        self.rows: list[StoredTrial] = []
        self.notes: dict[str, None] = {}

    def add(self, trial: Trial) -> None:
        """Filter the electrodes of the next trial."""
        order = _scalp_order(trial.ch_names, self._where)
        names = tuple(str(canonical_name(trial.ch_names[index])) for index in order)
        if self.names and names != self.names:
            raise DatasetError(
                f"{self._where}: trial {trial.trial} has other electrodes than the first"
            )
        self.names = names
        self.left_out = tuple(
            label for index, label in enumerate(trial.ch_names) if index not in order
        )
        silent = np.asarray(~np.isfinite(trial.samples[order]).any(axis=1))
        alive_s = _alive_s(trial, order)
        if alive_s < MIN_ALIVE * trial.duration_s:
            self.notes[
                f"trial {trial.trial + 1} left out: only {alive_s:.1f} of its "
                f"{trial.duration_s:.1f} s hold a signal, the rest is flat or no number"
            ] = None
            return
        signal = filter_recording(trial.samples[order], trial.sfreq)
        start = self.rows[-1].stop if self.rows else 0
        self.signals.append(signal)
        self.silent.append(silent)
        self.rows.append(_stored(trial, start, signal.shape[1]))
        self.notes |= dict.fromkeys(trial.notes)


def _alive_s(trial: Trial, electrodes: NDArray[np.intp]) -> float:
    """Return the seconds of a trial in which some electrode has numbers that change."""
    signal = trial.samples[electrodes]
    steps = np.diff(signal, axis=1, append=signal[:, -1:])
    changes: NDArray[np.bool_] = np.any(np.isfinite(steps) & (steps != 0), axis=0)
    block = max(1, round(FLAT_S * trial.sfreq))
    dead = sum(
        changes[start : start + block].size
        for start in range(0, len(changes), block)
        if not changes[start : start + block].any()
    )
    return (len(changes) - dead) / trial.sfreq


def _clean(
    filtered: _Filtered, settings: PreparationSettings
) -> tuple[NDArray[np.bool_], tuple[Component, ...], NDArray[np.bool_]]:
    """Interpolate, drop components, interpolate again, in place; return what was found."""
    trials, names = filtered.signals, filtered.names
    spared = np.array([name in SPARED for name in names])
    silent = np.array(filtered.silent)
    first = _interpolated(trials, names, settings, silent, spared)
    dropped: tuple[Component, ...] = ()
    if settings.ica:
        edges = np.cumsum([x.shape[1] for x in trials])[:-1]
        joined = np.concatenate(trials, axis=1)
        joined -= joined.mean(axis=0)
        joined, dropped = remove_artefact_components(joined, names, settings.ica_threshold)
        trials[:] = np.split(joined, edges, axis=1)
    none = np.zeros_like(silent)
    return first, dropped, _interpolated(trials, names, settings, none, none[0])


def _scalp_order(ch_names: Sequence[str], where: str) -> NDArray[np.intp]:
    """Return the channels with a place on the scalp: the standard 60 in order, then others."""
    scalp = np.flatnonzero(map_montage(ch_names).scalp)
    if not scalp.size:
        raise DatasetError(f"{where}: no channel has the name of a scalp electrode")
    names = [str(canonical_name(ch_names[int(index)])) for index in scalp]
    order = sorted(range(len(names)), key=lambda k: (_PLACE.get(names[k], len(_PLACE)), names[k]))
    return scalp[order]


def _interpolated(
    trials: list[Float64],
    names: Sequence[str],
    settings: PreparationSettings,
    silent: NDArray[np.bool_],
    spared: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Interpolate the bad channels of each trial in place and return which they were.

    Silent ones, of which the recording holds no number, are whatever the settings say.
    """
    bad = silent.copy()
    positions = electrode_positions(names)
    for index, x in enumerate(trials):
        alive = ~silent[index]
        found = silent[index].copy()
        if settings.interpolate:
            found[alive] = bad_channels(x[alive], spared[alive])
        if not found.all():
            bad[index] = found
        trials[index] = interpolate_bad(x, positions, bad[index])
    return bad


def _stored(trial: Trial, start: int, n_times: int) -> StoredTrial:
    label, ratings = None, {}
    if isinstance(trial.label, Mapping):
        ratings = {name: float(value) for name, value in trial.label.items()}
    else:
        label = int(trial.label)
    return StoredTrial(
        recording="",
        subject=trial.subject,
        session=trial.session,
        trial=trial.trial,
        label=label,
        stimulus=trial.stimulus,
        start=start,
        n_times=n_times,
        order=trial.order,
        start_s=trial.start_s,
        ratings=ratings,
    )
