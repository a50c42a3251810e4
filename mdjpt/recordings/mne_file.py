"""Every format that MNE reads: EDF, BDF, GDF, EEGLAB, BrainVision, FIF, Neuroscan, EGI and more."""

from __future__ import annotations

import math
import os
import re
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mne
import numpy as np

from mdjpt.errors import RecordingError, one_line
from mdjpt.guard.extras import how_to_install
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.recordings.neuroscan import open_neuroscan
from mdjpt.recordings.pieces import record_positions, split_events
from mdjpt.recordings.recording import Recording
from mdjpt.signal.units import MICROVOLTS_PER_VOLT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["read", "recording_of"]

_PART = re.compile(rb"^\s*(?:DataFile|MarkerFile)\s*=([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_OF_EPOCHS = re.compile(r"number of trials is|No raw data in")
_READER_MISSING = re.compile(r"(?:module|package|library) (\w+) is needed")

BLOCK_VALUES = 1 << 22
MAX_HEADER = 1 << 20
BDF_TRIGGER_BITS = 0xFFFF  # the upper byte of BioSemi's Status channel is the amplifier's state
LONGEST_IMPULSE = 1.5  # samples: BrainVision and EEGLAB give their events the length of one
UNIT_MAY_LACK = (".edf", ".bdf", ".gdf")
EPOCHS = (
    "holds epochs, not a continuous recording: gaps and filters need what lies between them; "
    "name the recording that they were cut from"
)
CUT_OFF = ("does not match the file size", "truncated", "incomplete", "not be properly closed")


def read(path: Path, montage: tuple[str, ...] | None) -> Recording:
    """Read the scalp EEG, annotations and triggers of a file.

    Parameters
    ----------
    path : Path
        The file, or the header file of a format with several.
    montage : tuple of str or None
        Names for the EEG channels.

    Returns
    -------
    Recording
        With gaps where its records leave some, and without what it calls bad itself.

    Raises
    ------
    RecordingError
        No scalp electrode in it. Damaged files raise whatever MNE raises.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            raw, width_notes = _opened(path)
        except (RuntimeError, ValueError, TypeError) as error:
            raise _explained(error, path) from None
        recording = recording_of(raw, montage, path)
    cut_off = _on_cut_off(caught, recording.n_times / recording.sfreq)
    return replace(recording, notes=(*recording.notes, *width_notes, *cut_off), source=str(path))


def recording_of(
    raw: Any, montage: tuple[str, ...] | None = None, path: Path | None = None
) -> Recording:
    """Return the scalp EEG, annotations and triggers of a raw object of MNE.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        In volts, as MNE keeps EEG; its ``info["bads"]`` and BAD annotations are honoured.
    montage : tuple of str, optional
        Names for the EEG channels.
    path : Path, optional
        The file that it was read from, where its format says more than MNE takes over.

    Raises
    ------
    RecordingError
        No scalp electrode in it.
    """
    is_eeg = [kind == "eeg" for kind in raw.get_channel_types()]
    electrodes = select_electrodes(raw.ch_names, montage, is_eeg=is_eeg)
    whole, (raw, rate_notes) = raw, _at_native_rate(raw, electrodes.columns)
    sfreq = float(raw.info["sfreq"])
    named = dict(
        zip((whole.ch_names[i] for i in electrodes.columns), electrodes.names, strict=True)
    )
    columns = tuple(i for i, label in enumerate(raw.ch_names) if label in named)
    names = tuple(named[raw.ch_names[i]] for i in columns)
    scale, unit_notes = _scale(raw, columns)
    samples = _samples(raw, columns, scale)
    bad = [raw.ch_names[i] in raw.info["bads"] for i in columns]
    samples[bad] = np.nan
    positions, annotations = _places(raw, path)
    events, excluded, bad_notes = split_events(annotations, sfreq)
    markers = [(onset, label) for onset, _, label in events]
    in_own = sfreq / float(whole.info["sfreq"])
    markers += [(positions[int(i * in_own)] / sfreq, code) for i, code in _triggers(whole, path)]
    named_bad = [name for name, is_bad in zip(names, bad, strict=True) if is_bad]
    return Recording(
        samples=samples,
        sfreq=sfreq,
        ch_names=names,
        positions=positions,
        excluded=excluded,
        markers=tuple(sorted(markers)),
        spans=tuple(event for event in events if event[1] > LONGEST_IMPULSE / sfreq),
        began_at_s=_began_at_s(raw),
        notes=(*electrodes.notes, *rate_notes, *unit_notes, *_on_bad(named_bad), *bad_notes),
        source=repr(raw),
    )


def _opened(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Open a file without reading its samples; return it and a remark where it hides something."""
    if path.suffix.lower() == ".cnt":
        # Others than Neuroscan call their files so, too.
        with suppress(Exception):
            return open_neuroscan(path)
    if path.suffix.lower() in (".vhdr", ".ahdr"):
        _check_parts(path)
    raw = mne.io.read_raw(path, preload=False, verbose="WARNING")
    for part in raw.filenames:
        _refuse_outside(path, part)
    return raw, ()


def _refuse_outside(header: Path, part: Path | None) -> None:
    """Refuse a file that keeps its samples in another folder than its own, or in no file."""
    inside = Path(os.path.abspath(header.parent))  # noqa: PTH100 - a link is fine, ".." is not
    if part is not None and not (part.is_file() and inside in Path(os.path.abspath(part)).parents):  # noqa: PTH100
        raise RecordingError(f"names {one_line(part)!r}, which is no file beside it")


def _check_parts(header: Path) -> None:
    """Refuse a header of BrainVision whose parts are not regular files beside it."""
    for name in _PART.findall(header.read_bytes()[:MAX_HEADER]):
        part = name.decode("utf-8", "replace").strip().replace("$b", header.stem)
        # A link is fine: DataLad keeps the samples of data sets elsewhere.
        if Path(part).name != part or not (header.parent / part).is_file():
            raise RecordingError(f"names {one_line(part)!r}, which is no file beside it")


def _explained(error: Exception, path: Path) -> Exception:
    """Say what an error of MNE means: epochs, or a reader that is not installed."""
    missing = _READER_MISSING.search(str(error))
    if missing:
        return RecordingError(how_to_install(ModuleNotFoundError(name=missing[1]), "formats"))
    if not _OF_EPOCHS.search(str(error)):
        return error
    if path.suffix.lower() == ".set":
        return RecordingError(EPOCHS)
    with suppress(Exception):
        mne.read_epochs(path, preload=False, verbose="ERROR")
        return RecordingError(EPOCHS)
    return RecordingError("holds no continuous recording")


def _at_native_rate(raw: Any, columns: Sequence[int]) -> tuple[Any, tuple[str, ...]]:
    """Open a file again without the channels that are sampled at another rate than its EEG.

    MNE brings all to the highest rate, block by block, which stretches each block. The rate of most
    electrodes is the EEG's; those at another are left out and named.
    """
    extras = raw._raw_extras[0] if raw.filenames and not raw.preload else None  # noqa: SLF001
    if not isinstance(extras, dict) or "n_samps" not in extras or raw.filenames[0] is None:
        return raw, ()
    counts = np.asarray(extras["n_samps"])[np.asarray(extras["sel"])]
    if len(counts) != len(raw.ch_names) or len(set(counts.tolist())) == 1:
        return raw, ()
    rates, n_of_rate = np.unique(counts[list(columns)], return_counts=True)
    own = rates[n_of_rate == n_of_rate.max()].max()
    others = [n for n, count in zip(raw.ch_names, counts, strict=True) if count != own]
    path = raw.filenames[0]
    how = {} if path.suffix.lower() == ".gdf" else {"exclude_after_unique": True}
    native = mne.io.read_raw(path, exclude=others, preload=False, verbose="WARNING", **how)
    lost = [raw.ch_names[i] for i in columns if counts[i] != own]
    said = f"sampled at another rate than the other electrodes, left out: {', '.join(lost)}"
    return native, (said,) if lost else ()


def _scale(raw: Any, columns: tuple[int, ...]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return microvolts per number of MNE's, one a column; EDF without unit is in microvolts."""
    scale = np.full((len(columns), 1), MICROVOLTS_PER_VOLT)
    if not str((raw.filenames or ("",))[0]).lower().endswith(UNIT_MAY_LACK):
        return scale, ()
    declared = raw._orig_units  # noqa: SLF001 - the only place that tells "no unit" from "volts"
    lacking = [declared.get(raw.ch_names[i]) == "n/a" for i in columns]
    if not any(lacking):
        return scale, ()
    scale[lacking] = 1.0
    return scale, (f"{sum(lacking)} channels without a known unit: microvolts assumed",)


def _samples(raw: Any, columns: tuple[int, ...], scale: NDArray[np.float64]) -> NDArray[np.float32]:
    """Read the columns block by block, so that float64 never holds the whole file."""
    n_times = int(raw.n_times)
    samples = np.empty((len(columns), n_times), np.float32)
    step = max(1, BLOCK_VALUES // len(raw.ch_names))
    for start in range(0, n_times, step):
        stop = min(start + step, n_times)
        block = raw.get_data(picks=list(columns), start=start, stop=stop)
        np.multiply(block, scale, out=samples[:, start:stop], casting="same_kind")
    return samples


def _places(
    raw: Any, path: Path | None
) -> tuple[NDArray[np.int64], list[tuple[float, float, str]]]:
    """Return the position of each sample, and the annotations: second, duration and label."""
    # Onsets count from the measurement's beginning, which can lie before the first sample.
    found, start_s, positions = raw.annotations, raw.first_time, None
    if path is not None and path.suffix.lower() in (".edf", ".bdf"):
        positions = record_positions(path, float(raw.info["sfreq"]), int(raw.n_times))
    if positions is None:
        positions = np.arange(raw.n_times)
    else:
        # Those of the raw end with its samples, as if no second were missing between them.
        found = mne.read_annotations(path)
    rows = zip(found.onset - start_s, found.duration, found.description, strict=True)
    return positions, [(float(t), float(n), str(label)) for t, n, label in rows if math.isfinite(t)]


def _began_at_s(raw: Any) -> float | None:
    """Return the Unix time of the first sample."""
    date = raw.info["meas_date"]
    return None if date is None else date.timestamp() + float(raw.first_time)


def _triggers(raw: Any, path: Path | None) -> list[tuple[int, str]]:
    """Return the rises of the trigger channels as sample and code."""
    is_bdf = path is not None and path.suffix.lower() == ".bdf"
    mask = BDF_TRIGGER_BITS if is_bdf else -1
    found: list[tuple[int, str]] = []
    for name in mne.pick_types(raw.info, meg=False, stim=True, exclude=()):
        values = np.nan_to_num(raw.get_data(picks=[name])[0]).astype(np.int64) & mask
        changed = np.flatnonzero(np.diff(values, prepend=values[:1]))
        found += [(int(i), str(values[i])) for i in changed if values[i]]
    return found


def _on_bad(names: list[str]) -> tuple[str, ...]:
    """Remark on electrodes that the file calls bad."""
    return (f"called bad by the file and not used: {', '.join(names)}",) if names else ()


def _on_cut_off(caught: list[warnings.WarningMessage], seconds: float) -> tuple[str, ...]:
    """Remark on a file whose end is missing."""
    if not any(sign in str(warning.message) for warning in caught for sign in CUT_OFF):
        return ()
    return (f"the file was cut off: {seconds:.1f} s recovered",)
