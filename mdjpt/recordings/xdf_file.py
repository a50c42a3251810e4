"""XDF files, as LabRecorder and this application write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.counters import find_counter
from mdjpt.recordings.electrodes import may_be_electrodes, select_electrodes
from mdjpt.recordings.events import TriggerLine, event_label, holds_events
from mdjpt.recordings.placement import placed_recording, steady_rate
from mdjpt.recordings.xdf_content import load_streams
from mdjpt.recordings.xdf_layout import GAP_PREFIX, POSITIONS_TYPE, PREDICTIONS_TYPE
from mdjpt.signal.units import MICROVOLTS_PER_VOLT, factors_by_size, microvolts_per

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.recordings.counters import Counter
    from mdjpt.recordings.electrodes import Electrodes
    from mdjpt.recordings.recording import Recording
    from mdjpt.recordings.xdf_content import XdfStream

__all__ = ["chosen_stream", "positions_of", "read"]

VOLTS_OF_MNE = "0"  # the power of ten of a volt


def read(path: Path, montage: tuple[str, ...] | None, stream: str | None = None) -> Recording:
    """Read one stream of EEG with the markers of all marker streams.

    Parameters
    ----------
    path : Path
        The file.
    montage : tuple of str or None
        Names for the EEG channels.
    stream : str or None
        Name or source_id of the stream of EEG; needed when there are several.

    Returns
    -------
    Recording
        Placed by its raw time stamps or its device's counter.

    Raises
    ------
    RecordingError
        No stream of EEG, several, or no scalp electrode in it.
    """
    streams, notes = load_streams(path)
    eeg = chosen_stream([s for s in streams if not s.is_text], stream)
    values = eeg.values.T.astype(np.float64)
    counter = find_counter(values, eeg.labels)
    electrodes = _electrodes(eeg, counter, montage)
    columns = list(electrodes.columns)
    scale, unit_notes = _scale([eeg.channels[i] for i in columns], values[columns])
    stamps, clock_notes = _stamps(eeg)
    positions, position_notes = _positions(streams, eeg)
    start = 0.0 if stamps is not None else float(np.nan_to_num(eeg.stamps[0]))
    markers = [m for s in streams if s is not eeg for m in _markers(s, start)]
    if positions is not None:
        markers = [m for m in markers if not m[1].startswith(GAP_PREFIX)]
    return placed_recording(
        (values[columns] * scale).astype(np.float32),
        eeg.sfreq,
        electrodes.names,
        stamps=stamps,
        counter=counter,
        positions=positions,
        stamped_events=markers,
        simulated=eeg.simulated,
        notes=(*notes, *electrodes.notes, *unit_notes, *clock_notes, *position_notes),
        source=str(path),
    )


def chosen_stream(streams: list[XdfStream], wanted: str | None) -> XdfStream:
    """Return the one stream of EEG that is meant.

    Parameters
    ----------
    streams : list of XdfStream
        Those of numbers.
    wanted : str or None
        Name or source_id; None for the only one.

    Raises
    ------
    RecordingError
        There is none, or several.
    """
    alive = [s for s in streams if len(s.stamps) and s.n_channels]
    eeg = [s for s in alive if s.kind.lower() == "eeg"]
    if wanted is None:
        found = eeg
    else:
        named = [s for s in alive if wanted.lower() in (s.name.lower(), s.source_id.lower())]
        found = [s for s in named if s.kind.lower() == "eeg"] or named
    names = [s.name for s in found]
    alike = len(set(names)) < len(names)
    listed = ", ".join(s.described(with_id=alike) for s in (found or alive)[:6])
    if not found:
        what = "no stream of type EEG with samples" if wanted is None else f"no stream {wanted!r}"
        raise RecordingError(f"{what} in it" + (f"; it holds {listed}" if listed else ""))
    if len(found) > 1:
        which = found[0].source_id if alike else found[0].name
        raise RecordingError(
            f"several streams match: {listed}; choose one with --stream {which!r}, or behind the "
            f"name of the file: ?{'source_id' if alike else 'stream'}={which}"
        )
    return found[0]


def _electrodes(
    eeg: XdfStream, counter: Counter | None, montage: tuple[str, ...] | None
) -> Electrodes:
    """Choose the scalp electrodes; the counter is none of them."""
    types = [channel.get("type", "") for channel in eeg.channels]
    is_eeg = may_be_electrodes(eeg.labels, types, montage)
    if counter is not None:
        is_eeg[counter.column] = False
    try:
        return select_electrodes(eeg.labels, montage, is_eeg=is_eeg)
    except RecordingError as error:
        if counter is None:
            raise
        place = f"column {counter.column + 1} of {eeg.n_channels} is the device's sample counter"
        raise RecordingError(f"{error} ({place})") from None


def _scale(
    channels: list[dict[str, str]], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return microvolts per unit, one a channel, as a column."""
    units = [channel.get("unit", "") for channel in channels]
    known = [MICROVOLTS_PER_VOLT if u == VOLTS_OF_MNE else microvolts_per(u) for u in units]
    factors = np.array([np.nan if factor is None else factor for factor in known])
    named = any(unit for unit, factor in zip(units, known, strict=True) if factor is None)
    scale, notes = factors_by_size(values, factors, named=named)
    return scale[:, np.newaxis], notes


