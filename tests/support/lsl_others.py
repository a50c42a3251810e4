"""Further LSL streams of a session, sent from a process of their own, as other programs do."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OtherStream", "sent_elsewhere"]

TICK_S = 0.02


@dataclass(frozen=True)
class OtherStream:
    """A stream whose values are the numbers of its samples, or their texts.

    Attributes
    ----------
    name, kind, source_id, dtype : str
        As LSL announces them.
    n_channels : int
        Columns; column c of sample n holds n + c / 10.
    sfreq : float
        Nominal rate in Hz; 0 sends a sample every 0.1 s.
    maker : str
        Stands in its description.
    """

    name: str
    kind: str = "ACC"
    source_id: str = ""
    dtype: str = "float32"
    n_channels: int = 3
    sfreq: float = 50.0
    maker: str = "maker"


@contextlib.contextmanager
def sent_elsewhere(*streams: OtherStream) -> Iterator[Any]:
    """Send streams from another process until the block ends; yields the process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send, args=(streams, theirs), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(60.0)
    ours.recv()
    try:
        yield process
    finally:
        with contextlib.suppress(OSError):
            ours.send("end")
        process.join(10.0)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()


def _send(streams: tuple[OtherStream, ...], connection: Any) -> None:
    import pylsl

    pylsl.set_config_filename(os.environ["LSLAPICFG"])
    outlets = [(stream, _outlet(stream)) for stream in streams]
    connection.send("ready")
    began, sent = pylsl.local_clock(), dict.fromkeys(range(len(streams)), 0)
    while not connection.poll(TICK_S):
        elapsed = pylsl.local_clock() - began
        for which, (stream, outlet) in enumerate(outlets):
            rate = stream.sfreq or 10.0
            while sent[which] < elapsed * rate:
                outlet.push_sample(_row(stream, sent[which]), began + sent[which] / rate)
                sent[which] += 1


def _outlet(stream: OtherStream) -> Any:
    import pylsl

    info = pylsl.StreamInfo(
        stream.name, stream.kind, stream.n_channels, stream.sfreq, stream.dtype, stream.source_id
    )
    info.desc().append_child_value("manufacturer", stream.maker)
    return pylsl.StreamOutlet(info)


def _row(stream: OtherStream, number: int) -> list[Any]:
    if stream.dtype == "string":
        return [f"{number}-{column} ä" for column in range(stream.n_channels)]
    if stream.dtype.startswith("int"):
        return [number + column for column in range(stream.n_channels)]
    return list(number + np.arange(stream.n_channels) / 10)
