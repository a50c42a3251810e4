"""What this program's recordings hold beside the EEG: predictions, other streams, remarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mdjpt.errors import RecordingError, printable
from mdjpt.guard.process import GuardedReader, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.recordings.recording import Recording

__all__ = ["Beside", "OtherStream", "StoredPrediction", "read_beside"]

SUFFIXES = (".xdf", ".xdfz", ".xdf.gz")
_READER = GuardedReader("mdjpt.recordings.beside_process", RecordingError)


Text = Annotated[str, AfterValidator(printable)]


class StoredQuality(BaseModel):
    """Electrodes of a window."""

    model_config = ConfigDict(allow_inf_nan=False)
    good: int
    bad: tuple[Text, ...] = ()


class StoredPrediction(BaseModel):
    """A prediction as a recording holds it; `streaming.prediction.Prediction` says what is what.

    Attributes
    ----------
    model : str
        Name of the bundle that made it.
    """

    model_config = ConfigDict(allow_inf_nan=False)
    index: int
    start_s: float
    end_s: float
    timestamp: float
    status: Text
    label: Text | None
    probabilities: dict[Text, float]
    confidence: float
    quality: StoredQuality
    latency_ms: float
    simulated: bool = False
    simulated_parts: tuple[str, ...] = ()
    valence: float | None = None
    arousal: float | None = None
    reason: Text | None = None
    model: str = ""
    # Where the recording has them: first sample of the window, and the one behind its last.
    first: int = Field(default=0)
    stop: int = Field(default=0)


@dataclass(frozen=True, slots=True, eq=False)
class OtherStream:
    """A stream of the recording that is neither its EEG nor events."""

    # As its sender announced them.
    name: str
    kind: str
    sfreq: float
    """Nominal rate in Hz, 0 for an irregular one."""
    # Of each channel.
    labels: tuple[str, ...]
    units: tuple[str, ...]
    seconds: NDArray[np.float64]
    """From the first sample of the EEG, on the time line of its samples. Shape (n_times,)."""
    values: NDArray[np.float64]
    """In the units of the stream. Shape (n_channels, n_times)."""


@dataclass(frozen=True, slots=True)
class Beside:
    """All that a recording holds beside its EEG and events."""

    predictions: tuple[StoredPrediction, ...] = ()
    """In order."""
    others: tuple[OtherStream, ...] = ()
    """Accelerometer, PPG, counters and whatever else was recorded."""
    notes: tuple[str, ...] = ()
    """Remarks of the session, and on what cannot be read."""


def read_beside(recording: Recording, stream: str | None = None) -> Beside:
    """Read what the file of a recording holds beside it, in a guarded process.

    Only XDF files hold more; it is placed on the samples of the recording. `stream` is the name or
    source_id of its stream.

    Raises RecordingError: the file cannot be read any more.
    """
    path = Path(recording.source)
    if not path.name.lower().endswith(SUFFIXES):
        return Beside()
    limits = Limits.for_file(path.stat().st_size)
    return _READER.read(path, limits, partial(_placed, recording), stream=stream)


def _placed(recording: Recording, value: Any) -> Beside:
    stamps = np.asarray(value["stamps"], np.float64)
    if stamps.shape != (recording.n_times,):
        raise ValueError("another stream than the recording's")
    notes = [printable(str(note)) for note in value["notes"]]
    found = value["others"]
    if found and not np.isfinite(stamps).all():
        notes.append(f"{len(found)} other streams cannot be placed beside EEG without stamps")
        found = []
    others = tuple(_other(recording, stamps, other) for other in found)
    texts = [(str(text), printable(str(model))) for text, model in value["predictions"]]
    parsed = [_prediction(text, model) for text, model in texts]
    sfreq, first = float(value["nominal_sfreq"]), int(value["first_sample"])
    known = [p for p in parsed if p is not None]
    for p in known:
        # Windows are cut by position, counted from the opening of the source.
        p.first, p.stop = (round(second * sfreq) - first for second in (p.start_s, p.end_s))
    if len(known) < len(parsed):
        notes.append(f"{len(parsed) - len(known)} predictions cannot be read and are left out")
    return Beside(tuple(known), others, tuple(notes))


def _prediction(text: str, model: str) -> StoredPrediction | None:
    try:
        return StoredPrediction.model_validate_json(text).model_copy(update={"model": model})
    except ValidationError:
        return None


def _other(recording: Recording, stamps: NDArray[np.float64], value: Any) -> OtherStream:
    values = np.asarray(value["values"], np.float64)
    seconds = _seconds(np.asarray(value["stamps"], np.float64), stamps, recording)
    if values.ndim != 2 or values.shape[1:] != seconds.shape:
        raise ValueError("values and stamps do not match")
    labels, units = (_texts(value[key], len(values)) for key in ("labels", "units"))
    return OtherStream(
        name=printable(str(value["name"])),
        kind=printable(str(value["kind"])),
        sfreq=float(value["sfreq"]),
        labels=labels,
        units=units,
        seconds=seconds,
        values=values,
    )


def _texts(found: Sequence[object], n: int) -> tuple[str, ...]:
    return tuple(printable(str(text)) for text in found) if len(found) == n else ("",) * n


def _seconds(
    stamps: NDArray[np.float64], eeg: NDArray[np.float64], recording: Recording
) -> NDArray[np.float64]:
    """Place stamps on the time line of the EEG's samples, beyond its ends by their difference."""
    known = np.maximum.accumulate(eeg)
    places = recording.positions / recording.sfreq
    seconds = np.interp(stamps, known, places)
    seconds = np.where(stamps < known[0], places[0] + stamps - known[0], seconds)
    return np.where(stamps > known[-1], places[-1] + stamps - known[-1], seconds)