def _stamps(eeg: XdfStream) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the time stamps, and a remark where they cannot be used."""
    if np.isfinite(eeg.stamps).all():
        if eeg.sfreq > 0 or steady_rate(eeg.stamps):
            return eeg.stamps, ()
    elif eeg.sfreq > 0:
        return None, ("time stamps are no numbers: samples taken as regular",)
    raise RecordingError("neither a nominal rate nor usable time stamps in its EEG stream")


def positions_of(streams: list[XdfStream], eeg: XdfStream) -> XdfStream | None:
    """Return the stream of this application that says where the samples of its EEG lie.

    Parameters
    ----------
    streams : list of XdfStream
        Of one file.
    eeg : XdfStream
        One of them; further streams of EEG that were recorded beside it have none.
    """
    found = [s for s in streams if s.kind == POSITIONS_TYPE and not s.is_text and s.n_channels == 2]
    own = [s for s in found if s.source_id == f"{eeg.source_id}-positions" and len(s.values)]
    return own[0] if len(own) == 1 else None


def _positions(
    streams: list[XdfStream], eeg: XdfStream
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return the positions of the samples as this application records them; a remark on damage."""
    found, n_times = positions_of(streams, eeg), len(eeg.stamps)
    if found is None:
        return None, ()
    first, n_each = found.values.astype(np.int64).T
    n_known, lost = int(n_each.sum()), "the positions of its samples are damaged: taken from stamps"
    # A file cut behind a position and before its samples has one row too many.
    if (n_each <= 0).any() or not n_known - n_each[-1] <= n_times <= n_known or n_known > 2**40:
        return None, (lost,)
    before = np.cumsum(n_each) - n_each
    positions = np.repeat(first - before, n_each)[:n_times] + np.arange(n_times)
    if (np.diff(positions) <= 0).any():
        return None, (lost,)
    return positions, ()


def _markers(stream: XdfStream, start: float) -> list[tuple[float, str]]:
    """Return the events of a marker stream: stamp, in seconds after `start`, and label."""
    if stream.kind == PREDICTIONS_TYPE:
        return []
    if not (stream.is_text or holds_events(stream.kind)):
        return []
    pairs = zip(stream.stamps, stream.values, strict=True)
    if stream.sfreq > 0 and not stream.is_text:
        line = TriggerLine()
        begun = [(stamp, list(row)) for stamp, row in pairs if line.takes(list(row))]
        found = [(float(stamp - start), line.label(row)) for stamp, row in begun]
        found = [] if line.restless else found
    else:
        found = [(float(stamp - start), event_label(row)) for stamp, row in pairs]
    return [(time_s, label) for time_s, label in found if label and np.isfinite(time_s)]
