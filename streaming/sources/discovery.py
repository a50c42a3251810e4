"""What can be connected now: LSL streams on the network, boards that BrainFlow drives."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdjpt.errors import SourceLost
from streaming.sources.boards import BoardRows, board_names, board_rows
from streaming.sources.lsl_link.connection import LSLConnection
from streaming.sources.lsl_link.streams import StreamWatch, describe, is_numeric

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BrainFlowBoardInfo", "LslStream", "list_boards", "list_lsl"]

_ANSWER_S = 2.0
_LONGEST_PULL_S = 0.1


@dataclass(frozen=True, slots=True)
class LslStream:
    """An LSL stream."""

    # As the stream announces them.
    name: str
    type: str
    source_id: str
    hostname: str
    n_channels: int
    """Columns."""
    sfreq: float
    """Nominal rate in Hz, 0 when irregular."""
    measured_sfreq: float
    """Samples per second of the stamps, 0 when none came or the stream is irregular."""
    ch_names: tuple[str, ...] = ()
    """Labels of the columns, "" without one; empty when the stream did not answer."""


@dataclass(frozen=True, slots=True)
class BrainFlowBoardInfo:
    """A board that BrainFlow drives, connected or not."""

    name: str
    """As in ``brainflow:cyton``."""
    n_channels: int
    """Inputs of EEG."""
    sfreq: float
    """Rate in Hz."""
    ch_names: tuple[str, ...] = ()
    """Electrodes as BrainFlow assumes them, "" where it does not."""


def list_lsl(timeout_s: float = 2.0, *, measure_s: float = 1.0) -> list[LslStream]:
    """Find the LSL streams and measure their rates, all at the same time; sorted by name. Blocks.

    Streams have `timeout_s` to answer; rates are measured over `measure_s` of signal, 0 leaves that
    out.
    """
    watch = StreamWatch()
    time.sleep(timeout_s)
    infos: Sequence[Any] = watch.visible()
    if not infos:
        return []
    with ThreadPoolExecutor(len(infos), "lsl-measure") as pool:
        found = list(pool.map(lambda info: _measured(info, measure_s), infos))
    return sorted(found, key=lambda stream: (stream.name, stream.type, stream.source_id))


def _measured(info: Any, measure_s: float) -> LslStream:
    """Ask a stream for its labels and count what it sends."""
    stream, rate = describe(info), 0.0
    if measure_s and is_numeric(info) and info.nominal_srate() > 0:
        try:
            connection = LSLConnection(info, _ANSWER_S)
            stream, rate = connection.description, _rate(connection, measure_s)
            connection.close()
        except SourceLost:
            pass
    labels = stream.labels if any(stream.labels) else ()
    return LslStream(
        stream.name,
        stream.type,
        stream.source_id,
        stream.hostname,
        stream.n_channels,
        stream.sfreq,
        rate,
        labels,
    )


def _rate(connection: LSLConnection, measure_s: float) -> float:
    """Return the samples per second of the stream's own stamps."""
    deadline = time.monotonic() + measure_s
    n_times, first, last = 0, 0.0, 0.0
    while time.monotonic() < deadline:
        _, stamps = connection.pull(_LONGEST_PULL_S)
        if len(stamps):
            first = first if n_times else float(stamps[0])
            last, n_times = float(stamps[-1]), n_times + len(stamps)
    return (n_times - 1) / (last - first) if last > first else 0.0


def list_boards() -> list[BrainFlowBoardInfo]:
    """Return every board with EEG that this BrainFlow knows, by name."""
    boards: list[tuple[str, BoardRows]] = [(name, board_rows(name)) for name in board_names()]
    return [
        BrainFlowBoardInfo(name, len(rows.eeg), rows.sfreq, rows.labels if any(rows.labels) else ())
        for name, rows in boards
    ]
