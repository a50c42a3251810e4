"""LSL as this computer has it: from one process to another, and every stream that can be seen."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import SourceError, SourceLost
from mdjpt.recordings.inspection import band_amplitude
from mdjpt.signal.line_noise import line_noise

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

    from streaming.sources.lsl_link.streams import StreamDescription

__all__ = ["RoundTrip", "SeenStream", "duplicates", "lsl_round_trip", "seen_streams"]

TEST_TYPE = "mdjpt-test"
"""Type of the streams that are sent for a test; not "EEG", which others may be listening for."""
_ANSWER_S = 2.0
_LONGEST_PULL_S = 0.1
_SHORTEST_S = 1.0  # of signal whose line noise and size can be told


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """How an outlet of this process was seen by an inlet of another one."""

    found_s: float | None
    """Seconds until the other process found it; None: never."""
    delay_ms: float | None
    """From pushing a sample here to having it there; None: it never came."""


def lsl_round_trip(timeout_s: float = 10.0) -> RoundTrip:
    """Send a stream from this process and have another process find and read it. Blocks."""
    from streaming.sources.lsl_link.streams import quieten

    quieten()
    import pylsl

    identity = f"mdjpt-{uuid.uuid4()}"
    info = pylsl.StreamInfo("mdjpt-doctor", TEST_TYPE, 1, 0.0, "double64", identity)
    outlet = pylsl.StreamOutlet(info)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hear, args=(identity, timeout_s, theirs), daemon=True)
    process.start()
    theirs.close()
    deadline = time.monotonic() + timeout_s + _ANSWER_S
    try:
        while not ours.poll(0.02) and time.monotonic() < deadline and process.is_alive():
            outlet.push_sample([pylsl.local_clock()])
        answer = ours.recv() if ours.poll() else None
    except (EOFError, OSError):
        answer = None
    finally:
        process.join(_ANSWER_S)
        if process.is_alive():
            process.kill()
    return answer if isinstance(answer, RoundTrip) else RoundTrip(None, None)


def _hear(identity: str, timeout_s: float, connection: Connection) -> None:
    """Body of the other process."""
    import pylsl

    if "LSLAPICFG" in os.environ:
        pylsl.set_config_filename(os.environ["LSLAPICFG"])
    began = time.monotonic()
    found = pylsl.resolve_byprop("source_id", identity, 1, timeout_s)
    found_s = time.monotonic() - began if found else None
    delay_ms = None
    if found:
        inlet = pylsl.StreamInlet(found[0], recover=False)
        with contextlib.suppress(pylsl.util.LostError, pylsl.util.TimeoutError):
            inlet.open_stream(timeout_s)
            row, _ = inlet.pull_sample(timeout_s)
            # Both clocks are this computer's.
            delay_ms = None if row is None else (pylsl.local_clock() - row[0]) * 1e3
    connection.send(RoundTrip(found_s, delay_ms))


@dataclass(frozen=True, slots=True)
class SeenStream:
    """An LSL stream on the network, as it is and as it says it is."""

    stream: StreamDescription
    """What it says."""
    is_regular: bool
    """True of numbers at a rate."""
    answers: bool = True
    """False when it is announced but cannot be connected to."""
    measured_sfreq: float = 0.0
    """Samples a second by its stamps; 0 when fewer than two came."""
    electrodes: tuple[str, ...] = ()
    """What the program would decode of it."""
    problem: str = ""
    """One line on why it could not be decoded, else ""."""
    # Mains and its median RMS over the electrodes, microvolts; 0 when it was not measured.
    line_hz: float = 0.0
    line_microvolts: float = 0.0
    amplitude_microvolts: float = 0.0
    """Typical size of its EEG between 1 and 40 Hz, 0 when it was not measured."""


def seen_streams(look_s: float = 2.0, measure_s: float = 4.0) -> list[SeenStream]:
    """Find every LSL stream and listen to all of them at the same time. Blocks.

    Streams have `look_s` to answer; `measure_s` of signal are listened to.
    """
    from streaming.sources.lsl_link.streams import StreamWatch

    watch = StreamWatch()
    time.sleep(look_s)
    infos = watch.visible()
    if not infos:
        return []
    with ThreadPoolExecutor(len(infos), "doctor") as pool:
        found = list(pool.map(lambda info: _examined(info, measure_s), infos))
    return sorted(found, key=lambda seen: (seen.stream.name, seen.stream.source_id))


def duplicates(streams: list[SeenStream]) -> list[str]:
    """Name the identities that more than one stream has: nobody can tell which is meant.

    As ``NAME (source_id ID)``, or by the name and host of streams without a source_id.
    """
    identities: dict[str, set[str]] = {}
    for seen in streams:
        s = seen.stream
        identity = f"source_id {s.source_id}" if s.source_id else f"no source_id, on {s.hostname}"
        identities.setdefault(f"{s.name} ({s.type}, {identity})", set()).add(s.uid)
    return [name for name, uids in identities.items() if len(uids) > 1]


def _examined(info: Any, measure_s: float) -> SeenStream:
    """Connect to one stream and judge what it sends."""
    from streaming.sources.lsl_link.connection import LSLConnection
    from streaming.sources.lsl_link.streams import describe, is_numeric

    is_regular = is_numeric(info) and info.nominal_srate() > 0
    if not is_regular:
        return SeenStream(describe(info), is_regular=False)
    try:
        connection = LSLConnection(info, _ANSWER_S)
    except SourceLost:
        return SeenStream(describe(info), is_regular=True, answers=False)
    try:
        samples, stamps = _listened(connection, measure_s)
    except SourceLost:
        return SeenStream(connection.description, is_regular=True, answers=False)
    finally:
        connection.close()
    return _judged(connection.description, samples, stamps)


def _listened(connection: Any, measure_s: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
    deadline = time.monotonic() + measure_s
    blocks, stamps = [connection.empty()[0].copy()], [np.empty(0)]
    while time.monotonic() < deadline:
        block, times = connection.pull(_LONGEST_PULL_S)
        blocks.append(block.copy())
        stamps.append(times)
    return np.concatenate(blocks), np.concatenate(stamps)


def _judged(
    stream: StreamDescription, samples: NDArray[Any], stamps: NDArray[np.float64]
) -> SeenStream:
    from streaming.sources.lsl_link.columns import Columns

    elapsed_s = float(stamps[-1] - stamps[0]) if len(stamps) > 1 else 0.0
    rate = (len(stamps) - 1) / elapsed_s if elapsed_s > 0 else 0.0
    seen = SeenStream(stream, is_regular=True, measured_sfreq=rate)
    if stream.type.lower() != "eeg" and not any(stream.labels):
        return seen
    try:
        columns = Columns.of(stream, None)
    except SourceError as error:
        if stream.type.lower() != "eeg":
            return seen
        return SeenStream(stream, is_regular=True, measured_sfreq=rate, problem=str(error))
    line_hz = line_microvolts = amplitude_microvolts = 0.0
    if rate > 0 and len(samples) > _SHORTEST_S * rate:
        if not columns.units_known:
            columns = columns.with_units_judged(samples)
        signals = columns.microvolts(samples)
        line_hz, line_microvolts = line_noise(signals, rate)
        amplitude_microvolts = band_amplitude(signals, rate)
    return SeenStream(
        stream,
        is_regular=True,
        measured_sfreq=rate,
        electrodes=columns.names,
        line_hz=line_hz,
        line_microvolts=line_microvolts,
        amplitude_microvolts=float(np.nan_to_num(amplitude_microvolts)),
    )
